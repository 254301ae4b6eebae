"""Rules of who may answer what to readers: R8, R16 for followers, W3.

The names are those of docs/invariants.md. What a follower has asked for in a fetch session is
followed from request to request, as its leader does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import CLUSTER_METADATA_TOPIC_ID, TopicId, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.trials.invariants import Answer, check
from minikafka.wire.fetch import FetchPartition, FetchPartitionResponse
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE", "Asked"]

REGISTERED_HERE = ("R8", "R16", "W3")

LATEST = -1
CONSUMER = -1


@check("R8", "answered", ApiKey.LIST_OFFSETS)
def _latest_offset_never_falls(answer: Answer) -> str | None:
    """Who asks for the latest offset is never told less than others were told before.

    By leaders of older epochs, that is: one who does not know yet that he was deposed tells
    what he knows. A new leader whose watermark lags behind tells nothing (KIP-207).
    """
    if answer.api_key != ApiKey.LIST_OFFSETS or answer.request.replica_id != CONSUMER:
        return None
    for partition, offset in _latest_offsets(answer):
        leader = partition.leader
        ghost = answer.ghost.partition(partition.log)
        if leader is None or leader.leader_epoch < ghost.generation:
            continue
        start = leader.leader_epoch_start_offset
        if partition.log.high_watermark < start:
            return (
                f"{ghost.name}: broker {answer.broker.node_id} tells {offset} as the latest "
                f"offset; its epoch begins at {start}, all below may be committed"
            )
        for epoch, told in ghost.latest.items():
            if epoch <= leader.leader_epoch and told > offset:
                return (
                    f"{ghost.name}: broker {answer.broker.node_id} tells {offset} as the "
                    f"latest offset in epoch {leader.leader_epoch}; {told} was told in {epoch}"
                )
        ghost.latest[leader.leader_epoch] = offset
    return None


def _latest_offsets(answer: Answer) -> Iterator[tuple[Partition, int]]:
    """Yield what a ListOffsets answer says of the latest offsets of partitions."""
    asked = {
        (topic.name, partition.partition_index): partition.timestamp
        for topic in answer.request.topics
        for partition in topic.partitions
    }
    for topic in answer.response["topics"]:
        for told in topic["partitions"]:
            place = TopicPartition(topic["name"], told["partition_index"])
            if asked.get(place) == LATEST and told["error_code"] == ErrorCode.NONE:
                partition = answer.broker.replicas.partition(place)
                if partition is not None:
                    yield partition, told["offset"]


class Asked:
    """What one follower asks of one leader, as far as it has said."""

    __slots__ = ("partitions",)

    def __init__(self) -> None:
        self.partitions: dict[tuple[TopicId | None, int], FetchPartition] = {}

    def hear(self, request: Any) -> None:
        """Take over what one more request says; the first of a session begins anew."""
        if request.session_epoch <= 0:
            self.partitions.clear()
        for topic in request.forgotten:
            for index in topic.partitions:
                self.partitions.pop((topic.topic_id, index), None)
        for topic in request.topics:
            for asked in topic.partitions:
                self.partitions[topic.topic_id, asked.index] = asked


@check("R16", "answered", ApiKey.FETCH)
def _followers_read_what_continues_their_log(answer: Answer) -> str | None:
    """A follower is sent records only in its own leader epoch and behind a log like ours."""
    if answer.api_key != ApiKey.FETCH or answer.request.replica_id < 0:
        return None
    request = answer.request
    sessions = answer.ghost.asked
    key = (answer.broker.node_id, request.replica_id, request.session_id)
    if request.session_epoch == 0:
        key = (answer.broker.node_id, request.replica_id, answer.response.session_id)
    known = sessions.get(key)
    if known is None:
        known = sessions[key] = Asked()
    if request.topics or request.forgotten or request.session_epoch <= 0:
        known.hear(request)
    for topic in answer.response.topics:
        for told in topic.partitions:
            if told.batches and topic.topic_id != CLUSTER_METADATA_TOPIC_ID:
                asked = known.partitions.get((topic.topic_id, told.index))
                wrong = None if asked is None else _unlike(answer, topic.topic_id, asked, told)
                if wrong is not None:
                    return f"broker {request.replica_id} is sent {wrong}"
    return None


def _unlike(
    answer: Answer, topic_id: TopicId, asked: FetchPartition, told: FetchPartitionResponse
) -> str | None:
    """Return how records do not continue the log of who asked for them; None if they do."""
    name = answer.broker.image.topic_names.get(topic_id)
    partition = None if name is None else answer.broker.replicas.partition((name, told.index))
    leader = None if partition is None else partition.leader
    if partition is None or leader is None or partition.topic_id != topic_id:
        return f"records of {name}-{told.index} by broker {answer.broker.node_id}, no leader"
    ghost = answer.ghost.partition(partition.log)
    sent = f"{told.batches[0]!r} of {ghost.name} by broker {answer.broker.node_id}"
    if asked.current_leader_epoch != leader.leader_epoch:
        return (
            f"{sent} in epoch {leader.leader_epoch}, it asked in {asked.current_leader_epoch}"
        )
    before = ghost.chains[answer.broker.node_id].at(asked.fetch_offset - 1)
    if before is not None and asked.last_fetched_epoch not in (before.epoch, -1):
        return (
            f"{sent}, where {asked.fetch_offset} follows epoch {before.epoch}; in its log it "
            f"follows {asked.last_fetched_epoch}"
        )
    return None


@check("W3", "answered", ApiKey.PRODUCE, ApiKey.FETCH)
def _who_answers_as_leader_leads(answer: Answer) -> str | None:
    """A broker takes and gives records as the leader that its applied metadata names."""
    if answer.api_key not in (ApiKey.PRODUCE, ApiKey.FETCH) or answer.response is None:
        return None
    broker = answer.broker
    if answer.ghost.applied_ms.get(broker.node_id) == broker.clock.monotonic_ms():
        return None  # it may be about to take over what it has just applied
    names = broker.image.topic_names
    for topic in answer.response.topics:
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = names.get(topic.topic_id)
        for told in topic.partitions:
            if name is None or told.error_code:
                continue
            wrong = _not_named(answer, TopicPartition(name, told.index))
            if wrong is not None:
                return wrong
    return None


def _not_named(answer: Answer, name: TopicPartition) -> str | None:
    partition, broker = answer.broker.replicas.partition(name), answer.broker
    if partition is None or partition.internal or partition.leader is None:
        return None
    state, epoch = broker.image.partition(name), partition.leader.leader_epoch
    if state is None or (state.leader, state.leader_epoch) == (broker.node_id, epoch):
        return None
    return (
        f"broker {broker.node_id} answers as leader of {name} in epoch {epoch}; it has applied "
        f"that broker {state.leader} leads in epoch {state.leader_epoch}"
    )
