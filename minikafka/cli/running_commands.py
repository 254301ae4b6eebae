"""What can be typed about a running cluster: `status`, `top`, `crash`, `restart` and the like."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["running_app"]

running_app = typer.Typer()

Http = Annotated[
    str,
    typer.Option(
        "--http",
        metavar="URL",
        envvar="MINIKAFKA_HTTP",
        help="HTTP API of the cluster; a token is taken from MINIKAFKA_HTTP_TOKEN.",
    ),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.001, help="Seconds an answer may take.")
]
BrokerId = Annotated[int, typer.Argument(metavar="BROKER", min=0)]
DEFAULT_URL = "http://127.0.0.1:8080"
SECONDS = 60.0


@running_app.command()
def status(http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Show brokers, partitions and groups of a running `minikafka up`."""
    from minikafka.cli import running_cluster

    return running_cluster.status(http, timeout)


@running_app.command()
def top(
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, help="Seconds from one look to the next.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and print it.")] = False,
    internal: Annotated[
        bool, typer.Option("--internal", help="Also Kafka's own topics.")
    ] = False,
    http: Http = DEFAULT_URL,
    timeout: Timeout = SECONDS,
) -> int:
    """Watch brokers, partitions and groups of a running `minikafka up` until Ctrl-C."""
    from minikafka.cli.top import top as watch

    return watch(http, timeout, interval_s=interval, once=once, internal=internal)


@running_app.command()
def crash(
    broker: BrokerId,
    power: Annotated[
        bool, typer.Option("--power", help="Take its power: what is not flushed is gone.")
    ] = False,
    http: Http = DEFAULT_URL,
    timeout: Timeout = SECONDS,
) -> int:
    """Kill a broker's process; what it wrote stays."""
    return _change("crash", "power-off" if power else "crash", http, timeout, broker)


@running_app.command()
def stop(broker: BrokerId, http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Shut a broker down in good order."""
    return _change("stop", "stop", http, timeout, broker)


@running_app.command()
def restart(broker: BrokerId, http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Start a broker again that is down."""
    return _change("restart", "start", http, timeout, broker)


@running_app.command()
def pause(broker: BrokerId, http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Let a broker stand still."""
    return _change("pause", "pause", http, timeout, broker)


@running_app.command()
def resume(broker: BrokerId, http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Let a broker that stands still go on."""
    return _change("resume", "resume", http, timeout, broker)


@running_app.command()
def isolate(broker: BrokerId, http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Cut a broker off all others, though not off its clients."""
    return _change("isolate", "isolate", http, timeout, broker)


@running_app.command()
def heal(http: Http = DEFAULT_URL, timeout: Timeout = SECONDS) -> int:
    """Make all links between brokers perfect again."""
    from minikafka.cli import running_cluster

    return running_cluster.heal(http, timeout)


def _change(verb: str, action: str, http: str, timeout: float, broker: int) -> int:
    from minikafka.cli import running_cluster

    return running_cluster.change_broker(verb, action, http, timeout, broker)
