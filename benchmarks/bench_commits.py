"""What does it cost to commit often, and what does it cost not to?

For each strategy: records per second of an application that does nothing but read and commit,
and how many records its next start reads again after a SIGKILL, at a steady pace. The moment
of the kill is drawn evenly over a whole span between two commits.

    python -m benchmarks.bench_commits [--crashes 5] [--client aiokafka] [--strategies each,async]
"""

from __future__ import annotations

import json as json_module
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer
from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from benchmarks.commit_app import CLIENTS, NEXT, Strategy
from benchmarks.report import write_json
from benchmarks.systems import ALL, ROOT, BenchmarkError

__all__ = ["Figures", "main"]

TOPIC = "orders"
STRATEGIES = "each,every-10,every-100,every-1000,async,auto-100,auto-1000,auto-5000"
TIMEOUT_S = 60.0
# Records that are read before a kill may come, beside a whole span.
SETTLED = 200


@dataclass
class Figures:
    """What one strategy came to, with one client.

    Attributes:
        per_s: records per second, of each round.
        again: records that were delivered again, of each crash; negative where some never were.
    """

    client: str
    strategy: str
    per_s: list[float] = field(default_factory=list)
    again: list[int] = field(default_factory=list)


class Bench:
    """A cluster with a filled topic, and applications that read it, each in a group of its own."""

    def __init__(self, bootstrap: str, records: int, folder: Path) -> None:
        self._bootstrap, self._records, self._folder = bootstrap, records, folder
        self._numbers = count()

    def fill(self) -> None:
        """Put all records into the one partition.

        Raises:
            BenchmarkError: some were not taken.
        """
        producer = Producer({"bootstrap.servers": self._bootstrap, "linger.ms": 5})
        for _ in range(self._records):
            producer.produce(TOPIC, b"v" * 100, partition=0)
            producer.poll(0)
        if left := producer.flush(TIMEOUT_S):
            raise BenchmarkError(f"{left} records were not taken")

    def throughput(self, client: str, strategy: str, budget_s: float) -> float:
        """Return records per second, all commits answered."""
        options = (f"--records={self._records}", f"--budget={budget_s}")
        said = self._finished(client, strategy, f"g{next(self._numbers)}", *options)
        return float(said["records"] / said["seconds"])

    def again(self, client: str, strategy: str, rate: float, after: int) -> int:
        """Kill an application `after` so many records; return how many its next start repeats."""
        group = f"g{next(self._numbers)}"
        options = (f"--rate={rate}", f"--records={self._records}")
        with self._started(client, strategy, group, *options) as app:
            try:
                self._wait(app, group, after)
            finally:
                app.kill()
                app.communicate()
        processed = self._next(group)
        first = self._finished(client, strategy, group, "--records=1")["first"]
        return int(processed - first)

    def _started(
        self, client: str, strategy: str, group: str, *options: str
    ) -> subprocess.Popen[str]:
        file = self._folder / group
        file.write_bytes(NEXT.pack(-1))
        arguments = (client, self._bootstrap, TOPIC, group, strategy, str(file), *options)
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.commit_app", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _finished(self, client: str, strategy: str, group: str, *options: str) -> Any:
        with self._started(client, strategy, group, *options) as app:
            out, err = app.communicate(timeout=2 * TIMEOUT_S)
        if app.returncode != 0 or not out:
            raise BenchmarkError(f"{client}, {strategy}: {err[-500:]}")
        return json_module.loads(out)

    def _next(self, group: str) -> int:
        """The offset behind what the group's application has processed."""
        return int(NEXT.unpack((self._folder / group).read_bytes())[0])

    def _wait(self, app: subprocess.Popen[str], group: str, after: int) -> None:
        deadline = time.perf_counter() + TIMEOUT_S
        while self._next(group) < after:
            if app.poll() is not None or time.perf_counter() > deadline:
                raise BenchmarkError(f"{group} did not come to offset {after}")
            time.sleep(0.0005)


def table(found: list[Figures], rate: float) -> Table:
    """A row for each client and strategy."""
    grid = Table(title=f"medians; crashes at {rate:g} records/s", title_justify="left")
    grid.add_column("client")
    grid.add_column("commit")
    for title in ("records/s", "again", "least to most", "between commits"):
        grid.add_column(title, justify="right")
    for each in found:
        span = Strategy.of(each.strategy).span(rate)
        grid.add_row(
            each.client,
            each.strategy,
            f"{statistics.median(each.per_s):,.0f}",
            f"{statistics.median(each.again):,.0f}",
            f"{min(each.again):,} to {max(each.again):,}",
            f"{span:,}",
        )
    return grid


def main(
    strategies: str = STRATEGIES,
    client: Annotated[str, typer.Option(help="Names, comma separated.")] = ",".join(CLIENTS),
    rounds: Annotated[int, typer.Option(min=1, help="Runs for the throughput.")] = 3,
    crashes: Annotated[int, typer.Option(min=1)] = 5,
    rate: Annotated[float, typer.Option(min=1, help="Records a second until a crash.")] = 1000,
    records: Annotated[int, typer.Option(min=1)] = 100_000,
    budget: Annotated[float, typer.Option(help="Seconds of a run for the throughput.")] = 3,
    seed: int = 0,
    json: Annotated[Path | None, typer.Option(help="Where the result goes.")] = None,
) -> None:
    """Measure each strategy; exit status 1 where a record was never delivered."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a pipe has no width; the default of 80 breaks the rows
    names = strategies.split(",")
    spans = [Strategy.of(name).span(rate) for name in names]
    if 2 * max(spans) + SETTLED >= records:
        raise typer.BadParameter(f"{max(spans)} between two commits want more --records")
    chance = random.Random(seed)
    found = [Figures(each, name) for each in client.split(",") for name in names]
    with ALL["minikafka"].running() as running, tempfile.TemporaryDirectory() as folder:
        running.create_topic(TOPIC, 1)
        bench = Bench(running.bootstrap, records, Path(folder))
        bench.fill()
        for each in found:
            span = Strategy.of(each.strategy).span(rate)
            for _ in range(rounds):
                each.per_s.append(bench.throughput(each.client, each.strategy, budget))
            for _ in range(crashes):
                after = SETTLED + span + chance.randrange(span)
                each.again.append(bench.again(each.client, each.strategy, rate, after))
    console.print(table(found, rate))
    options = {"rate": rate, "records": records, "budget_s": budget, "seed": seed}
    content = {**options, "figures": [asdict(each) for each in found]}
    console.print(f"written: {write_json('commits', content, json)}", soft_wrap=True)
    raise typer.Exit(1 if any(again < 0 for each in found for again in each.again) else 0)


if __name__ == "__main__":
    typer.run(main)
