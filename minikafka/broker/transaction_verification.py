"""Asks the transaction coordinator whether a partition is part of a producer's transaction.

A batch that comes late, after the markers of its transaction, would begin one that nobody ever ends:
readers of what is committed would wait for ever. So a leader that knows no open transaction of the
producer asks before it appends. Counterpart: AddPartitionsToTxnManager,
ReplicaManager.maybeSendPartitionsToTransactionCoordinator. KIP-890: part 1, and from Produce 12 on
part 2, where the coordinator is not asked whether, but told to add the partition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset, ProducerId, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import settled
from minikafka.net.channel import ChannelClosed
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["TransactionUnverified", "Unverified", "Verifying", "unverified", "verify"]

_ADD_VERSION = 5
_ABORTABLE_FROM = 11
_ADDS_FROM = 12
_AGAIN = (
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.NETWORK_EXCEPTION,
)
_NOT_ADDED = "Partition was not added to the transaction"
_SHOWN: Mapping[ErrorCode, ErrorCode] = MappingProxyType(
    {ErrorCode.PRODUCER_FENCED: ErrorCode.INVALID_PRODUCER_EPOCH}
)


class TransactionUnverified(KafkaError):
    """A batch that could not be verified; clients see the message."""


class Verifying:
    """Keeps what a transactional id sends in the order in which it came.

    Kafka takes one request of a connection at a time. Here several are under way, and one that is
    being verified would be overtaken by the next, which finds the transaction open by then.
    """

    def __init__(self) -> None:
        self._last: dict[str, Deferred[None]] = {}

    def is_under_way(self, transactional_id: str) -> bool:
        """Say whether something that came before is not appended yet."""
        return transactional_id in self._last

    def enter(self, transactional_id: str) -> tuple[Deferred[None] | None, Deferred[None]]:
        """Return what to wait for, None for nothing, and what to give to `leave`."""
        earlier, mine = self._last.get(transactional_id), Deferred[None]()
        self._last[transactional_id] = mine
        return earlier, mine

    def leave(self, transactional_id: str, mine: Deferred[None]) -> None:
        """Let the next one go on."""
        if self._last.get(transactional_id) is mine:
            del self._last[transactional_id]
        mine.set(None)


class Unverified(NamedTuple):
    """A batch whose transaction this leader does not know, as it came."""

    partition: Partition
    producer_id: ProducerId
    producer_epoch: int
    tenure: object
    last_offset: Offset
    """What the producer wrote last here, a marker perhaps; -1 for nothing."""

    def check(self) -> None:
        """Refuse where a transaction has ended since, and none is open: that would be verified late.

        Raises:
            KafkaError: INVALID_TXN_STATE.
        """
        leader = self.partition.leader
        if leader is None or leader.tenure is not self.tenure:
            return
        entry = leader.log.producers.entries.get(self.producer_id)
        if entry is None or entry.transaction_start is not None:
            return
        if entry.last_offset != self.last_offset:
            raise TransactionUnverified(ErrorCode.INVALID_TXN_STATE, _NOT_ADDED)


def unverified(
    partition: Partition, producer_id: ProducerId, producer_epoch: int
) -> Unverified | None:
    """Return what is to be verified; None where the transaction is open here, or nobody leads."""
    leader = partition.leader
    if leader is None:
        return None
    entry = leader.log.producers.entries.get(producer_id)
    if (
        entry is not None
        and entry.transaction_start is not None
        and entry.producer_epoch == producer_epoch
    ):
        return None
    last_offset = -1 if entry is None else entry.last_offset
    return Unverified(partition, producer_id, producer_epoch, leader.tenure, last_offset)


async def verify(
    broker: Broker, transactional_id: str, asked: Sequence[Unverified], api_version: int
) -> Mapping[TopicPartition, KafkaError]:
    """Return the partitions that may not be written to, with what the client is told.

    Args:
        asked: of one producer.
        api_version: of Produce.
    """
    partitions = [each.partition.topic_partition for each in asked]
    try:
        adds = api_version >= _ADDS_FROM
        codes = await _ask(broker, transactional_id, asked[0], partitions, verify_only=not adds)
    except ChannelClosed:
        codes = dict.fromkeys(partitions, ErrorCode.NETWORK_EXCEPTION)
    except KafkaError as error:
        codes = dict.fromkeys(partitions, error.code)
    return {
        partition: _refusal(codes.get(partition, ErrorCode.UNKNOWN_SERVER_ERROR), api_version)
        for partition in partitions
        if codes.get(partition) is not ErrorCode.NONE
    }


async def _ask(
    broker: Broker,
    transactional_id: str,
    producer: Unverified,
    partitions: Sequence[TopicPartition],
    *,
    verify_only: bool,
) -> Mapping[TopicPartition, ErrorCode]:
    coordinator_id = broker.transactions.coordinator_of(transactional_id)
    if coordinator_id is None:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    topics: dict[str, list[int]] = {}
    for topic, index in partitions:
        topics.setdefault(topic, []).append(index)
    transaction = {
        "transactional_id": transactional_id,
        "producer_id": producer.producer_id,
        "producer_epoch": producer.producer_epoch,
        "verify_only": verify_only,
        "topics": [{"name": name, "partitions": indexes} for name, indexes in topics.items()],
    }
    request = build_request(
        ApiKey.ADD_PARTITIONS_TO_TXN, _ADD_VERSION, {"transactions": [transaction]}
    )
    timeout_ms = broker.config.request_timeout_ms
    channel = broker.channel_to(coordinator_id, "verification", timeout_ms)
    answer = await settled(channel.request(ApiKey.ADD_PARTITIONS_TO_TXN, _ADD_VERSION, request))
    if answer.error_code:
        raise KafkaError(int(answer.error_code))
    return {
        TopicPartition(topic.name, each.partition_index): ErrorCode(
            int(each.partition_error_code)
        )
        for found in answer.results_by_transaction
        for topic in found.topic_results
        for each in topic.results_by_partition
    }


def _refusal(code: ErrorCode, api_version: int) -> KafkaError:
    """Return what a producer hears: it tries again, aborts, or has lost its transactional id."""
    if code is ErrorCode.CONCURRENT_TRANSACTIONS and api_version >= _ADDS_FROM:
        return KafkaError(code)
    if code in _AGAIN:
        return TransactionUnverified(
            ErrorCode.NOT_ENOUGH_REPLICAS,
            "Unable to verify the partition has been added to the transaction. "
            f"Underlying error: {code.name}",
        )
    if code is ErrorCode.TRANSACTION_ABORTABLE and api_version < _ABORTABLE_FROM:
        return TransactionUnverified(ErrorCode.INVALID_TXN_STATE, _NOT_ADDED)
    return KafkaError(_SHOWN.get(code, code))
