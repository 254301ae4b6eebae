"""Incremental fetch sessions (KIP-227): what an answer names, and what a fetch costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.broker import fetch_operation
from minikafka.broker.fetch_sessions import FetchSessionCache, next_epoch
from minikafka.wire.fetch import FetchResponse, FetchTopic, ForgottenTopic
from tests.support.replica_cell import Cell, asked, by_id, topic_id, watch_reads

PARTITIONS = 5


@pytest.fixture
def cell() -> Iterator[Cell]:
    """One broker that leads five partitions of `t` alone."""
    made = Cell(brokers=1, max_incremental_fetch_session_cache_slots=2)
    made.create(replicas=(1,), partitions=PARTITIONS)
    yield made
    made.close()
    made.loop.run()
    assert made.loop.timers == 0


class Fetcher:
    """A consumer with a session at broker 1; `parked` is the answer it waits for."""

    def __init__(self, cell: Cell, **fields: Any) -> None:
        self.cell = cell
        self.fields = {"max_wait_ms": 500, "min_bytes": 1, **fields}
        first = self.send(by_id(*(asked(0, index=n) for n in range(PARTITIONS))), epoch=0)
        cell.loop.advance(500)
        self.number = first.result().session_id
        self.epoch = 1

    def send(self, topics: list[FetchTopic], *, epoch: int, **more: Any) -> Any:
        """Send one request with a session epoch."""
        session = {"session_id": 0 if epoch == 0 else self.number, "session_epoch": epoch}
        return self.cell[1].fetch(topics=topics, **session, **self.fields, **more)

    def go_on(self, *topics: FetchTopic, **more: Any) -> Any:
        """Send the session's next request."""
        self.epoch += 1
        return self.send(list(topics), epoch=self.epoch - 1, **more)


def told(response: FetchResponse) -> dict[int, tuple[int, int]]:
    """Return the watermark and bytes of each partition an answer names."""
    return {
        partition.index: (partition.high_watermark, partition.size)
        for topic in response.topics
        for partition in topic.partitions
    }


def code(response: FetchResponse) -> ErrorCode:
    """Return the error of the whole answer."""
    return ErrorCode(response.error_code)


# --- what is named ---


def test_first_answer_of_a_session_names_everything(cell: Cell) -> None:
    """News or not; and it carries the session's number."""
    answer = cell[1].fetch(
        session_epoch=0, topics=by_id(*(asked(0, index=n) for n in range(PARTITIONS)))
    )
    assert sorted(told(answer.result())) == [0, 1, 2, 3, 4]
    assert answer.result().session_id > 0


def test_incremental_answer_names_only_what_changed(cell: Cell) -> None:
    """Five partitions are followed; the one that was written to is named."""
    fetcher = Fetcher(cell)
    parked = fetcher.go_on()
    assert not parked.done
    cell[1].produce(b"x", index=3)
    cell.loop.run()
    size = cell[1].partition(index=3).log.size_bytes
    assert told(parked.result()) == {3: (1, size)}


def test_answer_without_news_is_empty_and_comes_at_the_deadline(cell: Cell) -> None:
    """Nothing changed: nothing is named, after max_wait_ms and not before."""
    parked = Fetcher(cell).go_on()
    cell.loop.advance(499)
    assert not parked.done
    cell.loop.advance(1)
    assert (told(parked.result()), code(parked.result())) == ({}, ErrorCode.NONE)


def test_records_not_fetched_further_are_named_again(cell: Cell) -> None:
    """A fetcher that does not move its offset gets the same records in each answer."""
    fetcher = Fetcher(cell)
    cell[1].produce(b"x", index=3)
    assert list(told(fetcher.go_on().result())) == [3]
    assert list(told(fetcher.go_on().result())) == [3]
    moved = fetcher.go_on(*by_id(asked(1, index=3)))
    cell.loop.advance(500)
    assert told(moved.result()) == {}


def test_moved_log_start_is_news(cell: Cell) -> None:
    """DeleteRecords is told though there is nothing to read."""
    cell[1].produce(b"x", index=2)
    fetcher = Fetcher(cell)
    fetcher.go_on(*by_id(asked(1, index=2)))
    cell.loop.advance(500)
    partition = cell[1].partition(index=2)
    partition.log.advance_log_start(1)
    partition.wake_all()
    answer = fetcher.go_on()
    cell.loop.advance(500)
    assert list(told(answer.result())) == [2]


def test_forgotten_partition_is_not_named_any_more(cell: Cell) -> None:
    """Written to or not; the others still are."""
    fetcher = Fetcher(cell)
    parked = fetcher.go_on(forgotten=[ForgottenTopic(None, topic_id(0), [3])])
    cell[1].produce(b"x", index=3)
    cell.loop.run()
    assert not parked.done
    cell[1].produce(b"x", index=4)
    cell.loop.run()
    assert list(told(parked.result())) == [4]
    assert len(cell[1].partition(index=3).log_end_moved.watchers) == 0


def test_next_request_releases_the_parked_one(cell: Cell) -> None:
    """A session has one request waiting: the older is answered at once, empty."""
    fetcher = Fetcher(cell)
    first = fetcher.go_on()
    second = fetcher.go_on()
    assert told(first.result()) == {}
    assert not second.done
    cell[1].produce(b"x")
    cell.loop.run()
    assert list(told(second.result())) == [0]


def test_written_twice_in_one_turn_is_one_answer(cell: Cell) -> None:
    """What one turn changes is told together."""
    parked = Fetcher(cell).go_on()
    cell[1].produce(b"x", index=1)
    cell[1].produce(b"y", index=2)
    assert not parked.done
    cell.loop.run()
    assert sorted(told(parked.result())) == [1, 2]


# --- what it costs ---


def test_fetch_costs_what_changed_not_what_is_followed(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the followed partitions only the changed one is read, in a hundred fetches."""
    fetcher = Fetcher(cell)
    reads: list[int] = []
    monkeypatch.setattr(fetch_operation, "read_target", watch_reads(reads.append))
    fetcher.go_on()
    cell.loop.advance(500)
    reads.clear()
    for offset in range(100):
        parked = fetcher.go_on(*by_id(asked(offset, index=3)))
        cell[1].produce(b"x", index=3)
        cell.loop.run()
        assert parked.done
    assert set(reads) == {3}
    assert len(reads) <= 300


def test_idle_session_reads_nothing(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long polls over idle partitions look at no log."""
    fetcher = Fetcher(cell)
    fetcher.go_on()
    cell.loop.advance(500)
    reads: list[int] = []
    monkeypatch.setattr(fetch_operation, "read_target", watch_reads(reads.append))
    for _ in range(20):
        fetcher.go_on()
        cell.loop.advance(500)
    assert reads == []


# --- who may go on ---


def test_unknown_session_is_refused(cell: Cell) -> None:
    """FETCH_SESSION_ID_NOT_FOUND makes the fetcher begin a new one."""
    answer = cell[1].fetch(session_id=12_345, session_epoch=1)
    assert code(answer.result()) == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


@pytest.mark.parametrize("epoch", [2, 7])
def test_wrong_epoch_is_refused_and_changes_nothing(cell: Cell, epoch: int) -> None:
    """A request lost or repeated on the way is noticed; the right one still counts."""
    fetcher = Fetcher(cell)
    refused = fetcher.send([], epoch=epoch).result()
    assert code(refused) == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert not fetcher.go_on().done


def test_names_and_ids_do_not_mix_in_one_session(cell: Cell) -> None:
    """A session that began with ids is not continued by a version that has names."""
    fetcher = Fetcher(cell)
    answer = cell[1].fetch(version=12, session_id=fetcher.number, session_epoch=1)
    assert code(answer.result()) == ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_epoch_wraps_to_one() -> None:
    """0 means a new session, so it is never the next one."""
    assert [next_epoch(n) for n in (0, 1, 2**31 - 2, 2**31 - 1)] == [1, 2, 2**31 - 1, 1]


def test_final_epoch_closes_the_session(cell: Cell) -> None:
    """The answer is a full one without a session, and the number is unknown afterwards."""
    fetcher = Fetcher(cell)
    last = (
        cell[1]
        .fetch(session_id=fetcher.number, session_epoch=-1, topics=by_id(asked(0, index=1)))
        .result()
    )
    assert (last.session_id, list(told(last))) == (0, [1])
    assert len(cell[1].fetch_sessions) == 0
    assert code(fetcher.go_on().result()) == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_closed_session_watches_nothing(cell: Cell) -> None:
    """No partition keeps a session that is gone."""
    fetcher = Fetcher(cell)
    cell[1].fetch_sessions.remove(fetcher.number)
    for index in range(PARTITIONS):
        partition = cell[1].partition(index=index)
        assert partition.log_end_moved.watchers == {}
        assert partition.high_watermark_moved.watchers == {}


# --- how many ---


def make_room(cell: Cell, *, from_replica: bool, now_ms: int) -> int | None:
    """Return the number of a new session in the cache of two, or None."""
    made = cell[1].fetch_sessions.create(
        from_replica=from_replica, uses_topic_ids=True, now_ms=now_ms
    )
    return None if made is None else made.number


def test_full_cache_serves_without_a_session(cell: Cell) -> None:
    """The answer is as full as any first one, and says that there is no session."""
    for _ in range(2):
        assert make_room(cell, from_replica=False, now_ms=cell.loop.clock.monotonic_ms())
    answer = cell[1].fetch(session_epoch=0, topics=by_id(asked(0))).result()
    assert (answer.session_id, list(told(answer))) == (0, [0])


def test_session_unused_for_long_gives_way() -> None:
    """After two minutes, and the one unused for longest first."""
    cell = Cell(brokers=1, max_incremental_fetch_session_cache_slots=2)
    first = make_room(cell, from_replica=False, now_ms=0)
    second = make_room(cell, from_replica=False, now_ms=10)
    limit_ms = FetchSessionCache.EVICTION_MS
    assert make_room(cell, from_replica=False, now_ms=limit_ms) is None
    third = make_room(cell, from_replica=False, now_ms=limit_ms + 1)
    assert third is not None
    kept = cell[1].fetch_sessions._sessions
    assert first not in kept
    assert second in kept


def test_follower_takes_a_consumers_place_but_not_the_other_way_round() -> None:
    """Replication goes first: consumers never push followers out."""
    cell = Cell(brokers=1, max_incremental_fetch_session_cache_slots=1)
    make_room(cell, from_replica=False, now_ms=0)
    follower = make_room(cell, from_replica=True, now_ms=1)
    assert follower is not None
    far_ms = 10 * FetchSessionCache.EVICTION_MS
    assert make_room(cell, from_replica=False, now_ms=far_ms) is None
    assert list(cell[1].fetch_sessions._sessions) == [follower]
