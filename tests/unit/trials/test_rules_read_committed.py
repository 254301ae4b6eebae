"""Each rule of readers of committed records, shown a log that breaks it."""

from __future__ import annotations

from minikafka.base.ids import TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.log.producer_state import AppendOrigin
from minikafka.log.txn_index import NEVER
from minikafka.records.markers import EndTransactionMarker, build_marker
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.states import TransactionState
from minikafka.trials.rules_read_committed import scanned
from minikafka.trials.simulation import Simulation
from minikafka.trials.transaction_ghost import Decided
from tests.support.builders import producer_batch
from tests.support.rule_runs import broken

PLACE = TopicPartition("t", 0)


async def begun(s: Simulation) -> PartitionLog:
    """Return the leader's log, which holds one batch of an open transaction, and one of nobody."""
    world = s.invariants.ghost.transactions
    state = TransactionState.ONGOING
    world.known["shop"] = TransactionMetadata(1, 1, 0, state=state, topic_partitions=(PLACE,))
    world.of_producer[1] = "shop"
    world.decided[1, 0] = Decided("shop", committed=False, partitions=(PLACE,))
    leader = s.cluster.leader("t", 0)
    assert leader is not None
    broker = s.invariants.ghost.brokers[leader]
    partition = broker.replicas.partition(PLACE)
    assert partition is not None
    assert partition.leader is not None
    partition.leader.append(producer_batch(0, transactional=True), -1, 0)
    broker.replicas.appended(partition, -1)
    await s.cluster.client().produce("t", 0, [b"x"])
    return partition.log


async def aborted(s: Simulation) -> PartitionLog:
    """Return it with the marker of an abort."""
    log = await begun(s)
    end(s)
    await s.cluster.client().produce("t", 0, [b"y"])
    return log


def end(s: Simulation) -> None:
    """Have the leader write the marker of an abort."""
    leader = s.cluster.leader("t", 0)
    assert leader is not None
    partition = s.invariants.ghost.brokers[leader].replicas.partition(PLACE)
    assert partition is not None
    assert partition.leader is not None
    marker = build_marker(1, 0, EndTransactionMarker(committed=False, coordinator_epoch=0), 0)
    partition.leader.append(marker, -1, 0, AppendOrigin.COORDINATOR)


async def read(s: Simulation) -> None:
    """Read what is committed."""
    await s.cluster.client().fetch("t", 0, 0, isolation="read_committed", max_wait_ms=0)


def test_sound_reads_break_nothing() -> None:
    """While a transaction is open, and when it was aborted."""

    async def scenario(s: Simulation) -> None:
        log = await begun(s)
        await read(s)
        assert scanned(log).stable == 0
        end(s)
        await read(s)
        assert scanned(log).aborted == [(1, 0, 2)]

    assert broken(scenario) is None


def test_reading_on_into_an_open_transaction_breaks_t6() -> None:
    """It may still be aborted."""

    async def scenario(s: Simulation) -> None:
        log = await begun(s)
        log.producers.transactions.first_unstable = NEVER
        await read(s)

    assert broken(scenario) == "T6"


def test_an_aborted_transaction_that_is_not_told_breaks_t7() -> None:
    """Who reads takes its records for committed."""

    async def scenario(s: Simulation) -> None:
        log = await aborted(s)
        log.producers.transactions.aborted.clear()
        log.producers.transactions._last_offsets.clear()
        await read(s)

    assert broken(scenario) == "T7"


def test_a_transaction_that_was_not_aborted_and_is_told_so_breaks_t7() -> None:
    """Who reads takes its records for nothing."""

    async def scenario(s: Simulation) -> None:
        log = await aborted(s)
        index = log.producers.transactions
        index.aborted.append(index.aborted[0]._replace(producer_id=9))
        index._last_offsets.append(index._last_offsets[0])
        await read(s)

    assert broken(scenario) == "T7"
