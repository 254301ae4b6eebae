"""RemoteProducer: records into one topic of any Kafka cluster.

One batch per partition and call, retried while the refusal is a passing one; without a
producer id, so a retry can write twice, as in Kafka with enable.idempotence=false.
Counterpart: the Java KafkaProducer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.connection import ConnectionLost
from minikafka.cluster.partitioner import partition_for_key
from minikafka.cluster.remote import RemoteCluster, RemoteTopic, check
from minikafka.records.builder import build_batch
from minikafka.records.compressors import Codec
from minikafka.records.records import Record
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from minikafka.wire.versions import ApiKey

__all__ = ["Outgoing", "RemoteProducer"]

# Later versions name topics by id (KIP-516); zstd needs 7, headers 3.
_VERSION_MAX = 12
_RETRIES = 30
_BACKOFF_S = 0.1
_TIMEOUT_MS = 30_000


class Outgoing(NamedTuple):
    """A record to send; None as value is a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class RemoteProducer:
    """Producer for one topic.

    Args:
        partition: where everything goes; None chooses by key, and in turn for the rest.
        acks: -1, 0 or 1.
    """

    def __init__(
        self,
        cluster: RemoteCluster,
        topic: str,
        *,
        partition: int | None = None,
        acks: int = -1,
        codec: Codec = Codec.NONE,
    ) -> None:
        self._cluster = cluster
        self._topic = topic
        self._partition = partition
        self._acks = acks
        self._codec = codec
        self._next_keyless = 0
        self._known: RemoteTopic | None = None

    async def send(self, records: Sequence[Outgoing], timestamp_ms: int) -> None:
        """All records are written, in their order within each partition.

        Raises:
            KafkaError: the last refusal, e.g. MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS.
            ConnectionLost: the leader cannot be reached.
        """
        topic = await self._find_topic()
        chosen: dict[int, list[Record]] = {}
        keyless = self._keyless_partition(topic)
        for each in records:
            number = keyless
            if self._partition is None and each.key is not None:
                number = partition_for_key(each.key, len(topic.partitions))
            batch = chosen.setdefault(number, [])
            batch.append(Record(len(batch), timestamp_ms, each.key, each.value, each.headers))
        sends = [self._send_batch(number, batch) for number, batch in sorted(chosen.items())]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    def _keyless_partition(self, topic: RemoteTopic) -> int:
        if self._partition is not None:
            if self._partition >= len(topic.partitions):
                raise KafkaError(
                    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                    f"topic {self._topic!r} has {len(topic.partitions)} partitions",
                )
            return self._partition
        self._next_keyless += 1
        return (self._next_keyless - 1) % len(topic.partitions)

    async def _find_topic(self) -> RemoteTopic:
        """Return the topic, waiting for one that is being created."""
        for attempt in range(_RETRIES + 1):
            if self._known is not None:
                break
            try:
                self._known = await self._cluster.topic(self._topic, create=True)
            except KafkaError as error:
                if not error.retriable or attempt == _RETRIES:
                    raise
                await asyncio.sleep(_BACKOFF_S)
        assert self._known is not None
        return self._known

    async def _send_batch(self, number: int, records: list[Record]) -> None:
        for attempt in range(_RETRIES + 1):
            topic = await self._find_topic()
            leader = topic.partitions[number].leader
            try:
                await self._send_once(leader, number, records)
            except (KafkaError, ConnectionLost) as error:
                passing = isinstance(error, ConnectionLost) or error.retriable
                if not passing or attempt == _RETRIES:
                    raise
                if isinstance(error, ConnectionLost):
                    await self._cluster.forget(leader)
                self._known = None
                await asyncio.sleep(_BACKOFF_S)
            else:
                return

    async def _send_once(self, leader: int, number: int, records: list[Record]) -> None:
        connection = await self._cluster.connection(leader)
        version = connection.version(ApiKey.PRODUCE, _VERSION_MAX)
        batch = build_batch(records, codec=self._codec)
        part = ProducePartition(number, batch.view)
        topic = ProduceTopic(self._topic, None, [part])
        request = ProduceRequest(None, self._acks, _TIMEOUT_MS, [topic])
        if self._acks == 0:
            await connection.send_only(ApiKey.PRODUCE, version, request)
            return
        answer = await connection.request(ApiKey.PRODUCE, version, request)
        result = answer.topics[0].partitions[0]
        check(result.error_code, result.error_message)
