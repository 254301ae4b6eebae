"""Tests of minikafka.quorum.machine."""

from __future__ import annotations

import pytest

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.quorum.batches import committed_payloads, payload_batch
from minikafka.quorum.effects import (
    Effect,
    HighWatermarkAdvanced,
    LeaderElected,
    LeaderFound,
    LeaderLost,
)
from minikafka.quorum.epochs import Timing
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.roles import Role
from minikafka.quorum.state_store import ElectionState, QuorumStateStore
from minikafka.records.batch import Batch
from tests.support.builders import open_log, quorum_machine

DIRECTORY = "orders-0"


class _CountingStorage(MemoryStorage):
    """Notes in which order files became durable."""

    __slots__ = ("journal",)

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[str] = []

    def fsync(self, name: str) -> None:
        super().fsync(name)
        self.journal.append(name.removeprefix(f"{DIRECTORY}/"))


def _machine(
    storage: MemoryStorage | None = None,
    node_id: int = 1,
    log: PartitionLog | None = None,
    fetch_timeout_ms: int = 2000,
) -> QuorumMachine:
    timing = Timing(fetch_timeout_ms=fetch_timeout_ms)
    return quorum_machine(node_id, (1,), storage, log=log, timing=timing)


def _leader(storage: MemoryStorage | None = None) -> QuorumMachine:
    machine = _machine(storage)
    machine.start(0, 1_000)
    return machine


def _batches(machine: QuorumMachine, start: int = 0) -> list[Batch]:
    end = machine.log.log_end_offset
    return machine.log.read(start, 1 << 20, end, at_least_one=True).batches


def test_sole_voter_elects_itself() -> None:
    """It leads epoch 1 on return, with its LeaderChange record committed."""
    machine = _machine()
    assert (machine.role, machine.leader_id) == (Role.UNATTACHED, -1)
    effects: list[Effect] = machine.start(0, 1_000)
    assert effects == [LeaderElected(1, 0), HighWatermarkAdvanced(1)]
    assert (machine.role, machine.leader_id, machine.epoch) == (Role.LEADER, 1, 1)
    (batch,) = _batches(machine)
    assert batch.is_control
    assert batch.leader_epoch == 1
    machine.check_invariants()


def test_vote_is_durable_before_leadership() -> None:
    """The state file is on disk before the first byte of the new epoch is."""
    storage = _CountingStorage()
    machine = _machine(storage)
    storage.journal.clear()
    machine.start(0, 1_000)
    assert storage.journal == ["quorum-state.tmp", "quorum-state.tmp", "0" * 20 + ".log"]


def test_vote_that_cannot_be_stored_is_not_counted() -> None:
    """Where the disk fails nobody leads."""

    class _FullDisk(MemoryStorage):
        def rename(self, old: str, new: str) -> None:
            raise OSError("no space left")

    machine = _machine(_FullDisk())
    with pytest.raises(OSError, match="space"):
        machine.start(0, 1_000)
    assert not machine.is_leader
    assert machine.log.log_end_offset == 0


def test_restart_leads_in_a_later_epoch() -> None:
    """Never twice in one, so no offset is written twice in an epoch (KAFKA-10527)."""
    storage = MemoryStorage()
    _leader(storage).append([b"a"], 0, 0)
    for epoch in (2, 3):
        storage.lose_unflushed()
        machine = _leader(storage)
        assert machine.epoch == epoch
        machine.check_invariants()
    assert [batch.leader_epoch for batch in _batches(machine)] == [1, 1, 2, 3]
    assert machine.high_watermark == 4


def test_lost_state_file_does_not_bring_old_epochs_back() -> None:
    """The log still says which epochs there were."""
    storage = MemoryStorage()
    for _ in range(3):
        _leader(storage)
    storage.delete(f"{DIRECTORY}/quorum-state")
    assert _leader(storage).epoch == 4


def test_appended_payloads_are_committed_and_durable() -> None:
    """With one voter, on return."""
    storage = MemoryStorage()
    machine = _leader(storage)
    assert machine.append([b"a", b"b"], 0, 1_000) == 2
    assert machine.take_effects() == [HighWatermarkAdvanced(3)]
    storage.lose_unflushed()
    again = _leader(storage)
    payloads = [payload for _, payload in committed_payloads(again.log, 0, 4)]
    assert payloads == [b"a", b"b"]


def test_high_watermark_never_passes_the_durable_end() -> None:
    """What is only written does not count, even the leader's own."""
    machine = _leader()
    machine.log.append_as_leader(_batch(), machine.epoch, now_timestamp_ms=0)
    machine.on_fetch((2, ZERO_ID), 2, now_ms=0)
    assert (machine.log.log_end_offset, machine.high_watermark) == (2, 1)
    machine.log.flush()
    machine.on_fetch((2, ZERO_ID), 2, now_ms=0)
    assert machine.high_watermark == 2


def _batch() -> Batch:
    return payload_batch([b"x"], 0)


def test_fetch_of_an_observer_does_not_count() -> None:
    """Whatever it holds, only voters commit."""
    machine = _leader()
    assert machine.on_fetch((9, ZERO_ID), 1, 1, now_ms=0) is None
    assert machine.take_effects() == []
    assert machine.high_watermark == 1


@pytest.mark.parametrize(
    ("fetch_offset", "last_fetched_epoch", "diverging"),
    [
        (3, 2, None),
        (2, 1, None),
        (3, 1, (1, 2)),  # has one more of epoch 1 than we
        (4, 2, (2, 3)),  # is longer than we
        (2, 3, (2, 3)),  # an epoch we never had
        (1, -1, None),
        (9, -1, (2, 3)),
    ],
)
def test_diverging_replica_is_told_where(
    fetch_offset: int, last_fetched_epoch: int, diverging: tuple[int, int] | None
) -> None:
    """Ours: epoch 1 at 0..1, epoch 2 at 2."""
    storage = MemoryStorage()
    _leader(storage).append([b"a"], 0, 0)
    machine = _leader(storage)
    assert (
        machine.on_fetch((2, ZERO_ID), fetch_offset, last_fetched_epoch, now_ms=0) == diverging
    )


def test_only_the_leader_appends_and_serves() -> None:
    """Others refuse with the codes that send a client elsewhere."""
    observer = _machine(node_id=2)
    observer.start(0)
    with pytest.raises(KafkaError) as refused:
        observer.append([b"a"], 0, 0)
    assert refused.value.code is ErrorCode.NOT_CONTROLLER
    with pytest.raises(KafkaError) as refused:
        observer.on_fetch((3, ZERO_ID), 0, now_ms=0)
    assert refused.value.code is ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_observer_follows_the_leader_it_is_told() -> None:
    """Batches and high watermark are the leader's, as far as it has them."""
    leader, observer = _leader(), _machine(node_id=2)
    leader.append([b"a"], 0, 0)
    observer.start(0)
    assert observer.on_leader(1, 1, 0) == [LeaderFound(1, 1)]
    assert (observer.role, observer.leader_id) == (Role.FOLLOWER, 1)
    effects = observer.on_fetch_response(
        epoch=1, high_watermark=9, batches=_batches(leader), diverging=None, now_ms=0
    )
    assert effects == [HighWatermarkAdvanced(2)]
    assert observer.log.all_bytes() == leader.log.all_bytes()
    assert observer.log.durable_end_offset == 2
    observer.check_invariants()


def test_later_leader_is_followed_and_an_earlier_one_ignored() -> None:
    """Epochs only rise, durably."""
    storage = MemoryStorage()
    observer = _machine(storage, node_id=2)
    observer.start(0)
    observer.on_leader(1, 5, 0)
    assert observer.on_leader(1, 4, 0) == []
    assert observer.on_leader(1, 5, 0) == []
    assert observer.on_leader(-1, 6, 0) == [LeaderLost(6)]
    assert (observer.epoch, observer.leader_id) == (6, -1)
    assert QuorumStateStore(storage, DIRECTORY).read() == ElectionState(6)


def test_two_leaders_of_one_epoch_are_a_bug() -> None:
    """Election safety: at most one leader in each epoch."""
    observer = _machine(node_id=2)
    observer.start(0)
    observer.on_leader(1, 5, 0)
    with pytest.raises(BrokerBug):
        observer.on_leader(3, 5, 0)


def test_leader_of_a_later_epoch_ends_ours() -> None:
    """From then on this node appends nothing."""
    machine = _leader()
    assert machine.on_leader(3, 2, 0) == [LeaderFound(2, 3)]
    assert machine.role is Role.FOLLOWER
    with pytest.raises(KafkaError, match="NOT_CONTROLLER"):
        machine.append([b"a"], 0, 0)
    machine.check_invariants()


def test_answer_of_an_older_epoch_is_dropped() -> None:
    """It was asked before the leader changed."""
    leader, observer = _leader(), _machine(node_id=2)
    observer.start(0)
    observer.on_leader(1, 2, 0)
    effects = observer.on_fetch_response(
        epoch=1, high_watermark=1, batches=_batches(leader), diverging=None, now_ms=0
    )
    assert effects == []
    assert observer.log.log_end_offset == 0


def _observer_with(log: PartitionLog, epoch: int) -> QuorumMachine:
    observer = _machine(node_id=2, log=log)
    observer.start(0)
    observer.on_leader(1, epoch, 0)
    return observer


def test_uncommitted_tail_gives_way_to_the_leaders() -> None:
    """An answer that says where the logs part cuts ours there."""
    log = open_log()
    for epoch in (1, 1, 2):
        log.append_as_leader(_batch(), epoch, now_timestamp_ms=0)
    observer = _observer_with(log, 3)
    observer.on_fetch_response(
        epoch=3, high_watermark=0, batches=[], diverging=(1, 1), now_ms=0
    )
    assert log.log_end_offset == 1


def test_committed_batches_are_never_truncated() -> None:
    """A leader that lacks them cannot be one (KAFKA-12460)."""
    log = open_log()
    for epoch in (1, 1, 2):
        log.append_as_leader(_batch(), epoch, now_timestamp_ms=0)
    log.advance_high_watermark(2)
    observer = _observer_with(log, 3)
    with pytest.raises(BrokerBug):
        observer.on_fetch_response(
            epoch=3, high_watermark=2, batches=[], diverging=(1, 1), now_ms=0
        )


def test_silent_leader_is_dropped_at_the_fetch_timeout() -> None:
    """Each answer puts the deadline off."""
    observer = _machine(node_id=2, fetch_timeout_ms=100)
    observer.start(0)
    assert observer.next_deadline_ms is None
    observer.on_leader(1, 1, 0)
    observer.on_fetch_response(epoch=1, high_watermark=0, batches=[], diverging=None, now_ms=50)
    assert observer.next_deadline_ms == 150
    assert observer.tick(149) == []
    assert observer.tick(150) == [LeaderLost(1)]
    assert (observer.role, observer.leader_id) == (Role.UNATTACHED, -1)
    assert observer.on_leader(1, 1, 200) == [LeaderFound(1, 1)]
