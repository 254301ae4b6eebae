"""RemoteConsumer: the records of one topic of any Kafka cluster, without a group.

One long poll per leader, all at once; leaders that move are followed. In read_committed the
records of aborted transactions are dropped here, as Kafka's clients do (KIP-98). Counterpart:
the Java KafkaConsumer with assign().
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.connection import ConnectionLost
from minikafka.cluster.consumer_records import (
    ISOLATION_LEVELS,
    Isolation,
    committed,
    consumer_records,
    whole_batches,
)
from minikafka.cluster.partition_state import Record
from minikafka.cluster.remote import RemoteCluster, check
from minikafka.wire.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from minikafka.wire.versions import ApiKey

__all__ = ["RemoteConsumer"]

_VERSION_MAX = 12
_MAX_WAIT_MS = 500
_FETCH_BYTES_MAX = 50 << 20
_PARTITION_BYTES_MAX = 1 << 20
_QUEUED_FETCHES_MAX = 16
_RETRIES = 30
_BACKOFF_S = 0.1
_EARLIEST, _LATEST = -2, -1


class _Fetched(NamedTuple):
    """What one fetch brought of one partition, and the position after it."""

    partition: int
    position: int
    records: list[Record]


class RemoteConsumer:
    """Consumer of some or all partitions of one topic.

    Args:
        partitions: None is all of them.

    Attributes:
        positions: next offset after what `fetches` has yielded, by partition.
    """

    def __init__(
        self,
        cluster: RemoteCluster,
        topic: str,
        *,
        partitions: Sequence[int] | None = None,
        isolation: Isolation = "read_uncommitted",
    ) -> None:
        self.positions: dict[int, int] = {}
        self._cluster = cluster
        self._topic = topic
        self._wanted = partitions
        self._isolation = isolation
        self._ends: dict[int, int] = {}
        # Ahead of `positions` by what waits in the queue.
        self._fetched: dict[int, int] = {}

    async def start(self, *, from_beginning: bool) -> None:
        """Positions are known: the earliest offsets, or the latest.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION.
        """
        leaders = await self._leaders()
        for leader, numbers in leaders.items():
            self._ends |= await self._offsets(leader, numbers, _LATEST)
            if from_beginning:
                self.positions |= await self._offsets(leader, numbers, _EARLIEST)
        if not from_beginning:
            self.positions = dict(self._ends)
        self._fetched = dict(self.positions)

    @property
    def at_end(self) -> bool:
        """True once everything that was there at `start` has been read."""
        return all(self.positions[number] >= end for number, end in self._ends.items())

    async def fetches(self) -> AsyncGenerator[list[Record], None]:
        """Yield what each fetch brings, for ever; an empty list where there was nothing.

        Raises:
            KafkaError: a refusal that does not pass.
            ConnectionLost: the brokers are gone for good.
        """
        queue: asyncio.Queue[_Fetched | Exception] = asyncio.Queue(_QUEUED_FETCHES_MAX)
        failures = 0
        while True:
            followers = [
                asyncio.create_task(self._follow(leader, numbers, queue))
                for leader, numbers in (await self._leaders()).items()
            ]
            try:
                while not isinstance(item := await queue.get(), Exception):
                    failures = 0
                    self.positions[item.partition] = item.position
                    yield item.records
            finally:
                for task in followers:
                    task.cancel()
                await asyncio.gather(*followers, return_exceptions=True)
            failures += 1
            lasting = isinstance(item, KafkaError) and not item.retriable
            if lasting or failures > _RETRIES:
                raise item
            await asyncio.sleep(_BACKOFF_S)

    async def _leaders(self) -> dict[int, list[int]]:
        """Return which partitions each leader has, waiting while one has none."""
        for attempt in range(_RETRIES + 1):
            try:
                topic = await self._cluster.topic(self._topic)
                numbers = {each.number: each.leader for each in topic.partitions}
                wanted = sorted(numbers) if self._wanted is None else self._wanted
                leaders: dict[int, list[int]] = {}
                for number in wanted:
                    if number not in numbers:
                        raise KafkaError(
                            ErrorCode.INVALID_PARTITIONS,
                            f"topic {self._topic!r} has {len(numbers)} partitions",
                        )
                    leaders.setdefault(numbers[number], []).append(number)
                for leader in leaders:
                    await self._cluster.connection(leader)
            except (KafkaError, ConnectionLost) as error:
                unknown = (
                    isinstance(error, KafkaError)
                    and error.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                )
                lasting = isinstance(error, KafkaError) and not error.retriable
                if unknown or lasting or attempt == _RETRIES:
                    raise
                await asyncio.sleep(_BACKOFF_S)
            else:
                return leaders
        raise AssertionError("the last attempt returns or raises")

    async def _offsets(self, leader: int, numbers: list[int], time: int) -> dict[int, int]:
        isolation = ISOLATION_LEVELS[self._isolation]
        return await self._cluster.list_offsets(self._topic, leader, numbers, time, isolation)

    async def _follow(
        self, leader: int, numbers: list[int], queue: asyncio.Queue[_Fetched | Exception]
    ) -> None:
        """Fetch from one leader until something goes wrong, and hand that over too."""
        try:
            while True:
                for part in await self._fetch(leader, numbers):
                    found, position = await self._read(leader, part)
                    await queue.put(_Fetched(part.index, position, found))
                    # After the put: a cancelled put must be fetched again.
                    self._fetched[part.index] = position
        except ConnectionLost as error:
            await self._cluster.forget(leader)
            await queue.put(error)
        except KafkaError as error:
            await queue.put(error)

    async def _fetch(self, leader: int, numbers: list[int]) -> list[FetchPartitionResponse]:
        connection = await self._cluster.connection(leader)
        wanted = [
            FetchPartition(
                number, fetch_offset=self._fetched[number], max_bytes=_PARTITION_BYTES_MAX
            )
            for number in numbers
        ]
        request = FetchRequest(
            max_wait_ms=_MAX_WAIT_MS,
            min_bytes=1,
            max_bytes=_FETCH_BYTES_MAX,
            isolation_level=ISOLATION_LEVELS[self._isolation],
            topics=[FetchTopic(self._topic, None, wanted)],
        )
        version = connection.version(ApiKey.FETCH, _VERSION_MAX)
        answer: FetchResponse = await connection.request(ApiKey.FETCH, version, request)
        check(answer.error_code)
        return answer.topics[0].partitions if answer.topics else []

    async def _read(
        self, leader: int, part: FetchPartitionResponse
    ) -> tuple[list[Record], int]:
        """Return the records of one partition's answer, and the position after them."""
        position = self._fetched[part.index]
        if part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
            earliest = await self._offsets(leader, [part.index], _EARLIEST)
            return [], earliest[part.index]
        check(part.error_code)
        batches = whole_batches(part.records)
        if not batches:
            return [], position
        shown = batches
        if self._isolation == "read_committed":
            shown = committed(batches, part.aborted_transactions or ())
        place = TopicPartition(self._topic, part.index)
        found = [
            record for batch in shown for record in consumer_records(place, batch, position)
        ]
        return found, batches[-1].next_offset
