"""The trial: a drawn cluster, drawn clients, drawn faults, and everything checked.

One seed decides all of it. What is drawn from which range is the profile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from minikafka.check.anomalies import Rules, find_anomalies
from minikafka.check.history import History
from minikafka.cluster.topics import ConfigInput
from minikafka.replication.selector import RACK_AWARE
from minikafka.sim.network import Link
from minikafka.trials import chaos
from minikafka.trials.checks import no_acked_lost, offsets_monotonic, replicas_agree
from minikafka.trials.invariants import Violation
from minikafka.trials.job import Report
from minikafka.trials.mutations import MUTATIONS
from minikafka.trials.mutations_moving import MOVING_MUTATIONS
from minikafka.trials.run import prepare, run_scenario
from minikafka.trials.simulation import Simulation
from minikafka.trials.workload import Workload

__all__ = ["PROFILES", "Profile", "check_options", "run_trial"]

CONVERGE_S = 240.0
"""Virtual seconds after the last fault within which the cluster must be whole again."""


@dataclass(frozen=True)
class Profile:
    """What a trial is drawn from.

    Args:
        about: in a few words.
        kinds: of faults; each is on in half of the seeds (swarm testing), unless `all_kinds`.
        every_s: least and most seconds between the beginnings of two faults.
        gap_s: average seconds between two sends of one producer.
    """

    about: str
    kinds: tuple[Callable[..., Any], ...] = chaos.ALL_KINDS
    all_kinds: bool = False
    every_s: tuple[float, float] = (0.5, 3.0)
    producers: int = 2
    consumers: int = 2
    down_at_once: int = 1
    gap_s: float = 1.0


@dataclass(frozen=True)
class _Layout:
    """How many brokers there are, where they stand, and how many hold a partition."""

    brokers: int
    replication_factor: int
    racks: tuple[str, ...] | None

    @classmethod
    def draw(cls, draws: Random, mutate: str | None) -> _Layout:
        brokers = draws.choice((3, 3, 3, 4))
        factor = draws.choice((2, 3, 3, 3))
        has_racks = draws.random() < 0.3 or mutate in MOVING_MUTATIONS
        racks = tuple("abcd"[broker % 3] for broker in range(brokers)) if has_racks else None
        return cls(brokers, factor, racks)

    @property
    def config(self) -> dict[str, ConfigInput]:
        """The configs that go with it."""
        return {} if self.racks is None else {"replica.selector.class": RACK_AWARE}


PROFILES: dict[str, Profile] = {
    "default": Profile("3 or 4 brokers, every kind of fault in half of the seeds"),
    "calm": Profile("the same clients and no faults", kinds=()),
    "storm": Profile(
        "every kind of fault in every seed", all_kinds=True, every_s=(0.2, 1.5), down_at_once=3
    ),
}


def check_options(profile: str, mutate: str | None) -> None:
    """Raise ValueError for a profile or a mutation that there is not."""
    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}; there are: {', '.join(PROFILES)}")
    if mutate is not None and mutate not in MUTATIONS:
        raise ValueError(f"no mutation {mutate!r}; there are: {', '.join(MUTATIONS)}")


def run_trial(
    seed: int,
    trace_file: str | None = None,
    *,
    seconds: float = 60.0,
    profile: str = "default",
    mutate: str | None = None,
) -> Report:
    """Run the trial of one seed.

    Args:
        seconds: virtual seconds of clients and faults; what it takes to converge comes on top.

    Raises:
        ValueError: see `check_options`.
    """
    check_options(profile, mutate)
    _import_clients()
    # What clients say about faults is no news here, and there is much of it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    chosen = PROFILES[profile]
    draws = Random(f"{seed}:trial")  # noqa: S311 - reproducible
    kinds = _kinds(chosen, draws, mutate)
    layout = _Layout.draw(Random(f"{seed}:layout"), mutate)  # noqa: S311 - reproducible
    topics = {"orders": draws.randint(1, 3), "events": 1}

    async def scenario(simulation: Simulation) -> None:
        await _trial(simulation, chosen, kinds, topics, seconds, layout)

    return run_scenario(
        scenario,
        seed=seed,
        trace_file=trace_file,
        topics=topics,
        brokers=layout.brokers,
        racks=layout.racks,
        replication_factor=layout.replication_factor,
        config={**_config(draws), **layout.config},
        mutate=mutate,
        time_limit_s=seconds + 2 * CONVERGE_S,
    )


def _warm_up() -> None:
    """Run a short trial, so that what is loaded and specialised by use is so in every child."""
    run_trial(0, seconds=5.0, profile="calm")


run_trial.prepare = _warm_up  # type: ignore[attr-defined]  # for workers


def _import_clients() -> None:
    # Before the run: what is plugged is what is imported by then.
    import aiokafka  # noqa: F401

    prepare()


def _kinds(
    profile: Profile, draws: Random, mutate: str | None
) -> tuple[Callable[..., Any], ...]:
    drawn = tuple(kind for kind in profile.kinds if draws.random() < 0.5 or profile.all_kinds)
    wanted = MUTATIONS[mutate].kinds if mutate is not None else ()
    if wanted:
        return tuple(kind for kind in chaos.ALL_KINDS if kind.__name__ in wanted)
    return drawn or profile.kinds[:1]


def _config(draws: Random) -> Mapping[str, ConfigInput]:
    """Draw timeouts and limits within what Kafka allows."""
    return {
        "broker.session.timeout.ms": draws.choice((3_000, 5_000, 9_000)),
        "broker.heartbeat.interval.ms": draws.choice((1_000, 2_000)),
        "replica.lag.time.max.ms": draws.choice((2_000, 5_000, 10_000)),
        "replica.fetch.wait.max.ms": draws.choice((500, 1_000)),
        "min.insync.replicas": draws.choice((1, 2, 2)),
    }


async def _trial(
    simulation: Simulation,
    profile: Profile,
    kinds: tuple[Callable[..., Any], ...],
    topics: dict[str, int],
    seconds: float,
    layout: _Layout,
) -> None:
    simulation.down_at_once = profile.down_at_once
    slowest = simulation.rng.choice((0.02, 0.05, 0.1))
    simulation.network.default = Link(latency=(0.0005, slowest))
    history = History()
    end_s = simulation.now + seconds
    workload = Workload(simulation, topics, history, end_s)
    for number in range(profile.producers):
        workload.add_producer(
            f"p{number}",
            acks=1 if number and simulation.rng.random() < 0.5 else "all",
            idempotent=not number,
            gap_s=profile.gap_s,
        )
    for number in range(profile.consumers):
        workload.add_consumer(f"c{number}")
    if layout.racks:
        workload.add_rack_reader(layout.racks[-1])
    if profile.kinds:
        await simulation.chaos(*kinds, every=profile.every_s, until=end_s)
    else:
        await simulation.sleep(seconds)
    try:
        async with asyncio.timeout(CONVERGE_S):
            await workload.finish()
    except TimeoutError:
        simulation.violated("L5", f"sends that never end; {simulation.cluster.status()}")
    await simulation.converged(CONVERGE_S)
    await workload.stop()
    simulation.check(no_acked_lost, offsets_monotonic, replicas_agree)
    _judge(simulation, history, topics)


def _judge(simulation: Simulation, history: History, topics: dict[str, int]) -> None:
    """Look at what the clients saw."""
    for topic, count in topics.items():
        for partition in range(count):
            found = simulation.cluster.records(topic, partition)
            pairs = [(record.offset, record.value or b"") for record in found]
            history.final[topic, partition] = pairs
    licensed = simulation.invariants.ghost.licensed_losses > 0
    # Sequences are not checked yet (divergence `idempotence`): retries may repeat and reorder.
    rules = Rules(duplicates_allowed=True, reorder_allowed=True, loss_allowed=licensed)
    anomalies = find_anomalies(history, rules)
    if anomalies:
        raise Violation(anomalies[0].name, anomalies[0].text)
