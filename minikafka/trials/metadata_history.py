"""The committed metadata records of a run, each once, with the state before and after it.

Brokers apply many records at once; rules about single changes need them one by one. Each record
is read from the metadata log of whichever broker is first to apply it, and applied to an image
of the run's own. Counterpart: none, brokers know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikafka.base.ids import NO_LEADER, BrokerId, Offset, TopicId
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import (
    BrokerRegistered,
    MetadataRecord,
    PartitionChanged,
    decode_record,
)
from minikafka.metadata.states import PartitionImage
from minikafka.quorum.batches import committed_batches
from minikafka.trials.ghost import Ghost

if TYPE_CHECKING:
    from minikafka.log.partition_log import PartitionLog

__all__ = ["MetadataHistory", "Recorded", "note_election"]


@dataclass(frozen=True)
class Recorded:
    """One committed record.

    Attributes:
        before: the state on which it follows.
        after: the state behind it.
        settled: the state behind the last record of its batch: one decision of the controller.
    """

    ghost: Ghost
    broker: BrokerId
    offset: Offset
    record: MetadataRecord
    before: MetadataImage
    after: MetadataImage
    settled: MetadataImage

    def change(self) -> tuple[str, PartitionImage, PartitionImage] | None:
        """Return name, former and new state of the partition that changed, if one did."""
        if not isinstance(self.record, PartitionChanged):
            return None
        topic = self.before.topic_by_id(self.record.topic_id)
        changed = self.after.topic_by_id(self.record.topic_id)
        if topic is None or changed is None:
            return None
        number = self.record.partition
        name = f"{topic.name}-{number}"
        return name, topic.partitions[number], changed.partitions[number]


class MetadataHistory:
    """What has been committed so far.

    Attributes:
        image: the state behind the last record; None before the first.
        settled: the state behind each batch, by the offset where it ends.
        accepted: by topic id, partition and partition epoch: the state and the cluster on which
            the change to that epoch followed.
        registrations: by broker epoch: the epoch of the registration before it, None without
            one, and the state behind the new one.
    """

    def __init__(self) -> None:
        self.image: MetadataImage | None = None
        self.settled: dict[Offset, MetadataImage] = {}
        self.accepted: dict[tuple[TopicId, int, int], tuple[PartitionImage, MetadataImage]] = {}
        self.registrations: dict[int, tuple[int | None, MetadataImage]] = {}

    def read(
        self, ghost: Ghost, broker: BrokerId, log: PartitionLog, image: MetadataImage
    ) -> Iterator[Recorded]:
        """Yield the records that `broker`, whose metadata is now `image`, is first to apply."""
        if self.image is None:
            self.image = MetadataImage.empty(image.static_config)
        for batch in committed_batches(log, self.image.offset, image.offset):
            records = [decode_record(payload) for payload in batch.payloads]
            steps = [self.image]
            for offset, record in enumerate(records, batch.base_offset):
                after, _ = steps[-1].apply((record,), offset + 1)
                steps.append(after)
            self.image, _ = steps[-1].apply((), batch.next_offset, batch.epoch)
            self.settled[batch.next_offset] = self.image
            for index, record in enumerate(records):
                recorded = Recorded(
                    ghost,
                    broker,
                    batch.base_offset + index,
                    record,
                    steps[index],
                    steps[index + 1],
                    self.image,
                )
                self._keep(recorded)
                yield recorded

    def _keep(self, recorded: Recorded) -> None:
        record = recorded.record
        if (
            isinstance(record, BrokerRegistered)
            and record.broker_epoch not in self.registrations
        ):
            former = recorded.before.brokers.get(record.broker_id)
            epoch = None if former is None else former.broker_epoch
            self.registrations[record.broker_epoch] = (epoch, recorded.after)
        change = recorded.change()
        if change is not None and isinstance(recorded.record, PartitionChanged):
            key = (
                recorded.record.topic_id,
                recorded.record.partition,
                recorded.record.partition_epoch,
            )
            self.accepted[key] = (change[1], recorded.before)


def note_election(recorded: Recorded) -> None:
    """Note an election from outside the ISR: from its record on another history counts.

    By its record, as the next one may follow before any broker has applied it. And note that a
    partition has fewer replicas: no more of them can have to fail.
    """
    record, change = recorded.record, recorded.change()
    if change is None or not isinstance(record, PartitionChanged):
        return
    ghost = recorded.ghost.find(record.topic_id, record.partition)
    topic = recorded.before.topic_by_id(record.topic_id)
    if ghost is None or topic is None:
        return
    _, old, new = change
    if len(new.replicas) < len(old.replicas):
        ghost.cap_promises(len(new.replicas))
    chosen = (*old.isr, *old.elr, NO_LEADER)
    allowed = recorded.after.topic_config(topic.name).unclean_leader_election_enable
    if allowed and new.leader not in chosen and new.recovering:
        ghost.unclean_count += 1
        ghost.unclean_epoch = ghost.generation = new.leader_epoch
