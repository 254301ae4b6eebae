"""Fetch: what a partition is refused with, in which order it is told, and how sessions end."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import TYPE_CHECKING, Any, cast

import pytest

from minikafka.apis.handlers import REGISTERED
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.fetch_sessions import FetchSessionCache
from minikafka.records.markers import EndTransactionMarker, build_marker
from minikafka.wire.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    ForgottenTopic,
)
from minikafka.wire.versions import ApiKey
from tests.support.broker_stub import BrokerStub
from tests.support.builders import producer_batch

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.records.batch import Batch

BY_NAME, BY_ID = 12, 17
ABSENT_ID = uuid.UUID(int=9)


class FetchStub(BrokerStub):
    """A broker that also has fetch sessions; `t` has partitions 0 and 1, three records each."""

    def __init__(self) -> None:
        super().__init__()
        self.fetch_sessions = FetchSessionCache(
            10, self.replicas, random.Random(1), asyncio.get_running_loop().call_soon
        )

    @classmethod
    async def with_records(cls) -> FetchStub:
        """Return the broker, with all that it has replicated."""
        stub = cls()
        await stub.create("t", [[1, 2], [1, 2]])
        for index in (0, 1):
            stub.append("t", 1, 2, 3, index=index)
            stub.followed("t", index)
        return stub


def part(
    offset: int = 0, index: int = 0, max_bytes: int = 10_000, **more: Any
) -> FetchPartition:
    """Return what is asked of one partition."""
    return FetchPartition(index, fetch_offset=offset, max_bytes=max_bytes, **more)


def topic_of(name: str, *partitions: FetchPartition) -> FetchTopic:
    """Return one topic of a request, by its name."""
    return FetchTopic(name, None, list(partitions))


def send(
    stub: FetchStub, *topics: FetchTopic, version: int = BY_NAME, **more: Any
) -> FetchResponse:
    """Return the answer to a fetch that waits for nothing."""
    registration = REGISTERED[ApiKey.FETCH]
    context = RequestContext(cast("Broker", stub), version, "test", 1, 0)
    request = FetchRequest(topics=list(topics), min_bytes=1, **more)
    try:
        answer = registration.handler(request, context)
    except KafkaError as error:
        assert registration.on_error is not None
        answer = registration.on_error(request, error, version)
    assert isinstance(answer, FetchResponse), "it must not wait"
    stub.close()
    return answer


def partitions_of(response: FetchResponse) -> list[FetchPartitionResponse]:
    """Return the answers of all topics, in their order."""
    return [told for topic in response.topics for told in topic.partitions]


async def test_unknown_partitions_are_told_last() -> None:
    """What there is comes first, whatever the order asked in; both in their own order."""
    stub = await FetchStub.with_records()
    asked = topic_of("t", part(0, 9), part(0, 1), part(0, 7), part(0, 0))
    response = send(stub, topic_of("absent", part()), asked)
    told = [(topic.name, each.index) for topic in response.topics for each in topic.partitions]
    assert told == [("t", 1), ("t", 0), ("absent", 0), ("t", 9), ("t", 7)]


@pytest.mark.parametrize("isolation_level", [0, 1])
async def test_unknown_partition_has_no_aborted_transactions(isolation_level: int) -> None:
    """The list is empty and not null, for read_uncommitted, too, as in Kafka."""
    stub = await FetchStub.with_records()
    response = send(stub, topic_of("t", part(0, 9)), isolation_level=isolation_level)
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert partitions_of(response) == [FetchPartitionResponse(9, code, aborted_transactions=[])]


async def test_unknown_topic_id_has_no_aborted_transactions() -> None:
    """An id is like a name in this."""
    stub = await FetchStub.with_records()
    response = send(stub, FetchTopic(None, ABSENT_ID, [part()]), version=BY_ID)
    (told,) = partitions_of(response)
    assert (told.error_code, told.aborted_transactions) == (ErrorCode.UNKNOWN_TOPIC_ID, [])


async def test_refusal_of_a_known_partition_has_null_for_aborted_transactions() -> None:
    """There the log was asked, and said nothing of transactions."""
    stub = await FetchStub.with_records()
    (told,) = partitions_of(send(stub, topic_of("t", part(99))))
    assert told == FetchPartitionResponse(0, ErrorCode.OFFSET_OUT_OF_RANGE)


async def test_epoch_that_fits_no_other_is_out_of_range() -> None:
    """The leader has no such epoch, so it can name no place to go back to."""
    stub = await FetchStub.with_records()
    (told,) = partitions_of(send(stub, topic_of("t", part(1, last_fetched_epoch=5))))
    assert told == FetchPartitionResponse(0, ErrorCode.OFFSET_OUT_OF_RANGE)


async def test_diverging_end_is_told() -> None:
    """The epoch is known but ended before the offset: the asker goes back to its end."""
    stub = await FetchStub.with_records()
    (told,) = partitions_of(send(stub, topic_of("t", part(4, last_fetched_epoch=0))))
    assert (told.error_code, told.diverging_epoch) == (0, (0, 3))


async def test_offset_below_the_log_start_is_out_of_range_whatever_the_epoch() -> None:
    """Where nothing is left, a divergence does not matter."""
    stub = await FetchStub.with_records()
    log = stub.hosted("t").log
    log.epochs.assign(4, 3)
    log.advance_log_start(2)
    (told,) = partitions_of(send(stub, topic_of("t", part(1, last_fetched_epoch=2))))
    assert (told.error_code, told.diverging_epoch) == (ErrorCode.OFFSET_OUT_OF_RANGE, None)


@pytest.mark.parametrize(
    ("replica_id", "code"),
    [
        (2, ErrorCode.NONE),
        (3, ErrorCode.NOT_LEADER_OR_FOLLOWER),
        (1, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    ],
    ids=["a follower", "a broker without a replica", "the leader itself"],
)
async def test_only_replicas_may_follow(replica_id: int, code: ErrorCode) -> None:
    """A broker that is no replica gets no records in the name of one."""
    stub = await FetchStub.with_records()
    (told,) = partitions_of(send(stub, topic_of("t", part()), replica_id=replica_id))
    assert told.error_code == code
    assert bool(told.size) == (code == ErrorCode.NONE)


@pytest.mark.parametrize(("version", "known"), [(15, False), (16, True)])
async def test_leader_is_named_from_version_16_on(version: int, known: bool) -> None:
    """Earlier versions have the field, but Kafka leaves it empty there (KIP-951)."""
    stub = await FetchStub.with_records()
    topic_id = stub.image.topics["t"].topic_id
    asked = FetchTopic(None, topic_id, [part()])
    response = send(stub, asked, version=version, replica_id=3)
    (told,) = partitions_of(response)
    assert told.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert told.current_leader == ((1, 0) if known else None)
    assert [each.node_id for each in response.node_endpoints] == ([1] if known else [])


async def test_negative_limit_of_a_partition_is_refused() -> None:
    """Kafka fails on it where there is something to read, and only there."""
    stub = await FetchStub.with_records()
    asked = topic_of("t", part(0, 0, -1), part(3, 1, -1))
    first, second = partitions_of(send(stub, asked))
    assert first == FetchPartitionResponse(0, ErrorCode.UNKNOWN_SERVER_ERROR)
    assert (second.error_code, second.high_watermark) == (0, 3)


async def test_negative_limit_of_the_request_spoils_one_partition() -> None:
    """The next partition counts from zero, and gets its one batch."""
    stub = await FetchStub.with_records()
    first, second = partitions_of(send(stub, topic_of("t", part(), part(0, 1)), max_bytes=-1))
    assert first.error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    assert (second.error_code, len(second.batches)) == (0, 1)


async def test_batch_that_no_longer_fits_is_left_out() -> None:
    """Batches come whole, where Kafka would send the first bytes of the next one."""
    stub = await FetchStub.with_records()
    stub.append("t", 4)
    stub.followed("t")
    first = next(stub.hosted("t").log.batches())
    (told,) = partitions_of(send(stub, topic_of("t", part(0, 0, first.size + 10))))
    assert (list(told.batches), told.size) == ([first], first.size)


@pytest.mark.parametrize(("version", "listed"), [(BY_NAME, [0, 1]), (BY_ID, [])])
async def test_unknown_isolation_level_fails_as_a_whole(
    version: int, listed: list[int]
) -> None:
    """The versions with names repeat the code for each partition."""
    stub = await FetchStub.with_records()
    topic_id = stub.image.topics["t"].topic_id
    name = "t" if version == BY_NAME else None
    asked = FetchTopic(name, topic_id, [part(), part(0, 1)])
    response = send(stub, asked, version=version, isolation_level=2)
    code = ErrorCode.UNKNOWN_SERVER_ERROR
    assert response.error_code == code
    assert partitions_of(response) == [
        FetchPartitionResponse(index, code, aborted_transactions=[]) for index in listed
    ]


async def test_forgetting_the_last_partition_ends_the_session() -> None:
    """The answer is one without a session, and the id is gone."""
    stub = await FetchStub.with_records()
    session_id = send(stub, topic_of("t", part()), session_epoch=0).session_id
    forgotten = [ForgottenTopic("t", None, [0])]
    response = send(stub, session_id=session_id, session_epoch=1, forgotten=forgotten)
    assert response == FetchResponse(topics=[])
    assert len(stub.fetch_sessions) == 0
    gone = send(stub, session_id=session_id, session_epoch=2)
    assert gone.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


async def test_followers_session_outlives_its_last_partition() -> None:
    """A follower forgets what was refused and asks again later, in the same session."""
    stub = await FetchStub.with_records()
    more: dict[str, Any] = {"replica_id": 2}
    session_id = send(stub, topic_of("t", part()), session_epoch=0, **more).session_id
    forgotten = [ForgottenTopic("t", None, [0])]
    more |= {"session_id": session_id, "session_epoch": 1, "forgotten": forgotten}
    assert send(stub, **more).session_id == session_id != 0


async def test_session_that_swaps_its_only_partition_goes_on() -> None:
    """What counts is what is followed once the whole request is read."""
    stub = await FetchStub.with_records()
    session_id = send(stub, topic_of("t", part()), session_epoch=0).session_id
    response = send(
        stub,
        topic_of("t", part(0, 1)),
        session_id=session_id,
        session_epoch=1,
        forgotten=[ForgottenTopic("t", None, [0])],
    )
    assert session_id
    assert response.session_id == session_id
    assert [told.index for told in partitions_of(response)] == [1]


async def test_new_session_may_begin_empty() -> None:
    """Only a request that goes on with a session can end it for want of partitions."""
    stub = await FetchStub.with_records()
    assert send(stub, session_epoch=0).session_id
    assert len(stub.fetch_sessions) == 1


async def test_follower_that_is_registered_anew_is_noted_in_its_session() -> None:
    """It says nothing else that is new; the controller would not take who it was before."""
    stub = await FetchStub.with_records()
    more: dict[str, Any] = {"replica_id": 2}
    asked = topic_of("t", part(3), part(3, 1))
    first = send(stub, asked, session_epoch=0, replica_epoch=7, **more)
    more |= {"session_id": first.session_id}
    send(stub, session_epoch=1, replica_epoch=8, **more)
    leaders = [each.leader for each in stub.replicas]
    assert [each.progress[2].broker_epoch for each in leaders if each is not None] == [8, 8]


@pytest.mark.parametrize(
    ("isolation_level", "offset", "want"),
    [
        (0, 0, ([0, 3, 4, 5, 6], None)),
        (1, 0, ([0, 3, 4, 5], [(1, 3)])),
        (1, 5, ([5], [])),
        (1, 6, ([], [])),  # from the open transaction on
    ],
)
async def test_readers_of_the_committed_stop_at_the_open_transaction(
    isolation_level: int, offset: int, want: tuple[list[int], list[tuple[int, int]] | None]
) -> None:
    """They are told which of what they get was aborted; all are told the last stable offset."""
    stub = await FetchStub.with_records()
    log = stub.hosted("t").log
    marker = build_marker(1, 0, EndTransactionMarker(committed=False, coordinator_epoch=0), 5)
    for batch in (
        producer_batch(0, producer_id=1, transactional=True),  # 3, aborted
        marker,  # 4
        producer_batch(0, producer_id=2),  # 5
        producer_batch(0, producer_id=3, transactional=True),  # 6, open
    ):
        log.append_as_leader(batch, 0, now_timestamp_ms=0)
    stub.followed("t")
    asked = topic_of("t", part(offset))
    (told,) = partitions_of(send(stub, asked, isolation_level=isolation_level))
    offsets = [cast("Batch", batch).base_offset for batch in told.batches]
    assert (offsets, told.aborted_transactions) == want
    assert (told.high_watermark, told.last_stable_offset) == (7, 6)
