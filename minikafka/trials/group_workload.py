"""Consumer groups of a trial: unmodified aiokafka members, what they read, and what is owed to them.

Each member lives on a host of its own, which faults may kill or pause; whoever is not wanted any
more leaves, and comes back after a while. Records count as processed as soon as they are read, and
groups that commit by hand do so afterwards: of what was acknowledged they may repeat, but not skip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import KafkaError as MinikafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.group_partition import GroupPartition
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.states import GroupState
from minikafka.sim.errors import SimError
from minikafka.trials.chaos_groups import MEMBER_HOST
from minikafka.trials.member_views import MemberViews
from minikafka.trials.own_member import OwnMember, unmet_consumers, unmet_shares
from minikafka.trials.profiles import GroupPlan
from minikafka.trials.rules_offsets import assigned_partitions

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.sim.hosts import Host
    from minikafka.trials.simulation import Simulation

__all__ = ["Groups"]

REQUEST_TIMEOUT_MS = 8_000
METADATA_AGE_MS = 5_000
"""aiokafka 0.14 asks a former leader where a partition begins until its metadata is that old."""
RETRY_S = 0.5
STOP_S = 10.0
"""How long a member may take to leave."""
IDLE_POLLS = 2
"""After so many polls without a record a member commits once more where it is."""
LEAVES = 0.01
"""How often a member leaves after a poll."""


class Groups:
    """Some consumer groups over all topics of a trial.

    Args:
        topics: with their numbers of partitions.
        end_s: virtual time, in seconds of the run, after which nobody leaves any more.

    Attributes:
        processed: what each group has read, as (topic, partition, value).
    """

    def __init__(
        self,
        simulation: Simulation,
        topics: Mapping[str, int],
        plans: tuple[GroupPlan, ...],
        end_s: float,
    ) -> None:
        self._simulation = simulation
        self._places = [TopicPartition(name, p) for name, n in topics.items() for p in range(n)]
        self._plans = plans
        self._end_s = end_s
        self._tasks: list[asyncio.Task[Any]] = []
        self._owners: dict[tuple[int, str, int, TopicPartition], str] = {}
        self._views: dict[str, MemberViews] = {}
        self.processed: dict[str, dict[tuple[str, int, bytes], None]] = {
            plan.name: {} for plan in plans
        }

    def start(self) -> None:
        """Let every member begin."""
        self._simulation.invariants.ghost.groups.busy = bool(self._plans)
        for plan in self._plans:
            for number in range(plan.members):
                name = f"{MEMBER_HOST}{plan.name}-{number}"
                member = self._member(plan, name)
                self._tasks.append(self._simulation.host(name).start(member.live))

    def _member(self, plan: GroupPlan, name: str) -> _Member | OwnMember:
        if plan.protocol == "classic":
            return _Member(self, plan, name)
        views = self._views.setdefault(plan.name, MemberViews(self._simulation, plan.name))
        return OwnMember(self, plan, views, name)

    def stop(self) -> None:
        """End every member."""
        self._simulation.invariants.ghost.groups.busy = False
        for plan in self._plans:
            for number in range(plan.members):
                host = self._simulation.host(f"{MEMBER_HOST}{plan.name}-{number}")
                host.program = None
                host.crash()

    # --- what members tell -----------------------------------------------------------------

    @property
    def simulation(self) -> Simulation:
        """The run."""
        return self._simulation

    @property
    def topics(self) -> list[str]:
        """What every member subscribes to."""
        return list(dict.fromkeys(place.topic for place in self._places))

    @property
    def ending(self) -> bool:
        """True once members only finish what there is."""
        return self._simulation.now >= self._end_s

    def read(self, group: str, partition: Any, records: list[Any]) -> None:
        """Note that a group has processed records."""
        self._simulation.operations += 1
        processed = self.processed[group]
        for record in records:
            processed[partition.topic, partition.partition, bytes(record.value)] = None

    def owns(self, group: str, generation: int, member: str, partitions: Any) -> None:
        """Note what a member holds itself to own; in a generation nobody else does (G2).

        A group whose records were lost, as the settings allow, counts from 1 again.
        """
        losses = self._losses()
        for each in sorted(partitions):
            place = TopicPartition(each.topic, each.partition)
            owner = self._owners.setdefault((losses, group, generation, place), member)
            if owner != member:
                self._simulation.violated(
                    "G2", f"{owner} and {member} of {group} own {place} in {generation}"
                )

    def _losses(self) -> int:
        """Return how often records of groups were, or may have been, lost with a licence."""
        ghost = self._simulation.invariants.ghost
        topic = None if ghost.image is None else ghost.image.topics.get(OFFSETS_TOPIC)
        return sum(
            partition.licensed + partition.unclean_count
            for (topic_id, _), partition in ghost.partitions.items()
            if topic is not None and topic_id == topic.topic_id
        )

    # --- what is owed ----------------------------------------------------------------------

    async def settled(self, timeout: float) -> None:
        """Return once every group is stable and has committed all there is.

        Raises:
            Violation: L7, or L10 for a share group, not within `timeout` virtual seconds.
        """
        try:
            await self._simulation.until(lambda: self.unmet() is None, timeout)
        except TimeoutError as error:
            late = next((plan for plan in self._plans if self._unmet(plan)), None)
            rule = "L10" if late is not None and late.protocol == "share" else "L7"
            self._simulation.violated(rule, f"{self.unmet() or 'met at last'}; {error}")
            raise

    def unmet(self) -> str | None:
        """Return what is not yet as it must be some time after the last fault."""
        for plan in self._plans:
            missing = self._unmet(plan)
            if missing is not None:
                return f"group {plan.name}: {missing}"
        return None

    def _unmet(self, plan: GroupPlan) -> str | None:
        coordinator = self._coordinator(plan.name)
        if coordinator is None or coordinator.loading:
            return "no coordinator"
        if plan.protocol == "consumer":
            missing = unmet_consumers(coordinator.coordinator, plan, self._places)
            return missing or self._lag(coordinator, plan.name)
        if plan.protocol == "share":
            ghost = self._simulation.invariants.ghost
            return unmet_shares(coordinator.coordinator, plan, ghost, self._places)
        group = coordinator.coordinator.group(plan.name)
        if group is None or group.state is not GroupState.STABLE:
            return "unknown" if group is None else group.state.value
        if len(group.members) != plan.members:
            return f"members {list(group.members)}, not {plan.members}"
        return self._not_shared(group) or self._lag(coordinator, plan.name)

    def _not_shared(self, group: ClassicGroup) -> str | None:
        owned = [
            each
            for member in group.members.values()
            for each in assigned_partitions(member.assignment)
        ]
        if sorted(owned) == sorted(tuple(place) for place in self._places):
            return None
        return f"of {len(self._places)} partitions these are assigned: {sorted(owned)}"

    def _lag(self, coordinator: GroupPartition, group_id: str) -> str | None:
        committed = coordinator.coordinator.committed(group_id)
        for place in self._places:
            found = self._broker_of(place)
            partition = None if found is None else found.replicas.partition(place)
            if partition is None:
                return f"{place} has no leader"
            end, value = partition.log.high_watermark, committed.get(place)
            if end and (value is None or value.offset != end):
                return f"{place} ends at {end}, committed is {value}"
        return None

    def _coordinator(self, group_id: str) -> GroupPartition | None:
        image = self._simulation.invariants.ghost.image
        if image is None or OFFSETS_TOPIC not in image.topics:
            return None
        for broker in self._simulation.invariants.ghost.brokers.values():
            index = broker.groups.partition_for(group_id)
            leader = self._broker_of(TopicPartition(OFFSETS_TOPIC, index))
            if leader is broker:
                try:
                    return broker.groups.of(group_id)
                except MinikafkaError:
                    return None
        return None

    def _broker_of(self, place: TopicPartition) -> Broker | None:
        ghost = self._simulation.invariants.ghost
        state = None if ghost.image is None else ghost.image.partition(place)
        return None if state is None else ghost.brokers.get(state.leader)

    def skipped(self) -> str | None:
        """Return what was acknowledged with acks=all and a group that commits by hand never read."""
        ghost = self._simulation.invariants.ghost
        image = ghost.image
        assert image is not None
        for plan in self._plans:
            if not plan.by_hand:
                continue
            processed = self.processed[plan.name]
            for topic in self.topics:
                topic_id = image.topics[topic].topic_id
                for record in self._simulation.acked(topic):
                    partition = ghost.find(topic_id, record.partition)
                    if partition is None or partition.may_have_lost:
                        continue
                    if (topic, record.partition, record.value) not in processed:
                        return f"group {plan.name} has never read {topic}: {record}"
        return None


class _Member:
    """One member, over all its lives."""

    def __init__(self, groups: Groups, plan: GroupPlan, name: str) -> None:
        self._groups = groups
        self._plan = plan
        self._name = name
        self._lives = 0
        self._commits = 0

    async def live(self) -> None:
        """Read and commit, for ever; an error nobody has foreseen ends the run."""
        try:
            await self._live()
        except Exception as error:  # noqa: BLE001 - the run ends with it
            # Nobody awaits what runs on a machine: a group would lack a member, and not say why.
            ended = SimError(f"{self._name} has ended: {error!r}")
            ended.__cause__ = error
            self._groups.simulation.loop.fail(ended)

    async def _live(self) -> None:
        """Read and commit, for ever; begin anew after an error, or after having left."""
        from aiokafka.errors import KafkaError

        self._lives += 1
        seed = self._groups.simulation.seed
        draws = Random(f"{seed}:{self._name}:{self._lives}")  # noqa: S311 - reproducible
        while True:
            consumer = self._consumer(draws)
            try:
                await consumer.start()
                await self._work(consumer, draws)
            except (KafkaError, OSError, KeyError):
                # aiokafka 0.14: a request that times out on a connection that is gone is a KeyError.
                await asyncio.sleep(RETRY_S)
            await self._leave(consumer)
            await asyncio.sleep(draws.uniform(0.0, 4.0))

    async def _leave(self, consumer: Any) -> None:
        """Close a consumer; end the process where that does not come to an end.

        aiokafka 0.14 commits for ever where it has lost its coordinator when it is closed: it
        asks for no other one then, and tries again because there is none. And it raises its
        fetcher's CancelledError where that waits to try again, and the error its fetcher or its
        coordination ended with; what comes after those in its order is not closed then.
        """
        from aiokafka.errors import KafkaError

        try:
            async with asyncio.timeout(STOP_S):
                await consumer.stop()
        except (TimeoutError, asyncio.CancelledError, KafkaError, KeyError):
            self._groups.simulation.note(f"{self._name} does not close")
            loop, host = self._groups.simulation.loop, self._groups.simulation.host(self._name)
            loop.at_ns(loop.now_ns, lambda: _end(host))
            await asyncio.sleep(STOP_S)

    def _consumer(self, draws: Random) -> Any:
        from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener

        groups, plan, name = self._groups, self._plan, self._name

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
            async def on_partitions_revoked(self, revoked: Any) -> None:
                """Give them up."""

            async def on_partitions_assigned(self, assigned: Any) -> None:
                generation = consumer._coordinator.generation
                groups.owns(plan.name, generation, name, assigned)

        consumer = AIOKafkaConsumer(
            bootstrap_servers=groups.simulation.bootstrap,
            client_id=name,
            group_id=plan.name,
            group_instance_id=name if plan.static else None,
            partition_assignment_strategy=(_assignor(plan.assignor),),
            enable_auto_commit=not plan.by_hand,
            auto_commit_interval_ms=2_000,
            auto_offset_reset="earliest",
            session_timeout_ms=6_000,
            rebalance_timeout_ms=plan.rebalance_ms,
            heartbeat_interval_ms=draws.choice((1_000, 2_000)),
            fetch_max_wait_ms=3_000,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=METADATA_AGE_MS,
        )
        consumer.subscribe(groups.topics, listener=Listener())
        return consumer

    async def _work(self, consumer: Any, draws: Random) -> None:
        """Process records until it is time to leave."""
        idle = 0
        while self._groups.ending or draws.random() >= LEAVES:
            found = await consumer.getmany(timeout_ms=1_500, max_records=50)
            for partition, records in found.items():
                self._groups.read(self._plan.name, partition, records)
            if consumer._fetcher.error_future.done():
                # aiokafka 0.14 does not tell: a KeyError as in `_live` ends its fetcher.
                self._groups.simulation.note(f"{self._name} does not fetch any more")
                return
            idle = 0 if found else idle + 1
            if self._plan.by_hand and (found or idle % IDLE_POLLS == 0):
                await self._commit(consumer, found)

    async def _commit(self, consumer: Any, found: Mapping[Any, list[Any]]) -> None:
        """Commit behind what was read; where nothing was, where it stands."""
        from aiokafka.errors import CommitFailedError, IllegalStateError
        from aiokafka.structs import OffsetAndMetadata

        self._commits += 1
        said = f"{self._name}:{self._lives}:{self._commits}"
        offsets = {
            partition: OffsetAndMetadata(records[-1].offset + 1, said)
            for partition, records in found.items()
        }
        try:
            await consumer.commit(offsets or None)
        except (CommitFailedError, IllegalStateError):
            return  # the group has gone on without us; what was read will be read again


def _end(host: Host) -> None:
    """End a member's process, and start the next."""
    if host.up and host.program is not None:
        host.crash()
        host.restart()


def _assignor(name: str) -> Any:
    """Return an assignor of one process alone: the sticky one keeps what it knows in its class."""
    from aiokafka.coordinator.assignors.range import RangePartitionAssignor
    from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
    from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

    known = {
        "range": RangePartitionAssignor,
        "roundrobin": RoundRobinPartitionAssignor,
        "sticky": StickyPartitionAssignor,
    }
    return type(name, (known[name],), {})
