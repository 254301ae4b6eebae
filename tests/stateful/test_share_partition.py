"""A share-partition against a table of single records: members, locks, failed writes, failovers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minikafka.base.errors import KafkaError
from minikafka.shares.share_partition import (
    AcknowledgementBatch,
    ShareLimits,
    SharePartition,
    Transition,
)
from minikafka.shares.state_batches import StateBatch, combine

pytestmark = pytest.mark.time_limit(60)
_LIMIT, _LOCK_MS = 3, 10
_members = st.sampled_from(["a", "b", "c"])
ACCEPT, RELEASE, REJECT = 1, 2, 3


@dataclass
class _Held:
    member: str
    until_ms: int


class SharePartitionMachine(RuleBasedStateMachine):
    """The log has batches with gaps between them; writes go to a persister, or are lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.log: list[tuple[int, int]] = [(0, 3), (4, 4), (6, 9)]
        self.end = 10
        self.held: dict[int, _Held] = {}
        self.count: dict[int, int] = {}
        self.written: tuple[StateBatch, ...] = ()
        self.start = self.highest_start = 0
        self.accepted: set[int] = set()
        self.pending: tuple[Transition, list[tuple[int, int]], str] | None = None
        self.begin()

    def begin(self) -> None:
        limits = ShareLimits(_LIMIT, _LOCK_MS, 12)
        self.share = SharePartition(self.start, self.written, limits)

    @rule(gap=st.integers(0, 2), size=st.integers(1, 4))
    def produce(self, gap: int, size: int) -> None:
        first = self.end + gap
        self.end = first + size
        self.log.append((first, self.end - 1))

    @rule(
        member=_members,
        records=st.integers(1, 6),
        size=st.integers(1, 4),
        from_start=st.booleans(),
    )
    def fetch(self, member: str, records: int, size: int, from_start: bool) -> None:
        if not self.share.can_acquire:
            return
        # What was read before the others' fetches begins where nothing is to be had any more.
        offset = self.share.start_offset if from_start else self.share.next_fetch_offset()
        batches = [each for each in self.log if each[1] >= offset][:3]
        got = self.share.acquire(
            member,
            offset,
            batches,
            max_records=records,
            batch_size=size,
            now_ms=self.now_ms,
        )
        for first, last, count in got:
            for at in range(first, last + 1):
                assert at not in self.held, "two members hold one record"
                assert at not in self.accepted, "what is acknowledged came again"
                assert 1 <= count <= _LIMIT
                self.held[at] = _Held(member, self.now_ms + _LOCK_MS)

    @precondition(lambda self: self.pending is None and self.held)
    @rule(data=st.data(), kind=st.sampled_from([ACCEPT, RELEASE, REJECT]), each=st.booleans())
    def acknowledge(self, data: st.DataObject, kind: int, each: bool) -> None:
        first = data.draw(st.sampled_from(sorted(self.held)))
        member = self.held[first].member
        last = first
        while last + 1 in self.held and self.held[last + 1].member == member:
            last += 1
        last = data.draw(st.integers(first, last))
        types = (kind,) * (last - first + 1) if each else (kind,)
        batch = AcknowledgementBatch(first, last, types)
        transition = self.share.acknowledge(member, [batch])
        self.pending = (transition, [(at, kind) for at in range(first, last + 1)], member)

    @precondition(lambda self: self.pending is None)
    @rule(member=_members)
    def leave(self, member: str) -> None:
        transition = self.share.release(member)
        mine = [at for at, held in self.held.items() if held.member == member]
        if transition.batches:
            self.pending = (transition, [(at, RELEASE) for at in mine], member)

    @precondition(lambda self: self.pending is not None)
    @rule(ok=st.booleans())
    def settle(self, ok: bool) -> None:
        assert self.pending is not None
        transition, said, _ = self.pending
        self.pending = None
        if ok:
            self._write(transition.batches)
            for at, kind in said:
                self.held.pop(at, None)
                if kind == ACCEPT:
                    self.accepted.add(at)
        self.share.settle(transition, ok=ok)

    @rule(member=_members, first=st.integers(0, 20), size=st.integers(0, 5))
    def lie(self, member: str, first: int, size: int) -> None:
        """What others hold, or nobody, cannot be acknowledged."""
        offsets = range(first, first + size + 1)
        if all(at in self.held and self.held[at].member == member for at in offsets):
            return
        try:
            batch = AcknowledgementBatch(first, first + size, (ACCEPT,))
            transition = self.share.acknowledge(member, [batch])
        except KafkaError:
            return
        mine = [at for at, held in self.held.items() if held.member == member]
        for each in transition.slices:
            assert all(at in mine for at in range(each.first, each.last + 1))
        self.share.settle(transition, ok=False)

    @rule(ms=st.integers(1, 12))
    def wait(self, ms: int) -> None:
        self.now_ms += ms
        batches = self.share.expire(self.now_ms)
        being_said = dict(self.pending[1]) if self.pending else {}
        late = [
            at
            for at, held in self.held.items()
            if held.until_ms <= self.now_ms and at not in being_said
        ]
        back = sorted(at for each in batches for at in range(each.first, each.last + 1))
        assert back == sorted(at for at in late if at >= self.highest_start)
        for at in late:
            del self.held[at]
        self._write(batches)

    @precondition(lambda self: self.pending is None)
    @rule()
    def fail_over(self) -> None:
        self.held.clear()
        self.begin()
        # A new leader begins with what was written last.
        self.highest_start = self.share.start_offset

    @rule(size=st.integers(1, 5))
    def delete_records(self, size: int) -> None:
        offset = min(self.end, self.share.start_offset + size)
        self.log = [each for each in self.log if each[1] >= offset]
        self.share.on_log_start(offset)
        if self.pending is None:
            self.held = {at: held for at, held in self.held.items() if at >= offset}

    def _write(self, batches: list[StateBatch]) -> None:
        self.start = max(self.start, self.share.start_offset)
        self.written = combine(self.written, batches, self.start)

    @invariant()
    def holds(self) -> None:
        self.share.check_invariants()
        assert self.share.start_offset >= self.highest_start
        self.highest_start = self.share.start_offset


TestSharePartition = SharePartitionMachine.TestCase
