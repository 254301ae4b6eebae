"""What to run and what came of it, as values that travel between processes."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import msgpack

from minikafka.sim.trace import TraceEvent

__all__ = ["Job", "JobRefused", "Report", "read_trace", "write_trace"]


class JobRefused(ValueError):
    """The options of a job make no sense."""


@dataclass(frozen=True)
class Job:
    """One thing to run on many seeds.

    Args:
        target: `module:name` of a callable `(seed, trace_file=None, **options) -> Report`, or of
            an object with a method `run_seed` of that signature.
        options: keyword arguments for it; JSON-able.
        file: of the module, where it is not to be found by its name (a test module).
        check: `module:name` of a callable that raises ValueError for options that make no sense;
            it is given those that it has parameters for.
        imports: modules that a run imports late; imported once, before there are children.
    """

    target: str
    options: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    check: str | None = None
    imports: Sequence[str] = ()

    def prepare(self) -> None:
        """Import what a run needs, and look at the options.

        Raises:
            JobRefused: from `check`.
            ImportError: also for a module without the name that was asked for.
        """
        for name in self.imports:
            importlib.import_module(name)
        self.load()
        if self.check is None:
            return
        check = _find(self.check)
        wanted = inspect.signature(check).parameters
        try:
            check(**{name: value for name, value in self.options.items() if name in wanted})
        except ValueError as error:
            raise JobRefused(str(error)) from error

    def run(self, seed: int, trace_file: str | None = None) -> Report:
        """Run one seed in this process."""
        target = self.load()
        call = getattr(target, "run_seed", target)
        report: Report = call(seed, trace_file=trace_file, **self.options)
        return report

    def load(self) -> Any:
        """Import the target."""
        return _find(self.target, self.file)


def _find(where: str, file: str | None = None) -> Any:
    name, _, attribute = where.partition(":")
    module = sys.modules.get(name)
    if module is None and file is not None:
        module = _import_file(name, file)
    if module is None:
        module = importlib.import_module(name)
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise ImportError(f"no {attribute} in {name}: {error}") from error


def _import_file(name: str, file: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Report:
    """What came of one seed.

    Args:
        violations: names of the rules violated; `error:<type>` for an exception of the scenario,
            `crash` and `wall-clock` for a process that died or took too long.
        ops: client operations that ended.
        faults: faults caused.
        text: what was wrong, for people.
        versions: what a replay needs besides the seed.
    """

    seed: int
    hash: str = ""
    violations: list[str] = field(default_factory=list)
    virtual_s: float = 0.0
    wall_s: float = 0.0
    ops: int = 0
    faults: int = 0
    text: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True where nothing was violated."""
        return not self.violations

    @property
    def verdict(self) -> str:
        """`ok`, or `violation:` and the names."""
        return "ok" if self.ok else "violation:" + ",".join(self.violations)

    def line(self) -> str:
        """Return the report in one line, as `minikafka trial` prints it last."""
        return (
            f"trial seed={self.seed} verdict={self.verdict} hash={self.hash} "
            f"virtual_s={self.virtual_s:.1f} wall_s={self.wall_s:.2f} ops={self.ops} "
            f"faults={self.faults}"
        )

    def versions_line(self) -> str:
        """Return the versions in one line, e.g. `python 3.11.7, aiokafka 0.14.0`."""
        return ", ".join(f"{name} {number}" for name, number in self.versions.items())

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "verdict": self.verdict}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """Return what `as_dict` was made from."""
        return cls(**{name: value for name, value in data.items() if name != "verdict"})


def write_trace(file: str, events: Sequence[TraceEvent]) -> None:
    """Write the events of a run for another process."""
    Path(file).write_bytes(msgpack.packb([list(event) for event in events]))


def read_trace(file: str) -> list[TraceEvent]:
    """Return what `write_trace` wrote."""
    return [TraceEvent(*row) for row in msgpack.unpackb(Path(file).read_bytes())]
