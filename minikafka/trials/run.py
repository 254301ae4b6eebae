"""One scenario on one seed, in this process: from a coroutine function to a verdict."""

from __future__ import annotations

import asyncio
import platform
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from minikafka.cluster.topics import ConfigInput
from minikafka.sim.errors import SimError
from minikafka.sim.loop import SimLoop
from minikafka.sim.trace import TraceEvent
from minikafka.sim.world import Outcome, simulate
from minikafka.trials.invariants import Violation
from minikafka.trials.job import Report, write_trace
from minikafka.trials.mutations import mutated
from minikafka.trials.simulation import Simulation
from minikafka.trials.timeline import timeline
from minikafka.wire.codec import preload
from minikafka.wire.versions import ApiKey

__all__ = ["FORBIDDEN", "Result", "Scenario", "prepare", "run", "run_scenario"]

Scenario = Callable[[Simulation], Coroutine[Any, Any, Any]]

FORBIDDEN = ("minikafka",)
"""Packages whose use of clocks and chance is a bug: they have seams for both."""

_SPOKEN: dict[ApiKey, tuple[int, ...]] = {
    ApiKey.LIST_OFFSETS: (3, 10),
    ApiKey.METADATA: (5, 13),
    ApiKey.OFFSET_COMMIT: (3, 8, 9),
    ApiKey.OFFSET_FETCH: (3, 7, 8, 9),
    ApiKey.FIND_COORDINATOR: (1, 6),
    ApiKey.JOIN_GROUP: (5, 9),
    ApiKey.HEARTBEAT: (1, 3),
    ApiKey.LEAVE_GROUP: (1,),
    ApiKey.SYNC_GROUP: (3, 5),
    ApiKey.API_VERSIONS: (0, 4),
    ApiKey.CREATE_TOPICS: (7,),
    ApiKey.INIT_PRODUCER_ID: (0, 4, 5),
    ApiKey.ADD_PARTITIONS_TO_TXN: (0, 3, 5),
    ApiKey.ADD_OFFSETS_TO_TXN: (0, 4),
    ApiKey.END_TXN: (0, 4, 5),
    ApiKey.WRITE_TXN_MARKERS: (1,),
    ApiKey.TXN_OFFSET_COMMIT: (0, 4, 5),
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: (1,),
    ApiKey.VOTE: (2,),
    ApiKey.BEGIN_QUORUM_EPOCH: (1,),
    ApiKey.END_QUORUM_EPOCH: (1,),
    ApiKey.ALTER_PARTITION: (3,),
    ApiKey.BROKER_REGISTRATION: (4,),
    ApiKey.BROKER_HEARTBEAT: (1,),
    ApiKey.ALLOCATE_PRODUCER_IDS: (0,),
}
"""What aiokafka, brokers and the clients of trials say in most runs; the rest is loaded when it is
first said, some 10 ms each."""

TIME_LIMIT_S = 3600.0
TIMELINE_LINES = 80


class Result:
    """What came of a run.

    Attributes:
        error: what the scenario raised, or what ended the run; None where all is well.
        value: what the scenario returned.
        hash: 16 hex digits; equal for equal runs.
        virtual: virtual seconds it lasted.
        simulation: as it was at the end, None where it did not come to be.
    """

    def __init__(self, outcome: Outcome, simulation: Simulation | None) -> None:
        self.outcome = outcome
        self.simulation = simulation
        self.error = outcome.error
        self.value = outcome.value
        self.hash = outcome.hash
        self.virtual = outcome.virtual_s

    @property
    def violations(self) -> list[str]:
        """Names of what was violated; `error:<type>` for any other exception."""
        if self.error is None:
            return []
        if isinstance(self.error, Violation):
            return [self.error.name]
        return [f"error:{type(self.error).__name__}"]

    def timeline(self, last: int = TIMELINE_LINES) -> str:
        """Return the end of the run as Kafka requests, faults and notes; if it was kept."""
        events: list[TraceEvent] = self.outcome.events or []
        return timeline(events, last=last)

    def text(self) -> str:
        """Return what was wrong, for people."""
        if self.error is None:
            return ""
        parts = [_described(self.error)]
        if self.outcome.events is not None:
            parts.append(self.timeline())
        return "\n\n".join(parts)


@lru_cache(maxsize=1)
def prepare() -> None:
    """Import and build what most runs use: then each of many does not pay for it anew."""
    preload((key, version) for key, versions in _SPOKEN.items() for version in versions)
    run(_nothing, seed="warm-up", topics={"warm-up": 1}, keep_trace=False)


async def _nothing(simulation: Simulation) -> None:
    """Let a cluster come up and go down."""


def run(
    scenario: Scenario,
    *,
    seed: int | str,
    brokers: int = 3,
    topics: Mapping[str, int] | None = None,
    config: Mapping[str, ConfigInput] | None = None,
    racks: Sequence[str] | None = None,
    voters: int | None = None,
    replication_factor: int | None = None,
    time_limit_s: float | None = TIME_LIMIT_S,
    keep_trace: bool = True,
    mutate: str | None = None,
) -> Result:
    """Run a scenario in virtual time on a fresh cluster; what it raises is in the result.

    In one process only the first run is sure to be reproducible elsewhere, where PYTHONHASHSEED
    is 0; `minikafka trial` and `sim.test` see to both.

    Args:
        topics: made before the scenario begins, as {name: partitions}.
        racks: of each broker, in order of the ids.
        voters: how many brokers vote in the metadata quorum; see `AsyncCluster`.
        replication_factor: of these topics; None is 3, or as many as there are brokers.
        time_limit_s: virtual seconds after which the run ends with `TimeLimit`.
        keep_trace: for `Result.timeline`.
        mutate: id of a planted bug.
    """
    if scenario is not _nothing:
        prepare()
    made: list[Simulation] = []

    async def main() -> Any:
        loop = cast("SimLoop", asyncio.get_running_loop())
        simulation = Simulation(
            loop, brokers=brokers, config=config, racks=racks, voters=voters
        )
        made.append(simulation)
        await simulation.cluster.start()
        for name, partitions in (topics or {}).items():
            await simulation.cluster.create_topic(
                name, partitions=partitions, replication_factor=replication_factor
            )
        value = await scenario(simulation)
        await simulation.end()
        return value

    with mutated(mutate):
        outcome = simulate(
            main,
            seed=seed,
            keep_trace=keep_trace,
            time_limit_s=time_limit_s,
            forbidden=FORBIDDEN,
        )
    return Result(outcome, made[0] if made else None)


def run_scenario(
    scenario: Scenario, *, seed: int, trace_file: str | None = None, **options: Any
) -> Report:
    """Run a scenario and return what other processes can be told of it."""
    result = run(scenario, seed=seed, keep_trace=trace_file is not None, **options)
    if trace_file is not None:
        write_trace(trace_file, result.outcome.events or [])
    simulation = result.simulation
    return Report(
        seed=seed,
        hash=result.hash,
        violations=result.violations,
        virtual_s=result.virtual,
        wall_s=result.outcome.wall_s,
        ops=0 if simulation is None else simulation.operations,
        faults=0 if simulation is None else simulation.faults,
        text=result.text(),
        versions=_versions(),
    )


def _described(error: BaseException) -> str:
    """Return a violation as its text, anything else with where it came from."""
    if isinstance(error, (Violation, SimError)) and error.__cause__ is None:
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)).rstrip()


def _versions() -> dict[str, str]:
    """Return what a replay needs besides the seed: the same versions."""
    found = {"python": platform.python_version()}
    for name in ("minikafka", "aiokafka", "aiohttp"):
        if name in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
    return found
