"""The metadata log's leader: the quorum commits, ISR and min.insync.replicas mean nothing."""

from __future__ import annotations

from minikafka.base.clock import ManualClock
from minikafka.base.ids import ZERO_ID
from minikafka.broker.metadata_leader import MetadataLeader
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.quorum.machine import QuorumMachine
from tests.support.builders import open_log, quorum_machine

OBSERVER = (9, ZERO_ID)
LONG_AFTER_MS = 1_000_000
PROGRESS: list[int] = []


def leading(**config: object) -> tuple[MetadataLeader, QuorumMachine, PartitionLog]:
    """Return the leader of a quorum of broker 1 alone, its machine and its log."""
    storage = MemoryStorage()
    log = open_log(storage, **config)
    machine = quorum_machine(storage=storage, log=log)
    machine.start(0)
    leader = MetadataLeader(log, 1, machine, ManualClock(), lambda: PROGRESS.append(1))
    return leader, machine, log


def test_it_leads_in_the_quorums_epoch() -> None:
    """So that Fetch checks epochs against the right one."""
    leader, machine, _ = leading()
    assert (leader.leader_epoch, leader.isr) == (machine.epoch, (1,))


def test_any_broker_may_follow_and_moves_nothing() -> None:
    """An observer is no replica, and what is committed does not depend on it."""
    leader, machine, log = leading()
    machine.append([b"a"], 0, 0)
    before = log.high_watermark
    assert leader.on_fetch(OBSERVER, 0, -1) is False
    assert leader.on_fetch(OBSERVER, log.log_end_offset, -1) is False
    assert log.high_watermark == before == log.log_end_offset


def test_what_is_not_durable_is_not_committed_by_a_partitions_rules() -> None:
    """The sole member of the ISR holds the end of the log; only the machine commits it."""
    leader, machine, log = leading()
    committed = log.high_watermark
    batch_end = log.log_end_offset
    machine.append([b"a"], 0, 0)
    log.high_watermark = committed
    assert log.log_end_offset > batch_end
    assert leader.maybe_advance_high_watermark(LONG_AFTER_MS) is False
    assert log.high_watermark == committed


def test_fetch_says_that_the_machine_has_committed_more() -> None:
    """Then who waits for the watermark is woken, and the driver applies it."""
    PROGRESS.clear()
    leader, machine, log = leading()
    machine.append([b"a"], 0, 0)
    end = log.log_end_offset
    log.high_watermark = 0
    assert leader.on_fetch(OBSERVER, 0, -1) is True
    assert log.high_watermark == end
    assert PROGRESS == [1]


def test_it_never_wishes_for_another_isr() -> None:
    """However long nobody fetches."""
    leader, _, _ = leading(min_insync_replicas=2)
    leader.on_fetch(OBSERVER, 0, -1)
    assert leader.isr_wish(LONG_AFTER_MS) is None
