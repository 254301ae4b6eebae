"""The coordinator of the share-partitions that one partition of `__share_group_state` holds.

Pure, as `groups/coordinator.py` is, and run like that: commands come in, decisions go out. It
keeps for the leaders of partitions what has become of records; it does not look at that.
DIVERGENCE(share-state-pruning): what snapshots have made needless stays in the log.
Counterpart: ShareCoordinatorShard. KIP-932.

Rules of this file
    A leader of an earlier epoch neither reads nor writes once a later one has read.
    What was written under an earlier state epoch is refused: the group has begun anew.
    Within a state epoch the start offset never goes back: what lies below it is known no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_OFFSET, LeaderEpoch, Offset, TopicId
from minikafka.groups.commands import Decision, Moment
from minikafka.shares.records import (
    ShareKey,
    ShareRecord,
    ShareSnapshot,
    ShareUpdate,
    StoredShare,
    StoredUpdate,
)
from minikafka.shares.state_batches import StateBatch, combine

__all__ = ["ShareCoordinator", "WriteShare"]


@dataclass(frozen=True, slots=True)
class WriteShare:
    """What a leader has to say of a share-partition; -1 for an epoch or offset it leaves out."""

    key: ShareKey
    state_epoch: int
    leader_epoch: LeaderEpoch
    start_offset: Offset
    batches: tuple[StateBatch, ...]


class ShareCoordinator:
    """The share-partitions of one partition.

    Args:
        updates_per_snapshot: share.coordinator.snapshot.update.records.per.snapshot.
        exists: says whether there is such a partition of a topic.
    """

    def __init__(
        self, updates_per_snapshot: int, exists: Callable[[TopicId, int], bool]
    ) -> None:
        self._updates_per_snapshot = updates_per_snapshot
        self._exists = exists
        self._shares: dict[ShareKey, StoredShare] = {}
        self._updates: dict[ShareKey, int] = {}

    # --- the log ---------------------------------------------------------------------------

    def replay(self, records: Iterable[ShareRecord]) -> None:
        """Take written records over."""
        for record in records:
            if isinstance(record, ShareUpdate):
                self._replay_update(record.key, record.value)
            elif record.value is None:
                self._shares.pop(record.key, None)
                self._updates.pop(record.key, None)
            else:
                self._shares[record.key] = record.value
                self._updates[record.key] = 0

    def _replay_update(self, key: ShareKey, change: StoredUpdate) -> None:
        former = self._shares.get(key)
        if former is None:
            return
        start = former.start_offset if change.start_offset < 0 else change.start_offset
        self._shares[key] = replace(
            former,
            leader_epoch=max(former.leader_epoch, change.leader_epoch),
            start_offset=start,
            batches=combine(former.batches, change.batches, start),
        )
        self._updates[key] += 1

    def commit(self, records: Iterable[ShareRecord]) -> None:
        """Do nothing: every answer waits until what it saw is committed."""

    def loaded(self, now: Moment) -> None:
        """Begin; nothing is due at any time."""

    def unload(self, error: ErrorCode) -> None:
        """Be coordinator no longer."""
        self._shares.clear()
        self._updates.clear()

    def next_deadline_ms(self) -> int | None:
        """Return None: nothing is due at any time."""
        return None

    def tick(self, now: Moment) -> Decision[None] | None:
        """Return None: nothing is due at any time."""
        return None

    # --- commands --------------------------------------------------------------------------

    def initialize(
        self, key: ShareKey, state_epoch: int, start_offset: Offset, now: Moment
    ) -> Decision[None]:
        """Let a share-partition begin, or begin anew.

        Raises:
            KafkaError: INVALID_REQUEST, FENCED_STATE_EPOCH, UNKNOWN_TOPIC_OR_PARTITION.
        """
        _check_partition(key)
        former = self._shares.get(key)
        if former is not None:
            _check_state_epoch(former, state_epoch)
        self._check_exists(key)
        stored = StoredShare(
            0 if former is None else former.snapshot_epoch + 1,
            state_epoch,
            0 if former is None else former.leader_epoch,
            start_offset,
            now.timestamp_ms,
            now.timestamp_ms,
        )
        return Decision((ShareSnapshot(key, stored),), None)

    def write(self, command: WriteShare, now: Moment) -> Decision[None]:
        """Keep what a leader says.

        DIVERGENCE(share-start-offset): a start offset that is behind is an earlier word that comes
        late, by a leader that tried again; Kafka goes back with it, and forgets what was done.

        Raises:
            KafkaError: INVALID_REQUEST (also where it was never initialized),
                FENCED_LEADER_EPOCH, FENCED_STATE_EPOCH, UNKNOWN_TOPIC_OR_PARTITION.
        """
        key = command.key
        _check_partition(key)
        share = self._shares.get(key)
        if share is None:
            raise _invalid("write operation on uninitialized share partition not allowed.")
        if command.leader_epoch != -1 and command.leader_epoch < share.leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH, _FENCED_LEADER)
        _check_state_epoch(share, command.state_epoch)
        self._check_exists(key)
        if command.state_epoch <= share.state_epoch and command.start_offset != NO_OFFSET:
            start = max(command.start_offset, share.start_offset)
            command = replace(command, start_offset=start)
        return Decision((self._record(share, command, now),), None)

    def _record(self, share: StoredShare, command: WriteShare, now: Moment) -> ShareRecord:
        """Return an update, or a snapshot where it is time for one."""
        key, start = command.key, command.start_offset
        due = self._updates[key] >= self._updates_per_snapshot
        if not due and command.state_epoch <= share.state_epoch:
            batches = combine((), command.batches, start)
            change = StoredUpdate(share.snapshot_epoch, command.leader_epoch, start, batches)
            return ShareUpdate(key, change)
        if start == NO_OFFSET:
            start = share.start_offset
        state_epoch = command.state_epoch
        whole = StoredShare(
            share.snapshot_epoch + 1,
            share.state_epoch if state_epoch == -1 else state_epoch,
            max(share.leader_epoch, command.leader_epoch),
            start,
            now.timestamp_ms,
            now.timestamp_ms,
            combine(share.batches, command.batches, start),
        )
        return ShareSnapshot(key, whole)

    def read(
        self, key: ShareKey, leader_epoch: LeaderEpoch, now: Moment
    ) -> Decision[StoredShare]:
        """Return a share-partition to its leader, and keep from now on who that is.

        Raises:
            KafkaError: INVALID_REQUEST (also where it was never initialized),
                FENCED_LEADER_EPOCH, UNKNOWN_TOPIC_OR_PARTITION.
        """
        _check_partition(key)
        share = self._shares.get(key)
        if share is None:
            raise _invalid("read operation on uninitialized share partition not allowed.")
        if leader_epoch < share.leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH, _FENCED_LEADER)
        self._check_exists(key)
        if leader_epoch == share.leader_epoch:
            return Decision((), share)
        command = WriteShare(key, share.state_epoch, leader_epoch, share.start_offset, ())
        return Decision((self._record(share, command, now),), share)

    def summary(self, key: ShareKey) -> Decision[StoredShare | None]:
        """Return a share-partition to whom its records do not matter; None where it is not there.

        Raises:
            KafkaError: INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION.
        """
        _check_partition(key)
        self._check_exists(key)
        return Decision((), self._shares.get(key))

    def delete(self, key: ShareKey) -> Decision[None]:
        """Forget a share-partition; raises KafkaError as `summary`."""
        _check_partition(key)
        self._check_exists(key)
        if key not in self._shares:
            return Decision((), None)
        return Decision((ShareSnapshot(key, None),), None)

    def topics_removed(self, topic_ids: Sequence[TopicId]) -> Decision[None]:
        """Forget what belongs to topics that are gone."""
        gone = tuple(ShareSnapshot(key, None) for key in self._shares if key[1] in topic_ids)
        return Decision(gone, None)

    def _check_exists(self, key: ShareKey) -> None:
        if not self._exists(key.topic_id, key.partition):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, _UNKNOWN)


_FENCED_LEADER = "The leader epoch in the request is older than the epoch on the broker."
_FENCED_STATE = "The share coordinator rejected the request because the share-group state epoch did not match."
_UNKNOWN = "This server does not host this topic-partition."


def _check_partition(key: ShareKey) -> None:
    if key.partition < 0:
        raise _invalid("The partition id cannot be a negative number.")


def _check_state_epoch(share: StoredShare, state_epoch: int) -> None:
    if state_epoch != -1 and state_epoch < share.state_epoch:
        raise KafkaError(ErrorCode.FENCED_STATE_EPOCH, _FENCED_STATE)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
