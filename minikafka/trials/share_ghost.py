"""What a run knows of share groups (KIP-932): the true fold of `__share_group_state`, what members
were told to be done, and what they hold.

The rules of `rules_shares` compare leaders with it. Members tell what they are about to
acknowledge: no broker knows that before it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from minikafka.base.ids import LeaderEpoch, Offset
from minikafka.records.records import decode_records
from minikafka.shares.records import (
    ShareKey,
    ShareRecord,
    ShareSnapshot,
    ShareUpdate,
    StoredUpdate,
    decode_share_record,
)
from minikafka.shares.state_batches import RecordState, StateBatch

if TYPE_CHECKING:
    from minikafka.broker.live_share import LiveShare
    from minikafka.broker.share_sessions import ShareSession
    from minikafka.log.partition_log import PartitionLog

__all__ = ["Hold", "ShareWorld", "TrueShare"]

_DONE = (RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)


class Hold(NamedTuple):
    """A record that a member was given by a leader, in a session, until a time of that broker."""

    member_id: str
    live: LiveShare
    session: ShareSession | None
    deadline_ms: int


@dataclass
class TrueShare:
    """A share-partition as the true log has it.

    Attributes:
        start_offset: below it all is done; -1 before it begins.
        states: delivery count and state of what is known from there on; of two that were written
            the one with more deliveries holds, then the one further on.
        told: offsets of which a member was told that they are accepted, or rejected.
        holds: by offset.
    """

    state_epoch: int = -1
    leader_epoch: LeaderEpoch = -1
    start_offset: Offset = -1
    states: dict[Offset, tuple[int, int]] = field(default_factory=dict)
    told: dict[Offset, str] = field(default_factory=dict)
    holds: dict[Offset, Hold] = field(default_factory=dict)

    def is_done(self, offset: Offset) -> bool:
        """Say whether a record is never to be delivered again."""
        return offset < self.start_offset or self.states.get(offset, (0, 0))[1] in _DONE

    def count(self, offset: Offset) -> int:
        """Return how many deliveries of a record are written down."""
        return self.states.get(offset, (0, 0))[0]

    def take(self, batches: Iterable[StateBatch], start_offset: Offset) -> None:
        """Take over states; what lies below the start needs none."""
        for first, last, state, count in batches:
            for offset in range(max(first, start_offset), last + 1):
                self.states[offset] = max(self.states.get(offset, (0, 0)), (count, state))
        if start_offset > self.start_offset:
            self.start_offset = start_offset
            self.states = {at: each for at, each in self.states.items() if at >= start_offset}


class ShareWorld:
    """All share-partitions.

    Attributes:
        shares: by key.
        outspoken: groups whose members say beforehand what they are about to say; of others it is
            not known what they hold.
        wrong: what is wrong with what was committed; for the next rule that looks.
        licensed: state was lost that was allowed to be: nothing is known for sure.
    """

    def __init__(self) -> None:
        self.shares: dict[ShareKey, TrueShare] = {}
        self.outspoken: dict[str, None] = {}
        self.wrong: list[str] = []
        self.licensed = False
        self._folded: dict[int, Offset] = {}

    def of(self, key: ShareKey) -> TrueShare:
        """Return one share-partition."""
        return self.shares.setdefault(key, TrueShare())

    def spoke(self, key: ShareKey, offsets: Iterable[Offset]) -> None:
        """Hear that a member is about to say something of records: it holds them no more."""
        holds = self.of(key).holds
        for offset in offsets:
            holds.pop(offset, None)

    # --- the log ---------------------------------------------------------------------------

    def committed(self, log: PartitionLog, end: Offset, *, licensed: bool) -> None:
        """Hear that a partition of the state is committed up to `end`, which is in this log."""
        self.licensed = self.licensed or licensed
        if self.licensed:
            return
        index = log.partition.partition
        start, self._folded[index] = self._folded.get(index, 0), end
        for record in _records(log, start, end):
            self._fold(record)

    def _fold(self, record: ShareRecord) -> None:
        key, value = record.key, record.value
        if value is None:
            self.shares.pop(key, None)
            return
        share = self.of(key)
        if isinstance(value, StoredUpdate):
            state_epoch, start = share.state_epoch, value.start_offset
        else:
            state_epoch, start = value.state_epoch, value.start_offset
        if state_epoch > share.state_epoch:
            share.state_epoch = state_epoch
            share.start_offset, share.states = -1, {}
        self._compare(record, share, state_epoch, start)
        share.leader_epoch = max(share.leader_epoch, value.leader_epoch)
        share.take(value.batches, start)
        undone = next((at for at in share.told if not share.is_done(at)), None)
        if undone is not None:
            self.wrong.append(f"{key}: {undone} was done, now it is {share.states.get(undone)}")

    def _compare(
        self, record: ShareRecord, share: TrueShare, state_epoch: int, start: Offset
    ) -> None:
        key, epoch = record.key, record.value.leader_epoch if record.value is not None else -1
        if state_epoch < share.state_epoch:
            self.wrong.append(f"{key}: state epoch {state_epoch} follows {share.state_epoch}")
        if 0 <= epoch < share.leader_epoch:
            self.wrong.append(f"{key}: leader epoch {epoch} writes after {share.leader_epoch}")
        if 0 <= start < share.start_offset:
            self.wrong.append(f"{key}: start offset {start} follows {share.start_offset}")


def _records(log: PartitionLog, start: Offset, end: Offset) -> Iterator[ShareRecord]:
    while start < end:
        batch = log.read(start, 1, end, at_least_one=True).batches[0]
        start = batch.next_offset
        for record in () if batch.is_control else decode_records(batch):
            found = decode_share_record(record.key, record.value)
            if isinstance(found, (ShareSnapshot, ShareUpdate)):
                yield found
