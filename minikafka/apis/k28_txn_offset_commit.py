"""TxnOffsetCommit (api key 28).

Behaviour
    Offsets that count when the producer's transaction is committed, in the order of the log: an
    offset that is committed later, before the marker, stays. The transaction coordinator is asked whether
    the group is part of the transaction (KIP-890).
    Who names a member and a generation is held to them (KIP-447); nobody has to.

Versions
    2   leader epochs (KIP-320)
    3   flexible; member, generation and instance (KIP-447)
    5   TRANSACTION_ABORTABLE; the group is added by the request itself (KIP-890)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import (
    check_group_id,
    commit_shape,
    offsets_wanted,
    unknown_partitions,
)
from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.coordinator_partition import coordinator_error
from minikafka.broker.purgatory import settled
from minikafka.broker.transaction_verification import unverified, verify
from minikafka.groups.commands import CommitOffsets, PartitionResult
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["txn_offset_commit"]

_ADDS_FROM = 5
# The versions of Produce that have their transactions verified alike.
_PRODUCE_BEFORE, _PRODUCE_SINCE = 10, 12
_TOO_LARGE = (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE)


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return commit_shape(request, lambda partition: error.code)


@api(ApiKey.TXN_OFFSET_COMMIT, on_error=_error_shape)
async def txn_offset_commit(request: Any, context: RequestContext) -> Shape:
    """Commit a group's offsets in a transaction."""
    wanted = offsets_wanted(request)
    codes = unknown_partitions(context.broker.image, wanted)
    known = {each: offset for each, offset in wanted.items() if each not in codes}
    if not known:
        return commit_shape(request, codes.__getitem__)
    command = CommitOffsets(
        request.group_id,
        optional(request, "generation_id", -1),
        optional(request, "member_id", ""),
        optional(request, "group_instance_id", None),
        tuple(known.values()),
        speaks_epochs=True,
        producer=(request.producer_id, request.producer_epoch),
    )
    try:
        results = await _commit(request.transactional_id, command, context)
    except KafkaError as error:
        codes.update(dict.fromkeys(known, error.code))
    else:
        codes.update({TopicPartition(topic, index): code for topic, index, code in results})
    return commit_shape(request, codes.__getitem__)


async def _commit(
    transactional_id: str, command: CommitOffsets, context: RequestContext
) -> tuple[PartitionResult, ...]:
    check_group_id(command.group_id)
    groups = context.broker.groups
    await _verify(transactional_id, command, context)
    try:
        answer = groups.write(
            command.group_id, lambda coordinator, now: coordinator.commit_offsets(command, now)
        )
        return await settled(answer)
    except KafkaError as error:
        if error.code in _TOO_LARGE:
            raise KafkaError(ErrorCode.INVALID_COMMIT_OFFSET_SIZE) from error
        raise


async def _verify(
    transactional_id: str, command: CommitOffsets, context: RequestContext
) -> None:
    """Have the group found to be part of the transaction, where the log does not say so."""
    assert command.producer is not None
    broker = context.broker
    if not broker.image.broker_config().value("transaction.partition.verification.enable"):
        return
    asked = unverified(broker.groups.of(command.group_id).partition, *command.producer)
    if asked is None:
        return
    adds = context.api_version >= _ADDS_FROM
    refusals = await verify(
        broker,
        transactional_id,
        (asked,),
        _PRODUCE_SINCE if adds else _PRODUCE_BEFORE,
    )
    for refusal in refusals.values():
        raise KafkaError(coordinator_error(refusal.code))
    asked.check()
