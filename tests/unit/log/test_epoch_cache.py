"""Tests of minikafka.log.epoch_cache."""

from __future__ import annotations

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.log.epoch_cache import EpochCache
from minikafka.replication.follower import PartitionFollower
from tests.support.builders import append, follower_batch, open_log

ENTRIES = [(2, 0), (4, 10), (7, 30)]
END = 50


@pytest.mark.parametrize(
    ("epoch", "answer"),
    [
        (-1, (-1, -1)),  # the asker knows none
        (0, (0, 0)),  # before all of ours: it ends where ours begin
        (2, (2, 10)),
        (3, (2, 10)),  # unknown here: the one before it
        (4, (4, 30)),
        (6, (4, 30)),
        (7, (7, END)),  # the latest ends at the log's end
        (8, (-1, -1)),  # later than ours
    ],
)
def test_end_offset_of_an_epoch(epoch: int, answer: tuple[int, int]) -> None:
    """The largest epoch not above the one asked for, and where the next begins (KIP-279)."""
    assert EpochCache(ENTRIES).end_offset_for(epoch, END) == answer


def test_empty_cache_knows_nothing() -> None:
    """Without entries every answer is unknown."""
    cache = EpochCache()
    assert cache.latest_epoch == -1
    assert cache.end_offset_for(0, 5) == (-1, -1)
    assert cache.start_offset_of(0) is None
    assert cache.epoch_of(3) == -1


def test_same_epoch_again_is_no_news() -> None:
    """Each batch of a leader carries its epoch; only the first begins it."""
    cache = EpochCache()
    assert cache.assign(3, 10)
    assert not cache.assign(3, 12)
    assert cache.entries == [(3, 10)]


@pytest.mark.parametrize(
    ("epoch", "start", "entries"),
    [
        (9, 40, [(2, 0), (4, 10), (7, 30), (9, 40)]),
        (9, 30, [(2, 0), (4, 10), (9, 30)]),  # epoch 7 had written nothing
        (9, 5, [(2, 0), (9, 5)]),
        (5, 40, [(2, 0), (4, 10), (5, 40)]),  # a later epoch than the log has
        (7, 20, [(2, 0), (4, 10), (7, 20)]),
        (1, 0, [(1, 0)]),
    ],
)
def test_contradicting_entries_give_way(
    epoch: int, start: int, entries: list[tuple[int, int]]
) -> None:
    """Entries stay strictly increasing in epoch and offset (KAFKA-7897)."""
    cache = EpochCache(ENTRIES)
    assert cache.assign(epoch, start)
    assert cache.entries == entries
    assert cache.latest_epoch == entries[-1][0]


def test_impossible_entries_are_a_bug() -> None:
    """Neither epochs nor offsets are negative."""
    with pytest.raises(BrokerBug):
        EpochCache().assign(-1, 0)


@pytest.mark.parametrize(
    ("end", "entries"),
    [(31, ENTRIES), (30, ENTRIES[:2]), (11, ENTRIES[:2]), (10, ENTRIES[:1]), (0, [])],
)
def test_truncation_from_the_end(end: int, entries: list[tuple[int, int]]) -> None:
    """Epochs that begin at or behind the new end are forgotten."""
    cache = EpochCache(ENTRIES)
    cache.truncate_from_end(end)
    assert cache.entries == entries
    assert cache.latest_epoch == (entries[-1][0] if entries else -1)


@pytest.mark.parametrize(
    ("start", "entries"),
    [
        (0, ENTRIES),
        (5, [(2, 5), (4, 10), (7, 30)]),
        (10, [(4, 10), (7, 30)]),
        (29, [(4, 29), (7, 30)]),
        (45, [(7, 45)]),
    ],
)
def test_truncation_from_the_start(start: int, entries: list[tuple[int, int]]) -> None:
    """The epoch of the new start begins there; those before are forgotten."""
    cache = EpochCache(ENTRIES)
    cache.truncate_from_start(start)
    assert cache.entries == entries


def test_epoch_of_an_offset() -> None:
    """An offset belongs to the last epoch that begins at or before it."""
    cache = EpochCache(ENTRIES[1:])
    assert [cache.epoch_of(offset) for offset in (9, 10, 29, 30, 99)] == [-1, 4, 4, 7, 7]


def test_follower_truncates_by_epoch_not_by_high_watermark() -> None:
    """KIP-101, first scenario: a restarted follower must not drop what the leader may need.

    It keeps offset 1, which the leader's epoch 0 reaches as well, although its high watermark
    was 1 when it went down.
    """
    leader, follower = open_log(), open_log()
    batches = [follower_batch(0), follower_batch(1)]
    for log in (leader, follower):
        log.append_as_follower(batches)
    answer = leader.epochs.end_offset_for(follower.last_epoch, leader.log_end_offset)
    assert answer == (0, 2)
    PartitionFollower(follower, leader_id=1, leader_epoch=0).on_divergence(*answer)
    assert follower.log_end_offset == 2


def test_logs_that_parted_after_a_double_power_loss_meet_again() -> None:
    """KIP-101, second scenario: same offset, other record; the old epoch's one goes."""
    leader, follower = open_log(), open_log()
    append(leader, epoch=0)
    append(leader, epoch=1)
    append(follower, epoch=0)
    append(follower, epoch=0)
    answer = leader.epochs.end_offset_for(follower.last_epoch, leader.log_end_offset)
    assert answer == (0, 1)
    follower.truncate_to(answer[1])
    follower.append_as_follower(leader.read(1, 999, 99, at_least_one=True).batches)
    assert follower.all_bytes() == leader.all_bytes()


def test_fast_leader_changes_need_more_than_one_question() -> None:
    """KIP-279: the follower asks again with the epoch that both know.

    Leader: epoch 0 at 0, 2 at 10. Follower: 0 at 0, 1 at 5. Asked for 1, the leader answers
    with 0, which ended at 10 there and at 5 here.
    """
    leader = EpochCache([(0, 0), (2, 10)])
    follower = EpochCache([(0, 0), (1, 5)])
    epoch, end = leader.end_offset_for(1, 20)
    assert (epoch, end) == (0, 10)
    own_epoch, own_end = follower.end_offset_for(epoch, 12)
    assert (own_epoch, min(own_end, end)) == (0, 5)
