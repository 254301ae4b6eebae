"""Throttled replication: from the configs to what leaders send and followers ask for (KIP-73)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minikafka.broker.throttles import FOLLOWER_RATE, LEADER_RATE
from minikafka.metadata.records import ConfigChanged, MetadataRecord, PartitionChanged
from tests.support.replica_cell import Cell, topic_id

TOPIC, BROKER = 2, 4  # config resource types


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Broker 1 leads `t` for itself and 2; 3 has no replica."""
    made = Cell(replica_fetch_backoff_ms=200)
    made.create(replicas=(1, 2))
    yield made
    made.close()


def throttle(side: str, rate: int, broker: str = "") -> list[MetadataRecord]:
    """Return the records that throttle all replicas of `t` on one side, leader or follower."""
    name = LEADER_RATE if side == "leader" else FOLLOWER_RATE
    return [
        ConfigChanged(TOPIC, "t", f"{side}.replication.throttled.replicas", "*"),
        ConfigChanged(BROKER, broker, name, str(rate)),
    ]


def add_replica(cell: Cell) -> None:
    """Let broker 3 be a replica of `t`, out of sync."""
    cell.write(PartitionChanged(topic_id(0), 0, (1, 2), 1, 0, 1, replicas=(1, 2, 3)))


def end(cell: Cell, node_id: int) -> int:
    """Return a replica's log end offset."""
    return cell[node_id].partition().log.log_end_offset


def pass_time(cell: Cell, ms: int) -> None:
    """Let time pass in steps, so that fetches come round."""
    for _ in range(ms // 100):
        cell.loop.advance(100)


def test_configs_come_and_go(cell: Cell) -> None:
    """The rate of one broker wins over that of all; a topic's list may be taken back."""
    cell.write(*throttle("leader", 100), *throttle("leader", 7, broker="1"))
    assert [cell[each].replicas.throttles.leader.bound for each in (1, 2)] == [7, 100]
    assert cell[1].replicas.throttles.leader.is_throttled("t", 0)
    assert not cell[1].replicas.throttles.follower.active
    cell.write(ConfigChanged(TOPIC, "t", "leader.replication.throttled.replicas", None))
    cell.write(ConfigChanged(BROKER, "1", LEADER_RATE, None))
    assert not cell[1].replicas.throttles.leader.active
    assert cell[1].replicas.throttles.leader.bound == 100


def test_topic_that_is_gone_throttles_nothing(cell: Cell) -> None:
    """One of the same name begins without."""
    cell.write(*throttle("follower", 100))
    assert cell[1].replicas.throttles.follower.active
    cell.delete()
    cell.write(ConfigChanged(TOPIC, "u", "follower.replication.throttled.replicas", "0:9"))
    assert not cell[1].replicas.throttles.follower.active


def test_leader_leaves_out_replicas_out_of_sync_while_over_quota(cell: Cell) -> None:
    """A replica in sync gets everything; the new one gets the rest once the rate has fallen."""
    cell.write(*throttle("leader", 10))
    cell[1].produce(b"v" * 1_000)
    cell.loop.run()
    assert end(cell, 2) == 1
    assert cell[1].replicas.throttles.leader.is_exceeded(cell.loop.clock.monotonic_ms())
    add_replica(cell)
    pass_time(cell, 2_000)
    assert end(cell, 3) == 0
    cell[1].produce(b"w")
    cell.loop.run()
    assert end(cell, 2) == 2
    pass_time(cell, 15_000)
    assert end(cell, 3) == 2


def test_unthrottled_replica_does_not_wait(cell: Cell) -> None:
    """The same with another partition's replica throttled."""
    cell.write(
        ConfigChanged(TOPIC, "t", "leader.replication.throttled.replicas", "5:1"),
        ConfigChanged(BROKER, "", LEADER_RATE, "10"),
    )
    cell[1].produce(b"v" * 1_000)
    cell.loop.run()
    add_replica(cell)
    pass_time(cell, 500)
    assert end(cell, 3) == 1


def test_follower_does_not_ask_while_over_quota(cell: Cell) -> None:
    """It leaves the partition alone until the rate has fallen."""
    cell.write(*throttle("follower", 10))
    for _ in range(3):
        cell[1].produce(b"v" * 1_000)
        cell.loop.run()
    assert end(cell, 2) == 3
    quota = cell[3].replicas.throttles.follower
    quota.record(1_000, cell.loop.clock.monotonic_ms())
    add_replica(cell)
    cell.loop.run()
    pass_time(cell, 2_000)
    assert end(cell, 3) == 0
    pass_time(cell, 100_000)
    assert end(cell, 3) == 3
