"""ListOffsets: names of offsets, times, and who may see how far."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code
from tests.support.builders import producer_batch

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, TIERED, FUTURE = -1, -2, -3, -4, -5, -6
CONSUMER, DEBUGGING = -1, -2


async def stub_with_records() -> BrokerStub:
    """Return a leader of `t-0` with offsets 0-4, of which followers have 0-2."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2, 3]])
    stub.append("t", 1000, 3000, 2000)
    stub.followed("t")
    stub.append("t", 4000, 5000)
    return stub


async def look_up(
    stub: BrokerStub,
    *timestamps: int,
    version: int = 10,
    replica_id: int = CONSUMER,
    **more: Any,
) -> Any:
    """Return the answers for partitions 0, 1, ... of `t`, one timestamp each."""
    partitions = [
        {"partition_index": index, "timestamp": timestamp, **more}
        for index, timestamp in enumerate(timestamps)
    ]
    topics = [{"name": "t", "partitions": partitions}]
    answer = await stub.ask(2, version, replica_id=replica_id, topics=topics)
    stub.close()
    return answer.topics[0].partitions


@pytest.mark.parametrize(
    ("timestamp", "want"),
    [
        (LATEST, (-1, 3, 0)),
        (EARLIEST, (-1, 0, 0)),
        (EARLIEST_LOCAL, (-1, 0, 0)),
        (TIERED, (-1, -1, -1)),
        (0, (1000, 0, 0)),
        (1001, (3000, 1, 0)),
        (3000, (3000, 1, 0)),
        # Above the high watermark: not there yet for a consumer.
        (3001, (-1, -1, -1)),
        (MAX_TIMESTAMP, (-1, -1, -1)),
    ],
)
async def test_consumer_sees_nothing_beyond_the_high_watermark(
    timestamp: int, want: tuple[int, int, int]
) -> None:
    """Each name and each time leads to an offset below the high watermark, or to none."""
    (found,) = await look_up(await stub_with_records(), timestamp)
    assert code(found) == ErrorCode.NONE
    assert (found.timestamp, found.offset, found.leader_epoch) == want


@pytest.mark.parametrize(
    ("timestamp", "want"),
    [(LATEST, (-1, 5, 0)), (MAX_TIMESTAMP, (5000, 4, 0)), (3001, (4000, 3, 0))],
)
@pytest.mark.parametrize("replica_id", [2, DEBUGGING])
async def test_broker_sees_up_to_the_log_end(
    replica_id: int, timestamp: int, want: tuple[int, int, int]
) -> None:
    """A replica id of a broker, or the debugging one, reads past the high watermark."""
    (found,) = await look_up(await stub_with_records(), timestamp, replica_id=replica_id)
    assert (found.timestamp, found.offset, found.leader_epoch) == want


@pytest.mark.parametrize(
    ("version", "timestamp"),
    [(6, MAX_TIMESTAMP), (7, EARLIEST_LOCAL), (8, TIERED), (10, FUTURE), (10, -99)],
)
async def test_name_of_a_later_version_is_unsupported(version: int, timestamp: int) -> None:
    """A negative timestamp that the version does not know is refused, the request is not."""
    (found,) = await look_up(await stub_with_records(), timestamp, version=version)
    assert code(found) == ErrorCode.UNSUPPORTED_VERSION


async def test_partition_named_twice_is_refused_once() -> None:
    """A doubled partition is one INVALID_REQUEST, also over two entries of its topic."""
    stub = await stub_with_records()
    twice = {"name": "t", "partitions": [{"partition_index": 0, "timestamp": LATEST}]}
    answer = await stub.ask(2, 10, replica_id=CONSUMER, topics=[twice, twice])
    stub.close()
    ((found,),) = [topic.partitions for topic in answer.topics]
    assert code(found) == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("epoch", "want"),
    [(-1, ErrorCode.NONE), (0, ErrorCode.NONE), (1, ErrorCode.UNKNOWN_LEADER_EPOCH)],
)
async def test_leader_epoch_is_checked(epoch: int, want: ErrorCode) -> None:
    """An asker ahead of our metadata is told so; -1 asks for no check (KIP-320)."""
    stub = await stub_with_records()
    (found,) = await look_up(stub, LATEST, current_leader_epoch=epoch)
    assert code(found) == want


async def test_absent_partition_is_unknown_and_followed_one_has_its_leader_elsewhere() -> None:
    """What is not in the metadata is unknown; what others lead is not ours to answer for."""
    stub = BrokerStub()
    await stub.create("t", [[2, 1]])
    found = await look_up(stub, LATEST, LATEST)
    assert [code(each) for each in found] == [
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


async def test_follower_answers_the_debugging_replica_id() -> None:
    """Replica id -2 may look into a follower's log."""
    stub = BrokerStub()
    await stub.create("t", [[2, 1]])
    (found,) = await look_up(stub, LATEST, replica_id=DEBUGGING)
    assert (code(found), found.offset) == (ErrorCode.NONE, 0)


async def new_leader_behind() -> BrokerStub:
    """Return a leader whose high watermark, 3, is below the start of its epoch, 5."""
    stub = await stub_with_records()
    leader = stub.hosted("t").leader
    assert leader is not None
    leader.leader_epoch_start_offset = 5
    return stub


@pytest.mark.parametrize(
    ("version", "want"),
    [(4, ErrorCode.LEADER_NOT_AVAILABLE), (5, ErrorCode.OFFSET_NOT_AVAILABLE)],
)
@pytest.mark.parametrize("timestamp", [LATEST, 3001, 9999])
async def test_new_leader_with_a_low_watermark_does_not_say_where_the_end_is(
    timestamp: int, version: int, want: ErrorCode
) -> None:
    """Until the watermark reaches its epoch's start, a leader may know less than was read."""
    (found,) = await look_up(await new_leader_behind(), timestamp, version=version)
    assert code(found) == want


@pytest.mark.parametrize(("timestamp", "offset"), [(EARLIEST, 0), (1000, 0), (2500, 1)])
async def test_new_leader_with_a_low_watermark_still_says_what_it_knows(
    timestamp: int, offset: int
) -> None:
    """The earliest offset and a record below the watermark are certain even then."""
    (found,) = await look_up(await new_leader_behind(), timestamp)
    assert (code(found), found.offset) == (ErrorCode.NONE, offset)


async def test_broker_is_told_the_log_end_whatever_the_watermark() -> None:
    """The doubt is about what consumers may see, not about the log."""
    (found,) = await look_up(await new_leader_behind(), LATEST, replica_id=2)
    assert (code(found), found.offset) == (ErrorCode.NONE, 5)


async def test_watermark_at_the_start_of_the_epoch_is_no_doubt() -> None:
    """A new, empty topic has a latest offset at once."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    (found,) = await look_up(stub, LATEST)
    assert (code(found), found.offset, found.leader_epoch) == (ErrorCode.NONE, 0, 0)


async def test_unknown_isolation_level_is_the_partitions_error() -> None:
    """A number that is no isolation level fails the partition as an exception does in Kafka."""
    stub = await stub_with_records()
    topics = [{"name": "t", "partitions": [{"partition_index": 0, "timestamp": LATEST}]}]
    answer = await stub.ask(2, 10, replica_id=CONSUMER, isolation_level=7, topics=topics)
    stub.close()
    assert code(answer.topics[0].partitions[0]) == ErrorCode.UNKNOWN_SERVER_ERROR


@pytest.mark.parametrize("epoch", [-2, -7])
async def test_leader_epoch_below_none_is_of_the_past(epoch: int) -> None:
    """Only -1 says that the asker knows no epoch; Fetch is laxer."""
    (found,) = await look_up(await stub_with_records(), EARLIEST, current_leader_epoch=epoch)
    assert code(found) == ErrorCode.FENCED_LEADER_EPOCH


async def test_topic_without_partitions_is_left_out() -> None:
    """Nothing was asked of it, and nothing is answered."""
    stub = await stub_with_records()
    topics = [
        {"name": "t", "partitions": []},
        {"name": "nope", "partitions": [{"partition_index": 0, "timestamp": LATEST}]},
    ]
    answer = await stub.ask(2, 7, replica_id=CONSUMER, topics=topics)
    stub.close()
    assert [topic.name for topic in answer.topics] == ["nope"]


@pytest.mark.parametrize(("isolation_level", "latest"), [(0, 6), (1, 5)])
async def test_readers_of_the_committed_find_nothing_in_an_open_transaction(
    isolation_level: int, latest: int
) -> None:
    """The latest offset is the last stable one for them, and no record behind it is found."""
    stub = await stub_with_records()
    batch = producer_batch(0, timestamp_ms=9_999, transactional=True)
    stub.hosted("t").log.append_as_leader(batch, 0, now_timestamp_ms=0)
    stub.followed("t")
    asked = {"isolation_level": isolation_level, "replica_id": CONSUMER}
    found = []
    for timestamp in (LATEST, 9_999):
        partitions = [{"partition_index": 0, "timestamp": timestamp}]
        topics = [{"name": "t", "partitions": partitions}]
        answer = await stub.ask(2, 10, topics=topics, **asked)
        found.append(answer.topics[0].partitions[0].offset)
    stub.close()
    assert found == [latest, latest - 1 if isolation_level == 0 else -1]
