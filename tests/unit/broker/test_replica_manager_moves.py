"""Replicas of one broker while partitions come to it and go from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.metadata.records import PartitionChanged
from tests.support.replica_cell import Cell, topic_id


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Four brokers and the topic `t` on the first three, led by broker 1."""
    made = Cell(4)
    made.create()
    yield made
    made.close()


def moved(
    leader: int,
    leader_epoch: int,
    partition_epoch: int,
    isr: tuple[int, ...],
    replicas: tuple[int, ...],
) -> PartitionChanged:
    """Return the record that gives `t` these replicas."""
    return PartitionChanged(
        topic_id(0), 0, isr, leader, leader_epoch, partition_epoch, replicas=replicas
    )


def test_added_replica_follows_in_the_same_leader_epoch(cell: Cell) -> None:
    """It gets all there is, the leadership goes on, and the leader would take it in."""
    cell[1].produce(b"a")
    cell.loop.run()
    leader = cell[1].partition().leader
    cell[1].wishes.clear()
    cell.write(moved(1, 0, 1, (1, 2, 3), (1, 2, 3, 4)))
    cell.loop.run()
    assert cell[1].partition().leader is leader
    assert cell[4].partition().log.log_end_offset == 1
    assert cell[1].wishes
    wish = leader.isr_wish(cell.loop.clock.monotonic_ms()) if leader else None
    assert wish is not None
    assert wish.isr == (1, 2, 3, 4)


def test_removed_replica_deletes_its_log(cell: Cell) -> None:
    """Nothing of it is left, and who asks there is sent on."""
    cell[1].produce(b"a")
    cell.loop.run()
    cell.write(moved(1, 1, 1, (1, 2), (1, 2)))
    assert cell[3].replicas.partition(("t", 0)) is None
    assert cell[3].storage.list("t-0/") == []
    assert cell[1].partition().log.high_watermark == 1
    produced = cell[3].produce(b"b", acks=1).result()
    code = produced.topics[0].partitions[0].error_code
    assert code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_removed_and_added_in_one_change_has_to_show_what_it_holds(cell: Cell) -> None:
    """The leader that applies both records at once forgets what it knew of the follower."""
    cell[1].produce(b"a")
    cell.loop.run()
    cell.write(
        moved(1, 1, 1, (1, 2), (1, 2)),
        moved(1, 1, 2, (1, 2), (1, 2, 3)),
        run=False,
    )
    cell.apply(1)
    leader = cell[1].partition().leader
    assert leader is not None
    assert leader.progress[3].log_end_offset == -1
    assert leader.isr_wish(cell.loop.clock.monotonic_ms()) is None


def test_produce_that_waits_outlives_a_new_epoch_of_the_same_leader(cell: Cell) -> None:
    """A replica was removed; what was appended is still there, and the others confirm it."""
    answer = cell[1].produce(b"a")
    cell.write(moved(1, 1, 1, (1, 2), (1, 2)), run=False)
    cell.apply(1)
    assert not answer.done
    cell.apply()
    cell.loop.run()
    assert answer.result().topics[0].partitions[0].error_code == ErrorCode.NONE


def test_produce_that_waits_hears_that_the_partition_has_moved_away(cell: Cell) -> None:
    """The topic is still there: NOT_LEADER_OR_FOLLOWER, so that the client looks for the leader."""
    answer = cell[1].produce(b"a")
    cell.write(moved(2, 1, 1, (2, 3), (2, 3)), run=False)
    cell.apply(1)
    code = answer.result().topics[0].partitions[0].error_code
    assert code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_log_of_a_partition_that_moved_meanwhile_is_gone_after_a_restart(cell: Cell) -> None:
    """A broker that was down finds it is no replica any more, and clears up (KAFKA-14616)."""
    cell[1].produce(b"a")
    cell.loop.run()
    down = cell[3]
    cell.write(moved(1, 1, 1, (1, 2), (1, 2)), run=False)
    cell.apply(1, 2)
    assert down.storage.list("t-0/")
    again = ReplicaManager(
        3,
        down.config,
        down.storage,
        down.clock,
        down.purgatory,
        on_role=lambda partition: None,
        on_isr_wanted=lambda partition: None,
    )
    image = cell[1].image
    again.apply(image, image.everything())
    assert down.storage.list("t-0/") == []
