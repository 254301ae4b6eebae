"""A transaction is aborted, the next one committed: what is a consumer handed?

By each system to each client, with both isolation levels. Nothing is timed.

    python -m benchmarks.bench_transactions [--systems minikafka,mock,tansu,kafka1]
"""

from __future__ import annotations

import json as json_module
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.report import write_json
from benchmarks.systems import ALL, DEFAULT, ROOT, BenchmarkError, Running, System
from benchmarks.transaction_reads import ABORTED, CLIENTS, COMMITTED, ISOLATIONS

__all__ = ["main"]

TIMEOUT_S = 90.0
RIGHT = ([COMMITTED.decode()], [ABORTED.decode(), COMMITTED.decode()])
Handed = dict[str, list[str]]


def handed_by(running: Running, client: str) -> Handed | str:
    """What one client's consumers are handed, by isolation level; or what went wrong."""
    topic = f"orders.{client}"
    running.create_topic(topic, 1)
    try:
        outcome = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.transaction_reads"),
                *(client, running.bootstrap, topic),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing in {TIMEOUT_S:.0f} s"
    if not outcome.stdout:
        return (outcome.stderr.strip().splitlines() or ["no answer"])[-1]
    handed = json_module.loads(outcome.stdout.splitlines()[-1])
    error: str | None = handed.pop("error", None)
    return error or dict(handed)


def measure(system: System) -> dict[str, Handed | str]:
    """What each client is handed by a system that is started for it; or what went wrong."""
    if (reason := system.absent()) is not None:
        return {"all": reason}
    try:
        with system.running() as running:
            return {client: handed_by(running, client) for client in CLIENTS}
    except BenchmarkError as error:
        return {"all": str(error)}


def main(
    systems: str = ",".join(DEFAULT),
    json: Annotated[Path | None, typer.Option(help="Where the result goes.")] = None,
) -> None:
    """Ask each system; exit status 1 where minikafka hands over anything else than it should."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a pipe has no width; the default of 80 breaks the rows
    table = Table("", "client", *ISOLATIONS)
    found: dict[str, dict[str, Handed | str]] = {}
    for name in systems.split(","):
        found[name] = measure(ALL[name])
        for client, handed in found[name].items():
            cells = (
                [handed]
                if isinstance(handed, str)
                else [", ".join(handed[isolation]) for isolation in ISOLATIONS]
            )
            table.add_row(ALL[name].title, client, *cells)
    console.print(table)
    path = write_json("transactions", {"handed": found}, json)
    console.print(f"written: {path}", soft_wrap=True)
    right = dict(zip(ISOLATIONS, RIGHT, strict=True))
    wrong = any(handed != right for handed in found.get("minikafka", {}).values())
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
