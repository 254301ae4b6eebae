"""Medians, ratios, the targets beside them, a table for people and JSON for machines."""

from __future__ import annotations

import json
import operator
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from rich.table import Table
from rich.text import Text

from benchmarks.processes import machine
from benchmarks.systems import ALL, ROOT
from benchmarks.wire_steps import MEASURES

__all__ = [
    "Target",
    "Verdict",
    "figures_table",
    "medians_of",
    "surroundings",
    "targets_table",
    "verdicts",
    "write_json",
]

OURS = "minikafka"
RESULTS = Path(__file__).resolve().parent / "results"
Medians = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Target:
    """A bound on one of our figures.

    Attributes:
        measure: the figure's name.
        sign: ">=" or "<=".
        bound: a factor where it is relative, else a value in the measure's unit.
        system: relative to this system's figure of the same name.
        base: relative to this other figure of our own.
    """

    measure: str
    sign: str
    bound: float
    system: str | None = None
    base: str | None = None

    def __str__(self) -> str:
        if self.system is not None:
            return f"{self.sign} {self.bound:g} × {self.system}"
        if self.base is not None:
            return f"{self.sign} {self.bound:g} × without"
        return f"{self.sign} {self.bound:g}"


@dataclass(frozen=True)
class Verdict:
    """A target with what was measured; `got` is None where a peer is absent."""

    target: Target
    got: float | None

    @property
    def word(self) -> str:
        """ok, short, or absent."""
        if self.got is None:
            return "absent"
        signs: dict[str, Callable[[float, float], bool]] = {
            ">=": operator.ge,
            "<=": operator.le,
        }
        return "ok" if signs[self.target.sign](self.got, self.target.bound) else "short"


TARGETS = (
    Target("produce_100", ">=", 0.9, "mock"),
    Target("produce_100", ">=", 0.9, "tansu"),
    Target("produce_1k", ">=", 0.9, "mock"),
    Target("produce_1k", ">=", 1.2, "tansu"),
    Target("consume_100", ">=", 0.9, "mock"),
    Target("consume_100", ">=", 0.9, "tansu"),
    Target("consume_1k", ">=", 0.9, "mock"),
    Target("consume_1k", ">=", 1.2, "tansu"),
    Target("consume_even", ">=", 0.9, "mock"),
    Target("consume_even", ">=", 1.2, "tansu"),
    Target("latency", "<=", 4, "mock"),
    Target("latency_shared", "<=", 4, "mock"),
    Target("latency_idle", "<=", 1.2, base="latency"),
    Target("latency_idle_shared", "<=", 1.2, base="latency_shared"),
    Target("end_to_end", "<=", 0.5),
    Target("start", "<=", 500),
    Target("rss_empty", "<=", 60),
)


def judge(target: Target, medians: Medians) -> Verdict:
    """Measure one target."""
    ours = medians.get(OURS, {})
    value = ours.get(target.measure)
    if target.system is not None:
        base = medians.get(target.system, {}).get(target.measure)
    elif target.base is not None:
        base = ours.get(target.base)
    else:
        base = 1.0
    return Verdict(target, value / base if value is not None and base else None)


def verdicts(medians: Medians) -> list[Verdict]:
    """Every target, in the order of the table."""
    return [judge(target, medians) for target in TARGETS]


def ratio(medians: Medians, measure: str, peer: str) -> str:
    """Ours over the peer's, as text."""
    ours, theirs = (medians.get(name, {}).get(measure) for name in (OURS, peer))
    return f"{ours / theirs:.2f}" if ours is not None and theirs else "–"


def figures_table(medians: Medians, names: Sequence[str], rounds: int) -> Table:
    """All measures by system, and the ratios to the two peers."""
    grid = Table(title=f"medians of {rounds} rounds", title_justify="left")
    grid.add_column("measure")
    grid.add_column("unit")
    for name in names:
        grid.add_column(ALL[name].title, justify="right")
    peers = [name for name in ("mock", "tansu") if name in names]
    for peer in peers:
        grid.add_column(f"÷ {peer}", justify="right")
    for measure in MEASURES:
        values = [medians.get(name, {}).get(measure.name) for name in names]
        cells = ["–" if value is None else f"{value:,.{measure.digits}f}" for value in values]
        ratios = [ratio(medians, measure.name, peer) for peer in peers]
        grid.add_row(measure.title, measure.unit, *cells, *ratios)
    return grid


def targets_table(medians: Medians) -> Table:
    """Each target with what was measured against it."""
    grid = Table(title="targets", title_justify="left")
    for title in ("measure", "target", "measured", ""):
        grid.add_column(title)
    titles = {measure.name: measure.title for measure in MEASURES}
    colours = {"ok": "green", "short": "red", "absent": "dim"}
    for verdict in verdicts(medians):
        measured = "–" if verdict.got is None else f"{verdict.got:.2f}"
        word = Text(verdict.word, style=colours[verdict.word])
        grid.add_row(titles[verdict.target.measure], str(verdict.target), measured, word)
    return grid


def medians_of(
    samples: Mapping[str, Mapping[str, Sequence[float]]],
) -> dict[str, dict[str, float]]:
    """The median of each figure of each system."""
    return {
        system: {name: statistics.median(values) for name, values in figures.items()}
        for system, figures in samples.items()
    }


def surroundings() -> dict[str, object]:
    """Machine, interpreter, client and commit that the figures belong to."""
    describe = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip() or "none",
        "python": sys.version.split()[0],
        "confluent_kafka": metadata.version("confluent-kafka"),
        **machine(),
    }


def write_json(question: str, content: Mapping[str, object], path: Path | None = None) -> Path:
    """Write a result with its surroundings; a name of its own where none is given."""
    around = surroundings()
    if path is None:
        stamp = str(around["at"]).replace(":", "").replace("+0000", "Z")
        path = RESULTS / f"{question}-{stamp}-{around['commit']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**around, **content}, indent=1, ensure_ascii=False) + "\n")
    return path
