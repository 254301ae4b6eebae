"""What the APIs of share groups have in common. KIP-932."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikafka.apis.leader_hints import current_leader, endpoints
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, BrokerId, LeaderEpoch, TopicId, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.broker.share_sessions import SessionKey
from minikafka.shares.records import ShareKey
from minikafka.shares.share_partition import ACKNOWLEDGE_TYPES, AcknowledgementBatch
from minikafka.wire.fetch import NodeEndpoint
from minikafka.wire.shapes import Shape

__all__ = [
    "Place",
    "acknowledged",
    "begin_acknowledging",
    "check_enabled",
    "leader_shape",
    "session_key",
    "shown_nodes",
]

Place = tuple[TopicId, int]
_HINTED = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH)


def check_enabled(context: RequestContext) -> None:
    """Raise KafkaError UNSUPPORTED_VERSION unless share groups are switched on.

    They are off by default, as in Kafka 4.1, where they are a preview.
    """
    if not context.broker.config.value("group.share.enable"):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "The version of API is not supported.")


def session_key(request: Any) -> SessionKey:
    """Return whose session a request belongs to."""
    return SessionKey(request.group_id or "", request.member_id or "")


# --- acknowledging -----------------------------------------------------------------------


def begin_acknowledging(
    request: Any, context: RequestContext
) -> list[tuple[Place, Deferred[None]]]:
    """Let a member say what is to become of what it holds; each partition is by itself."""
    key = session_key(request)
    return [
        (place, _asked(key, place, each.acknowledgement_batches, context))
        for topic in request.topics
        for each in topic.partitions
        if each.acknowledgement_batches
        for place in ((topic.topic_id or ZERO_ID, each.partition_index),)
    ]


async def acknowledged(
    asked: Iterable[tuple[Place, Deferred[None]]],
) -> dict[Place, KafkaError | None]:
    """Return each partition's error, once all that was said is written down or refused."""
    errors: dict[Place, KafkaError | None] = {}
    for place, answer in asked:
        try:
            await settled(answer)
        except KafkaError as error:
            errors[place] = error
        else:
            errors[place] = None
    return errors


def _asked(
    key: SessionKey, place: Place, batches: Sequence[Any], context: RequestContext
) -> Deferred[None]:
    try:
        _check_batches(batches)
        _check_exists(place, context)
        return context.broker.shares.acknowledge(
            ShareKey(key.group_id, *place),
            key.member_id,
            [
                AcknowledgementBatch(
                    each.first_offset, each.last_offset, tuple(each.acknowledge_types)
                )
                for each in batches
            ],
        )
    except KafkaError as error:
        refused: Deferred[None] = Deferred()
        refused.fail(error)
        return refused


def _check_batches(batches: Iterable[Any]) -> None:
    """Refuse batches that overlap, run backwards, or have types that are none or too few."""
    end = -1
    for each in batches:
        first, last, types = each.first_offset, each.last_offset, each.acknowledge_types
        count = last - first + 1
        fits = len(types) == 1 or len(types) == count
        if not (end <= first <= last and fits and all(t in ACKNOWLEDGE_TYPES for t in types)):
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        end = last + 1


def _check_exists(place: Place, context: RequestContext) -> None:
    image = context.broker.image
    name = image.topic_names.get(place[0])
    if name is None or image.partition(TopicPartition(name, place[1])) is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            "This server does not host this topic-partition.",
        )


# --- answering ---------------------------------------------------------------------------


def leader_shape(place: Place, error: KafkaError | None, context: RequestContext) -> Shape:
    """Return the leader of a partition where the answer says that it is someone else."""
    leader_id, leader_epoch = _leader(place, error, context)
    return {"leader_id": leader_id, "leader_epoch": leader_epoch}


def _leader(
    place: Place, error: KafkaError | None, context: RequestContext
) -> tuple[BrokerId, LeaderEpoch]:
    image = context.broker.image
    name = image.topic_names.get(place[0])
    found = None
    if error is not None and error.code in _HINTED and name is not None:
        found = current_leader(image, TopicPartition(name, place[1]))
    return (0, 0) if found is None else found


def shown_nodes(
    refused: Iterable[tuple[Place, KafkaError | None]], context: RequestContext
) -> list[Shape]:
    """Return where the leaders are that an answer names."""
    image = context.broker.image
    nodes: Sequence[NodeEndpoint] = ()
    for place, error in refused:
        if error is not None and error.code in _HINTED:
            leader = _leader(place, error, context)
            nodes = endpoints(image, nodes, leader[0])
    return [
        {"node_id": node.node_id, "host": node.host, "port": node.port, "rack": node.rack}
        for node in nodes
    ]
