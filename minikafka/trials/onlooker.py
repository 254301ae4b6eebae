"""Follows one start of one broker: keeps the ghost up to date, then has the checks called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikafka.base.deferred import Deferred
from minikafka.base.ids import BrokerId, Offset, TopicPartition
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC
from minikafka.records.batch import Batch
from minikafka.trials.chains import Chain, Entry
from minikafka.trials.compacted import gone, misses
from minikafka.trials.ghost import GhostPartition, Loss
from minikafka.trials.group_ghost import OffsetsGhost
from minikafka.trials.invariants import (
    Answer,
    Applied,
    Commanded,
    CompactedLog,
    Coordinated,
    Hook,
    Invariants,
    IsrConsidered,
    Opened,
    Produced,
    Replica,
    Snapshotted,
    Started,
    Transacted,
)
from minikafka.trials.metadata_history import note_election
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.broker.group_partition import GroupPartition
    from minikafka.broker.partition import Partition
    from minikafka.groups.commands import Command, Decision, Moment
    from minikafka.log.partition_log import PartitionLog
    from minikafka.log.segment import Segment
    from minikafka.metadata.image import MetadataImage
    from minikafka.metadata.states import MetadataDelta
    from minikafka.quorum.snapshots import SnapshotId
    from minikafka.replication.leader import IsrWish, PartitionLeader
    from minikafka.transactions.commands import EndTransaction

__all__ = ["Onlooker"]


class Onlooker:
    """Follows one start of one broker: updates the ghost, then has the checks called.

    Args:
        began_ms: when what runs now began to; its clock is ahead by what it has spent since.
    """

    def __init__(
        self, invariants: Invariants, broker_id: BrokerId, began_ms: Callable[[], int]
    ) -> None:
        self._invariants = invariants
        self._began_ms = began_ms
        self._ghost = invariants.ghost
        self._id = broker_id
        self._broker: Broker | None = None

    def started(self, broker: Broker) -> None:
        """Keep the broker, to see its roles, and note how the one before it ended."""
        self._broker = broker
        self._ghost.brokers[self._id] = broker
        self._ghost.disks[self._id] = broker.directory_id
        self._ghost.started(self._id, broker.lifecycle.incarnation_id)
        self._run("started", Started(broker, self._ghost))

    def stopped(self, broker: Broker) -> None:
        """Note a clean shutdown."""
        self._ghost.stopped(self._id)

    def unclean_election(self, broker: Broker, partition: TopicPartition) -> None:
        """Leave it to C6, which sees it in the records."""

    def opened(self, log: PartitionLog) -> None:
        """Compare what is on the disk with what was written before the crash."""
        ghost = self._ghost.partition(log)
        old = ghost.chains.get(self._id)
        start = log.segments[0].base_offset
        root_hash = ghost.committed_hash(start) or 0
        losses = self._ghost.disk_losses(self._id)
        chain = ghost.chains[self._id] = Chain(log, start, root_hash, losses)
        batches = [batch for segment in log.segments for batch in segment.batches]
        self._note(log, ghost, chain, batches, old)
        self._run("opened", Opened(self._id, log, ghost, chain, old))
        if old is not None and chain.end < old.end:
            ghost.losses[self._id] = Loss(self._id, chain.end)

    def appended(self, log: PartitionLog, batches: Sequence[Batch]) -> None:
        """Note new batches."""
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        before, had_any = chain.end, bool(chain.entries)
        self._note(log, ghost, chain, batches, self._leaders_chain(log, ghost))
        if had_any and misses(ghost.forgotten, batches, before, chain.end):
            ghost.revived = True
        if self._id in ghost.losses and chain.end >= ghost.true_watermark:
            del ghost.losses[self._id]

    def _note(
        self,
        log: PartitionLog,
        ghost: GhostPartition,
        chain: Chain,
        batches: Sequence[Batch],
        source: Chain | None,
    ) -> None:
        if batches:
            before = chain.end
            entries = [
                entry for batch in batches for entry in ghost.followed(chain, batch, source)
            ]
            self._run("appended", self._replica(log, ghost, chain, entries, before))

    def _leaders_chain(self, log: PartitionLog, ghost: GhostPartition) -> Chain | None:
        """Return the log that a follower copies; None for a leader."""
        partition = self._ghost.hosted(self._id, log)
        follower = None if partition is None else partition.follower
        return None if follower is None else ghost.chains.get(follower.leader_id)

    def truncated(self, log: PartitionLog, old_end: Offset) -> None:
        """Note what a truncation took away."""
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        removed = chain.cut(log.log_end_offset)
        if not log.size_bytes and (chain.entries or chain.end != log.log_end_offset):
            # A snapshot stands for what was there, or for more.
            chain.restart(log.log_end_offset, ghost.committed_hash(log.log_end_offset) or 0)
        self._run("truncated", self._replica(log, ghost, chain, removed, old_end))

    def watermark_moved(self, log: PartitionLog, old: Offset) -> None:
        """Note what a leader holds to be committed."""
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        replica = self._replica(log, ghost, chain, (), old)
        later = max(ghost.unclean_elections, default=0)
        if 0 <= replica.epoch < later and ghost.generation < later:
            # It has not heard of the election of last resort that has ended its history.
            ghost.generation = later
        if 0 <= replica.epoch < ghost.generation:
            ghost.lost_late(chain.between(old, log.high_watermark))
        self._run("watermark", replica)
        if replica.leads and log.high_watermark > ghost.true_watermark:
            self._note_promise(ghost, log)
            ghost.committed += chain.between(ghost.true_watermark, log.high_watermark)
            if log.partition.topic == OFFSETS_TOPIC:
                self._ghost.groups.committed(
                    log, ghost.true_watermark, licensed=ghost.may_have_lost
                )
            elif log.partition.topic == SHARE_STATE_TOPIC:
                self._ghost.shares.committed(
                    log, ghost.true_watermark, licensed=ghost.may_have_lost
                )
            elif log.partition.topic == TRANSACTIONS_TOPIC:
                self._transacted(log, ghost)

    def _transacted(self, log: PartitionLog, ghost: GhostPartition) -> None:
        """Follow what is committed of transactional ids."""
        world = self._ghost.transactions
        world.heed(may_have_lost=ghost.may_have_lost)
        for step in world.committed(log, ghost.true_watermark):
            self._run("transacted", Transacted(*step, self._ghost))

    def _note_promise(self, ghost: GhostPartition, log: PartitionLog) -> None:
        broker = self._broker
        partition = None if broker is None else broker.replicas.partition(log.partition)
        leader = None if partition is None else partition.leader
        if leader is not None:
            known = self._ghost.complete(log.topic_id, log.partition.partition)
            ghost.note_promise(ghost.true_watermark, min(leader.min_isr, known))

    def compacted(
        self, log: PartitionLog, sources: Sequence[Segment], batches: Sequence[Batch]
    ) -> None:
        """Look at what a compaction has left of some segments."""
        ghost = self._ghost.partition(log)
        start, end = sources[0].base_offset, sources[-1].next_offset
        ghost.compacted_below = max(ghost.compacted_below, end)
        ghost.chains[self._id].thin(start, end, [batch.base_offset for batch in batches])
        assert self._broker is not None, "only a broker that runs compacts"
        ghost.forgotten += [record.offset for _, record in gone(log, sources)]
        event = CompactedLog(self._id, log, sources, batches, self._broker.clock)
        self._run("compacted", event)

    def deleted(self, log: PartitionLog) -> None:
        """Forget a replica that was moved away: if it comes back, it begins anew."""
        ghost = self._ghost.partition(log)
        ghost.chains.pop(self._id, None)
        ghost.losses.pop(self._id, None)

    def strays_deleted(self, names: Sequence[str]) -> None:
        """Forget replicas that were moved away while the broker was down."""
        for ghost in self._ghost.partitions.values():
            if ghost.name in names:
                ghost.chains.pop(self._id, None)
                ghost.losses.pop(self._id, None)

    def snapshotted(self, broker: Broker, snapshot: SnapshotId, image: MetadataImage) -> None:
        """Look at a snapshot of metadata."""
        event = Snapshotted(broker, snapshot, image, self._ghost, self._invariants.history)
        self._run("snapshot", event)

    def led(self, broker: Broker, partition: Partition) -> None:
        """Look at a new leader."""
        log = partition.log
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        replica = self._replica(log, ghost, chain, (), log.log_end_offset)
        ghost.leaders[replica.epoch] = self._id
        isr = () if partition.leader is None else tuple(partition.leader.isr)
        self._run("led", replica._replace(isr=isr))
        ghost.begun.setdefault(replica.epoch, ghost.true_watermark)
        if log.partition.topic == TRANSACTIONS_TOPIC:
            # A coordinator goes on with what it has before anything more is committed.
            self._ghost.transactions.heed(may_have_lost=ghost.may_have_lost)

    def applied(self, broker: Broker, image: MetadataImage, delta: MetadataDelta) -> None:
        """Keep the newest committed metadata."""
        known, ghost = self._ghost.image, self._ghost
        newest = known is None or image.offset > known.offset
        if newest:
            ghost.image = image
            if known is None or known.epoch != image.epoch:
                ghost.controller_since_ms = broker.clock.monotonic_ms()
        ghost.applied_ms[self._id] = broker.clock.monotonic_ms()
        log = ghost.metadata_log(self._id)
        for recorded in self._invariants.history.read(ghost, self._id, log, image):
            note_election(recorded)
            self._run("recorded", recorded)
        self._run(
            "applied", Applied(self._id, image, delta, ghost, newest, known if newest else None)
        )

    def produced(self, partition: Partition, acks: int) -> None:
        """Look at the ISR of a leader that has written."""
        assert partition.leader is not None
        self._run("produced", Produced(self._id, partition.leader, acks))

    def isr_considered(
        self, partition: Partition, leader: PartitionLeader, wish: IsrWish | None, now_ms: int
    ) -> None:
        """Look at the ISR that a leader asks for."""
        ghost = self._ghost.partition(partition.log)
        event = IsrConsidered(self._id, ghost, leader, wish, now_ms, self._ghost)
        self._run("isr", event)

    def end_asked(self, command: EndTransaction) -> None:
        """Note it: no other commit may be decided, and no other abort without a new epoch."""
        producer = command.producer
        asked = producer.producer_id, producer.epoch, command.committed
        self._ghost.transactions.asked[asked] = None

    def commanded(self, groups: GroupPartition, command: Command, now: Moment) -> None:
        """Look at what a group coordinator takes up, and keep it until it is carried out."""
        offsets, latest, _ = self._coordinates(groups)
        self._run("commanded", Commanded(self._id, groups, offsets, command, now.ms, latest))
        if latest:
            offsets.commanded(command, groups.coordinator.groups(), now.ms)

    def coordinated(
        self,
        groups: GroupPartition,
        decision: Decision[Any] | None,
        answer: Deferred[Any] | None,
    ) -> None:
        """Look at what a group coordinator has done."""
        if groups.loading:
            return
        offsets, latest, first = self._coordinates(groups)
        assert self._broker is not None
        now_ms = self._broker.clock.monotonic_ms()
        leader = groups.partition.leader
        if leader is not None and len(leader.isr) < leader.min_isr:
            offsets.refused_ms = now_ms
        self._run(
            "coordinated",
            Coordinated(
                self._id, groups, offsets, now_ms, latest, first, decision, answer, self._ghost
            ),
        )
        if latest:
            # It was decided before it was written, on a disk that may be slow.
            began_ms = self._began_ms()
            offsets.look(groups.coordinator.groups(), began_ms)
            offsets.consumers.look(groups.coordinator.table.consumers.values(), began_ms)
            if decision is not None:
                offsets.command = None

    def _coordinates(self, groups: GroupPartition) -> tuple[OffsetsGhost, bool, bool]:
        """Return what is true, whether nobody coordinates later, and whether this is the first time."""
        partition = groups.partition
        offsets = self._ghost.groups.of(partition.topic_partition.partition)
        if self._ghost.partition(partition.log).may_have_lost:
            offsets.licensed = True
        before = offsets.tenure
        latest = partition.leader is not None and offsets.enter(
            groups.tenure, partition.leader.leader_epoch
        )
        return offsets, latest and not offsets.licensed, offsets.tenure is not before

    def answered(
        self,
        broker: Broker,
        api_key: int,
        version: int,
        request: Any,
        response: Any,
        from_broker: bool,
    ) -> None:
        """Look at a response before it leaves."""
        if api_key == ApiKey.FETCH and not (
            response.topics or request.topics or request.forgotten
        ):
            return  # it asks for nothing new, and tells of nothing that could be wrong
        answer = Answer(
            broker,
            self._ghost,
            api_key,
            version,
            request,
            response,
            from_broker,
            self._invariants.history,
        )
        self._invariants.look_at(answer)
        for hear in self._invariants.on_answer:
            hear(answer)

    def _run(self, hook: Hook, event: object) -> None:
        self._invariants.run(hook, event)

    def _replica(
        self,
        log: PartitionLog,
        ghost: GhostPartition,
        chain: Chain,
        entries: Sequence[Entry],
        before: Offset,
    ) -> Replica:
        partition = self._partition(log)
        leader = None if partition is None else partition.leader
        epoch = -1 if leader is None else leader.leader_epoch
        return Replica(
            self._id, log, ghost, chain, epoch, entries, before, (), partition, self._ghost
        )

    def _partition(self, log: PartitionLog) -> Partition | None:
        if self._broker is None:
            return None
        partition = self._broker.replicas.partition(log.partition)
        return None if partition is None or partition.log is not log else partition
