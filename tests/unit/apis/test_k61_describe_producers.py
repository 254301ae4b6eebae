"""DescribeProducers: what a replica knows of those that write to it."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.records.markers import EndTransactionMarker, build_marker
from tests.support.broker_stub import BrokerStub, code
from tests.support.builders import producer_batch


async def described(stub: BrokerStub, name: str, *indexes: int) -> list[Any]:
    """Return what is told of partitions of one topic."""
    topics = [{"name": name, "partition_indexes": list(indexes)}]
    answer = await stub.ask(61, 0, topics=topics)
    stub.close()
    assert [topic.name for topic in answer.topics] == [name]
    return list(answer.topics[0].partitions)


async def test_each_producer_is_told_with_its_last_batch() -> None:
    """Its epoch, sequence and timestamp, and where its transaction is open."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    log = stub.hosted("t").log
    marker = build_marker(7, 3, EndTransactionMarker(committed=True, coordinator_epoch=4), 80)
    for batch in (
        producer_batch(0, 2, producer_id=9, timestamp_ms=50),
        producer_batch(5, producer_id=7, epoch=3, timestamp_ms=60, transactional=True),
        marker,
        producer_batch(0, producer_id=8, timestamp_ms=70, transactional=True),
    ):
        log.append_as_leader(batch, 0, now_timestamp_ms=0)
    (partition,) = await described(stub, "t", 0)
    assert code(partition) == ErrorCode.NONE
    got = [
        (
            told.producer_id,
            told.producer_epoch,
            told.last_sequence,
            told.last_timestamp,
            told.coordinator_epoch,
            told.current_txn_start_offset,
        )
        for told in partition.active_producers
    ]
    assert got == [(7, 3, 5, 80, 4, -1), (8, 0, 0, 70, -1, 4), (9, 0, 1, 50, -1, -1)]


async def test_a_follower_knows_the_producers_too() -> None:
    """Kafka asks for a replica, not for the leader."""
    stub = BrokerStub()
    await stub.create("t", [[2, 1]])
    (partition,) = await described(stub, "t", 0)
    assert (code(partition), partition.active_producers) == (ErrorCode.NONE, ())


async def test_what_is_not_here_is_refused_partition_by_partition() -> None:
    """Unknown, held by others alone, or with a name that none may have."""
    stub = BrokerStub()
    await stub.create("t", [[1], [2]])
    got = [code(each) for each in await described(stub, "t", 1, 2)]
    assert got == [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


async def test_a_name_that_cannot_be_is_told_why() -> None:
    """In Kafka's words."""
    (partition,) = await described(BrokerStub(), "a/b", 0)
    assert code(partition) == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert "a/b" in partition.error_message
