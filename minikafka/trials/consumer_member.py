"""A member of a group of the consumer protocol (KIP-848), as no Python client is one yet.

It speaks raw requests over the simulated network and keeps the client's rules: heartbeats say
what has changed, and all after an error; what is to go is committed and given up before that is
said; who is fenced gives up everything and joins anew with epoch 0.
Counterpart: ConsumerMembershipManager, ConsumerHeartbeatRequestManager of the Java client.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition, short_id
from minikafka.cluster.connection import ConnectionLost
from minikafka.groups.consumer_members import JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH
from minikafka.trials.consumer_reading import ConsumerReading
from minikafka.trials.coordinator_link import LOOK_ELSEWHERE, Backoff, CoordinatorLink
from minikafka.trials.heartbeats import Heartbeats, over
from minikafka.trials.member_views import MemberViews
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.trials.profiles import GroupPlan
    from minikafka.trials.simulation import Simulation

__all__ = ["ConsumerMember", "Workplace"]

_LEAVES = 0.01
_DAWDLES = 0.1
"""How often a member takes its time before it gives something up."""
_COMMITS = 3
"""How often a member tries to commit before it gives up partitions."""
_IDLE_S = 0.2


class Workplace(Protocol):
    """What a trial lets members of its own read, and hears from them."""

    @property
    def simulation(self) -> Simulation:
        """The run."""
        ...

    @property
    def topics(self) -> list[str]:
        """What every member subscribes to."""
        ...

    @property
    def ending(self) -> bool:
        """True once members only finish what there is."""
        ...

    def read(self, group: str, partition: Any, records: list[Any]) -> None:
        """Note that a group has processed records."""
        ...


class ConsumerMember:
    """One life of a member, from joining to leaving.

    Args:
        name: of its host.
    """

    def __init__(
        self, groups: Workplace, plan: GroupPlan, views: MemberViews, name: str, draws: Random
    ) -> None:
        self._groups = groups
        self._plan = plan
        self._views = views
        self._name = name
        self._draws = draws
        bootstrap = groups.simulation.bootstrap
        self._link = CoordinatorLink(bootstrap, plan.name, name, draws)
        self._member_id = short_id(uuid.UUID(int=draws.getrandbits(128)))
        self._reading = ConsumerReading(bootstrap, groups.topics, draws)
        self._epoch = JOIN_EPOCH
        self._lives = 0
        self._target: tuple[TopicPartition, ...] | None = None
        self._owned: tuple[TopicPartition, ...] = ()
        self._tells_owned = False
        self._heartbeats = Heartbeats(
            self._link,
            ApiKey.CONSUMER_GROUP_HEARTBEAT,
            draws,
            shape=self._shape,
            hear=self._hear,
            gone=self._give_up_all,
        )

    async def live(self) -> None:
        """Read and commit until it is time to leave, or an instance id is another's.

        Cancellation: leaves nothing behind but the membership.
        """
        self._views.clear(self._name)
        await self._reading.leaders.learn(self._draws)
        beating = asyncio.get_running_loop().create_task(self._heartbeats.run())
        try:
            await self._work(beating)
        finally:
            beating.cancel()
            self._views.clear(self._name)
            await self._reading.close()
        if not await over(beating):
            await self._leave()
        await self._link.forget()

    # --- heartbeats ------------------------------------------------------------------------

    def _shape(self, tells_all: bool) -> dict[str, object]:
        """Return what is to be said now: all, or what has changed."""
        shape: dict[str, object] = {
            "group_id": self._plan.name,
            "member_id": self._member_id,
            "member_epoch": self._epoch,
            "instance_id": self._name if self._plan.static else None,
            "rebalance_timeout": -1,
            "topic_partitions": None,
        }
        if tells_all:
            shape["rebalance_timeout"] = self._plan.rebalance_ms
            shape["subscribed_topic_names"] = list(self._groups.topics)
            shape["server_assignor"] = self._plan.assignor
        if tells_all or self._tells_owned:
            shape["topic_partitions"] = self._said()
        self._tells_owned = False
        return shape

    def _said(self) -> list[Mapping[str, object]]:
        found: dict[uuid.UUID, list[int]] = {}
        for place in self._owned:
            found.setdefault(self._reading.leaders.topic_id(place.topic), []).append(
                place.partition
            )
        return [{"topic_id": each, "partitions": found[each]} for each in found]

    def _hear(self, answer: Any) -> None:
        self._epoch = answer.member_epoch
        if answer.assignment is not None:
            self._target = tuple(
                TopicPartition(self._reading.leaders.name(topic.topic_id), number)
                for topic in answer.assignment.topic_partitions
                for number in topic.partitions
            )

    def _give_up_all(self) -> None:
        self._groups.simulation.note(f"{self._name} gives up all and joins anew")
        self._lives += 1
        self._epoch = JOIN_EPOCH
        self._target = None
        self._owned = ()
        self._views.clear(self._name)
        self._reading.keep(())

    async def _leave(self) -> None:
        """Say good-bye; a static member says that it will be back."""
        epoch = LEAVE_STATIC_EPOCH if self._plan.static else LEAVE_EPOCH
        shape = {**self._shape(False), "member_epoch": epoch, "topic_partitions": None}
        try:
            await self._link.ask(ApiKey.CONSUMER_GROUP_HEARTBEAT, shape)
        except (ConnectionLost, KafkaError):
            return

    # --- reading ---------------------------------------------------------------------------

    async def _work(self, beating: asyncio.Task[None]) -> None:
        """Read until it is time to leave; go where the coordinator wants us in between."""
        backoff = Backoff(self._draws)
        while not beating.done():
            try:
                if not self._reading.leaders.known:
                    await self._reading.leaders.refresh()
                await self._reconcile()
                if not self._groups.ending and self._draws.random() < _LEAVES:
                    await self._commit(self._owned)
                    return
                await self._read()
            except (ConnectionLost, KafkaError):
                self._reading.leaders.forget()
                await backoff.wait()
            else:
                backoff.over()

    async def _read(self) -> None:
        lives = self._lives
        if not self._owned:
            await asyncio.sleep(_IDLE_S)
            return
        missing = self._reading.without_position(self._owned)
        if missing and not await self._fetch_offsets(missing):
            await asyncio.sleep(_IDLE_S)
            return
        for place, records in (await self._reading.fetch(self._views.reset)).items():
            if lives == self._lives and place in self._owned:
                self._groups.read(self._plan.name, place, records)
                self._reading.processed(place, records)
        if lives == self._lives and self._reading.has_to_commit:
            await self._commit(self._owned)

    async def _reconcile(self) -> None:
        """Take up what is to be had, after what has to go has been committed and given up."""
        target, lives = self._target, self._lives
        if target is None or sorted(target) == sorted(self._owned):
            return
        revoked = tuple(place for place in self._owned if place not in target)
        if revoked:
            self._reading.pause(revoked)
            for _ in range(_COMMITS):
                if lives != self._lives or await self._commit(revoked):
                    break
                await asyncio.sleep(_IDLE_S)
            if not self._groups.ending and self._draws.random() < _DAWDLES:
                await asyncio.sleep(self._draws.uniform(0, self._plan.rebalance_ms / 700))
            if lives != self._lives:
                return
        self._views.drop(self._name, revoked)
        added = tuple(place for place in target if place not in self._owned)
        self._owned = target
        self._reading.keep(target)
        self._views.take(self._name, self._member_id, added)
        self._tells_owned = True
        self._heartbeats.hurry()

    async def _fetch_offsets(self, places: tuple[TopicPartition, ...]) -> bool:
        """Begin where the group is; False where the coordinator does not say."""
        lives = self._lives
        group = {
            "group_id": self._plan.name,
            "member_id": self._member_id,
            "member_epoch": self._epoch,
            "topics": _by_topic(places, lambda place: place.partition, "partition_indexes"),
        }
        shape = {"groups": [group], "require_stable": True}
        answer = await self._link.ask(ApiKey.OFFSET_FETCH, shape)
        [told] = answer.groups
        if told.error_code != ErrorCode.NONE:
            if told.error_code in LOOK_ELSEWHERE:
                await self._link.forget()
            return False
        if lives != self._lives:
            return False
        for topic in told.topics:
            for each in topic.partitions:
                place = TopicPartition(topic.name, each.partition_index)
                if each.error_code == ErrorCode.NONE and place in self._owned:
                    self._views.fetched(place, each.committed_offset)
                    self._reading.begin(place, max(each.committed_offset, 0))
        return True

    async def _commit(self, places: tuple[TopicPartition, ...]) -> bool:
        """Commit behind what was processed; False where the coordinator does not take it all."""
        positions = self._reading.positions(places)
        if not positions:
            return True
        shape = {
            "group_id": self._plan.name,
            "generation_id_or_member_epoch": self._epoch,
            "member_id": self._member_id,
            "group_instance_id": self._name if self._plan.static else None,
            "topics": _by_topic(
                positions,
                lambda place: {
                    "partition_index": place.partition,
                    "committed_offset": positions[place],
                    "committed_metadata": self._member_id,
                },
                "partitions",
            ),
        }
        try:
            answer = await self._link.ask(ApiKey.OFFSET_COMMIT, shape)
        except (ConnectionLost, KafkaError):
            for place, offset in positions.items():
                self._views.unanswered(place, offset)
            return False
        taken = True
        for topic in answer.topics:
            for each in topic.partitions:
                place = TopicPartition(topic.name, each.partition_index)
                if each.error_code == ErrorCode.NONE:
                    self._views.acknowledged(place, positions[place])
                    continue
                taken = False
                self._views.unanswered(place, positions[place])
                if each.error_code in LOOK_ELSEWHERE:
                    await self._link.forget()
        self._reading.committed(taken)
        return taken


def _by_topic(places: Any, told: Any, name: str) -> list[dict[str, object]]:
    found: dict[str, list[object]] = {}
    for place in places:
        found.setdefault(place.topic, []).append(told(place))
    return [{"name": topic, name: found[topic]} for topic in found]
