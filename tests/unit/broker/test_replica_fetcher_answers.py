"""What a fetcher asks after each kind of answer; the test is the leader."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.broker.partition import Partition
from minikafka.broker.replica_fetcher import ReplicaFetcher
from minikafka.net.channel import ChannelClosed
from minikafka.replication.follower import PartitionFollower
from minikafka.wire.fetch import (
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopicResponse,
)
from tests.support.builders import append, follower_batch, open_log
from tests.support.manual_loop import ManualLoop
from tests.support.replica_cell import topic_id

BACKOFF_MS = 1_000  # replica.fetch.backoff.ms
WAIT_MS = 500  # replica.fetch.wait.max.ms


class Scripted:
    """A channel whose answers the test gives; `asked` are the requests in order."""

    def __init__(self) -> None:
        self.asked: list[FetchRequest] = []
        self.answers: list[Deferred[Any]] = []
        self.closed = False

    def request(self, api_key: int, version: int, request: object) -> Deferred[Any]:
        assert isinstance(request, FetchRequest)
        self.asked.append(request)
        self.answers.append(Deferred())
        return self.answers[-1]

    def close(self) -> None:
        self.closed = True


class Following:
    """Broker 2 following `orders-0` of broker 1."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.channel = Scripted()
        self.changes = 0
        self.fetcher = ReplicaFetcher(
            2,
            1,
            self.channel,  # type: ignore[arg-type]
            BrokerConfig.parse(2),
            self.loop.as_loop,
            self.loop.turns,
            broker_epoch=lambda: 77,
            on_change=self.changed,
        )
        log = open_log()
        self.partition = Partition(log.partition, topic_id(0), log)
        self.follow(epoch=3)

    def changed(self) -> None:
        """Count."""
        self.changes += 1

    def follow(self, *, epoch: int) -> None:
        """Follow in a leader epoch."""
        self.partition.follower = PartitionFollower(
            self.partition.log, leader_id=1, leader_epoch=epoch
        )
        self.fetcher.add(self.partition)
        self.loop.run()

    @property
    def last(self) -> FetchRequest:
        """The last request."""
        return self.channel.asked[-1]

    def answer(self, number: int, session_id: int = 5, **fields: Any) -> None:
        """Answer the `number`th request, from 0; with fields about the one partition."""
        code = fields.pop("whole_error", 0)
        topics = []
        if fields:
            told = FetchPartitionResponse(0, **fields)
            topics = [FetchTopicResponse(None, topic_id(0), [told])]
        response = FetchResponse(error_code=code, session_id=session_id, topics=topics)
        self.channel.answers[number].set(response)
        self.loop.run()

    def offsets(self) -> list[int]:
        """Return the fetch offsets of the last request."""
        return [p.fetch_offset for topic in self.last.topics for p in topic.partitions]


def test_first_request_is_full_and_does_not_wait() -> None:
    """It names everything with its epochs, and the broker epoch for the ISR (KIP-903)."""
    following = Following()
    request = following.last
    assert (request.session_id, request.session_epoch, request.max_wait_ms) == (0, 0, 0)
    assert (request.replica_id, request.replica_epoch) == (2, 77)
    (partition,) = request.topics[0].partitions
    assert (partition.current_leader_epoch, partition.fetch_offset) == (3, 0)
    assert partition.last_fetched_epoch == -1


def test_session_goes_on_and_names_what_is_new() -> None:
    """After records the partition is named with its new offset; after none it is not."""
    following = Following()
    following.answer(0, batches=[follower_batch(0, epoch=3)], high_watermark=1)
    assert (following.last.session_id, following.last.session_epoch) == (5, 1)
    assert following.last.max_wait_ms == WAIT_MS
    assert following.offsets() == [1]
    assert following.changes == 1
    following.answer(1)
    assert following.changes == 1
    assert (following.last.session_epoch, following.offsets()) == (2, [])


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
        ErrorCode.INVALID_FETCH_SESSION_EPOCH,
        ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
    ],
)
def test_lost_session_begins_anew_at_once(code: ErrorCode) -> None:
    """Everything is asked for again, without a pause."""
    following = Following()
    following.answer(0)
    following.answer(1, whole_error=code, session_id=0)
    assert (following.last.session_id, following.last.session_epoch) == (0, 0)
    assert following.offsets() == [0]
    assert len(following.channel.asked) == 3


def test_lost_connection_is_tried_again_after_the_backoff() -> None:
    """Not at once, and with a new session."""
    following = Following()
    following.answer(0)
    following.channel.answers[1].fail(ChannelClosed("cut"))
    following.loop.advance(BACKOFF_MS - 1)
    assert len(following.channel.asked) == 2
    following.loop.advance(1)
    assert (following.last.session_id, following.offsets()) == (0, [0])


def test_refused_partition_is_left_alone_and_tried_again() -> None:
    """It is dropped from the session, and asked for after the backoff; others go on."""
    following = Following()
    following.answer(0)
    following.answer(1, error_code=ErrorCode.NOT_LEADER_OR_FOLLOWER)
    assert [topic.partitions for topic in following.last.forgotten] == [[0]]
    assert following.offsets() == []
    following.loop.advance(BACKOFF_MS)
    assert following.offsets() == [0]


def test_refusal_of_all_there_is_does_not_spin() -> None:
    """Where the leader ends the emptied session, nothing is asked until the backoff is over."""
    following = Following()
    following.answer(0)
    following.answer(1, error_code=ErrorCode.FENCED_LEADER_EPOCH)
    following.answer(2, session_id=0)
    assert len(following.channel.asked) == 3
    following.loop.advance(BACKOFF_MS)
    assert (len(following.channel.asked), following.offsets()) == (4, [0])


def test_leader_without_room_for_a_session_is_asked_in_full_and_waits() -> None:
    """Each fetch names everything with epoch 0, and none but the first comes back at once."""
    following = Following()
    following.answer(0, session_id=0)
    assert (following.last.session_epoch, following.offsets()) == (0, [0])
    assert following.last.max_wait_ms == WAIT_MS
    following.answer(1, session_id=9)
    assert (following.last.session_id, following.last.session_epoch) == (9, 1)


def test_answer_from_an_earlier_epoch_does_not_count() -> None:
    """What was asked under the old leader epoch is passed over, and told again (R17)."""
    following = Following()
    following.answer(0)
    following.follow(epoch=4)
    assert len(following.channel.asked) == 3
    following.answer(1, batches=[follower_batch(0, epoch=3)], high_watermark=1)
    assert following.partition.log.log_end_offset == 0
    following.answer(2)
    assert [topic.partitions for topic in following.last.forgotten] == [[0]]
    assert following.offsets() == [0]


def test_divergence_truncates_and_asks_from_the_new_end() -> None:
    """With the epoch of what is left."""
    following = Following()
    log = following.partition.log
    append(log, 1, epoch=1)
    append(log, 1, epoch=2)
    following.follow(epoch=5)
    following.answer(0)
    number = len(following.channel.asked) - 1
    following.answer(number, diverging_epoch=(1, 1))
    assert (log.log_end_offset, following.offsets()) == (1, [1])
    assert following.partition.records_lost == 0, "nothing of it was committed"
    assert following.last.topics[0].partitions[0].last_fetched_epoch == 1


def test_what_divergence_takes_below_the_watermark_is_counted() -> None:
    """It was committed, and an unclean leader lacks it."""
    following = Following()
    log = following.partition.log
    append(log, 1, epoch=1)
    append(log, 2, epoch=2)
    log.advance_high_watermark(3)
    following.follow(epoch=5)
    following.answer(0)
    number = len(following.channel.asked) - 1
    following.answer(number, diverging_epoch=(1, 1))
    assert (log.log_end_offset, following.partition.records_lost) == (1, 2)


def test_out_of_range_starts_over_at_the_leaders_start() -> None:
    """Where the leader's log begins behind the end of ours."""
    following = Following()
    following.answer(0, error_code=ErrorCode.OFFSET_OUT_OF_RANGE, log_start_offset=7)
    assert following.partition.log.log_start_offset == 7
    assert following.offsets() == [7]


@pytest.mark.parametrize("position", [10, 65], ids=["frame", "body"])
def test_corrupt_records_are_not_appended_and_tried_again(position: int) -> None:
    """The partition is left alone for the backoff; the fetcher goes on (S4)."""
    following = Following()
    following.answer(0)
    data = bytearray(follower_batch(0, epoch=3).view)
    data[position] ^= 0xFF
    following.answer(1, records=memoryview(data), high_watermark=1)
    assert following.partition.log.log_end_offset == 0
    assert len(following.channel.asked) == 3
    following.loop.advance(BACKOFF_MS)
    assert following.offsets() == [0]


def test_records_as_bytes_are_checked_and_appended() -> None:
    """What came over a socket is cut into batches, byte for byte the leader's."""
    following = Following()
    data = bytes(follower_batch(0, 2, epoch=3).view) + bytes(follower_batch(2, epoch=3).view)
    following.answer(0, records=memoryview(bytearray(data)), high_watermark=2)
    log = following.partition.log
    assert (log.all_bytes(), log.log_end_offset, log.high_watermark) == (data, 3, 2)


def test_removed_partition_is_forgotten_and_its_answers_pass() -> None:
    """Nothing is appended for it any more."""
    following = Following()
    following.answer(0)
    following.fetcher.remove(TopicPartition("orders", 0))
    following.loop.run()
    assert len(following.fetcher) == 0
    assert [topic.partitions for topic in following.last.forgotten] == [[0]]
    following.answer(1, batches=[follower_batch(0, epoch=3)], high_watermark=1)
    assert following.partition.log.log_end_offset == 0


def test_closed_fetcher_asks_nothing_and_leaves_no_timer() -> None:
    """Its channel is closed with it, and late answers are passed over."""
    following = Following()
    following.answer(0)
    following.answer(1, error_code=ErrorCode.NOT_LEADER_OR_FOLLOWER)
    following.fetcher.close()
    assert following.channel.closed
    assert following.loop.timers == 0
    count = len(following.channel.asked)
    following.answer(2, batches=[follower_batch(0, epoch=3)])
    following.loop.advance(10 * BACKOFF_MS)
    assert len(following.channel.asked) == count


def test_records_that_cannot_be_taken_yet_are_asked_for_again() -> None:
    """The leader's session takes them for told, and would never come back to them."""
    following = Following()
    following.answer(0, batches=[follower_batch(0, epoch=3)], high_watermark=1)
    following.answer(1, batches=[follower_batch(5, epoch=3)], high_watermark=1)
    assert following.offsets() == []
    following.loop.advance(BACKOFF_MS)
    assert following.offsets() == [1]
