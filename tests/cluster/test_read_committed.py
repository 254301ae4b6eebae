"""What a test sees of transactions: `records` and `fetch` give what readers are given."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from minikafka import AsyncCluster
from minikafka.base.ids import TopicPartition
from minikafka.cluster.partition_state import Record
from minikafka.transactions.metadata import V2
from minikafka.trials.own_producer import OwnProducer

PLACE = TopicPartition("t", 0)
CONFIG = {"transaction.state.log.num.partitions": 1}


def values(records: Sequence[Record]) -> list[bytes]:
    """Return the values of records."""
    return [record.value or b"" for record in records]


async def test_readers_of_committed_records_see_no_aborted_and_no_open_ones() -> None:
    """One transaction is aborted, one is committed, and one goes on before a record of nobody."""
    async with AsyncCluster(brokers=1, config=CONFIG) as cluster:
        await cluster.create_topic("t", partitions=1)
        producer = OwnProducer(cluster.bootstrap_servers, "shop", ["t"], Random(1), V2)
        await producer.begin(60_000)
        for value, commits in ((b"aborted", False), (b"committed", True)):
            await producer.send(producer.make(PLACE, [value]))
            await producer.end(committed=commits)
        await producer.send(producer.make(PLACE, [b"open"]))
        await cluster.client().produce("t", 0, [b"behind"])
        everything = [b"aborted", b"committed", b"open", b"behind"]
        assert values(cluster.records("t")) == [b"committed"]
        assert values(cluster.records("t", isolation="read_uncommitted")) == everything
        client = cluster.client()
        read = await client.fetch("t", 0, 0, isolation="read_committed", max_wait_ms=0)
        assert values(read.records) == [b"committed"]
        assert read.next_offset == read.last_stable_offset == 4
        read = await client.fetch("t", 0, 0, max_wait_ms=0)
        assert values(read.records) == everything
        await producer.end(committed=True)
        await cluster.wait_until(lambda: len(cluster.records("t")) == 3)
        assert values(cluster.records("t")) == everything[1:]
        await producer.close()
