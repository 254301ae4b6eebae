"""ShareFetch (api key 78).

Behaviour
    A member gets records that nobody else holds, and holds them until it has acknowledged them or
    its lock ends; `acquired_records` says which of what is sent are meant. It waits up to
    `max_wait_ms` for `min_bytes`. What it acknowledges in the same request is dealt with first.
    The first fetch (epoch 0) begins a share session, which remembers what the member reads; a fetch
    with epoch -1 ends it, and what the member still holds goes back.
    Where its group reads it for the first time, a share-partition begins at the high watermark, or
    where the group's `share.auto.offset.reset` says.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    1   share groups (KIP-932); version 0 was that of Kafka 4.0

Not done
    `share.isolation.level`: there are no transactions, so nothing to abort.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.share_requests import (
    Place,
    acknowledged,
    begin_acknowledging,
    check_enabled,
    leader_shape,
    session_key,
    shown_nodes,
)
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, TopicId, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.broker.share_fetch import Gathered, ShareFetch, ShareFetchLimits, ShareTarget
from minikafka.broker.share_sessions import FINAL_EPOCH, INITIAL_EPOCH, ShareSession
from minikafka.shares.records import ShareKey
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["share_fetch"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "error_code": error.code,
        "error_message": None,
        "acquisition_lock_timeout": 0,
        "responses": [],
        "node_endpoints": [],
    }


@api(ApiKey.SHARE_FETCH, on_error=_error_shape)
async def share_fetch(request: Any, context: RequestContext) -> Shape:
    """Deal with acknowledgements, then give a member what it may have."""
    check_enabled(context)
    session = await _session(request, context)
    acknowledging = begin_acknowledging(request, context)
    found = [] if session is None else await settled(_fetch(request, context, session).answer)
    errors = await acknowledged(acknowledging)
    shape = _shape(found, errors, session, request, context)
    if request.share_session_epoch == FINAL_EPOCH:
        context.broker.shares.end_session(session_key(request))
    return shape


async def _session(request: Any, context: RequestContext) -> ShareSession | None:
    """Return the session that the member reads in; None for its end."""
    sessions, key = context.broker.shares.sessions, session_key(request)
    epoch, places = request.share_session_epoch, list(_places(request.topics))
    if epoch == FINAL_EPOCH:
        sessions.find(key, epoch)
        return None
    if epoch != INITIAL_EPOCH:
        session = sessions.find(key, epoch)
        session.go_on(places, _forgotten(request.forgotten_topics_data))
        return session
    if any(
        each.acknowledgement_batches for topic in request.topics for each in topic.partitions
    ):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    try:
        return sessions.begin(key, places, context.connection_id)
    except KafkaError:
        # Who is refused for that tries again at once, but for this.
        deadline_ms = context.received_ms + to_ms(request.max_wait)
        await settled(context.broker.purgatory.wait(lambda: False, [], deadline_ms))
        raise


def _places(topics: Iterable[Any]) -> Iterable[Place]:
    for topic in topics:
        for each in topic.partitions:
            yield topic.topic_id or ZERO_ID, each.partition_index


def _forgotten(topics: Iterable[Any]) -> Iterable[Place]:
    for topic in topics:
        for index in topic.partitions:
            yield topic.topic_id or ZERO_ID, index


def _fetch(request: Any, context: RequestContext, session: ShareSession) -> ShareFetch:
    """Begin a fetch of all that the session reads, each time from another partition on."""
    broker = context.broker
    places = list(session.places)
    if places:
        turn = max(0, request.share_session_epoch) % len(places)
        places = [*places[turn:], *places[:turn]]
    max_bytes = min(request.max_bytes, broker.config.fetch_max_bytes)
    limits = ShareFetchLimits(
        min(request.min_bytes, max_bytes), max_bytes, request.max_records, request.batch_size
    )
    targets = [_target(session.key.group_id, place, context) for place in places]
    fetch = ShareFetch(session.key.member_id, targets, limits, broker.replicas)
    if not targets or fetch.try_complete():
        fetch.done = True
        if not targets:
            fetch.answer.set([])
    else:
        deadline_ms = context.received_ms + to_ms(request.max_wait)
        broker.purgatory.watch(fetch, fetch.waits_for(), deadline_ms)
    return fetch


def _target(group_id: str, place: Place, context: RequestContext) -> ShareTarget:
    topic_id, index = place
    image = context.broker.image
    topic = image.topic_names.get(topic_id)
    if topic is None:
        refusal = KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        return ShareTarget(topic_id, index, error=refusal)
    if image.partition(TopicPartition(topic, index)) is None:
        refusal = KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return ShareTarget(topic_id, index, topic, error=refusal)
    try:
        live = context.broker.shares.open(ShareKey(group_id, topic_id, index), topic)
    except KafkaError as error:
        return ShareTarget(topic_id, index, topic, error=error)
    return ShareTarget(topic_id, index, topic, live)


def _shape(
    found: Sequence[Gathered],
    errors: Mapping[Place, KafkaError | None],
    session: ShareSession | None,
    request: Any,
    context: RequestContext,
) -> Shape:
    epoch, group_id = request.share_session_epoch, request.group_id or ""
    topics: dict[TopicId, list[Shape]] = {}
    owed = dict(errors)
    for each in found:
        place = each.target.place
        told = True
        if session is not None and epoch != INITIAL_EPOCH:
            told = session.must_tell(
                place, has_records=bool(each.acquired), has_error=each.error is not None
            )
        if told:
            shape = _partition(each, owed.pop(place, None), context)
            topics.setdefault(place[0], []).append(shape)
    for place, error in owed.items():
        topics.setdefault(place[0], []).append(_acknowledged(place, error))
    refused = [(each.target.place, each.error) for each in found]
    return {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "acquisition_lock_timeout": context.broker.shares.record_lock_duration_ms(group_id),
        "responses": [
            {"topic_id": topic_id, "partitions": partitions}
            for topic_id, partitions in topics.items()
        ],
        "node_endpoints": shown_nodes(refused, context),
    }


def _partition(each: Gathered, refused: KafkaError | None, context: RequestContext) -> Shape:
    error = each.error
    place = each.target.place
    return {
        "partition_index": place[1],
        "error_code": ErrorCode.NONE if error is None else error.code,
        "error_message": None if error is None else error.message,
        "acknowledge_error_code": 0 if refused is None else int(refused.code),
        "acknowledge_error_message": None,
        "current_leader": leader_shape(place, error, context),
        "records": b"".join(batch.view for batch in each.batches),
        "acquired_records": [
            {"first_offset": first, "last_offset": last, "delivery_count": count}
            for first, last, count in each.acquired
        ],
    }


def _acknowledged(place: Place, error: KafkaError | None) -> Shape:
    """Return a partition of which there is nothing to say but of its acknowledgements."""
    return {
        "partition_index": place[1],
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "acknowledge_error_code": 0 if error is None else int(error.code),
        "acknowledge_error_message": None,
        "current_leader": {"leader_id": 0, "leader_epoch": 0},
        "records": b"",
        "acquired_records": [],
    }
