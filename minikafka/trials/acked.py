"""What brokers have acknowledged in a run, as records."""

from __future__ import annotations

from typing import NamedTuple

from minikafka.base.ids import NO_LEADER_EPOCH, Offset, TopicId, TopicPartition
from minikafka.cluster.consumer_records import consumer_records
from minikafka.cluster.partition_state import Record
from minikafka.records.batch import Batch, split_batches, stamp
from minikafka.trials.invariants import Answer
from minikafka.trials.rules_answers import acknowledged

__all__ = ["Acked"]


class _Sent(NamedTuple):
    """The batches of one partition in one produce request, as they were answered."""

    topic_id: TopicId
    partition: int
    base_offset: Offset
    data: memoryview
    acks: int


class Acked:
    """All that was acknowledged, in order of the answers."""

    def __init__(self) -> None:
        self._sent: list[_Sent] = []

    def hear(self, answer: Answer) -> None:
        """Note the answer to a produce request."""
        for partition, base_offset, data in acknowledged(answer):
            index, acks = partition.topic_partition.partition, answer.request.acks
            self._sent.append(_Sent(partition.topic_id, index, base_offset, data, acks))

    def records(self, topic: str, topic_id: TopicId, acks: int) -> list[Record]:
        """Return what was acknowledged of a topic.

        Args:
            acks: only what was sent with at least this promise: -1 all, 1 also by the leader.
        """
        found: list[Record] = []
        for sent in self._sent:
            if sent.topic_id != topic_id or (sent.acks != -1 and acks != 1):
                continue
            for batch in split_batches(sent.data):
                if batch.base_offset != sent.base_offset:
                    # It was there before, so the bytes that came again have no place.
                    batch = Batch(memoryview(bytearray(batch.view)))
                    stamp(batch, sent.base_offset, NO_LEADER_EPOCH)
                place = TopicPartition(topic, sent.partition)
                found += consumer_records(place, batch, sent.base_offset)
        return found
