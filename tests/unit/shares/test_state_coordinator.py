"""What the share coordinator keeps, and for whom."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.commands import Decision, Moment
from minikafka.shares.records import (
    ShareKey,
    ShareRecord,
    ShareSnapshot,
    ShareUpdate,
    StoredShare,
)
from minikafka.shares.state_batches import StateBatch
from minikafka.shares.state_coordinator import ShareCoordinator, WriteShare

TOPIC = UUID(int=7)
KEY = ShareKey("g", TOPIC, 0)
NOW = Moment(0, 1_000)
ACKED = StateBatch(0, 4, 2, 1)


class Desk:
    """A coordinator whose decisions are in the log at once."""

    def __init__(self, updates_per_snapshot: int = 500) -> None:
        self.log: list[ShareRecord] = []
        self.machine = self._machine(updates_per_snapshot)

    def _machine(self, updates: int) -> ShareCoordinator:
        machine = ShareCoordinator(
            updates, lambda topic_id, partition: (topic_id, partition) == (TOPIC, 0)
        )
        machine.loaded(NOW)
        return machine

    def do(self, decision: Decision[object]) -> object:
        """Write a decision's records, return its answer."""
        self.log += decision.records
        self.machine.replay(decision.records)
        self.machine.commit(decision.records)
        return decision.result

    def begin(self, state_epoch: int = 1, start: int = 0) -> None:
        """Initialize the share-partition."""
        self.do(self.machine.initialize(KEY, state_epoch, start, NOW))

    def write(
        self, *batches: StateBatch, leader: int = 0, state: int = 1, start: int = 0
    ) -> None:
        """Write as a leader."""
        self.do(self.machine.write(WriteShare(KEY, state, leader, start, batches), NOW))

    def read(self, leader: int = 0) -> StoredShare:
        """Read as a leader."""
        found = self.do(self.machine.read(KEY, leader, NOW))
        assert isinstance(found, StoredShare)
        return found

    def load(self) -> ShareCoordinator:
        """Return a coordinator that has the log, and nothing else."""
        machine = self._machine(500)
        machine.replay(self.log)
        return machine


def refusal(call: object) -> ErrorCode:
    """Return the code that a call is refused with."""
    assert callable(call)
    with pytest.raises(KafkaError) as caught:
        call()
    return caught.value.code


def test_a_leader_reads_what_leaders_have_written() -> None:
    """The states of all writes, from the last start offset on."""
    desk = Desk()
    desk.begin(start=3)
    assert desk.read().start_offset == 3
    desk.write(StateBatch(3, 4, 0, 1), start=3)
    desk.write(StateBatch(4, 6, 2, 1), start=4)
    found = desk.read()
    assert (found.start_offset, found.batches) == (4, (StateBatch(4, 6, 2, 1),))
    assert isinstance(desk.log[-1], ShareUpdate)


def test_who_was_never_begun_is_refused() -> None:
    """Neither read nor written, but summed up and deleted without an error (KIP-932)."""
    desk = Desk()
    assert refusal(desk.read) is ErrorCode.INVALID_REQUEST
    assert refusal(desk.write) is ErrorCode.INVALID_REQUEST
    assert desk.do(desk.machine.summary(KEY)) is None
    assert desk.machine.delete(KEY).records == ()


def test_a_leader_is_fenced_once_a_later_one_has_read() -> None:
    """What the former leader writes after that does not count."""
    desk = Desk()
    desk.begin()
    desk.read(leader=5)
    desk.read(leader=6)
    assert refusal(lambda: desk.write(ACKED, leader=5)) is ErrorCode.FENCED_LEADER_EPOCH
    assert refusal(lambda: desk.read(leader=5)) is ErrorCode.FENCED_LEADER_EPOCH
    desk.write(ACKED, leader=6)
    assert desk.read(leader=6).batches == (ACKED,)


def test_a_group_that_begins_anew_fences_who_knew_the_former() -> None:
    """A later state epoch forgets all, and refuses what was written for the earlier one."""
    desk = Desk()
    desk.begin()
    desk.write(ACKED)
    desk.begin(state_epoch=2, start=9)
    assert refusal(lambda: desk.write(ACKED, state=1)) is ErrorCode.FENCED_STATE_EPOCH
    assert refusal(lambda: desk.begin(state_epoch=1)) is ErrorCode.FENCED_STATE_EPOCH
    assert (desk.read().start_offset, desk.read().batches) == (9, ())


def test_unknown_partitions_are_refused() -> None:
    """As is a number that is none."""
    desk = Desk()
    other = ShareKey("g", TOPIC, 1)
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert refusal(lambda: desk.machine.initialize(other, 0, 0, NOW)) is unknown
    assert refusal(lambda: desk.machine.summary(other)) is unknown
    negative = ShareKey("g", TOPIC, -1)
    assert refusal(lambda: desk.machine.delete(negative)) is ErrorCode.INVALID_REQUEST


def test_so_many_updates_make_a_snapshot() -> None:
    """Which says all, in the next snapshot epoch."""
    desk = Desk(updates_per_snapshot=2)
    desk.begin()
    for offset in range(3):
        desk.write(StateBatch(offset, offset, 2, 1))
    last = desk.log[-1]
    assert isinstance(last, ShareSnapshot)
    assert last.value is not None
    assert (last.value.snapshot_epoch, last.value.batches) == (1, (StateBatch(0, 2, 2, 1),))


def test_the_log_alone_says_all() -> None:
    """A new coordinator knows what the former did, fences included."""
    desk = Desk()
    desk.begin()
    desk.read(leader=5)
    desk.write(ACKED, leader=5)
    later = desk.load()
    assert later.read(KEY, 5, NOW) == desk.machine.read(KEY, 5, NOW)
    assert refusal(lambda: later.read(KEY, 4, NOW)) is ErrorCode.FENCED_LEADER_EPOCH


def test_what_is_deleted_is_gone() -> None:
    """By a request, and with its topic."""
    desk = Desk()
    desk.begin()
    desk.do(desk.machine.delete(KEY))
    assert desk.do(desk.machine.summary(KEY)) is None
    desk.begin()
    desk.do(desk.machine.topics_removed([TOPIC]))
    assert desk.load().summary(KEY).result is None


@pytest.mark.parametrize("updates_per_snapshot", [500, 0])
def test_a_start_offset_never_goes_back(updates_per_snapshot: int) -> None:
    """An earlier write that comes late takes nothing back: what was below was forgotten as done."""
    desk = Desk(updates_per_snapshot)
    desk.begin()
    desk.write(ACKED, start=5)
    desk.write(StateBatch(2, 2, 0, 1), StateBatch(7, 7, 2, 1), start=2)
    for share in (desk.read(), desk.load()._shares[KEY]):
        assert (share.start_offset, share.batches) == (5, (StateBatch(7, 7, 2, 1),))
    desk.begin(state_epoch=2, start=0)
    assert desk.read().start_offset == 0
