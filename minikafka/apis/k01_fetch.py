"""Fetch (api key 1).

Behaviour
    Consumers read up to the high watermark, with read_committed up to the last stable offset, and
    are told which transactions were aborted; followers read up to the log end. All wait up to
    `max_wait_ms` for `min_bytes`, woken by what they wait for. Whole batches, from the one that
    holds the offset; the first one also if it is larger than the limits (KIP-74).
    A follower's fetch tells the leader how far it is, which moves the high watermark.
    Throttled replicas out of sync get nothing while the leader's quota is exceeded (KIP-73).
    A follower that has applied newer metadata than its leader waits instead of an error.

Versions
    4   isolation level (KIP-98)
    5   log start offset
    7   sessions (KIP-227)
    9   current leader epoch (KIP-320)
    11  rack: consumers may be sent to a follower nearby, and every replica serves them up to the
        high watermark it knows (KIP-392); before, only the leader does
    12  divergence (KIP-595), the snapshot to take over instead of records (KIP-630)
    13  topic ids (KIP-516)
    15  follower state as a tag (KIP-903)
    16  current leader in the answer (KIP-951)
    17  directory ids (KIP-853)
    18  follower's high watermark (KIP-1166)

Not done
    Quotas of clients.
"""

from __future__ import annotations

from minikafka.apis.leader_hints import current_leader, endpoints
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import (
    CLUSTER_METADATA_TOPIC,
    CLUSTER_METADATA_TOPIC_ID,
    TopicPartition,
)
from minikafka.broker.context import RequestContext
from minikafka.broker.fetch_operation import READ_COMMITTED, FetchOperation
from minikafka.broker.fetch_sessions import FINAL_EPOCH, INITIAL_EPOCH, FetchSession, TargetKey
from minikafka.broker.fetch_targets import FetchTarget, find_partition, note_follower
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Condition
from minikafka.wire.fetch import (
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopicResponse,
)
from minikafka.wire.versions import ApiKey

__all__ = ["fetch"]

RACK_VERSION = 11
TOPIC_ID_VERSION = 13
CURRENT_LEADER_VERSION = 16


READ_UNCOMMITTED = 0


def _refused(request: FetchRequest, error: KafkaError, version: int) -> FetchResponse:
    """Answer a session error without partitions, a failure also in each, where names do it."""
    response = FetchResponse(error_code=error.code, topics=[])
    if error.code != ErrorCode.UNKNOWN_SERVER_ERROR:
        return response
    response.session_id = request.session_id
    if version < TOPIC_ID_VERSION:
        response.topics = [
            FetchTopicResponse(
                topic.name,
                topic.topic_id,
                [
                    FetchPartitionResponse(asked.index, error.code, aborted_transactions=[])
                    for asked in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    return response


@api(ApiKey.FETCH, on_error=_refused)
def fetch(
    request: FetchRequest, context: RequestContext
) -> FetchResponse | Deferred[FetchResponse]:
    """Gather what there is; wait where it is too little."""
    broker = context.broker
    session, full = _session(request, context)
    asked = _targets(request, context, session)
    if not asked and session is not None and not full and session.abandoned:
        broker.fetch_sessions.remove(session.number)
        session = None
    if not READ_UNCOMMITTED <= request.isolation_level <= READ_COMMITTED:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    if request.replica_id >= 0:
        if session is None or session.replica_epoch == request.replica_epoch:
            _note_progress(request, context, asked)
        else:
            # Registered anew: it says something new of all it has.
            session.replica_epoch = request.replica_epoch
            _note_progress(request, context, session.targets)
    operation = FetchOperation(request, context, asked, session, full=full, on_refusal=_hint)
    nothing_asked = session is None and not asked
    if operation.try_complete():
        operation.done = True
    elif request.max_wait_ms <= 0 or nothing_asked:
        operation.done = True
        operation.expire()
    else:
        conditions: list[Condition] = []
        if session is None:
            conditions = _conditions(request, context, asked)
        else:
            session.parked = operation
        deadline_ms = context.received_ms + request.max_wait_ms
        broker.purgatory.watch(operation, conditions, deadline_ms)
        return operation.answer
    return operation.answer.result()


def _session(
    request: FetchRequest, context: RequestContext
) -> tuple[FetchSession | None, bool]:
    """Return the session this request belongs to, and whether all of it is answered."""
    cache = context.broker.fetch_sessions
    uses_topic_ids = context.api_version >= TOPIC_ID_VERSION
    if request.session_epoch == INITIAL_EPOCH or request.session_epoch == FINAL_EPOCH:
        cache.remove(request.session_id)
        if request.session_epoch == FINAL_EPOCH:
            return None, True
        created = cache.create(
            from_replica=request.replica_id >= 0,
            uses_topic_ids=uses_topic_ids,
            now_ms=context.received_ms,
        )
        return created, True
    session = cache.find(
        request.session_id, request.session_epoch, uses_topic_ids=uses_topic_ids
    )
    session.go_on(_forgotten(request) if request.forgotten else (), context.received_ms)
    return session, False


def _forgotten(request: FetchRequest) -> list[TargetKey]:
    return [
        (topic.topic_id if topic.name is None else topic.name, index)
        for topic in request.forgotten
        for index in topic.partitions
    ]


def _targets(
    request: FetchRequest, context: RequestContext, session: FetchSession | None
) -> dict[TargetKey, FetchTarget]:
    """Return what the request names, ids resolved as far as this broker can."""
    replicas = context.broker.replicas
    uses_topic_ids = context.api_version >= TOPIC_ID_VERSION
    targets: dict[TargetKey, FetchTarget] = {}
    for topic in request.topics:
        name = topic.name
        topic_id = topic.topic_id if uses_topic_ids else None
        # In process a request has names as well as ids, and hashing an id is slow.
        label: object = topic_id if name is None else name
        if name is None and topic_id is not None:
            # DIVERGENCE(server-errors): asked for several partitions of the id that stands for
            # none, Kafka fails as a whole; here that id is as unknown as any other.
            name = replicas.topic_name(topic_id)
            if topic_id == CLUSTER_METADATA_TOPIC_ID and context.from_broker:
                name = CLUSTER_METADATA_TOPIC
        for asked in topic.partitions:
            key = (label, asked.index)
            if session is None:
                targets[key] = FetchTarget(name, topic_id, asked)
            else:
                targets[key] = session.ask(key, name, topic_id, asked)
    if request.replica_id < 0 and context.api_version >= RACK_VERSION:
        rack = request.rack_id if replicas.selector is not None else None
        for target in targets.values():
            target.any_replica = True
            target.rack = rack or None
    return targets


def _note_progress(
    request: FetchRequest, context: RequestContext, asked: dict[TargetKey, FetchTarget]
) -> None:
    """Tell the leaders what this follower has; then wake, once all are told."""
    replicas = context.broker.replicas
    moved: list[Partition] = []
    for target in asked.values():
        target.replica_id = request.replica_id
        target.replica_epoch = request.replica_epoch
        try:
            partition = find_partition(replicas, target, from_replica=True)
            target.noted_by = partition.leader
            if note_follower(replicas, partition, target, context.received_ms):
                moved.append(partition)
        except KafkaError:
            # The same refusal is the answer to this partition, when it is read.
            continue
    for partition in moved:
        partition.high_watermark_moved.wake()


def _conditions(
    request: FetchRequest, context: RequestContext, asked: dict[TargetKey, FetchTarget]
) -> list[Condition]:
    """Return what a fetch without a session waits for: what it is let read."""
    conditions = []
    for target in asked.values():
        if target.topic is not None:
            partition = context.broker.replicas.partition((target.topic, target.index))
            if partition is not None:
                follows = request.replica_id >= 0
                moved = partition.log_end_moved if follows else partition.high_watermark_moved
                conditions.append(moved)
                if follows and partition.internal:
                    # A watermark that is news is told at once (KIP-1166).
                    conditions.append(partition.high_watermark_moved)
    return conditions


def _hint(response: FetchResponse, context: RequestContext) -> None:
    """Name the leader where the answer says it is someone else (KIP-951)."""
    if context.api_version < CURRENT_LEADER_VERSION:
        return
    for topic in response.topics:
        for partition in topic.partitions:
            if topic.name == CLUSTER_METADATA_TOPIC:
                machine = context.broker.quorum.machine
                partition.current_leader = (machine.leader_id, machine.epoch)
                continue
            if partition.error_code not in (
                ErrorCode.NOT_LEADER_OR_FOLLOWER,
                ErrorCode.FENCED_LEADER_EPOCH,
            ):
                continue
            name = topic.name
            if name is None and topic.topic_id is not None:
                name = context.broker.image.topic_names.get(topic.topic_id)
            if name is None:
                continue
            image = context.broker.image
            leader = current_leader(image, TopicPartition(name, partition.index))
            if leader is not None:
                partition.current_leader = leader
                response.node_endpoints = endpoints(image, response.node_endpoints, leader[0])
