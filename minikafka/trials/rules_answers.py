"""Rules of responses, looked at before they leave: R11, R16, R19; and of liars' metadata: C1.

The names are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.broker.partition import Partition
from minikafka.records.batch import Batch
from minikafka.trials.chains import Chain, Entry
from minikafka.trials.ghost import GhostPartition
from minikafka.trials.invariants import Answer, check
from minikafka.wire.versions import ApiKey

__all__ = ["acknowledged"]

ALL = -1


def acknowledged(answer: Answer) -> Iterator[tuple[Partition, int, memoryview]]:
    """Yield what a produce response acknowledges: partition, base offset, the bytes sent."""
    image = answer.broker.image
    for topic, sent in zip(answer.response.topics, answer.request.topics, strict=False):
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = image.topic_names.get(topic.topic_id)
        records = {asked.index: asked.records for asked in sent.partitions}
        for result in topic.partitions:
            if name is None or result.error_code != ErrorCode.NONE:
                continue
            partition = answer.broker.replicas.partition(TopicPartition(name, result.index))
            data = records.get(result.index)
            if partition is not None and data is not None:
                yield partition, result.base_offset, data


@check("R11", "answered", ApiKey.PRODUCE)
def _acknowledged_is_durable(answer: Answer) -> str | None:
    """acks=all says: every in-sync replica holds it. acks=1 says: the leader does."""
    if answer.api_key != ApiKey.PRODUCE or answer.response is None:
        return None
    for partition, base_offset, _ in acknowledged(answer):
        ghost = answer.ghost.partition(partition.log)
        entry = _entry(ghost, answer.broker.node_id, base_offset)
        if entry is None:
            return f"{ghost.name}: offset {base_offset} is acknowledged and not in the log"
        leader = partition.leader
        epoch = entry.epoch if leader is None else leader.leader_epoch
        if epoch < ghost.generation:
            # Its history has ended with an unclean election, and nobody has told it; or it has
            # just heard, and answers what was settled before.
            continue
        if answer.request.acks == ALL:
            wrong = _not_everywhere(answer, partition, ghost, entry)
            if wrong is not None:
                return (
                    f"{ghost.name}: offset {base_offset} is acknowledged with acks=all, {wrong}"
                )
    return None


def _not_everywhere(
    answer: Answer, partition: Partition, ghost: GhostPartition, entry: Entry
) -> str | None:
    if partition.log.high_watermark < entry.next_offset:
        return f"and the high watermark is {partition.log.high_watermark}"
    for member in answer.ghost.isr(partition.topic_id, partition.topic_partition.partition):
        held = _entry(ghost, member, entry.base_offset)
        if (
            held is None or held.prefix_hash != entry.prefix_hash
        ) and member not in ghost.losses:
            return f"and broker {member} of the ISR does not hold it"
    return None


def _entry(ghost: GhostPartition, broker: int, base_offset: int) -> Entry | None:
    chain: Chain | None = ghost.chains.get(broker)
    return None if chain is None else chain.at(base_offset)


def _fetched(answer: Answer) -> Iterator[tuple[GhostPartition, Partition, Batch]]:
    for topic in answer.response.topics:
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = answer.broker.image.topic_names.get(topic.topic_id)
        for told in topic.partitions:
            if name is None or not told.batches:
                continue
            partition = answer.broker.replicas.partition(TopicPartition(name, told.index))
            if partition is not None:
                ghost = answer.ghost.partition(partition.log)
                for batch in told.batches:
                    yield ghost, partition, batch


@check("R16", "answered", ApiKey.FETCH)
def _consumers_read_what_is_committed(answer: Answer) -> str | None:
    """What a consumer is sent lies below the high watermark, and is what the log holds."""
    if answer.api_key != ApiKey.FETCH or answer.request.replica_id >= 0:
        return None
    for ghost, partition, batch in _fetched(answer):
        if batch.next_offset > partition.log.high_watermark:
            return (
                f"{ghost.name}: broker {answer.broker.node_id} sends a consumer offset "
                f"{batch.last_offset}, the high watermark is {partition.log.high_watermark}"
            )
        entry = _entry(ghost, answer.broker.node_id, batch.base_offset)
        if entry is None or entry.epoch != batch.leader_epoch:
            return f"{ghost.name}: a consumer is sent {batch!r}, which is not in the log"
    return None


@check("R16", "answered", ApiKey.FETCH)
def _consumers_are_sent_to_replicas_in_sync(answer: Answer) -> str | None:
    """Only a member of the ISR is named as the replica to read from (KAFKA-14372)."""
    if answer.api_key != ApiKey.FETCH or answer.request.replica_id >= 0:
        return None
    for topic in answer.response.topics:
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = answer.broker.image.topic_names.get(topic.topic_id)
        for told in topic.partitions:
            if name is None or told.preferred_read_replica < 0:
                continue
            partition = answer.broker.replicas.partition(TopicPartition(name, told.index))
            leader = None if partition is None else partition.leader
            if leader is not None and told.preferred_read_replica not in leader.isr:
                return (
                    f"broker {answer.broker.node_id} sends a consumer of {name}-{told.index} "
                    f"to broker {told.preferred_read_replica}, the ISR is {leader.isr}"
                )
    return None


def _is_about_to_be_cut(ghost: GhostPartition, entry: Entry) -> bool:
    """Say whether a follower may hold an entry of a history that has ended: it has not compared.

    It knows its new leader, but not yet what that one lacks (KIP-392 reads go up to its own
    watermark).
    """
    generation = ghost.generation
    return entry.epoch < generation and entry.base_offset >= ghost.begun.get(generation, 0)


@check("R19", "answered", ApiKey.FETCH)
def _reads_are_repeatable(answer: Answer) -> str | None:
    """What one consumer was sent at an offset, every other one is sent there, too."""
    if answer.api_key != ApiKey.FETCH or answer.request.replica_id >= 0:
        return None
    for ghost, partition, batch in _fetched(answer):
        entry = _entry(ghost, answer.broker.node_id, batch.base_offset)
        role = partition.leader or partition.follower
        if entry is None or role is None or role.leader_epoch < ghost.generation:
            continue
        if partition.leader is None and _is_about_to_be_cut(ghost, entry):
            continue
        known = ghost.exposed.setdefault(batch.base_offset, entry.prefix_hash)
        if known != entry.prefix_hash:
            return (
                f"{ghost.name}: offset {batch.base_offset} is another batch now, or has "
                "another history, than what a consumer was sent before"
            )
    return None
