"""One fetch under way: when it answers, with what, and what it leaves to the next one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from minikafka.apis import k01_fetch
from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.broker.record_deletion import delete_records
from minikafka.wire.fetch import FetchPartitionResponse, FetchResponse
from tests.support.replica_cell import BROKER_EPOCH, Cell, asked, by_id

WAIT_MS = 500
ABSENT = 7  # a topic's number


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Broker 1 leads two partitions of `t` alone, and one of `shared` with broker 2, unfollowed."""
    made = Cell()
    made.create(replicas=(1,), partitions=2)
    made.create("shared", number=1, replicas=(1, 2), run=False)
    made.apply(1)
    yield made
    made.close()


def fetch(cell: Cell, *partitions: Any, number: int = 0, **fields: Any) -> Any:
    """Send a fetch to broker 1 that waits for one byte, up to half a second."""
    given = {"max_wait_ms": WAIT_MS, "min_bytes": 1, **fields}
    return cell[1].fetch(topics=by_id(*partitions, number=number), **given)


def told(response: FetchResponse) -> list[FetchPartitionResponse]:
    """Return the partitions of an answer in their order."""
    return [partition for topic in response.topics for partition in topic.partitions]


def sizes(response: FetchResponse) -> list[tuple[int, int]]:
    """Return index and number of batches of each partition."""
    return [(partition.index, len(partition.batches)) for partition in told(response)]


# --- when ---


def test_fetch_is_answered_by_the_append_it_waits_for(cell: Cell) -> None:
    """Not before, and with every partition where there is no session."""
    answer = fetch(cell, asked(0), asked(0, index=1))
    cell.loop.advance(WAIT_MS - 1)
    assert not answer.done
    cell[1].produce(b"a", index=1)
    assert sizes(answer.result()) == [(0, 0), (1, 1)]


def test_fetch_waits_until_min_bytes_are_there(cell: Cell) -> None:
    """Less is given at the deadline only."""
    cell[1].produce(b"a")
    size = next(cell[1].partition().log.batches()).size
    both = fetch(cell, asked(0), min_bytes=2 * size)
    more = fetch(cell, asked(0), min_bytes=3 * size)
    assert not both.done
    cell[1].produce(b"b")
    assert sizes(both.result()) == [(0, 2)]
    assert not more.done
    cell.loop.advance(WAIT_MS)
    assert sizes(more.result()) == [(0, 2)]


def test_watermark_that_the_fetch_itself_has_moved_is_told(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session remembers what it told: what it left out would never be news again.

    So it is for a fetch that came before the broker knew that it leads, and waited.
    """

    def unnoted(request: Any, context: Any, asked: dict[Any, Any]) -> None:
        for target in asked.values():
            target.replica_id = request.replica_id

    monkeypatch.setattr(k01_fetch, "_note_progress", unnoted)
    cell[1].produce(b"a", topic="shared", acks=1)
    answer = fetch(cell, asked(1), number=1, replica_id=2, session_epoch=0, min_bytes=0)
    assert [each.high_watermark for each in told(answer.result())] == [1]


def test_error_in_one_partition_is_told_at_once(cell: Cell) -> None:
    """The others are told along with it, however little they have."""
    answer = fetch(cell, asked(0), asked(9, index=1), min_bytes=1_000_000)
    assert [each.error_code for each in told(answer.result())] == [
        ErrorCode.NONE,
        ErrorCode.OFFSET_OUT_OF_RANGE,
    ]


def test_fetch_of_a_deleted_topic_is_answered_at_once(cell: Cell) -> None:
    """Who waits for its records hears that it is gone."""
    answer = fetch(cell, asked(0))
    assert not answer.done
    cell.delete(run=False)
    cell.apply(1)
    assert told(answer.result())[0].error_code in (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_ID,
    )


def test_followers_fetch_without_a_session_is_woken_by_an_append(cell: Cell) -> None:
    """By the end of the log, which moves long before the watermark does."""
    answer = fetch(cell, asked(0), number=1, replica_id=2)
    consumer = fetch(cell, asked(0), number=1)
    assert not answer.done
    cell[1].produce(b"a", topic="shared", acks=1)
    assert sizes(answer.result()) == [(0, 1)]
    assert not consumer.done, "nothing is committed"


def test_parked_follower_hears_of_a_new_log_start_at_once(cell: Cell) -> None:
    """DeleteRecords waits for its followers, so they must not wait for records."""
    cell[1].produce(b"a", topic="shared", acks=1)
    first = fetch(cell, asked(0), number=1, replica_id=2, session_epoch=0)
    session = first.result().session_id
    more = {"replica_id": 2, "session_id": session}
    parked = fetch(cell, asked(1), number=1, **more, session_epoch=1)
    assert cell[1].partition("shared").log.high_watermark == 1
    assert not parked.done
    deadline_ms = cell.loop.clock.monotonic_ms() + WAIT_MS
    deleted = delete_records(cell[1].replicas, TopicPartition("shared", 0), 1, deadline_ms)
    cell.loop.run()
    assert parked.done, "without waiting for max_wait_ms"
    assert told(parked.result())[0].log_start_offset == 1
    assert not deleted.done
    fetch(cell, asked(1, log_start_offset=1), number=1, **more, session_epoch=2)
    assert deleted.result() == 1


# --- followers that know more than this broker ---


def test_follower_is_kept_waiting_for_metadata_and_a_consumer_is_not(cell: Cell) -> None:
    """It has applied a record that this broker applies in a moment."""
    consumer = fetch(cell, asked(0), number=ABSENT)
    follower = fetch(cell, asked(0), number=ABSENT, replica_id=2)
    assert told(consumer.result())[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
    assert not follower.done
    cell.loop.advance(WAIT_MS)
    assert told(follower.result())[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


# --- limits ---


@pytest.mark.parametrize("replica_id", [-1, 2], ids=["consumer", "follower"])
def test_session_comes_round_to_what_found_no_room(cell: Cell, replica_id: int) -> None:
    """With room for one batch only, each partition gets its turn, though nothing is appended."""
    topics = {"number": 2, "replica_id": replica_id, "max_bytes": 1}
    cell.create("full", number=2, replicas=(1, 2), partitions=3, run=False)
    cell.apply(1)
    for index in (0, 0, 1, 1, 2):
        cell[1].produce(b"a", topic="full", index=index, acks=1)
    if replica_id < 0:
        for index in range(3):
            held = cell[1].partition("full", index)
            end = 2 - (index == 2)
            cell[1].replicas.on_follower_fetch(held, 2, end, 0, BROKER_EPOCH + 2, 0)
    positions = [0, 0, 0]
    request = [asked(0, index=index) for index in range(3)]
    answer = fetch(cell, *request, **topics, session_epoch=0).result()
    number = answer.session_id
    for epoch in range(1, 6):
        (given,) = [index for index, count in sizes(answer) if count]
        positions[given] += 1
        moved = asked(positions[given], index=given)
        waiting = fetch(cell, moved, **topics, session_id=number, session_epoch=epoch)
        if epoch < 5:
            answer = waiting.result()
    assert positions == [2, 2, 1]
    assert not waiting.done


def test_next_request_of_a_session_releases_the_parked_one(cell: Cell) -> None:
    """It is answered empty; a session has one fetch under way."""
    session = fetch(cell, asked(0), session_epoch=0, min_bytes=0).result().session_id
    parked = fetch(cell, session_id=session, session_epoch=1)
    assert not parked.done
    after = fetch(cell, session_id=session, session_epoch=2)
    assert told(parked.result()) == []
    assert not after.done
