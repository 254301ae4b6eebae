"""How long until a cluster is there, and how much memory does it hold when empty?

Three answers: process start to the bootstrap line (`minikafka up`), `AsyncCluster` in a
running loop to the first acknowledged acks=all produce on a new topic, and resident memory
of the empty process.

    python -m benchmarks.bench_start [--processes 10] [--clusters 50]
"""

from __future__ import annotations

import asyncio
import json as json_module
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

if __package__ in {None, ""}:  # run as a file: make the repository's root importable
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import write_json
from benchmarks.systems import ALL, ROOT

__all__ = ["main"]

# What the figures are held to: milliseconds, milliseconds, MiB.
TARGETS = {"process_ms": 500.0, "cluster_ms": 60.0, "rss_mib": 60.0}
TITLES = {
    "process_ms": "process start to bootstrap line, ms",
    "cluster_ms": "AsyncCluster start to first acks=all produce, ms",
    "rss_mib": "resident when empty, MiB",
}


def processes(count: int, console: Console) -> tuple[list[float], list[float]]:
    """Start `minikafka up` again and again: milliseconds to ready, MiB resident then."""
    start_ms, rss_mib = [], []
    for _ in track(range(count), "processes", console=console, transient=True):
        with ALL["minikafka"].running() as running:
            start_ms.append(running.start_ms)
            rss_mib.append(running.rss_mib())
    return start_ms, rss_mib


async def one_cluster(number: int) -> float:
    """Milliseconds from entering a cluster to the ack of its first record."""
    from minikafka import AsyncCluster  # its import is not what is measured

    topic = f"first-{number}"
    start = time.perf_counter()
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic(topic, partitions=1, replication_factor=3)
        client = cluster.client()
        await client.produce(topic, 0, [b"x"], acks=-1)
        return (time.perf_counter() - start) * 1000


async def many_clusters(count: int) -> list[float]:
    """One after the other in one loop; the first pays for imports and is reported apart."""
    return [await one_cluster(number) for number in range(count + 1)]


def clusters(count: int) -> dict[str, Any]:
    """Run `many_clusters` in a fresh interpreter."""
    command = [sys.executable, "-m", "benchmarks.bench_start", "--child", str(count)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if out.returncode != 0:
        sys.exit(out.stderr)
    took: list[float] = json_module.loads(out.stdout)
    return {"first": took[0], "samples": took[1:]}


def table(samples: dict[str, Sequence[float]]) -> Table:
    """Median, spread, target, verdict."""
    grid = Table()
    for title in ("measure", "n", "median", "least", "most", "target", ""):
        grid.add_column(title)
    for name, values in samples.items():
        median = statistics.median(values)
        figures = [f"{value:.1f}" for value in (median, min(values), max(values))]
        word = "[green]ok" if median <= TARGETS[name] else "[red]short"
        grid.add_row(TITLES[name], str(len(values)), *figures, f"≤ {TARGETS[name]:g}", word)
    return grid


def main(
    process_count: Annotated[int, typer.Option("--processes", min=1)] = 10,
    cluster_count: Annotated[int, typer.Option("--clusters", min=1)] = 50,
    json: Annotated[Path | None, typer.Option(help="Where the result goes.")] = None,
    child: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Measure start-up and empty memory; prints a table, writes JSON."""
    if child:
        print(json_module.dumps(asyncio.run(many_clusters(child))))
        return
    console = Console()
    start_ms, rss_mib = processes(process_count, console)
    in_loop = clusters(cluster_count)
    samples: dict[str, Sequence[float]] = {
        "process_ms": start_ms,
        "cluster_ms": in_loop["samples"],
        "rss_mib": rss_mib,
    }
    console.print(table(samples))
    console.print(f"the first cluster, with imports not yet done: {in_loop['first']:.0f} ms")
    written = write_json("start", {"samples": samples, "first_ms": in_loop["first"]}, json)
    console.print(f"written: {written}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
