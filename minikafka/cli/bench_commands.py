"""What can be typed of benchmarks: `minikafka bench NAME`."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["bench_app"]

bench_app = typer.Typer(help="Benchmarks under faults, on real sockets and in real time.")


@bench_app.callback()
def _bench() -> None:
    """Benchmarks under faults, on real sockets and in real time."""


@bench_app.command("failover")
def bench_failover(
    acks: Annotated[str, typer.Option(metavar="0,1,all")] = "0,1,all",
    min_insync_replicas: Annotated[str, typer.Option(metavar="1,2")] = "2",
    unclean: Annotated[
        str, typer.Option(metavar="on,off", help="Elect unclean leaders.")
    ] = "off",
    fault: Annotated[
        str,
        typer.Option(metavar="kill,power,pause,cut,cut-in,cut-out,alone", help="What strikes."),
    ] = "kill",
    target: Annotated[
        str, typer.Option(metavar="leader,controller,both", help="Who is struck.")
    ] = "leader",
    client: Annotated[
        str, typer.Option(metavar="aiokafka,confluent-kafka,kafka-python")
    ] = "aiokafka",
    processes: Annotated[
        bool,
        typer.Option("--processes", help="A process for each broker: kill and pause only."),
    ] = False,
    faults: Annotated[int, typer.Option(min=1, max=100, help="Faults of each row.")] = 3,
    rate: Annotated[int, typer.Option(min=1, max=20_000, help="Records per second.")] = 500,
    lag: Annotated[
        int,
        typer.Option(
            min=0, max=900, help="Slow the leader's links before a fault; ms each way."
        ),
    ] = 150,
    seed: Annotated[int, typer.Option(help="Decides the plan of the faults.")] = 0,
    json_file: Annotated[str | None, typer.Option("--json", metavar="FILE")] = None,
    chart: Annotated[str | None, typer.Option(metavar="FILE.svg")] = None,
) -> int:
    """Strike leaders and controllers under a real client's load, a row for each combination.

    Shows how long there is no leader and no controller, how long writes stand still, and which
    acknowledged records are lost, doubled or out of order. Exit code 1 where a row shows what
    Kafka rules out for its settings, or where writes do not go on.
    """
    from minikafka.cli import bench as command

    return command.failover(
        command.FailoverArguments(
            acks,
            min_insync_replicas,
            unclean,
            fault,
            target,
            client,
            processes,
            faults,
            rate,
            lag,
            seed,
            json_file,
            chart,
        )
    )
