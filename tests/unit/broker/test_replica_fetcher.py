"""Following a leader: sessions, new and deleted topics, errors and what is tried again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.wire.fetch import (
    FetchRequest,
)
from tests.support.replica_cell import Cell, Member, topic_id

BACKOFF_MS = 1_000  # replica.fetch.backoff.ms
WAIT_MS = 500  # replica.fetch.wait.max.ms


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Three brokers without topics."""
    made = Cell()
    yield made
    made.close()
    made.loop.run()
    assert made.loop.timers == 0


def fetches(member: Member, since: int = 0) -> list[FetchRequest]:
    """Return the Fetch requests of followers that a broker got, from the `since`th on."""
    found = [each for each in member.requests if isinstance(each, FetchRequest)]
    return found[since:]


def ends(cell: Cell, topic: str = "t", index: int = 0) -> list[int]:
    """Return the log end offset at each broker."""
    return [m.partition(topic, index).log.log_end_offset for m in cell.members.values()]


# --- the ordinary course ---


def test_followers_hold_what_the_leader_wrote(cell: Cell) -> None:
    """Within the turn, byte for byte, and acks=all is answered then."""
    cell.create()
    answer = cell[1].produce(b"a", b"b")
    assert not answer.done
    cell.loop.run()
    assert answer.result().topics[0].partitions[0].error_code == ErrorCode.NONE
    logs = [cell[each].partition().log.all_bytes() for each in (1, 2, 3)]
    assert logs[0] == logs[1] == logs[2]


def test_watermark_rides_along_or_comes_with_the_long_polls_end(cell: Cell) -> None:
    """A higher watermark alone wakes no follower, but it is told within one wait."""
    cell.create()
    cell[1].produce(b"a")
    cell.loop.run()
    assert cell[1].partition().log.high_watermark == 1
    assert cell[2].partition().log.high_watermark == 0
    count = len(fetches(cell[1]))
    cell.loop.advance(WAIT_MS)
    assert cell[2].partition().log.high_watermark == 1
    assert len(fetches(cell[1])) <= count + 4


def test_watermark_comes_with_the_next_records(cell: Cell) -> None:
    """Nobody waits where there is traffic."""
    cell.create()
    cell[1].produce(b"a")
    cell.loop.run()
    cell[1].produce(b"b")
    cell.loop.run()
    assert cell[2].partition().log.high_watermark == 1


def test_one_session_per_leader_follows_all_its_partitions(cell: Cell) -> None:
    """Thirty partitions are one full fetch; then only what is new is named."""
    cell.create(partitions=30)
    first = fetches(cell[1])
    assert [len(r.topics[0].partitions) for r in first if r.session_epoch == 0] == [30, 30]
    count = len(first)
    cell[1].produce(b"a", index=7)
    cell.loop.run()
    named = [p.index for r in fetches(cell[1], count) for t in r.topics for p in t.partitions]
    assert set(named) == {7}


def test_partition_added_while_a_fetch_waits_is_followed_at_once(cell: Cell) -> None:
    """The new topic does not wait for the end of the long poll."""
    cell.create("old", number=0)
    cell.loop.run()
    cell.create("new", number=1)
    now_ms = cell.loop.clock.monotonic_ms()
    answer = cell[1].produce(b"a", topic="new")
    cell.loop.run()
    assert answer.done
    assert cell.loop.clock.monotonic_ms() == now_ms


def test_idle_followers_ask_once_per_wait(cell: Cell) -> None:
    """Nothing polls: ten seconds are twenty fetches of each follower."""
    cell.create()
    cell.loop.advance(WAIT_MS)
    count = len(fetches(cell[1]))
    cell.loop.advance(20 * WAIT_MS)
    assert len(fetches(cell[1], count)) <= 2 * 21


# --- metadata that comes at different times ---


@pytest.mark.parametrize("early", [(2, 3), (2,), (1,)])
def test_who_applies_metadata_first_does_not_matter(cell: Cell, early: tuple[int, ...]) -> None:
    """A follower ahead of its leader waits there, and is served as soon as the leader knows."""
    cell.create(run=False)
    cell.apply(*early)
    cell.loop.run()
    cell.apply()
    answer = cell[1].produce(b"a")
    cell.loop.run()
    assert answer.done
    assert ends(cell) == [1, 1, 1]


def test_two_topics_ahead_of_the_leader_are_both_followed_at_once(cell: Cell) -> None:
    """The second fetch overtakes the first, which must not turn that one into an error."""
    cell.create("old", number=0)
    cell.create("a", number=1, run=False)
    cell.apply(2, 3)
    cell.loop.run()
    cell.create("b", number=2, run=False)
    cell.apply(2, 3)
    cell.loop.run()
    cell.apply()
    answers = [cell[1].produce(b"x", topic=name) for name in ("a", "b")]
    cell.loop.run()
    assert [answer.done for answer in answers] == [True, True]


def test_idle_follower_that_came_too_early_stays_in_the_isr(cell: Cell) -> None:
    """The leader takes note of the waiting follower when it begins to lead."""
    cell.create(run=False)
    cell.apply(2, 3)
    cell.loop.run()
    cell.apply()
    cell.loop.advance(10 * WAIT_MS)
    leader = cell[1].partition().leader
    assert leader is not None
    assert [p.log_end_offset for p in leader.progress.values()] == [0, 0]


def test_new_leader_is_followed_at_once(cell: Cell) -> None:
    """The log is the same, and what the new leader writes arrives."""
    cell.create()
    cell[1].produce(b"a")
    cell.loop.run()
    cell.change(leader=2, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1)
    answer = cell[2].produce(b"b")
    cell.loop.run()
    assert answer.done
    assert ends(cell) == [2, 2, 2]
    assert cell[1].partition().leader is None


def test_follower_truncates_what_the_new_leader_does_not_have(cell: Cell) -> None:
    """What only the old leader wrote gives way to what the new one writes (KIP-101)."""
    cell.create()
    cell.links.partition([1], [2, 3])
    cell[1].produce(b"lost", acks=1)
    cell.change(leader=2, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1, run=False)
    cell.apply(2, 3)
    cell[2].produce(b"kept", acks=1)
    cell.loop.run()
    cell.apply(1)
    cell.links.heal()
    cell.loop.advance(2 * BACKOFF_MS)
    logs = [cell[each].partition().log.all_bytes() for each in (1, 2, 3)]
    assert logs[0] == logs[1] == logs[2]
    assert b"kept" in logs[0]
    assert b"lost" not in logs[0]


# --- topics that go ---


def test_deleted_topic_is_forgotten(cell: Cell) -> None:
    """Nobody hosts it, asks for it, or tries again."""
    cell.create("t", number=0)
    cell.create("other", number=1)
    cell.delete(0)
    cell.loop.advance(WAIT_MS)
    count = len(fetches(cell[1]))
    cell.loop.advance(5 * BACKOFF_MS)
    assert [m.replicas.partition(("t", 0)) for m in cell.members.values()] == [None] * 3
    named = [t.topic_id for r in fetches(cell[1], count) for t in r.topics]
    assert topic_id(0) not in named


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("ids_only", [True, False])
def test_topic_made_anew_under_its_name_is_followed_at_once(
    cell: Cell, together: bool, ids_only: bool
) -> None:
    """Also where a broker learns of both in one go: the old id does not stick."""
    cell.ids_only = ids_only
    cell.create("t", number=0)
    cell[1].produce(b"old")
    cell.loop.run()
    cell.delete(0, run=not together)
    cell.create("t", number=1, run=False)
    cell.apply()
    answer = cell[1].produce(b"new")
    cell.loop.run()
    assert answer.done
    assert ends(cell) == [1, 1, 1]
    logs = [cell[each].partition().log.all_bytes() for each in (1, 2, 3)]
    assert logs[0] == logs[1] == logs[2]
    assert b"new" in logs[0]


def test_log_start_inside_a_batch_is_taken_over(cell: Cell) -> None:
    """A follower that starts over begins where the leader's log does, inside a batch or not."""
    cell.create(replicas=(1, 2))
    cell.links.partition([1], [2])
    for _ in range(2):
        cell[1].produce(b"a", b"b", b"c", acks=1)
    log = cell[1].partition().log
    log.advance_high_watermark(6)
    log.advance_log_start(4)
    cell.links.heal()
    cell.loop.advance(2 * WAIT_MS)
    copy = cell[2].partition().log
    assert (copy.log_start_offset, copy.log_end_offset) == (4, 6)
    assert copy.all_bytes() == log.all_bytes()
