"""A member of a share group that speaks raw requests, on any loop: in virtual time, too."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import short_id
from minikafka.cluster.connection import Connection, ConnectionLost
from minikafka.wire.versions import ApiKey

__all__ = ["ShareLedger", "share_member"]

_TIMEOUT_S = 8.0
ACCEPT, RELEASE = 1, 2


class ShareLedger:
    """What the members of a group were given, and what was acknowledged with success.

    Attributes:
        delivered: how often each offset was given to anybody.
        accepted: offsets whose acceptance was answered without an error.
        reading: how many members have a share session.
    """

    def __init__(self) -> None:
        self.delivered: dict[int, int] = {}
        self.accepted: dict[int, str] = {}
        self.reading = 0

    def give(self, member_id: str, offset: int, count: int, limit: int) -> None:
        """Hold a delivery against what was said before."""
        assert offset not in self.accepted, f"{offset} was acknowledged and came again"
        assert 1 <= count <= limit, f"{offset} was delivered {count} times"
        self.delivered[offset] = self.delivered.get(offset, 0) + 1


async def share_member(
    bootstrap: str,
    number: int,
    ledger: ShareLedger,
    releases: Callable[[], bool],
    limit: int,
    topic: str = "orders",
) -> None:
    """Read partition 0 for ever and acknowledge all of it; begin anew after any error."""
    life = 0
    while True:
        life += 1
        member = _Member(
            bootstrap, uuid.UUID(int=(number << 32) + life), ledger, releases, limit
        )
        try:
            await member.live(topic)
        except (ConnectionLost, KafkaError, OSError):
            await asyncio.sleep(0.5)
        finally:
            await member.close()


class _Member:
    """One life of a member: from joining to the first error."""

    def __init__(
        self,
        bootstrap: str,
        member_id: uuid.UUID,
        ledger: ShareLedger,
        releases: Callable[[], bool],
        limit: int,
    ) -> None:
        self.member_id = short_id(member_id)
        self._bootstrap = bootstrap
        self._ledger = ledger
        self._releases = releases
        self._limit = limit
        self._open: list[Connection] = []

    async def close(self) -> None:
        """Hang up."""
        for each in self._open:
            await each.close()

    async def _connect(self, host: str, port: int) -> Connection:
        connection = await Connection.open(host, port, "sharer", _TIMEOUT_S)
        self._open.append(connection)
        return connection

    async def _any(self) -> Connection:
        for address in self._bootstrap.split(","):
            host, port = address.rsplit(":", 1)
            try:
                return await self._connect(host, int(port))
            except ConnectionLost:
                continue
        raise ConnectionLost("nobody is there")

    async def live(self, topic: str) -> None:
        """Join, and read while nothing fails."""
        first = await self._any()
        found = await first.ask(
            ApiKey.FIND_COORDINATOR, {"key_type": 0, "coordinator_keys": ["g"]}
        )
        [coordinator] = found.coordinators
        _check(coordinator.error_code)
        group = await self._connect(coordinator.host, coordinator.port)
        epoch = await self._beat(group, 0, topic)
        shape = {
            "topics": [{"topic_id": None, "name": topic}],
            "allow_auto_topic_creation": False,
            "include_topic_authorized_operations": False,
        }
        metadata = await first.ask(ApiKey.METADATA, shape)
        [told] = metadata.topics
        leader = next(
            each for each in metadata.brokers if each.node_id == told.partitions[0].leader_id
        )
        reader = await self._connect(leader.host, leader.port)
        acks: list[tuple[int, int]] = []
        session = 0
        while True:
            epoch = await self._beat(group, epoch)
            answer = await reader.ask(
                ApiKey.SHARE_FETCH, self._fetch(session, told.topic_id, acks)
            )
            _check(answer.error_code)
            acks = self._taken(answer, acks)
            session += 1
            if session == 2:
                self._ledger.reading += 1

    async def _beat(self, group: Connection, epoch: int, topic: str | None = None) -> int:
        shape = {"group_id": "g", "member_id": self.member_id, "member_epoch": epoch}
        names = None if topic is None else [topic]
        answer = await group.ask(
            ApiKey.SHARE_GROUP_HEARTBEAT, {**shape, "subscribed_topic_names": names}
        )
        _check(answer.error_code)
        return int(answer.member_epoch)

    def _fetch(
        self, session: int, topic_id: uuid.UUID, acks: list[tuple[int, int]]
    ) -> dict[str, Any]:
        batches = [
            {"first_offset": offset, "last_offset": offset, "acknowledge_types": [kind]}
            for offset, kind in acks
        ]
        partition = {"partition_index": 0, "acknowledgement_batches": batches}
        return {
            "group_id": "g",
            "member_id": self.member_id,
            "share_session_epoch": session,
            "max_wait": 300,
            "min_bytes": 1,
            "max_bytes": 1_000_000,
            "max_records": 3,
            "batch_size": 3,
            "topics": [{"topic_id": topic_id, "partitions": [partition]}],
            "forgotten_topics_data": [],
        }

    def _taken(self, answer: Any, acks: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Note what was acknowledged, and return what to say of what came."""
        ledger = self._ledger
        said: list[tuple[int, int]] = []
        for topic in answer.responses:
            for partition in topic.partitions:
                if partition.acknowledge_error_code == 0:
                    accepted = [offset for offset, kind in acks if kind == ACCEPT]
                    ledger.accepted |= dict.fromkeys(accepted, self.member_id)
                _check(partition.error_code)
                for batch in partition.acquired_records:
                    for offset in range(batch.first_offset, batch.last_offset + 1):
                        ledger.give(self.member_id, offset, batch.delivery_count, self._limit)
                        again = batch.delivery_count < self._limit and self._releases()
                        said.append((offset, RELEASE if again else ACCEPT))
        return said


def _check(code: Any) -> None:
    error = ErrorCode(int(code))
    if error is not ErrorCode.NONE:
        raise KafkaError(error)
