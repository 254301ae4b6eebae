"""How fast is the cluster to a real client, beside librdkafka's mock, Tansu and Kafka?

One client program in a process of its own drives each system in turn, round by round; the
result is the median over the rounds and its ratio to the peers'. Method: README.md.

    python -m benchmarks.bench_wire [--quick] [--rounds 3] [--systems minikafka,mock] [--kafka]
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if __package__ in {None, ""}:  # run as a file: make the repository's root importable
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import figures_table, medians_of, targets_table, verdicts, write_json
from benchmarks.systems import ALL, DEFAULT, BenchmarkError, System
from benchmarks.wire_steps import Plan, Session, Step, latency_steps, load_steps

__all__ = ["main"]

HALVES: tuple[Callable[[Session], Iterator[Step]], ...] = (latency_steps, load_steps)
IDLE_LOAD = 0.5
STEPS_PER_SYSTEM = 15


class Run:
    """All rounds over all systems, and what they gave."""

    def __init__(self, systems: list[System], plan: Plan, progress: Progress) -> None:
        self.systems, self.plan, self.progress = systems, plan, progress
        self.samples: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.raw: list[dict[str, Any]] = []
        self.failures: list[str] = []

    def rounds(self, count: int) -> None:
        """Every system in turn, `count` times; the order is turned by one each round."""
        total = count * len(self.systems) * STEPS_PER_SYSTEM
        task = self.progress.add_task("", total=total)
        for number in range(count):
            shift = number % len(self.systems)
            for system in self.systems[shift:] + self.systems[:shift]:
                done = self.progress.tasks[task].completed
                for half in HALVES:
                    self.half(system, half, number)
                self.progress.update(task, completed=done + STEPS_PER_SYSTEM)

    def half(
        self, system: System, steps: Callable[[Session], Iterator[Step]], number: int
    ) -> None:
        """One fresh start of one system; a failed step does not end the others."""
        task = self.progress.task_ids[0]
        try:
            with system.running() as running:
                session = Session(running, self.plan)
                for title, step in steps(session):
                    where = f"round {number + 1}, {system.name}: {title}"
                    self.progress.update(task, description=where)
                    self.step(system, step, where)
                    self.progress.advance(task)
                self.raw += [
                    {"system": system.name, "round": number + 1, **each} for each in session.raw
                ]
        except BenchmarkError as error:
            self.failures.append(f"round {number + 1}, {system.name}: {error}")

    def step(self, system: System, step: Callable[[], dict[str, float]], where: str) -> None:
        """Take one step's figures."""
        try:
            for name, value in step().items():
                self.samples[system.name][name].append(value)
        except BenchmarkError as error:
            self.failures.append(f"{where}: {error}")


def chosen(names: str | None, kafka: bool, console: Console) -> list[System]:
    """The systems by name; those that are absent are said and left out."""
    wanted = names.split(",") if names else [*DEFAULT, *(("kafka1", "kafka3") if kafka else ())]
    unknown = [name for name in wanted if name not in ALL]
    if unknown:
        raise typer.BadParameter(f"no system {unknown[0]!r}; there are {', '.join(ALL)}")
    present = []
    for name in wanted:
        reason = ALL[name].absent()
        if reason is None:
            present.append(ALL[name])
        else:
            console.print(f"[yellow]absent:[/] {name} ({reason})")
    return present


def main(
    systems: Annotated[str | None, typer.Option(help="Names, comma separated.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians want three.")] = 3,
    quick: Annotated[bool, typer.Option(help="Small workloads.")] = False,
    kafka: Annotated[
        bool, typer.Option(help="Apache Kafka too: one broker, and three.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Where the result goes.")] = None,
) -> None:
    """Measure the systems side by side; prints a table, writes JSON."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a pipe has no width; the default of 80 breaks the rows
    if os.getloadavg()[0] > IDLE_LOAD:
        console.print("[yellow]others are using this machine:[/] the ratios will scatter")
    columns = (TextColumn("{task.description:50}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        run = Run(
            chosen(systems, kafka, console), Plan.quick() if quick else Plan.full(), progress
        )
        run.rounds(rounds)
    medians = medians_of(run.samples)
    names = [system.name for system in run.systems]
    console.print(figures_table(medians, names, rounds), targets_table(medians), sep="\n")
    for failure in run.failures:
        console.print(f"[red]failed:[/] {failure}", highlight=False)
    judged = [
        {
            "measure": each.target.measure,
            "target": str(each.target),
            "got": each.got,
            "is": each.word,
        }
        for each in verdicts(medians)
    ]
    content = {"rounds": rounds, "quick": quick, "medians": medians, "targets": judged}
    written = write_json(
        "wire",
        {**content, "failures": run.failures, "samples": run.samples, "raw": run.raw},
        json,
    )
    console.print(f"written: {written}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
