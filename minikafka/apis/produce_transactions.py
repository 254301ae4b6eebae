"""What Produce does about transactional batches: it has them verified before it appends. KIP-890."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import settled
from minikafka.broker.transaction_verification import Unverified, unverified, verify
from minikafka.records.batch import HEADER_BYTES, TRANSACTIONAL_BIT, Batch
from minikafka.wire.produce import ProduceRequest

__all__ = [
    "Refusals",
    "check_transactional",
    "transactions_asked",
    "verified_transactions",
]

Refusals: TypeAlias = Mapping[TopicPartition, KafkaError]
"""The partitions whose batches may not be appended."""


def transactions_asked(
    request: ProduceRequest, context: RequestContext
) -> Sequence[Unverified]:
    """Return the batches of which the coordinator is to be asked, of a transactional request."""
    config = context.broker.image.broker_config()
    if not config.value("transaction.partition.verification.enable"):
        return ()
    found = (
        unverified(partition, batch.producer_id, batch.producer_epoch)
        for partition, batch in _transactional(request, context)
    )
    return [each for each in found if each is not None]


def _transactional(
    request: ProduceRequest, context: RequestContext
) -> Iterator[tuple[Partition, Batch]]:
    """Yield the batches that say they are part of a transaction; nothing is checked yet."""
    broker = context.broker
    for topic in request.topics:
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = broker.image.topic_names.get(topic.topic_id)
        for asked in topic.partitions:
            partition = None if name is None else broker.replicas.partition((name, asked.index))
            records = asked.records
            if partition is None or records is None or len(records) < HEADER_BYTES:
                continue
            batch = Batch(records)
            if batch.attributes & TRANSACTIONAL_BIT:
                yield partition, batch


async def verified_transactions(
    request: ProduceRequest,
    context: RequestContext,
    asked: Sequence[Unverified],
    earlier: Deferred[None] | None,
) -> Refusals:
    """Return the partitions that the coordinator says are not part of the transaction.

    Args:
        asked: empty where only `earlier` is waited for.
    """
    transactional_id = request.transactional_id
    assert transactional_id is not None
    refusals: dict[TopicPartition, KafkaError] = {}
    if asked:
        version = context.api_version
        refusals |= await verify(context.broker, transactional_id, asked, version)
    if earlier is not None:
        await settled(earlier)
    for each in asked:
        try:
            each.check()
        except KafkaError as error:
            refusals.setdefault(each.partition.topic_partition, error)
    return refusals


def check_transactional(
    request: ProduceRequest, partition: TopicPartition, refusals: Refusals
) -> None:
    """Refuse a transactional batch of nobody, or of which the coordinator knows nothing.

    Raises:
        KafkaError: TRANSACTIONAL_ID_AUTHORIZATION_FAILED, or what came of verification.
    """
    if request.transactional_id is None:
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    refusal = refusals.get(partition)
    if refusal is not None:
        raise refusal
