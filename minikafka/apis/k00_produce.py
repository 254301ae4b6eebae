"""Produce (api key 0).

Behaviour
    Each partition succeeds or fails on its own; one bad batch never spoils its neighbours.
    acks=-1 waits for the in-sync replicas up to `timeout_ms`, then answers REQUEST_TIMED_OUT
    though the batch may still become readable: an indefinite failure.
    acks=0 gets no answer; a refused batch closes the connection, as Kafka does.
    A batch of an idempotent producer that is there already, one of its last five, is answered
    with its offset and its timestamp, and waits as the first time (KIP-98).
    A partition named twice is appended once, with what came last.
    The brokers' own topics, such as `__consumer_offsets`, are not for clients.

Versions
    0-2 listed for old clients, closed when used (KAFKA-18659)
    3   record batch v2, transactions (KIP-98)
    5   log start offset in the answer
    7   zstd (KIP-110)
    8   per-record errors (KIP-467)
    10  current leader in the answer after NOT_LEADER_OR_FOLLOWER (KIP-951)
    12  the partition is added to the transaction by itself (KIP-890)
    13  topic ids (KIP-516)

Not done
    Quotas.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.apis.leader_hints import current_leader, endpoints
from minikafka.apis.produce_transactions import (
    Refusals,
    check_transactional,
    transactions_asked,
    verified_transactions,
)
from minikafka.apis.registry import CloseConnection, api
from minikafka.base.config import LogConfig
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Delayed, settled
from minikafka.broker.transaction_verification import TransactionUnverified, Unverified
from minikafka.metadata.names import is_internal_topic
from minikafka.records.batch import TRANSACTIONAL_BIT, Batch
from minikafka.records.builder import recompress
from minikafka.records.compressors import Codec
from minikafka.records.validate import RecordsRefused, validate_produced
from minikafka.replication.leader import PartitionLeader
from minikafka.wire.produce import (
    ProducePartition,
    ProducePartitionResult,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
    ProduceTopicResult,
)
from minikafka.wire.versions import ApiKey

__all__ = ["produce"]

# As compression.type says it, where the codec's own name is another.
_CODEC_NAMES = {"uncompressed": "none"}
# The one client id that may write into the brokers' own topics (AdminUtils).
_ADMIN = "__admin_client"


class _Awaited:
    """One appended batch that the ISR does not have yet."""

    __slots__ = ("leader", "partition", "required_offset", "result")

    def __init__(
        self, partition: Partition, required_offset: int, result: ProducePartitionResult
    ) -> None:
        assert partition.leader is not None
        self.partition = partition
        self.leader: PartitionLeader = partition.leader
        self.required_offset = required_offset
        self.result = result

    def settled(self) -> bool:
        """Fill in the result if it is decided; say so."""
        leader = self.partition.leader
        if leader is not self.leader:
            if leader is None or leader.tenure is not self.leader.tenure:
                gone = self.partition.deleted and not self.partition.moved
                self.result.error_code = (
                    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                    if gone
                    else ErrorCode.NOT_LEADER_OR_FOLLOWER
                )
                return True
            # A new epoch of the same leadership, e.g. since a replica was removed.
            self.leader = leader
        if self.leader.log.high_watermark < self.required_offset:
            return False
        self.result.error_code = self.leader.acks_error()
        return True


class _DelayedProduce(Delayed):
    """An acks=-1 request whose batches are written, waiting for the ISR."""

    __slots__ = ("_awaited", "answer", "response")

    def __init__(self, awaited: list[_Awaited], response: ProduceResponse) -> None:
        super().__init__()
        self._awaited = awaited
        self.response = response
        self.answer: Deferred[ProduceResponse] = Deferred()

    def try_complete(self) -> bool:
        self._awaited = [awaited for awaited in self._awaited if not awaited.settled()]
        if self._awaited:
            return False
        self.answer.set(self.response)
        return True

    def expire(self) -> None:
        for awaited in self._awaited:
            awaited.result.error_code = ErrorCode.REQUEST_TIMED_OUT
        self.answer.set(self.response)


@api(ApiKey.PRODUCE)
def produce(
    request: ProduceRequest, context: RequestContext
) -> ProduceResponse | Deferred[ProduceResponse] | Deferred[ProduceResponse | None] | None:
    """Append each partition's batch; answer as `acks` asks."""
    transactional_id = request.transactional_id
    if transactional_id is None:
        return _produce(request, context, {})
    asked = transactions_asked(request, context)
    if asked or context.broker.verifying.is_under_way(transactional_id):
        place = context.broker.verifying.enter(transactional_id)
        return context.broker.work.spawn(_in_turn(request, context, asked, *place))
    return _produce(request, context, {})


async def _in_turn(
    request: ProduceRequest,
    context: RequestContext,
    asked: Sequence[Unverified],
    earlier: Deferred[None] | None,
    mine: Deferred[None],
) -> ProduceResponse | None:
    """Append what the coordinator knows of, refuse the rest; after what came before."""
    transactional_id = request.transactional_id
    assert transactional_id is not None
    try:
        refusals = await verified_transactions(request, context, asked, earlier)
        answer = _produce(request, context, refusals)
    finally:
        context.broker.verifying.leave(transactional_id, mine)
    if isinstance(answer, Deferred):
        response: ProduceResponse = await settled(answer)
        return response
    return answer


def _produce(
    request: ProduceRequest, context: RequestContext, refusals: Refusals
) -> ProduceResponse | Deferred[ProduceResponse] | None:
    response = ProduceResponse(topics=[])
    awaited: list[_Awaited] = []
    refused = False
    topics = request.topics
    if len(topics) != 1 or len(topics[0].partitions) != 1:
        topics = _merged(topics)
    for topic in topics:
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = context.broker.image.topic_names.get(topic.topic_id)
        results = ProduceTopicResult(topic.name, topic.topic_id, [])
        response.topics.append(results)
        for asked in topic.partitions:
            result = ProducePartitionResult(asked.index)
            results.partitions.append(result)
            try:
                _append(request, name, asked, context, result, awaited, refusals)
            except KafkaError as error:
                refused = True
                _refuse(result, error, context, name, response)
    if request.acks == 0:
        if refused:
            raise CloseConnection("a batch sent with acks=0 was refused")
        return None
    if not awaited:
        return response
    operation = _DelayedProduce(awaited, response)
    if operation.try_complete():
        return response
    context.broker.purgatory.watch(
        operation,
        [item.partition.high_watermark_moved for item in awaited],
        context.received_ms + max(0, request.timeout_ms),
    )
    return operation.answer


def _append(
    request: ProduceRequest,
    name: str | None,
    asked: ProducePartition,
    context: RequestContext,
    result: ProducePartitionResult,
    awaited: list[_Awaited],
    refusals: Refusals,
) -> None:
    """Append one partition's batch and fill in its result; acks=-1 joins `awaited`."""
    broker = context.broker
    if name is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
    if is_internal_topic(name):
        _check_writer(name, asked.index, context)
    partition = broker.replicas.leading(name, asked.index)
    if request.acks not in (-1, 0, 1):
        raise KafkaError(ErrorCode.INVALID_REQUIRED_ACKS)
    leader = partition.leader
    assert leader is not None
    config = partition.log.config
    now_timestamp_ms = broker.clock.wall_ms()
    batch = validate_produced(
        asked.records,
        api_version=context.api_version,
        max_message_bytes=config.max_message_bytes,
        now_timestamp_ms=now_timestamp_ms,
        timestamp_before_max_ms=config.message_timestamp_before_max_ms,
        timestamp_after_max_ms=config.message_timestamp_after_max_ms,
        compacted="compact" in config.cleanup_policy,
        log_append_time=config.message_timestamp_type == "LogAppendTime",
        partition=partition.topic_partition,
    )
    if batch.attributes & TRANSACTIONAL_BIT:
        check_transactional(request, partition.topic_partition, refusals)
    if config.compression_type != "producer":
        batch = _recompressed(batch, config)
    info = leader.append(batch, request.acks, now_timestamp_ms)
    result.base_offset = info.base_offset
    result.log_append_time_ms = info.log_append_time_ms
    result.log_start_offset = info.log_start_offset
    if not info.duplicate:
        broker.replicas.appended(partition, request.acks)
    if request.acks == -1:
        awaited.append(_Awaited(partition, info.last_offset + 1, result))


def _check_writer(name: str, index: int, context: RequestContext) -> None:
    """Let only Kafka's own admin client write into the brokers' topics."""
    there = context.broker.image.partition(TopicPartition(name, index)) is not None
    if there and context.client_id != _ADMIN:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION)


def _merged(topics: list[ProduceTopic]) -> list[ProduceTopic]:
    """Return each topic once and each partition once, with what was said of it last."""
    merged: dict[object, tuple[ProduceTopic, dict[int, ProducePartition]]] = {}
    for topic in topics:
        if topic.partitions:
            label = topic.topic_id if topic.name is None else topic.name
            _, partitions = merged.setdefault(label, (topic, {}))
            partitions.update((asked.index, asked) for asked in topic.partitions)
    return [
        ProduceTopic(topic.name, topic.topic_id, list(partitions.values()))
        for topic, partitions in merged.values()
    ]


def _recompressed(batch: Batch, config: LogConfig) -> Batch:
    """Return the batch as the topic wants it stored."""
    codec = Codec[_CODEC_NAMES.get(config.compression_type, config.compression_type).upper()]
    if batch.codec == codec:
        return batch
    try:
        batch = recompress(batch, codec)
    except KafkaError as error:
        raise RecordsRefused(ErrorCode.INVALID_RECORD, str(error)) from error
    if batch.size > config.max_message_bytes:
        raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE)
    return batch


def _refuse(
    result: ProducePartitionResult,
    error: KafkaError,
    context: RequestContext,
    name: str | None,
    response: ProduceResponse,
) -> None:
    """Turn a refusal into what Kafka says of it: no more than the code, for most."""
    result.error_code = error.code
    if isinstance(error, TransactionUnverified) or error.code == ErrorCode.CORRUPT_MESSAGE:
        result.error_message = error.message
    elif isinstance(error, RecordsRefused) or error.code == ErrorCode.NOT_ENOUGH_REPLICAS:
        # The log was asked, so its start is told.
        partition = (
            None if name is None else context.broker.replicas.partition((name, result.index))
        )
        if partition is not None:
            result.log_start_offset = partition.log.log_start_offset
    if isinstance(error, RecordsRefused) and error.record_errors:
        result.error_message = error.message
        result.record_errors = [
            (item.batch_index, item.message) for item in error.record_errors
        ]
    if error.code == ErrorCode.NOT_LEADER_OR_FOLLOWER and name is not None:
        leader = current_leader(context.broker.image, TopicPartition(name, result.index))
        if leader is not None:
            result.current_leader = leader
            response.node_endpoints = endpoints(
                context.broker.image, response.node_endpoints, leader[0]
            )
