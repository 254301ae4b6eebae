"""A member of a share group (KIP-932), as no Python client that runs in virtual time is one.

It speaks raw requests over the simulated network: heartbeats to the coordinator of its group, and
a share session with each leader of what it is assigned. Of what it is given it accepts most,
gives some back, rejects some, and lets some locks run out; towards the end it accepts everything.
Counterpart: ShareConsumeRequestManager, ShareMembershipManager of the Java client.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, TopicPartition, short_id
from minikafka.broker.share_sessions import FINAL_EPOCH, INITIAL_EPOCH
from minikafka.cluster.connection import ConnectionLost
from minikafka.cluster.remote import RemoteCluster, check, parse_bootstrap_servers
from minikafka.groups.consumer_members import JOIN_EPOCH, LEAVE_EPOCH
from minikafka.metadata.image import GROUP_RESOURCE
from minikafka.shares.records import ShareKey
from minikafka.trials.consumer_member import Workplace
from minikafka.trials.coordinator_link import TIMEOUT_S, Backoff, CoordinatorLink
from minikafka.trials.heartbeats import Heartbeats, over
from minikafka.trials.topic_leaders import TopicLeaders
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.trials.profiles import GroupPlan

__all__ = ["ShareMember"]

_WAIT_MS = 400
_RECORDS = 50
_LEAVES = 0.01
_DAWDLES = 0.05
"""How often a member takes its time with what it was given, longer than it holds it or not."""
_DAWDLE_S = 4.0
_ACCEPT, _RELEASE, _REJECT, _NOTHING = 1, 2, 3, None
_IDLE_S = 0.2


@dataclass
class _Session:
    """What a member reads from one leader.

    Attributes:
        places: what the session is about, as the leader knows it.
        said: what is to be said of records, by place.
    """

    leader: int
    places: tuple[TopicPartition, ...]
    epoch: int = INITIAL_EPOCH
    said: dict[TopicPartition, list[tuple[int, int]]] = field(default_factory=dict)


class ShareMember:
    """One life of a member, from joining to leaving.

    Args:
        name: of its host.
    """

    def __init__(self, groups: Workplace, plan: GroupPlan, name: str, draws: Random) -> None:
        self._groups = groups
        self._plan = plan
        self._name = name
        self._draws = draws
        bootstrap = groups.simulation.bootstrap
        self._link = CoordinatorLink(bootstrap, plan.name, name, draws)
        self._cluster = RemoteCluster(parse_bootstrap_servers(bootstrap), TIMEOUT_S)
        self._leaders = TopicLeaders(self._cluster, groups.topics)
        self._member_id = short_id(uuid.UUID(int=draws.getrandbits(128)))
        self._heartbeats = Heartbeats(
            self._link,
            ApiKey.SHARE_GROUP_HEARTBEAT,
            draws,
            shape=self._shape,
            hear=self._hear,
            gone=self._begin_anew,
        )
        self._epoch = JOIN_EPOCH
        self._assigned: tuple[TopicPartition, ...] = ()
        self._sessions: dict[int, _Session] = {}
        self._turn = 0

    async def live(self) -> None:
        """Read and acknowledge until it is time to leave.

        Cancellation: leaves nothing behind but the membership.
        """
        self._groups.simulation.invariants.ghost.shares.outspoken[self._plan.name] = None
        await self._leaders.learn(self._draws)
        await self._prepare()
        beating = asyncio.get_running_loop().create_task(self._heartbeats.run())
        try:
            await self._work(beating)
        finally:
            beating.cancel()
        await over(beating)
        await self._leave()
        await self._cluster.close()
        await self._link.forget()

    async def _prepare(self) -> None:
        """Let the group begin with the first record of each partition, before anybody reads."""
        backoff = Backoff(self._draws)
        while not self._is_prepared():
            try:
                await self._leaders.refresh()
                # Brokers that have all begun anew know of none of them.
                ids = sorted(self._cluster.brokers) or [NO_LEADER]
                chosen = ids[self._draws.randrange(len(ids))]
                connection = await self._cluster.connection(chosen)
                config = {
                    "name": "share.auto.offset.reset",
                    "config_operation": 0,
                    "value": "earliest",
                }
                resource = {
                    "resource_type": GROUP_RESOURCE,
                    "resource_name": self._plan.name,
                    "configs": [config],
                }
                shape = {"resources": [resource], "validate_only": False}
                answer = await connection.ask(ApiKey.INCREMENTAL_ALTER_CONFIGS, shape)
                check(answer.responses[0].error_code)
            except (ConnectionLost, KafkaError):
                await self._cluster.close()
            await backoff.wait()

    def _is_prepared(self) -> bool:
        """Look whether every broker knows it: any of them may be the first that is asked."""
        label = (GROUP_RESOURCE, self._plan.name)
        brokers = self._groups.simulation.invariants.ghost.brokers.values()
        return all(label in broker.image.configs for broker in brokers)

    # --- heartbeats ------------------------------------------------------------------------

    def _shape(self, tells_all: bool) -> dict[str, object]:
        return {
            "group_id": self._plan.name,
            "member_id": self._member_id,
            "member_epoch": self._epoch,
            "subscribed_topic_names": list(self._groups.topics) if tells_all else None,
        }

    def _hear(self, answer: Any) -> None:
        self._epoch = answer.member_epoch
        if answer.assignment is not None:
            self._assigned = tuple(
                TopicPartition(self._leaders.name(topic.topic_id), number)
                for topic in answer.assignment.topic_partitions
                for number in topic.partitions
            )

    def _begin_anew(self) -> None:
        self._epoch = JOIN_EPOCH
        self._assigned = ()

    async def _leave(self) -> None:
        """End the sessions, then the membership."""
        try:
            for session in tuple(self._sessions.values()):
                await self._end(session)
            shape = {**self._shape(False), "member_epoch": LEAVE_EPOCH}
            await self._link.ask(ApiKey.SHARE_GROUP_HEARTBEAT, shape)
        except (ConnectionLost, KafkaError):
            return

    # --- reading ---------------------------------------------------------------------------

    async def _work(self, beating: asyncio.Task[None]) -> None:
        """Read until it is time to leave."""
        backoff = Backoff(self._draws)
        while not beating.done():
            if not self._groups.ending and self._draws.random() < _LEAVES:
                return
            try:
                if not self._leaders.known:
                    await self._leaders.refresh()
                await self._read()
            except (ConnectionLost, KafkaError):
                self._leaders.forget()
                await backoff.wait()
            else:
                backoff.over()

    async def _read(self) -> None:
        """Read from the next leader in turn; end sessions that are about something else now."""
        wanted: dict[int, tuple[TopicPartition, ...]] = {}
        for place in self._assigned:
            leader = self._leaders.leader(place)
            wanted[leader] = (*wanted.get(leader, ()), place)
        for session in tuple(self._sessions.values()):
            if not set(session.places) <= set(wanted.get(session.leader, ())):
                await self._end(session)
        if not wanted:
            await asyncio.sleep(_IDLE_S)
            return
        self._turn += 1
        leader = sorted(wanted)[self._turn % len(wanted)]
        session = self._sessions.setdefault(leader, _Session(leader, ()))
        given = await self._fetch(session, wanted[leader])
        if given:
            await self._process(given, session)
        if session.said and self._draws.random() < 0.5:
            await self._acknowledge(session)

    async def _fetch(
        self, session: _Session, places: tuple[TopicPartition, ...]
    ) -> list[tuple[TopicPartition, int]]:
        """Return place and offset of what was given."""
        first = session.epoch == INITIAL_EPOCH
        if first:
            session.said.clear()  # a session that has begun anew knows nothing of it
        new = tuple(place for place in places if first or place not in session.places)
        shape = {
            **self._asked(session, new),
            "max_wait": _WAIT_MS,
            "min_bytes": 1,
            "max_bytes": 1 << 20,
            "max_records": _RECORDS,
            "batch_size": _RECORDS,
            "forgotten_topics_data": [],
        }
        answer = await self._ask(session, ApiKey.SHARE_FETCH, shape)
        session.places = places
        given: list[tuple[TopicPartition, int]] = []
        for topic in answer.responses:
            name = self._leaders.name(topic.topic_id)
            for each in topic.partitions:
                if each.error_code != ErrorCode.NONE:
                    self._leaders.forget()
                place = TopicPartition(name, each.partition_index)
                for batch in each.acquired_records:
                    offsets = range(batch.first_offset, batch.last_offset + 1)
                    given += [(place, offset) for offset in offsets]
        return given

    async def _process(
        self, given: list[tuple[TopicPartition, int]], session: _Session
    ) -> None:
        """Take some time, and think of what to say."""
        self._groups.simulation.operations += 1
        if not self._groups.ending and self._draws.random() < _DAWDLES:
            await asyncio.sleep(self._draws.uniform(0, _DAWDLE_S))
        for place, offset in given:
            kind = self._verdict()
            if kind is not None:
                session.said.setdefault(place, []).append((offset, kind))

    def _verdict(self) -> int | None:
        if self._groups.ending:
            return _ACCEPT
        drawn = self._draws.random()
        if drawn < 0.8:
            return _ACCEPT
        if drawn < 0.9:
            return _RELEASE
        return _REJECT if drawn < 0.95 else _NOTHING

    async def _acknowledge(self, session: _Session) -> None:
        if session.epoch == INITIAL_EPOCH:
            return
        await self._ask(session, ApiKey.SHARE_ACKNOWLEDGE, self._asked(session, ()))

    async def _end(self, session: _Session) -> None:
        """End a session, saying what there is to be said, or leaving it."""
        if session.epoch == INITIAL_EPOCH:
            self._sessions.pop(session.leader, None)
            return
        if self._draws.random() < 0.5:
            session.said.clear()
        session.epoch = FINAL_EPOCH
        try:
            await self._ask(session, ApiKey.SHARE_ACKNOWLEDGE, self._asked(session, ()))
        finally:
            self._sessions.pop(session.leader, None)

    def _asked(
        self, session: _Session, new: tuple[TopicPartition, ...]
    ) -> Mapping[str, object]:
        """Return what both requests have, with all that is to be said, which is said by that."""
        said, session.said = session.said, {}
        topics: dict[uuid.UUID, list[Mapping[str, object]]] = {}
        for place in dict.fromkeys((*new, *said)):
            topic_id = self._leaders.topic_id(place.topic)
            found = sorted(said.get(place, ()))
            key = ShareKey(self._plan.name, topic_id, place.partition)
            world = self._groups.simulation.invariants.ghost.shares
            world.spoke(key, (offset for offset, _ in found))
            batches = [
                {"first_offset": offset, "last_offset": offset, "acknowledge_types": [kind]}
                for offset, kind in found
            ]
            partition = {
                "partition_index": place.partition,
                "acknowledgement_batches": batches,
            }
            topics.setdefault(topic_id, []).append(partition)
        return {
            "group_id": self._plan.name,
            "member_id": self._member_id,
            "share_session_epoch": session.epoch,
            "topics": [{"topic_id": each, "partitions": topics[each]} for each in topics],
        }

    async def _ask(self, session: _Session, key: ApiKey, shape: Mapping[str, object]) -> Any:
        """Return an answer that is no refusal; after any other one the session begins anew.

        Raises:
            ConnectionLost: there was none.
            KafkaError: it is a refusal of the whole.
        """
        epoch, session.epoch = session.epoch, INITIAL_EPOCH
        try:
            connection = await self._cluster.connection(session.leader)
            answer = await connection.ask(key, shape)
        except ConnectionLost:
            await self._cluster.forget(session.leader)
            raise
        check(answer.error_code)
        session.epoch = epoch + 1 if epoch >= 0 else epoch
        return answer
