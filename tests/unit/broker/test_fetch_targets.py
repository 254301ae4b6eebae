"""Reading one partition for one fetch: what it finds, what it may see, when it is quiet."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.fetch_targets import (
    FetchTarget,
    find_partition,
    is_quiet,
    is_unknown,
    knows_watermark,
    may_come_true,
    read_target,
    tell_watermark,
)
from minikafka.wire.fetch import FetchPartitionResponse
from tests.support.replica_cell import BROKER_EPOCH, Cell, asked, topic_id


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Broker 1 leads `t` for itself and broker 2; broker 3 has no replica. Nobody fetches."""
    made = Cell()
    made.create(replicas=(1, 2), run=False)
    made.apply(1)
    yield made
    made.close()


def target(offset: int = 0, *, name: str | None = "t", replica: int = -1, **more: Any) -> Any:
    """Return what one fetch asks of partition 0."""
    made = FetchTarget(name, topic_id(0) if name else None, asked(offset, **more))
    made.replica_id = replica
    return made


def read(cell: Cell, made: FetchTarget, **more: Any) -> FetchPartitionResponse:
    """Read it at broker 1, as a consumer unless `from_replica`."""
    options = {"from_replica": False, "committed_only": False, "max_bytes": 1 << 20}
    return read_target(cell[1].replicas, made, **{**options, "at_least_one": True, **more})


def written(cell: Cell, count: int = 1) -> None:
    """Append batches of one record that only the leader has."""
    for _ in range(count):
        cell[1].produce(b"v", acks=1)


def refused(cell: Cell, made: FetchTarget, *, from_replica: bool = False) -> ErrorCode:
    """Return the code with which a target is not found."""
    with pytest.raises(KafkaError) as error:
        find_partition(cell[1].replicas, made, from_replica=from_replica)
    return error.value.code


# --- finding ---


def test_topic_that_was_made_anew_is_not_the_one_meant(cell: Cell) -> None:
    """The name is the same, the id is not."""
    made = FetchTarget("t", uuid.UUID(int=5), asked(0))
    assert refused(cell, made) == ErrorCode.INCONSISTENT_TOPIC_ID


def test_id_without_a_name_is_unknown(cell: Cell) -> None:
    """Nothing else can be said of it."""
    assert refused(cell, target(name=None)) == ErrorCode.UNKNOWN_TOPIC_ID


def test_broker_without_a_replica_may_not_follow(cell: Cell) -> None:
    """Its metadata is older or newer than ours."""
    assert refused(cell, target(replica=3), from_replica=True) == (
        ErrorCode.NOT_LEADER_OR_FOLLOWER
    )
    assert find_partition(cell[1].replicas, target(replica=2), from_replica=True).leader


def test_found_partition_is_remembered_while_its_leadership_stands(cell: Cell) -> None:
    """A deleted one is not used again, though the target still points to it."""
    made = target(current_leader_epoch=0)
    found = find_partition(cell[1].replicas, made, from_replica=False)
    assert find_partition(cell[1].replicas, made, from_replica=False) is found
    cell.delete(run=False)
    cell.apply(1)
    assert made.partition is found
    assert refused(cell, made) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_remembered_partition_of_another_epoch_is_looked_up_anew(cell: Cell) -> None:
    """A session that still says the old epoch is fenced."""
    made = target(current_leader_epoch=0)
    find_partition(cell[1].replicas, made, from_replica=False)
    for epoch, leader in ((1, 2), (2, 1)):
        cell.change(
            leader=leader, leader_epoch=epoch, isr=(1, 2), partition_epoch=epoch, run=False
        )
    cell.apply(1)
    assert refused(cell, made) == ErrorCode.FENCED_LEADER_EPOCH


def test_only_what_metadata_may_bring_is_worth_waiting_for() -> None:
    """A follower is never kept waiting for an offset that is out of range."""
    worth = {code for code in ErrorCode if may_come_true(code)}
    assert worth == {
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
    }
    assert {code for code in worth if is_unknown(code)} == {
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }


# --- reading ---


def test_consumer_reads_to_the_watermark_and_a_follower_to_the_end(cell: Cell) -> None:
    """What one replica may still lose is for replicas only."""
    written(cell)
    consumer = read(cell, target())
    follower = read(cell, target(replica=2), from_replica=True)
    assert (consumer.error_code, consumer.size, consumer.high_watermark) == (0, 0, 0)
    assert (len(follower.batches), follower.high_watermark) == (1, 0)
    assert follower.size == follower.batches[0].view.nbytes


def test_consumer_between_watermark_and_end_waits_without_an_error(cell: Cell) -> None:
    """After an unclean look at another leader its offset may be there; beyond the end it is not."""
    written(cell, 2)
    assert read(cell, target(1)).error_code == 0
    assert read(cell, target(3)).error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_follower_out_of_range_is_told_where_the_log_starts(cell: Cell) -> None:
    """So that it can begin there; a consumer resets by ListOffsets and is told nothing."""
    told = read(cell, target(9, replica=2), from_replica=True)
    assert (told.error_code, told.log_start_offset) == (ErrorCode.OFFSET_OUT_OF_RANGE, 0)
    assert read(cell, target(9)).log_start_offset == -1


def test_first_batch_may_be_larger_than_what_is_left(cell: Cell) -> None:
    """But only where nothing else is in the answer (KIP-74)."""
    written(cell)
    options = {"from_replica": True, "max_bytes": 1}
    assert read(cell, target(replica=2), **options).size > 1
    assert read(cell, target(replica=2), **options, at_least_one=False).size == 0


def test_reader_of_committed_records_is_owed_a_list(cell: Cell) -> None:
    """Empty and not null; null for everybody else."""
    assert read(cell, target(), committed_only=True).aborted_transactions == []
    assert read(cell, target()).aborted_transactions is None


# --- quiet ---


def test_target_is_quiet_once_all_is_told_and_loud_with_every_change(cell: Cell) -> None:
    """Log end, log start, epoch: each of them is news; a watermark is, for when it suits."""
    made = target(replica=2)
    assert not is_quiet(made, from_replica=True), "never looked at"
    told = read(cell, made, from_replica=True)
    made.noted_by = cell[1].partition().leader
    made.cached_high_watermark = told.high_watermark
    made.cached_log_start_offset = told.log_start_offset
    assert is_quiet(made, from_replica=True)
    written(cell)
    assert not is_quiet(made, from_replica=True)
    made.fetch_offset = 1
    assert is_quiet(made, from_replica=True)
    cell[1].replicas.on_follower_fetch(cell[1].partition(), 2, 1, 0, BROKER_EPOCH + 2, 0)
    assert is_quiet(made, from_replica=True)
    assert not knows_watermark(made), "it has moved"
    assert tell_watermark(made, False) == read(cell, made, from_replica=True)
    made.high_watermark = 0
    assert not is_quiet(made, from_replica=True), "it tells its own, an older one"
    made.high_watermark = made.cached_high_watermark = 1
    assert is_quiet(made, from_replica=True)
    assert knows_watermark(made)
    cell[1].partition().log.advance_log_start(1)
    assert not is_quiet(made, from_replica=True), "the log start has moved"
    made.cached_log_start_offset = 1
    assert is_quiet(made, from_replica=True)
    made.current_leader_epoch = 5
    assert not is_quiet(made, from_replica=True), "an error is owed"


def test_follower_whose_progress_the_leader_has_not_noted_is_not_quiet(cell: Cell) -> None:
    """A new leadership must hear of its offset, or the watermark stands still."""
    made = target(replica=2, current_leader_epoch=-1)
    told = read(cell, made, from_replica=True)
    made.cached_high_watermark = told.high_watermark
    made.cached_log_start_offset = told.log_start_offset
    assert not is_quiet(made, from_replica=True)
    assert is_quiet(made, from_replica=False)
