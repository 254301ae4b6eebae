"""What a run knows that no broker does: every entry ever written, what was committed, by whom.

The checks of `invariants` compare brokers with it.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from minikafka.base.ids import (
    CLUSTER_METADATA_TOPIC_ID,
    BrokerId,
    LeaderEpoch,
    Offset,
    TopicId,
)
from minikafka.records.batch import Batch
from minikafka.trials.chains import Chain, Entry
from minikafka.trials.group_ghost import GroupWorld
from minikafka.trials.share_ghost import ShareWorld
from minikafka.trials.transaction_ghost import TransactionWorld

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.broker.partition import Partition
    from minikafka.log.partition_log import PartitionLog
    from minikafka.metadata.image import MetadataImage
    from minikafka.metadata.states import PartitionImage
    from minikafka.quorum.voters import VoterSet

__all__ = ["LAST_KNOWN_LEADER", "Ghost", "GhostPartition", "Key", "Loss"]

_OF_GROUPS = ("__consumer_offsets-", "__share_group_state-")

LAST_KNOWN_LEADER = "last known leader"
"""Why a leader from outside ISR and ELR was elected though nobody allowed it (KIP-966)."""

Key: TypeAlias = tuple[TopicId, int]
"""One partition of one topic, by its id: a topic made anew is another one."""


class Loss(NamedTuple):
    """What a disk lost when the power went: everything of one replica from an offset on."""

    broker: BrokerId
    from_offset: Offset


@dataclass
class GhostPartition:
    """All that ever happened to one partition.

    Attributes:
        entries: identity of each entry ever appended anywhere, by base offset and epoch.
        committed: the true committed log, as the batches in it.
        exposed: what consumers were sent, by base offset.
        losses: by broker, until it has caught up again.
        leaders: who led in which epoch.
        begun: exclusive end of what was committed when the leader of an epoch began.
        watermarks: highest watermark of each leader epoch's leader.
        latest: largest answer to "which is the latest offset?", by the leader epoch of who gave it.
        ends: of a leader's log when it looked at its ISR, oldest first, with the time and the
            registrations of its followers; by epoch.
        licensed: committed batches whose loss was within what the settings promise.
        promises: from which offset on what was committed with how many in-sync replicas at
            least, in order of the offsets: min.insync.replicas, or as many as the controller
            knew where that was less. A leader may not have heard yet that a member was taken
            out after an unclean shutdown, and count it still; so it is in Kafka.
        unclean: where the logs of brokers ended that have shut down uncleanly since they last
            joined the ISR.
        unclean_elections: why a leader from outside ISR and ELR was elected, by leader epoch.
        generation: the leader epoch that took the last licensed loss. What leaders of older
            epochs still hold and show is of a history that has ended, though they may not know.
        unclean_count: how many unclean elections there were that the topic allows.
        unclean_epoch: of the last one, until its leader begins; None otherwise.
        compacted_below: some replica has compacted its log up to here. A log that lacks
            something below stands for the committed log all the same; what it lacks is looked
            at when it is compacted.
        forgotten: where the tombstones were that some compaction has let go of, in time.
        revived: somebody has copied what came after one of them without having had it, and so
            holds what it deleted.
    """

    name: str
    internal: bool
    entries: dict[tuple[Offset, LeaderEpoch], int] = field(default_factory=dict)
    chains: dict[BrokerId, Chain] = field(default_factory=dict)
    committed: list[Entry] = field(default_factory=list)
    exposed: dict[Offset, int] = field(default_factory=dict)
    losses: dict[BrokerId, Loss] = field(default_factory=dict)
    leaders: dict[LeaderEpoch, BrokerId] = field(default_factory=dict)
    begun: dict[LeaderEpoch, Offset] = field(default_factory=dict)
    watermarks: dict[LeaderEpoch, Offset] = field(default_factory=dict)
    latest: dict[LeaderEpoch, Offset] = field(default_factory=dict)
    ends: dict[LeaderEpoch, list[tuple[int, Offset, dict[BrokerId, int]]]] = field(
        default_factory=dict
    )
    promises: list[tuple[Offset, int]] = field(default_factory=list)
    unclean: dict[BrokerId, Offset] = field(default_factory=dict)
    unclean_elections: dict[LeaderEpoch, str] = field(default_factory=dict)
    licensed: int = 0
    generation: LeaderEpoch = 0
    unclean_count: int = 0
    unclean_epoch: LeaderEpoch | None = None
    compacted_below: Offset = 0
    forgotten: list[Offset] = field(default_factory=list)
    revived: bool = False

    def followed(self, chain: Chain, batch: Batch, source: Chain | None = None) -> list[Entry]:
        """Add a batch to a replica's log; return it, and before it what compaction has taken.

        Args:
            source: the log that it comes from: the leader's, or its own as it was before a crash.
                It may hold what is no longer committed, or not yet again.
        """
        if batch.base_offset >= self.compacted_below:
            missing = self._skipped(chain, batch.base_offset, source)
            return [*missing, chain.append(batch)]
        for history in (self.committed, () if source is None else source.entries):
            entries = _up_to(history, chain.end, batch)
            if entries:
                chain.take(entries)
                return entries
        return [chain.append(batch)]

    def _skipped(self, chain: Chain, start: Offset, source: Chain | None) -> list[Entry]:
        """Let a chain stand for what compaction has taken from the end of what it has seen."""
        if chain.end >= start:
            return []
        for history in (self.committed, () if source is None else source.entries):
            first = bisect_left(history, chain.end, key=lambda entry: entry.base_offset)
            last = bisect_left(history, start, key=lambda entry: entry.base_offset)
            missing = list(history[first:last])
            if missing and missing[-1].next_offset <= self.compacted_below:
                chain.take(missing, all_gone=True)
                return missing
        return []

    @property
    def may_have_lost(self) -> bool:
        """True where the settings in force did not promise that all is still there."""
        return self.licensed > 0 or self.unclean_count > 0 or self.revived

    @property
    def true_watermark(self) -> Offset:
        """Exclusive end of what was ever committed and not lost with a licence."""
        return self.committed[-1].next_offset if self.committed else 0

    def committed_by(self, epoch: LeaderEpoch) -> Offset:
        """Return the end of what was committed before a leader of a later epoch began."""
        later = [offset for other, offset in self.begun.items() if other > epoch]
        return min((*later, self.true_watermark))

    def committed_hash(self, offset: Offset) -> int | None:
        """Return what stands for the committed log below `offset`."""
        index = bisect_right(self.committed, offset, key=lambda entry: entry.next_offset) - 1
        if index < 0:
            return 0
        entry = self.committed[index]
        return entry.prefix_hash if entry.next_offset == offset else None

    def note_promise(self, offset: Offset, min_isr: int) -> None:
        """Note with how many in-sync replicas at least is committed from `offset` on."""
        if not self.promises or self.promises[-1][1] != min_isr:
            self.promises.append((offset, min_isr))

    def cap_promises(self, replicas: int) -> None:
        """Note that a partition has so many replicas from now on: more cannot have to fail."""
        self.promises = [(offset, min(count, replicas)) for offset, count in self.promises]

    def failures_left(self, entry: Entry) -> int:
        """Return how many more replicas must have failed before losing `entry` is licensed.

        KIP-966: what was committed with min.insync.replicas outlives the unclean shutdowns of
        one replica less. A replica that held it has failed from its unclean shutdown on until
        it is in the ISR again: nobody can tell whether it has lost something.
        """
        index = bisect_right(self.promises, entry.base_offset, key=lambda each: each[0]) - 1
        min_isr = self.promises[index][1] if index >= 0 else 1
        return min_isr - sum(end >= entry.next_offset for end in self.unclean.values())

    def committed_below(self, offset: Offset) -> Entry | None:
        """Return the last committed batch that ends at `offset` or below, None without any."""
        index = bisect_right(self.committed, offset, key=lambda entry: entry.next_offset)
        return self.committed[index - 1] if index else None

    def lost_late(self, entries: Iterable[Entry]) -> None:
        """Hear what a former leader holds to be committed in a history that has ended.

        What the present one lacks is lost with the licence by which that one began.
        """
        self.licensed += sum(
            entry.next_offset > self.true_watermark
            or self.committed_below(entry.next_offset) != entry
            for entry in entries
        )

    def forget_lacking(self, chain: Chain, epoch: LeaderEpoch) -> int:
        """Take a licensed loss: what `chain` lacks was not committed or seen; return how much.

        Args:
            epoch: of the leader whose log it is.
        """
        self.generation = epoch
        count = len(self.committed)
        while count and not chain.holds(self.committed[count - 1]):
            count -= 1
        lost = len(self.committed) - count
        del self.committed[count:]
        end = self.true_watermark
        self.exposed = {base: known for base, known in self.exposed.items() if base < end}
        self.latest.clear()
        self.licensed += lost
        return lost


class Ghost:
    """The state of all partitions, the newest committed metadata, and who lives.

    Attributes:
        brokers: the last start of each broker, running or not.
        controller_since_ms: since when the newest metadata is of the same controller epoch.
        applied_ms: when each broker applied its newest metadata, on its own clock.
        disk_losses: says how often the disk of a broker has lost something.
        asked: what each follower asks of each leader in each fetch session, for R16.
        unclean_asked: partitions for which the scenario asks for unclean elections (ElectLeaders).
        unclean_starts: by incarnation of a broker: did the one before it end uncleanly?
        living: the latest incarnation of each broker.
        producer_blocks: producer ids given away, as (first, count).
        identities: producer ids and epochs that producers were told.
        topic_ids: names of all topics there ever were.
        votes: whom each node of the quorum has voted for, by node and epoch.
        quorum_leaders: who led the quorum in which epoch, and its log, which is that of a process.
        quorum_epochs: the latest epoch that each node has told of.
        voter_records: the voters that leaders of the quorum have written, by offset and epoch.
        disks: the disk that each broker has now.
        replaced: of disks that brokers have no more: how much metadata was durable there.
        leader_of: who leads, by topic id, partition and leader epoch.
        groups: what is true of consumer groups.
        shares: what is true of share groups.
        transactions: what is true of transactions.
    """

    def __init__(self) -> None:
        self.partitions: dict[Key, GhostPartition] = {}
        self.image: MetadataImage | None = None
        self.brokers: dict[BrokerId, Broker] = {}
        self.controller_since_ms = 0
        self.applied_ms: dict[BrokerId, int] = {}
        self.disk_losses: Callable[[BrokerId], int] = lambda broker: 0
        self.asked: dict[tuple[BrokerId, BrokerId, int], Any] = {}
        self.unclean_asked: dict[Key, None] = {}
        self.unclean_starts: dict[uuid.UUID, bool] = {}
        self.living: dict[BrokerId, uuid.UUID] = {}
        self.producer_blocks: list[tuple[int, int]] = []
        self.identities: dict[tuple[int, int], None] = {}
        self.topic_ids: dict[TopicId, str] = {}
        self.votes: dict[tuple[BrokerId, int], BrokerId] = {}
        self.quorum_leaders: dict[int, tuple[BrokerId, PartitionLog]] = {}
        self.quorum_epochs: dict[BrokerId, int] = {}
        self.leader_of: dict[tuple[TopicId, int, LeaderEpoch], BrokerId] = {}
        self.voter_records: dict[tuple[Offset, int], VoterSet] = {}
        self.disks: dict[BrokerId, uuid.UUID] = {}
        self.replaced: dict[uuid.UUID, Offset] = {}
        self.groups = GroupWorld()
        self.shares = ShareWorld()
        self.transactions = TransactionWorld()
        self._stopped: dict[BrokerId, bool] = {}

    def started(self, broker: BrokerId, incarnation_id: uuid.UUID) -> None:
        """Note a start, and whether the one before it ended without a clean shutdown."""
        unclean = not self._stopped.get(broker, True)
        self._stopped[broker] = False
        self.unclean_starts[incarnation_id] = unclean
        self.living[broker] = incarnation_id
        for partition in self.partitions.values():
            chain = partition.chains.get(broker)
            if unclean and chain is not None:
                before = partition.unclean.get(broker, 0)
                partition.unclean[broker] = max(before, chain.end)

    def disk_replaced(self, broker: BrokerId) -> None:
        """Note that a broker that is down has an empty disk from now on."""
        self.replaced[self.disks.pop(broker)] = self.metadata_log(broker).durable_end_offset
        self.quorum_epochs.pop(broker, None)

    def stopped(self, broker: BrokerId) -> None:
        """Note a clean shutdown."""
        self._stopped[broker] = True

    def partition(self, log: PartitionLog) -> GhostPartition:
        """Return the ghost of the partition a log belongs to."""
        key = (log.topic_id, log.partition.partition)
        found = self.partitions.get(key)
        if found is None:
            internal = log.topic_id == CLUSTER_METADATA_TOPIC_ID
            found = self.partitions[key] = GhostPartition(str(log.partition), internal)
        return found

    def metadata_log(self, broker: BrokerId) -> PartitionLog:
        """Return a broker's metadata log; it has one from its start on."""
        return self.partitions[CLUSTER_METADATA_TOPIC_ID, 0].chains[broker].log

    def find(self, topic_id: TopicId, index: int) -> GhostPartition | None:
        """Return the ghost of a partition, None before it has a log."""
        return self.partitions.get((topic_id, index))

    def state(self, topic_id: TopicId, index: int) -> PartitionImage | None:
        """Return a partition as the controller has recorded it last; None without it."""
        image = self.image
        name = None if image is None else image.topic_names.get(topic_id)
        if image is None or name is None:
            return None
        partitions = image.topics[name].partitions
        return partitions[index] if index < len(partitions) else None

    def isr(self, topic_id: TopicId, index: int) -> Iterable[BrokerId]:
        """Return the in-sync replicas as the controller has recorded them."""
        state = self.state(topic_id, index)
        return () if state is None else state.isr

    def hosted(self, broker: BrokerId, log: PartitionLog) -> Partition | None:
        """Return a log's partition as the last start of a broker has it; None without one."""
        living = self.brokers.get(broker)
        if living is None:
            return None
        partition = living.replicas.partition(log.partition)
        if partition is None or partition.topic_id != log.topic_id:
            return None
        return partition

    def complete(self, topic_id: TopicId, index: int) -> int:
        """Return how many replicas the controller knows to hold everything: ISR and ELR."""
        image = self.image
        topic = None if image is None else image.topic_by_id(topic_id)
        if topic is None:
            return 0
        return len(topic.partitions[index].isr) + len(topic.partitions[index].elr)

    @property
    def may_have_lost_groups(self) -> bool:
        """True where what is known of share groups may be lost: members, or what is done."""
        return any(
            partition.may_have_lost and partition.name.startswith(_OF_GROUPS)
            for partition in self.partitions.values()
        )

    @property
    def licensed_losses(self) -> int:
        """Committed batches lost within what the settings promise."""
        return sum(partition.licensed for partition in self.partitions.values())

    @property
    def may_have_lost(self) -> bool:
        """True where some partition may have lost something within what was promised."""
        return any(partition.may_have_lost for partition in self.partitions.values())


def _up_to(history: Sequence[Entry], start: Offset, batch: Batch) -> list[Entry]:
    """Return what a history has from `start` up to and with a batch; nothing if it lacks that."""
    first = bisect_left(history, start, key=lambda entry: entry.base_offset)
    last = bisect_right(history, batch.base_offset, key=lambda entry: entry.base_offset)
    entries = list(history[first:last])
    known = entries[-1] if entries else None
    if known is None:
        return []
    same = (known.base_offset, known.epoch) == (batch.base_offset, batch.leader_epoch)
    return entries if same else []
