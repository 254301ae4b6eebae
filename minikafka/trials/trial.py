"""The trial: a drawn cluster, drawn clients, drawn faults, and everything checked.

One seed decides all of it. What is drawn from which range is the profile (`profiles`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from minikafka.base.errors import KafkaError
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.check.anomalies import Rules, find_anomalies
from minikafka.check.history import History
from minikafka.cluster.topics import ConfigInput
from minikafka.sim.network import Link
from minikafka.trials.chaos_groups import GROUP_KINDS
from minikafka.trials.chaos_quorum import QUORUM_KINDS, nobody_can_lead, restore_voters
from minikafka.trials.chaos_transactions import TRANSACTION_KINDS
from minikafka.trials.checks import no_acked_lost, offsets_monotonic
from minikafka.trials.group_workload import Groups
from minikafka.trials.invariants import Violation
from minikafka.trials.job import Report
from minikafka.trials.liveness import storm, wrong_replicas
from minikafka.trials.mutations import MUTATIONS
from minikafka.trials.profiles import (
    PROFILES,
    Profile,
    Shape,
    drawn_groups,
    drawn_kinds,
    drawn_shape,
    drawn_transactions,
)
from minikafka.trials.run import prepare, run_scenario
from minikafka.trials.simulation import Simulation
from minikafka.trials.transaction_workload import Transactions
from minikafka.trials.workload import Workload

__all__ = ["check_options", "run_trial"]

CONVERGE_S = 240.0
"""Virtual seconds after the last fault within which the cluster must be whole again."""
ASKED_S = 10.0
"""Virtual seconds in which a change of voters that was asked for has begun, or never will."""
SMALL_SEGMENTS = {"internal.segment.bytes": 2_000, "min.cleanable.dirty.ratio": 0.01}
IDLE_S = 2.0
"""Virtual seconds for which nobody asks for anything, at the end."""


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
    planted: bool = True,
    until_s: float | None = None,
) -> Report:
    """Run the trial of one seed.

    Args:
        seconds: virtual seconds of clients and faults; what it takes to converge comes on top.
        planted: False runs the trial of `mutate`, its faults and configs, without the bug.
        until_s: virtual time at which to break off, with `error:TimeLimit`.

    Raises:
        ValueError: see `check_options`.
    """
    check_options(profile, mutate)
    _import_clients()
    # What clients say about faults is no news here, and there is much of it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    mutation = MUTATIONS[mutate] if mutate is not None else None
    if mutation is not None and profile == "default":
        profile = mutation.profile
    chosen = PROFILES[profile]
    draws = Random(f"{seed}:trial")  # noqa: S311 - reproducible
    kinds = drawn_kinds(chosen, draws, mutation)
    shape = drawn_groups(chosen, seed, mutation, drawn_shape(chosen, draws, mutation))
    shape = drawn_transactions(chosen, seed, mutation, shape)
    patience_s = CONVERGE_S if mutation is None else mutation.patience_s or CONVERGE_S

    async def scenario(simulation: Simulation) -> None:
        await _Trial(simulation, chosen, shape, patience_s).run(kinds, seconds)

    return run_scenario(
        scenario,
        seed=seed,
        trace_file=trace_file,
        brokers=shape.brokers,
        topics=shape.all_topics,
        config=shape.config,
        racks=shape.racks,
        replication_factor=shape.replication_factor,
        mutate=mutate if planted else None,
        time_limit_s=seconds + 3 * CONVERGE_S if until_s is None else until_s,
    )


def _warm_up() -> None:
    """Run a short trial, so that what is loaded and specialised by use is so in every child."""
    # What brokers say of faults that are ours is no news, either: the timeline has it all.
    logging.getLogger("minikafka").setLevel(logging.CRITICAL)
    run_trial(0, seconds=5.0, profile="calm")


run_trial.prepare = _warm_up  # type: ignore[attr-defined]  # for workers


def _aimed(
    kinds: tuple[Callable[..., Any], ...],
    all_aimed: tuple[Callable[..., Any], ...],
    *,
    there_are: bool,
) -> tuple[Callable[..., Any], ...]:
    """Return the kinds that aim at some clients: all of them, where none is asked for."""
    found = tuple(kind for kind in kinds if kind in all_aimed)
    return all_aimed if there_are and not found else found


def _import_clients() -> None:
    # Before the run: what is plugged is what is imported by then.
    import aiokafka  # noqa: F401

    prepare()


class _Trial:
    """One trial under way."""

    def __init__(
        self, simulation: Simulation, profile: Profile, shape: Shape, patience_s: float
    ) -> None:
        self._simulation = simulation
        self._profile = profile
        self._shape = shape
        self._patience_s = patience_s
        self._history = History()

    async def run(self, kinds: tuple[Callable[..., Any], ...], seconds: float) -> None:
        """Let clients and faults go at each other, heal all, and judge."""
        simulation = self._simulation
        simulation.down_at_once = self._shape.down_at_once
        slowest = simulation.rng.choice((0.02, 0.05, 0.1))
        simulation.network.default = Link(latency=(0.0005, slowest))
        if self._shape.compacted:
            await self._compact_offsets()
        end_s = simulation.now + seconds
        workload = self._begun(end_s)
        groups = Groups(simulation, self._shape.topics, self._shape.groups, end_s)
        groups.start()
        transactions = Transactions(
            simulation, self._shape.topics, self._shape.transactions, end_s
        )
        transactions.start()
        await self._strike(kinds, end_s)
        if any(kind in kinds for kind in QUORUM_KINDS) and not await self._restored_voters():
            await workload.stop()
            await transactions.stop()
            groups.stop()
            return
        if self._shape.core:
            await self._do_with_the_core()
        try:
            async with asyncio.timeout(self._patience_s):
                await workload.finish()
        except TimeoutError:
            simulation.violated("L5", f"sends that never end; {simulation.cluster.status()}")
        await self._settle(workload, groups, transactions)
        await self._idle()
        # Sessions of members that are gone may end at just this moment, and that is written down.
        await simulation.converged(self._patience_s)
        skipped = groups.skipped()
        for wrong in (
            wrong_replicas(simulation),
            None if skipped is None else ("group-skip", skipped),
            transactions.wrong(),
        ):
            if wrong is not None:
                raise Violation(*wrong)
        simulation.check(no_acked_lost, offsets_monotonic)
        self._judge()

    async def _settle(
        self, workload: Workload, groups: Groups, transactions: Transactions
    ) -> None:
        """Wait until all is well, and end the clients."""
        await self._simulation.converged(self._patience_s)
        await groups.settled(self._patience_s)
        await transactions.settled(self._patience_s)
        await transactions.stop()
        await workload.stop()
        if self._shape.groups:
            groups.stop()
            await self._simulation.converged(self._patience_s)

    async def _compact_offsets(self) -> None:
        """Make the topic of committed offsets, before anybody else does, with small segments."""
        count = int(str(self._shape.config["offsets.topic.num.partitions"]))
        config: dict[str, ConfigInput] = {"cleanup.policy": "compact", **SMALL_SEGMENTS}
        await self._simulation.cluster.create_topic(
            OFFSETS_TOPIC, partitions=count, config=config
        )

    def _idempotent(self, number: int) -> bool:
        """Say whether a producer is one; the first is, if it can be."""
        return not number and self._shape.acks[number] == "all"

    def _begun(self, end_s: float) -> Workload:
        """Let producers and consumers begin."""
        simulation, profile = self._simulation, self._profile
        workload = Workload(simulation, self._shape.topics, self._history, end_s)
        for number, acks in enumerate(self._shape.acks):
            workload.add_producer(
                f"p{number}",
                acks=acks,
                idempotent=self._idempotent(number),
                gap_s=profile.gap_s,
            )
        for number in range(profile.consumers):
            workload.add_consumer(f"c{number}")
        workload.add_watcher("w0")
        if self._shape.racks:
            workload.add_rack_reader(self._shape.racks[-1])
        return workload

    async def _strike(self, kinds: tuple[Callable[..., Any], ...], end_s: float) -> None:
        """Let faults happen until it is time to heal; some aim at what there is of clients."""
        simulation, profile, shape = self._simulation, self._profile, self._shape
        others = tuple(kind for kind in kinds if kind not in (*GROUP_KINDS, *TRANSACTION_KINDS))
        groups = _aimed(kinds, GROUP_KINDS, there_are=bool(shape.groups))
        transactions = _aimed(
            kinds, TRANSACTION_KINDS, there_are=shape.transactions is not None
        )
        struck = [
            simulation.chaos(*each, every=profile.every_s, until=end_s)
            for each in (others, groups, transactions)
            if each
        ]
        for chaos in struck:
            await chaos
        if not struck:
            await simulation.sleep(end_s - simulation.now)

    async def _restored_voters(self) -> bool:
        """Let those vote who voted at first; a quorum that is alive can do that (L1).

        Returns False where it stands still as Kafka's would: there is nothing to wait for.
        """
        simulation = self._simulation
        await simulation.until(lambda: all(broker.running for broker in simulation.brokers))
        # A change may be on its way, though who asked for it has gone.
        await simulation.sleep(ASKED_S)
        if await restore_voters(simulation, CONVERGE_S):
            return True
        brokers = simulation.invariants.ghost.brokers
        machines = [brokers[broker.id].quorum.machine for broker in simulation.brokers]
        if not nobody_can_lead(machines):
            simulation.violated("L1", f"the voters stay {simulation.cluster.voter_set}")
        simulation.note("nobody can be elected: who has the latest voters has no vote")
        return False

    async def _do_with_the_core(self) -> None:
        """Take a broker away: what the others can do without it they must do."""
        simulation = self._simulation
        await simulation.until(lambda: all(broker.running for broker in simulation.brokers))
        # The first broker may be the only voter.
        gone = simulation.brokers[simulation.rng.randrange(1, len(simulation.brokers))]
        core = [broker.id for broker in simulation.brokers if broker is not gone]
        simulation.note(f"broker {gone.id} stays down; the core is {core}")
        gone.crash("kill")
        await simulation.converged(CONVERGE_S, core)
        for topic, count in self._shape.topics.items():
            for index in range(count):
                await self._write(topic, index, core)
        gone.restart()

    async def _write(self, topic: str, index: int, core: Sequence[int]) -> None:
        """With acks=all, where that is possible without who is gone (L5)."""
        simulation = self._simulation
        state = simulation.cluster.describe(topic, index)
        config = self._shape.config["min.insync.replicas"]
        needed = min(int(config), len(state.replicas))
        if state.leader is None or len(state.isr & set(core)) < needed:
            return
        value = f"core-{topic}-{index}".encode()
        now_ms = int(simulation.now * 1000)
        send = self._history.invoke_send("core", topic, index, value, -1, now_ms)
        until_s = simulation.now + CONVERGE_S
        while True:
            try:
                result = await simulation.cluster.client().produce(topic, index, [value])
            except KafkaError as error:
                # A leadership may move at this moment: clients ask again.
                if not error.retriable or simulation.now > until_s:
                    simulation.violated("L5", f"{state} does not take a record: {error}")
                    return
                await simulation.sleep(0.1)
                continue
            self._history.ok(send, result.base_offset, int(simulation.now * 1000))
            return

    async def _idle(self) -> None:
        """Let nobody ask for anything, and see how busy the brokers are (L9)."""
        loop = self._simulation.loop
        before = loop.steps
        await self._simulation.sleep(IDLE_S)
        wrong = storm(self._simulation, loop.steps - before, IDLE_S)
        if wrong is not None:
            raise Violation("L9", wrong)

    def _judge(self) -> None:
        """Look at what the clients saw."""
        simulation, history = self._simulation, self._history
        for topic, count in self._shape.topics.items():
            for partition in range(count):
                found = simulation.cluster.records(topic, partition)
                pairs = [(record.offset, record.value or b"") for record in found]
                history.final[topic, partition] = pairs
        lost = simulation.invariants.ghost.may_have_lost
        # The others retry without sequences, with several requests in flight.
        idempotent = frozenset(
            f"p{number}" for number in range(len(self._shape.acks)) if self._idempotent(number)
        )
        rules = Rules(
            duplicates_allowed=True,
            reorder_allowed=True,
            idempotent=idempotent,
            loss_allowed=lost,
        )
        anomalies = find_anomalies(history, rules)
        if anomalies:
            raise Violation(anomalies[0].name, anomalies[0].text)
