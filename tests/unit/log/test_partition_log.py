"""Tests of minikafka.log.partition_log."""

from __future__ import annotations

import pytest

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.records.batch import Batch, check_crc
from minikafka.records.records import decode_records
from tests.support.builders import (
    NOW_TIMESTAMP_MS,
    PARTITION,
    TOPIC_ID,
    append,
    batch_of,
    follower_batch,
    log_config,
    open_log,
    producer_batch,
)

ALL = 1_000_000


def test_new_log_is_empty_at_offset_0() -> None:
    """Start, high watermark and end are all 0, and there is one empty file."""
    storage = MemoryStorage()
    log = open_log(storage)
    assert (log.log_start_offset, log.high_watermark, log.log_end_offset) == (0, 0, 0)
    assert (log.last_epoch, log.size_bytes) == (-1, 0)
    assert storage.list("") == ["orders-0/00000000000000000000.log"]


def test_leader_gives_dense_offsets_and_its_epoch() -> None:
    """Each batch begins where the last one ended, and says so in its own bytes."""
    log = open_log()
    for count, base_offset in [(2, 0), (1, 2), (5, 3)]:
        batch = batch_of(*[1_000] * count)
        info = log.append_as_leader(batch, 4, now_timestamp_ms=NOW_TIMESTAMP_MS)
        last_offset = base_offset + count - 1
        assert info == (base_offset, last_offset, -1, 0, False)
        again = Batch(batch.view)
        check_crc(again)
        assert (again.base_offset, again.leader_epoch) == (base_offset, 4)
    assert log.log_end_offset == 8
    log.check_invariants()


def test_appended_bytes_are_shared_not_copied() -> None:
    """Storage, log and reader hold the same buffer."""
    storage = MemoryStorage()
    log = open_log(storage)
    batch = batch_of()
    log.append_as_leader(batch, 0, now_timestamp_ms=0)
    assert storage.read("orders-0/00000000000000000000.log", 0, ALL)[0].obj is batch.view.obj
    assert log.read(0, ALL, 1, at_least_one=True).batches[0] is batch


def test_log_append_time_is_the_brokers() -> None:
    """With LogAppendTime answer and records carry the time of the append."""
    log = open_log(message_timestamp_type="LogAppendTime")
    batch = batch_of(5, 7)
    info = log.append_as_leader(batch, 0, now_timestamp_ms=99)
    assert info.log_append_time_ms == 99
    assert [record.timestamp_ms for record in decode_records(batch)] == [99, 99]


def test_changed_config_counts_for_what_is_appended_next() -> None:
    """LogAppendTime and the size of segments take effect at once."""
    log = open_log()
    append(log)
    log.configure(log_config(message_timestamp_type="LogAppendTime", segment_bytes=80))
    info = log.append_as_leader(batch_of(), 0, now_timestamp_ms=99)
    assert info.log_append_time_ms == 99
    assert len(log.segments) == 2


def test_batch_larger_than_a_segment_is_refused() -> None:
    """It could not lie anywhere (RECORD_LIST_TOO_LARGE); the log stays as it is."""
    log = open_log(segment_bytes=100)
    with pytest.raises(KafkaError) as refused:
        log.append_as_leader(batch_of(value=b"v" * 100), 0, now_timestamp_ms=0)
    assert refused.value.code is ErrorCode.RECORD_LIST_TOO_LARGE
    assert log.log_end_offset == 0
    log.check_invariants()


def test_leader_of_an_older_epoch_cannot_append() -> None:
    """Epochs never fall along a log."""
    log = open_log()
    append(log, epoch=3)
    with pytest.raises(BrokerBug):
        append(log, epoch=2)


def test_segment_rolls_before_it_exceeds_its_size() -> None:
    """A segment may be filled exactly."""
    size = batch_of().size
    log = open_log(segment_bytes=2 * size)
    for _ in range(5):
        append(log)
    assert [segment.base_offset for segment in log.segments] == [0, 2, 4]
    log.check_invariants()


def test_segment_rolls_when_its_records_span_too_long() -> None:
    """segment.ms is measured from the first batch by the records' times."""
    log = open_log(segment_ms=100)
    for time in (1_000, 1_100, 900, 1_101, 1_150):
        append(log, timestamp_ms=time)
    assert [segment.base_offset for segment in log.segments] == [0, 3]


def test_reads_cross_segments() -> None:
    """One read may return batches of several segments, up to its limits."""
    log = open_log(segment_bytes=100)
    for _ in range(5):
        append(log)
    size = batch_of().size
    read = log.read(1, ALL, 5, at_least_one=True)
    assert [batch.base_offset for batch in read.batches] == [1, 2, 3, 4]
    assert read.size == 4 * size
    read = log.read(1, 2 * size, 5, at_least_one=False)
    assert [batch.base_offset for batch in read.batches] == [1, 2]
    read = log.read(0, 1, 5, at_least_one=True)
    assert [batch.base_offset for batch in read.batches] == [0]
    read = log.read(0, ALL, 2, at_least_one=True)
    assert [batch.base_offset for batch in read.batches] == [0, 1]


def test_follower_takes_over_offsets_and_epochs() -> None:
    """The same batches make the same log."""
    leader, follower = open_log(), open_log()
    for epoch in (0, 0, 2):
        append(leader, 3, epoch)
    follower.append_as_follower(leader.read(0, ALL, 9, at_least_one=True).batches)
    follower.check_invariants()
    assert follower.all_bytes() == leader.all_bytes()
    assert follower.epochs.entries == [(0, 0), (2, 6)]


@pytest.mark.parametrize("base_offset", [0, 1, 3])
def test_follower_refuses_gaps_and_overlaps(base_offset: int) -> None:
    """Batches continue at the log end offset or the fetcher has a bug."""
    log = open_log()
    log.append_as_follower([follower_batch(0, 2)])
    with pytest.raises(BrokerBug):
        log.append_as_follower([follower_batch(base_offset, 1)])


def test_empty_follower_may_begin_inside_a_batch() -> None:
    """The leader's log may start inside a batch, which it sends as a whole."""
    log = open_log()
    log.truncate_fully(5)
    log.append_as_follower([follower_batch(0, 10, epoch=3), follower_batch(10, epoch=3)])
    log.check_invariants()
    assert (log.log_start_offset, log.log_end_offset) == (5, 11)
    assert log.epochs.entries == [(3, 5)]
    assert log.read(5, ALL, 11, at_least_one=True).batches[0].base_offset == 0


def test_high_watermark_never_goes_back_and_never_passes_the_end() -> None:
    """It moves only forward, and only over what is there."""
    log = open_log()
    append(log, 5)
    assert log.advance_high_watermark(3)
    assert not log.advance_high_watermark(3)
    assert not log.advance_high_watermark(2)
    assert log.high_watermark == 3
    with pytest.raises(BrokerBug):
        log.advance_high_watermark(6)


def test_deleted_records_go_with_their_whole_segments_only() -> None:
    """Inside a batch the log start moves, and the batch stays readable (KIP-107)."""
    storage = MemoryStorage()
    log = open_log(storage, segment_bytes=100)
    for epoch in (0, 1, 2):
        append(log, 4, epoch)
    log.advance_high_watermark(12)
    log.advance_log_start(6)
    log.check_invariants()
    assert log.log_start_offset == 6
    assert [segment.base_offset for segment in log.segments] == [4, 8]
    assert log.epochs.entries == [(1, 6), (2, 8)]
    assert log.read(6, ALL, 12, at_least_one=True).batches[0].base_offset == 4
    log.advance_log_start(5)
    assert log.log_start_offset == 6


def test_records_above_the_high_watermark_cannot_be_deleted() -> None:
    """They may not even stay (OFFSET_OUT_OF_RANGE)."""
    log = open_log()
    append(log, 4)
    log.advance_high_watermark(2)
    with pytest.raises(KafkaError) as refused:
        log.advance_log_start(3)
    assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_truncation_takes_the_high_watermark_and_the_epochs_along() -> None:
    """After a truncation nothing speaks of what is gone."""
    log = open_log(segment_bytes=100)
    for epoch in (0, 0, 1, 2):
        append(log, 2, epoch)
    log.advance_high_watermark(8)
    log.truncate_to(4)
    log.check_invariants()
    assert (log.high_watermark, log.log_end_offset) == (4, 4)
    assert log.epochs.entries == [(0, 0)]
    assert append(log, 1, epoch=5) == 5
    log.check_invariants()


def test_truncation_inside_a_batch_takes_all_of_it() -> None:
    """Half a batch cannot be; the log ends before it."""
    log = open_log()
    append(log, 2)
    append(log, 5)
    log.truncate_to(4)
    log.check_invariants()
    assert log.log_end_offset == 2


def test_truncation_behind_the_end_still_forgets_an_unused_epoch() -> None:
    """A leader that wrote nothing noted its epoch at the end (KAFKA-10706)."""
    log = open_log()
    append(log, 2, epoch=1)
    log.epochs.assign(3, 2)
    log.check_invariants()
    log.truncate_to(2)
    assert log.epochs.entries == [(1, 0)]


def test_truncation_below_the_first_segment_begins_anew() -> None:
    """There is nothing below it to keep."""
    log = open_log()
    log.truncate_fully(10)
    append(log, 2)
    log.truncate_to(4)
    log.check_invariants()
    assert (log.log_start_offset, log.log_end_offset) == (4, 4)


def test_truncated_and_written_again_is_not_durable() -> None:
    """What replaces a flushed tail must be flushed itself."""
    storage = MemoryStorage()
    log = open_log(storage)
    append(log, 2)
    append(log, 2)
    log.flush()
    log.truncate_to(2)
    append(log, 2, epoch=1)
    assert log.durable_end_offset == 2
    storage.lose_unflushed()
    assert open_log(storage).log_end_offset == 2


def test_deleted_log_leaves_no_file() -> None:
    """Files of other partitions stay."""
    storage = MemoryStorage()
    storage.append("orders-01/x", b"1")
    log = open_log(storage)
    append(log)
    log.delete()
    assert storage.list("") == ["orders-01/x"]


def test_a_duplicate_is_answered_as_what_it_was() -> None:
    """With its offsets, its largest timestamp and today's log start; nothing is written."""
    log = open_log()
    append(log, 3)
    log.append_as_leader(producer_batch(0, 2, timestamp_ms=7), 0, now_timestamp_ms=0)
    append(log)
    log.advance_high_watermark(6)
    log.advance_log_start(2)
    info = log.append_as_leader(producer_batch(0, 2), 0, now_timestamp_ms=0)
    assert info == (3, 4, 7, 2, True)
    assert log.log_end_offset == 6


def test_a_refused_batch_leaves_no_trace() -> None:
    """Neither in the log nor in what is known of its producer."""
    log = open_log()
    log.append_as_leader(producer_batch(0), 0, now_timestamp_ms=0)
    for batch in (producer_batch(2), producer_batch(0, epoch=-1)):
        with pytest.raises(KafkaError):
            log.append_as_leader(batch, 1, now_timestamp_ms=0)
    assert (log.log_end_offset, log.last_epoch) == (1, 0)
    log.check_invariants()


def test_a_batch_that_could_not_be_written_is_not_known() -> None:
    """The retry is not taken for a duplicate (KAFKA-6683)."""
    broken = False

    class FullDisk(MemoryStorage):
        def append(self, name: str, data: memoryview | bytes) -> None:
            if broken:
                raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
            super().append(name, data)

    storage = FullDisk()
    log = PartitionLog(PARTITION, TOPIC_ID, log_config(), storage, name=str(PARTITION))
    append(log)
    broken = True
    with pytest.raises(KafkaError):
        log.append_as_leader(producer_batch(0), 0, now_timestamp_ms=0)
    assert log.producers.entries == {}


def test_followers_know_the_producers_of_their_leader() -> None:
    """So that a retry after a failover is known again."""
    leader, follower = open_log(), open_log()
    for sequence in range(3):
        leader.append_as_leader(producer_batch(sequence), 0, now_timestamp_ms=0)
    follower.append_as_follower(leader.read(0, ALL, 3, at_least_one=True).batches)
    again = follower.append_as_leader(producer_batch(1), 1, now_timestamp_ms=0)
    assert (again.base_offset, again.duplicate) == (1, True)


def test_a_start_finds_the_producers_in_the_log() -> None:
    """Those of its batches; who wrote only what was deleted is not known any more."""
    storage = MemoryStorage()
    log = open_log(storage)
    log.append_as_leader(producer_batch(0, producer_id=2), 0, now_timestamp_ms=0)
    for sequence in range(2):
        log.append_as_leader(producer_batch(sequence), 0, now_timestamp_ms=0)
    log.advance_high_watermark(3)
    log.advance_log_start(1)
    assert list(log.producers.entries) == [2, 1]
    again = open_log(storage)
    assert repr(again.producers.entries[1]) == repr(log.producers.entries[1])
    assert list(again.producers.entries) == [1]


def test_what_was_cut_off_is_forgotten() -> None:
    """The sequence is next again that was truncated; all is where the log begins anew."""
    log = open_log()
    for sequence in range(3):
        log.append_as_leader(producer_batch(sequence), 0, now_timestamp_ms=0)
    log.truncate_to(2)
    assert log.producers.entries[1].last_sequence == 1
    assert not log.append_as_leader(producer_batch(2), 1, now_timestamp_ms=0).duplicate
    log.truncate_fully(9)
    assert log.producers.entries == {}
