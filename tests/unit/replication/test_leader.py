"""The leader of one partition: watermark, acks, and the ISR it would like."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.replication.leader import IsrWish, PartitionLeader
from tests.support.builders import NOW_TIMESTAMP_MS, append, batch_of, open_log

LAG_MS = 30_000
EPOCH = 5


def leader_of(
    isr: tuple[int, ...] = (1, 2, 3),
    written: int = 0,
    now_ms: int = 0,
    gone: tuple[int, ...] = (),
    **config: Any,
) -> PartitionLeader:
    """Return broker 1 leading replicas 1, 2 and 3 in epoch 5, with older records in its log."""
    log = open_log(**config)
    if written:
        append(log, written, epoch=4)
    return PartitionLeader(
        log,
        1,
        replicas=(1, 2, 3),
        isr=isr,
        leader_epoch=EPOCH,
        partition_epoch=7,
        lag_max_ms=LAG_MS,
        now_ms=now_ms,
        eligible=lambda broker_id, broker_epoch: (
            broker_id not in gone and broker_epoch == 100 + broker_id
        ),
    )


def write(leader: PartitionLeader, count: int, acks: int = 1) -> None:
    """Append one batch and let the watermark follow, as the broker does."""
    leader.append(batch_of(*[1_000] * count), acks, NOW_TIMESTAMP_MS)
    leader.maybe_advance_high_watermark(0)


def fetched(leader: PartitionLeader, follower: int, offset: int, now_ms: int = 0) -> bool:
    """Let a follower fetch; say whether the watermark moved."""
    return leader.on_follower_fetch(follower, offset, 0, 100 + follower, now_ms)


# --- the high watermark ---


def test_high_watermark_is_what_every_in_sync_replica_holds() -> None:
    """It moves with the slowest member of the ISR, and not before it."""
    leader = leader_of()
    write(leader, 3)
    assert not fetched(leader, 2, 3)
    assert leader.log.high_watermark == 0
    assert fetched(leader, 3, 2)
    assert leader.log.high_watermark == 2
    assert fetched(leader, 3, 3)
    assert leader.log.high_watermark == 3
    leader.check_invariants()


def test_silent_in_sync_replica_holds_the_watermark_back() -> None:
    """A member of the ISR that has not fetched in this epoch counts as holding nothing."""
    leader = leader_of()
    write(leader, 2)
    fetched(leader, 2, 2)
    assert leader.log.high_watermark == 0


def test_follower_outside_isr_does_not_hold_back_high_watermark() -> None:
    """Once it has been behind for longer than the lag time it does not count."""
    leader = leader_of(isr=(1, 2))
    write(leader, 2)
    assert fetched(leader, 2, 2)
    assert leader.log.high_watermark == 2


def test_follower_about_to_join_holds_the_watermark_until_it_lags() -> None:
    """One that was at the end a moment ago gets the chance to catch the moving end."""
    leader = leader_of(isr=(1, 2))
    fetched(leader, 3, 0, now_ms=1_000)
    leader.append(batch_of(1_000), 1, NOW_TIMESTAMP_MS)
    assert not fetched(leader, 2, 1, now_ms=2_000)
    assert leader.maybe_advance_high_watermark(1_000 + LAG_MS) is False
    assert leader.maybe_advance_high_watermark(1_001 + LAG_MS) is True
    assert leader.log.high_watermark == 1


def test_fenced_follower_does_not_hold_the_watermark() -> None:
    """It cannot join the ISR, so there is no end for it to catch (KIP-841)."""
    leader = leader_of(isr=(1, 2), gone=(3,))
    fetched(leader, 3, 0, now_ms=1_000)
    leader.append(batch_of(1_000), 1, NOW_TIMESTAMP_MS)
    assert fetched(leader, 2, 1, now_ms=1_001)
    assert leader.log.high_watermark == 1


def test_follower_of_another_registration_is_not_wished_into_the_isr() -> None:
    """Its fetches are from before a restart, and so is what it said it holds (KIP-903)."""
    leader = leader_of(isr=(1, 2))
    leader.on_follower_fetch(3, 0, 0, 99, 0)
    assert leader.isr_wish(0) is None
    fetched(leader, 3, 0)
    assert leader.isr_wish(0) is not None


def test_late_fetch_of_a_former_registration_says_nothing() -> None:
    """A dead process's last fetch may arrive after its successor's first one (KIP-903)."""
    leader = leader_of(isr=(1, 2), written=5)
    assert not leader.on_follower_fetch(3, 5, 0, 103, 10)
    leader.on_follower_fetch(3, 2, 0, 50, 20)
    assert leader.progress[3].log_end_offset == 5
    wish = leader.isr_wish(30)
    assert wish is not None
    assert 3 in wish.isr


def test_watermark_waits_for_whom_the_controller_may_have_added() -> None:
    """While an ISR change is in flight the larger of the two sets counts (KIP-497)."""
    leader = leader_of(isr=(1, 2))
    leader.pending_isr = (1, 2, 3)
    assert leader.maximal_isr == (1, 2, 3)
    write(leader, 1)
    fetched(leader, 2, 1)
    assert leader.log.high_watermark == 0
    assert leader.on_partition_changed((1, 2), 8, 0)
    assert leader.log.high_watermark == 1


def test_watermark_waits_for_whom_the_controller_has_not_removed_yet() -> None:
    """A wish to shrink the ISR is not a smaller ISR."""
    leader = leader_of()
    write(leader, 1)
    fetched(leader, 2, 1)
    leader.pending_isr = (1, 2)
    assert leader.maximal_isr == (1, 2, 3)
    assert not leader.maybe_advance_high_watermark(0)
    assert leader.on_partition_changed((1, 2), 8, 0)
    assert leader.log.high_watermark == 1


def test_sole_replica_commits_what_it_writes() -> None:
    """With nobody to wait for, the watermark is the log end."""
    leader = PartitionLeader(
        open_log(),
        1,
        replicas=(1,),
        isr=(1,),
        leader_epoch=0,
        partition_epoch=0,
        lag_max_ms=LAG_MS,
        now_ms=0,
    )
    write(leader, 2)
    assert leader.log.high_watermark == 2


def test_watermark_stands_still_under_min_isr() -> None:
    """With fewer in-sync replicas than min.insync.replicas nothing is committed (KAFKA-15583)."""
    leader = leader_of(isr=(1,), min_insync_replicas=2)
    write(leader, 1)
    assert not leader.maybe_advance_high_watermark(LAG_MS * 2)
    assert leader.log.high_watermark == 0
    fetched(leader, 2, 1)
    assert leader.log.high_watermark == 0
    assert leader.on_partition_changed((1, 2), 8, 0)
    assert leader.log.high_watermark == 1


def test_follower_that_lost_its_tail_does_not_take_the_watermark_back() -> None:
    """What may have been read stays committed."""
    leader = leader_of()
    write(leader, 3)
    fetched(leader, 2, 3)
    fetched(leader, 3, 3)
    assert not fetched(leader, 3, 1)
    assert leader.log.high_watermark == 3


def test_unknown_follower_is_refused() -> None:
    """Who is not a replica is told so, and counts for nothing."""
    leader = leader_of()
    with pytest.raises(KafkaError) as refused:
        fetched(leader, 9, 0)
    assert refused.value.code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert 9 not in leader.progress


# --- acks ---


def test_acks_all_is_refused_under_min_isr_before_anything_is_written() -> None:
    """NOT_ENOUGH_REPLICAS promises that the batch is in no log (R12)."""
    leader = leader_of(isr=(1,), min_insync_replicas=2)
    with pytest.raises(KafkaError) as refused:
        leader.append(batch_of(), -1, NOW_TIMESTAMP_MS)
    assert refused.value.code == ErrorCode.NOT_ENOUGH_REPLICAS
    assert leader.log.log_end_offset == 0


@pytest.mark.parametrize("acks", [0, 1])
def test_min_isr_concerns_acks_all_only(acks: int) -> None:
    """Other producers did not ask for it."""
    leader = leader_of(isr=(1,), min_insync_replicas=2)
    assert leader.append(batch_of(), acks, NOW_TIMESTAMP_MS).base_offset == 0


def test_append_is_stamped_with_this_leaderships_epoch() -> None:
    """The epoch begins where the first batch of it lies."""
    leader = leader_of(written=2)
    write(leader, 1)
    assert (leader.log.last_epoch, leader.log.epochs.start_offset_of(EPOCH)) == (EPOCH, 2)


def test_isr_that_shrank_meanwhile_is_an_error_after_append() -> None:
    """What reached the watermark under too small an ISR is written but not safe."""
    leader = leader_of(min_insync_replicas=2)
    assert leader.acks_error() == ErrorCode.NONE
    leader.on_partition_changed((1,), 8, 0)
    assert leader.acks_error() == ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
    leader.pending_isr = (1, 2)
    assert leader.acks_error() == ErrorCode.NONE


def test_min_isr_is_bounded_by_the_replicas() -> None:
    """A topic of three replicas never needs more than three."""
    assert leader_of(min_insync_replicas=5).min_isr == 3


def test_low_watermark_is_the_least_log_start_of_all_replicas() -> None:
    """It is unknown until each follower has told its own."""
    leader = leader_of()
    for _ in range(6):
        write(leader, 1)
    fetched(leader, 2, 6)
    assert leader.low_watermark() == -1
    fetched(leader, 3, 6)
    leader.log.advance_log_start(5)
    leader.on_follower_fetch(2, 6, 4, 102, 0)
    leader.on_follower_fetch(3, 6, 2, 103, 0)
    assert leader.low_watermark() == 2
    leader.on_follower_fetch(3, 6, 5, 103, 0)
    leader.on_follower_fetch(2, 6, 6, 102, 0)
    assert leader.low_watermark() == 5


# --- the ISR ---


def test_follower_that_stays_behind_is_wished_out_of_the_isr() -> None:
    """After more than replica.lag.time.max.ms behind, and not a millisecond before (KIP-16)."""
    leader = leader_of()
    write(leader, 1)
    fetched(leader, 2, 1, now_ms=LAG_MS)
    assert leader.isr_wish(LAG_MS) is None
    wish = leader.isr_wish(LAG_MS + 1)
    assert wish == IsrWish((1, 2), (-1, 102), EPOCH, 7)


def test_idle_follower_stays_in_the_isr() -> None:
    """At the end of a log that nobody writes to there is nothing to fetch (KAFKA-7152)."""
    leader = leader_of()
    fetched(leader, 2, 0)
    fetched(leader, 3, 0)
    assert leader.isr_wish(LAG_MS * 100) is None


def test_in_sync_follower_gets_a_full_lag_time_for_its_first_fetch() -> None:
    """A new leader does not throw out whom it has not heard yet."""
    leader = leader_of(written=1, now_ms=50_000)
    assert leader.isr_wish(50_000 + LAG_MS) is None
    wish = leader.isr_wish(50_001 + LAG_MS)
    assert wish is not None
    assert wish.isr == (1,)


def test_follower_joins_only_at_the_watermark_and_the_start_of_this_epoch() -> None:
    """Below either of them it may lack what is, or will be, committed (KAFKA-7128)."""
    leader = leader_of(isr=(1, 2), written=4)
    fetched(leader, 2, 2)
    assert leader.log.high_watermark == 2
    fetched(leader, 3, 2)
    assert leader.isr_wish(0) is None, "at the watermark, below the start of the epoch"
    fetched(leader, 3, 4)
    assert leader.isr_wish(0) == IsrWish((1, 2, 3), (-1, 102, 103), EPOCH, 7)


def test_follower_below_the_watermark_does_not_join() -> None:
    """It lacks records that consumers have read."""
    leader = leader_of(isr=(1, 2))
    write(leader, 4)
    fetched(leader, 2, 4)
    fetched(leader, 3, 3)
    assert leader.isr_wish(0) is None


def test_follower_that_never_fetched_does_not_join() -> None:
    """Also an empty log is joined only by who has said that it follows."""
    assert leader_of(isr=(1, 2)).isr_wish(0) is None


def test_dropped_follower_that_is_silent_does_not_join_again() -> None:
    """Under min.insync.replicas the watermark waits where it is; being there is not enough."""
    leader = leader_of(min_insync_replicas=2)
    for follower in (2, 3):
        fetched(leader, follower, 0)
    write(leader, 1)
    wish = leader.isr_wish(LAG_MS + 1)
    assert wish is not None
    assert wish.isr == (1,)
    leader.on_partition_changed((1,), 8, LAG_MS + 1)
    assert leader.isr_wish(LAG_MS + 1) is None
    fetched(leader, 3, 0, now_ms=LAG_MS + 2)
    assert leader.isr_wish(LAG_MS + 2) == IsrWish((1, 3), (-1, 103), EPOCH, 8)


def test_one_wish_is_in_flight_at_a_time() -> None:
    """Until the controller has answered there is no second one."""
    leader = leader_of(isr=(1,))
    fetched(leader, 2, 0)
    wish = leader.isr_wish(0)
    assert wish is not None
    leader.pending_isr = wish.isr
    fetched(leader, 3, 0)
    assert leader.isr_wish(0) is None
    leader.on_partition_changed((1, 2), 8, 0)
    following = leader.isr_wish(0)
    assert following is not None
    assert (following.isr, following.partition_epoch) == ((1, 2, 3), 8)


def test_wish_keeps_the_order_of_the_replicas() -> None:
    """The ISR is named in assignment order, whoever came first."""
    leader = leader_of(isr=(3, 1))
    fetched(leader, 3, 0)
    fetched(leader, 2, 0)
    wish = leader.isr_wish(0)
    assert wish is not None
    assert wish.isr == (1, 2, 3)


def test_older_partition_epoch_changes_nothing() -> None:
    """What is already overtaken is ignored, and what is in flight stays so."""
    leader = leader_of()
    leader.pending_isr = (1, 2)
    assert not leader.on_partition_changed((1,), 6, 0)
    assert (leader.isr, leader.partition_epoch, leader.pending_isr) == ((1, 2, 3), 7, (1, 2))


def test_isr_without_the_leader_breaks_an_invariant() -> None:
    """`check_invariants` sees a leader outside its own ISR, and a stranger inside."""
    leader = leader_of()
    leader.isr = (2, 3)
    with pytest.raises(AssertionError):
        leader.check_invariants()
    leader.isr = (1, 9)
    with pytest.raises(AssertionError):
        leader.check_invariants()


def test_lag_of_an_idle_follower_begins_with_the_next_record() -> None:
    """Its fetch waits for records and says nothing: a check just after one must not drop it."""
    leader = leader_of()
    for follower in (2, 3):
        fetched(leader, follower, 0)
    assert leader.isr_wish(LAG_MS * 10) is None
    write(leader, 1)
    assert leader.isr_wish(LAG_MS * 11) is None
    wish = leader.isr_wish(LAG_MS * 11 + 1)
    assert wish is not None
    assert wish.isr == (1,)
