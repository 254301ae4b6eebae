"""The raw produce and fetch API: one call is one request, with no retry and no cache.

Requests go as objects to the dispatcher of the broker that leads the partition, through the
same handlers as a socket's. What a broker refuses is raised as `KafkaError`. Kafka
counterpart: none public; nearest is org.apache.kafka.clients.NetworkClient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from minikafka.apis.registry import CloseConnection
from minikafka.base.clock import Clock
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.consumer_records import (
    ISOLATION_LEVELS,
    Isolation,
    committed,
    consumer_records,
)
from minikafka.cluster.observe import ClusterView
from minikafka.cluster.partition_state import Record
from minikafka.net.channel import ChannelClosed
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.records import Record as BatchRecord
from minikafka.wire.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from minikafka.wire.produce import (
    ProducePartition,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
)
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = [
    "Client",
    "FetchResult",
    "ListOffsetsResult",
    "ProduceResult",
    "ProducerIdResult",
    "RecordLike",
    "call",
]

RecordLike: TypeAlias = bytes | tuple[bytes | None, bytes | None] | Record
"""What `produce` takes: a value, a (key, value) pair, or a `Record` with all it has."""

CLIENT_ID = "minikafka-client"

# Versions that name topics by name; later ones take topic ids (KIP-516, KIP-951).
_PRODUCE_VERSION = 11
_FETCH_VERSION = 12
_LIST_OFFSETS_VERSION = 7
_INIT_PRODUCER_ID_VERSION = 4


@dataclass(frozen=True, slots=True)
class ProduceResult:
    """Where a batch went.

    Args:
        base_offset: offset of its first record; -1 with acks=0, which is never answered.
        log_append_time_ms: -1 unless the topic stamps records itself.
    """

    base_offset: int
    log_append_time_ms: int
    log_start_offset: int


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What one fetch brought: records from the offset asked for, and the leader's offsets.

    Args:
        next_offset: where to go on: behind the last batch, whose end may hold no records for
            consumers (markers, what compaction has taken).
    """

    records: list[Record]
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class ListOffsetsResult:
    """An offset found by time; -1 for each where there is no such record."""

    offset: int
    timestamp_ms: int
    leader_epoch: int


@dataclass(frozen=True, slots=True)
class ProducerIdResult:
    """The identity of an idempotent producer (KIP-98)."""

    producer_id: int
    producer_epoch: int


async def call(
    view: ClusterView, broker_id: int, key: ApiKey, version: int, request: Any
) -> Any:
    """Return a broker's answer to one request, both as objects.

    Cancellation: the request may still take effect, as on a connection that breaks.

    Raises:
        KafkaError: BROKER_NOT_AVAILABLE where that broker is not running; NETWORK_EXCEPTION
            where a client would find its connection closed.
    """
    node = view.nodes.get(broker_id)
    if node is None:
        raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, f"broker {broker_id} is not running")
    try:
        return await node.call(key, version, request, CLIENT_ID)
    except (CloseConnection, ChannelClosed) as error:
        raise KafkaError(
            ErrorCode.NETWORK_EXCEPTION, "the broker closed the connection"
        ) from error


def _check(code: int, message: str | None = None) -> None:
    if code != ErrorCode.NONE:
        raise KafkaError(code, message)


class Client:
    """Raw client of the brokers in this process.

    Args:
        view: whom to ask, and which broker leads what.
        clock: stamps records that come without a time.
    """

    def __init__(self, view: ClusterView, clock: Clock) -> None:
        self._view = view
        self._clock = clock

    async def produce(
        self,
        topic: str,
        partition: int,
        records: Iterable[RecordLike],
        *,
        acks: int = -1,
        producer_id: int = -1,
        producer_epoch: int = -1,
        base_sequence: int = -1,
        timeout_ms: int = 30_000,
    ) -> ProduceResult:
        """Append the records to the partition as one batch.

        Args:
            records: at least one. Offset, topic and partition of a `Record` are ignored; its
                timestamp counts unless it is -1.
            acks: -1 waits for the in-sync replicas, 1 for the leader, 0 for nobody.

        Raises:
            KafkaError: whatever the leader answers, e.g. NOT_ENOUGH_REPLICAS,
                MESSAGE_TOO_LARGE. REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND are
                indefinite: the records may still become readable.
        """
        batch = build_batch(
            self._batch_records(records),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=base_sequence,
        )
        part = ProducePartition(partition, batch.view)
        request = ProduceRequest(None, acks, timeout_ms, [ProduceTopic(topic, None, [part])])
        leader = self._leader(topic, partition)
        answer: ProduceResponse | None = await call(
            self._view, leader, ApiKey.PRODUCE, _PRODUCE_VERSION, request
        )
        if answer is None or acks == 0:
            return ProduceResult(-1, -1, -1)
        result = answer.topics[0].partitions[0]
        _check(result.error_code, result.error_message)
        return ProduceResult(
            result.base_offset, result.log_append_time_ms, result.log_start_offset
        )

    async def fetch(
        self,
        topic: str,
        partition: int,
        offset: int,
        *,
        isolation: Isolation = "read_uncommitted",
        max_wait_ms: int = 500,
        min_bytes: int = 1,
        max_bytes: int = 1 << 20,
    ) -> FetchResult:
        """Return committed records from `offset` on, in order; possibly none.

        Waits up to `max_wait_ms` for `min_bytes`. Whole batches: the first may alone exceed
        `max_bytes`.

        Raises:
            KafkaError: OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER, ...
        """
        request = FetchRequest(
            max_wait_ms=max_wait_ms,
            min_bytes=min_bytes,
            max_bytes=max_bytes,
            isolation_level=ISOLATION_LEVELS[isolation],
            topics=[
                FetchTopic(
                    topic,
                    None,
                    [FetchPartition(index=partition, fetch_offset=offset, max_bytes=max_bytes)],
                )
            ],
        )
        leader = self._leader(topic, partition)
        answer: FetchResponse = await call(
            self._view, leader, ApiKey.FETCH, _FETCH_VERSION, request
        )
        _check(answer.error_code)
        result = answer.topics[0].partitions[0]
        _check(result.error_code)
        place = TopicPartition(topic, partition)
        found: list[Record] = []
        next_offset = offset
        batches = []
        for batch in result.batches:
            assert isinstance(batch, Batch), "in process, batches come as they lie in the log"
            batches.append(batch)
            next_offset = max(next_offset, batch.last_offset + 1)
        if isolation == "read_committed":
            batches = committed(batches, result.aborted_transactions or ())
        for batch in batches:
            found += consumer_records(place, batch, offset)
        return FetchResult(
            found,
            result.high_watermark,
            result.last_stable_offset,
            result.log_start_offset,
            next_offset,
        )

    async def call(self, broker_id: int, key: ApiKey, version: int, request: Any) -> Any:
        """Return what one broker answers to any request, both as objects; see `call`."""
        return await call(self._view, broker_id, key, version, request)

    async def list_offsets(
        self,
        topic: str,
        partition: int,
        timestamp: int = -1,
        *,
        isolation: Isolation = "read_uncommitted",
    ) -> ListOffsetsResult:
        """Return the first offset whose record is not older than `timestamp`.

        Args:
            timestamp: milliseconds since 1970, or -1 latest (the high watermark, exclusive),
                -2 earliest, -3 the record with the greatest timestamp (KIP-734).

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, ...
        """
        shape: Shape = {
            "replica_id": -1,
            "isolation_level": ISOLATION_LEVELS[isolation],
            "topics": [
                {
                    "name": topic,
                    "partitions": [
                        {
                            "partition_index": partition,
                            "current_leader_epoch": -1,
                            "timestamp": timestamp,
                        }
                    ],
                }
            ],
        }
        leader = self._leader(topic, partition)
        answer = await self._call(leader, ApiKey.LIST_OFFSETS, _LIST_OFFSETS_VERSION, shape)
        result = answer.topics[0].partitions[0]
        _check(result.error_code)
        return ListOffsetsResult(result.offset, int(result.timestamp), result.leader_epoch)

    async def init_producer_id(self) -> ProducerIdResult:
        """Return a producer id that nobody else has, at epoch 0.

        Raises:
            KafkaError: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS while the
                controller cannot hand out ids.
        """
        shape: Shape = {
            "transactional_id": None,
            "transaction_timeout": 0,
            "producer_id": -1,
            "producer_epoch": -1,
        }
        broker = next(iter(sorted(self._view.nodes)), -1)
        answer = await self._call(
            broker, ApiKey.INIT_PRODUCER_ID, _INIT_PRODUCER_ID_VERSION, shape
        )
        _check(answer.error_code)
        return ProducerIdResult(answer.producer_id, answer.producer_epoch)

    async def _call(self, broker_id: int, key: ApiKey, version: int, shape: Shape) -> Any:
        return await call(
            self._view, broker_id, key, version, build_request(key, version, shape)
        )

    def _leader(self, topic: str, partition: int) -> int:
        leader = self._view.leader(topic, partition)
        if leader is None:
            raise KafkaError(
                ErrorCode.LEADER_NOT_AVAILABLE, f"{topic}-{partition} has no leader"
            )
        return leader

    def _batch_records(self, records: Iterable[RecordLike]) -> list[BatchRecord]:
        now_timestamp_ms = self._clock.wall_ms()
        built = []
        for position, given in enumerate(records):
            if isinstance(given, Record):
                stamp = now_timestamp_ms if given.timestamp_ms < 0 else given.timestamp_ms
                key, value, headers = given.key, given.value, given.headers
            else:
                key, value = given if isinstance(given, tuple) else (None, given)
                stamp, headers = now_timestamp_ms, ()
            built.append(BatchRecord(position, stamp, key, value, headers))
        if not built:
            raise ValueError("a batch holds at least one record")
        return built
