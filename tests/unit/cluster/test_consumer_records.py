"""What a consumer is shown of the batches it was sent."""

from __future__ import annotations

from minikafka.base.ids import TopicPartition
from minikafka.cluster.consumer_records import committed, consumer_records, whole_batches
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.records import Record

PLACE = TopicPartition("orders", 0)


def batch(
    base_offset: int, *values: bytes, producer_id: int = -1, control: bool = False
) -> Batch:
    """Return a batch of `values`; transactional where it has a producer id."""
    records = [
        Record(base_offset + position, 1_000, None, value)
        for position, value in enumerate(values)
    ]
    return build_batch(
        records,
        base_offset=base_offset,
        producer_id=producer_id,
        producer_epoch=-1 if producer_id < 0 else 0,
        transactional=producer_id >= 0,
        control=control,
    )


def marker(offset: int, producer_id: int) -> Batch:
    """Return the control batch that ends a transaction."""
    return batch(offset, b"\0\0\0\0\0\0", producer_id=producer_id, control=True)


def test_batch_that_begins_below_the_position_is_shown_from_the_position_on() -> None:
    """A fetch returns whole batches; the consumer drops what it has already read."""
    shown = consumer_records(PLACE, batch(10, b"a", b"b", b"c"), 11)
    assert [(record.offset, record.value) for record in shown] == [(11, b"b"), (12, b"c")]


def test_control_batch_holds_no_records_for_consumers() -> None:
    """Transaction markers have offsets, and consumers never see them."""
    assert consumer_records(PLACE, marker(3, producer_id=7), 0) == []


def test_batch_cut_short_at_the_end_of_a_fetch_is_left_for_the_next_one() -> None:
    """A broker may cut the last batch anywhere; only whole ones are read."""
    first, second = batch(0, b"a"), batch(1, b"b")
    whole = bytes(first.view) + bytes(second.view)
    for cut in range(len(first.view), len(whole)):
        span = memoryview(bytearray(whole[:cut]))
        assert [each.base_offset for each in whole_batches(span)] == [0]
    assert [each.base_offset for each in whole_batches(memoryview(bytearray(whole)))] == [0, 1]


def test_first_batch_cut_short_yields_nothing() -> None:
    """Less than one batch is no batch, not an error."""
    span = memoryview(bytearray(bytes(batch(0, b"a").view)[:-1]))
    assert whole_batches(span) == []
    assert whole_batches(None) == []


def test_aborted_transaction_is_dropped_and_the_next_of_that_producer_kept() -> None:
    """An abort reaches from its first offset to its marker, for its producer alone (KIP-98)."""
    fetched = [
        batch(0, b"aborted", producer_id=7),
        batch(1, b"other producer", producer_id=8),
        batch(2, b"no transaction"),
        marker(3, producer_id=7),
        batch(4, b"second try", producer_id=7),
        marker(5, producer_id=7),
        marker(6, producer_id=8),
    ]
    kept = [each.base_offset for each in committed(fetched, [(7, 0)])]
    assert kept == [1, 2, 4]


def test_abort_that_begins_later_leaves_what_is_before_it() -> None:
    """A producer's committed transaction before an aborted one is shown."""
    fetched = [
        batch(0, b"committed", producer_id=7),
        marker(1, producer_id=7),
        batch(2, b"aborted", producer_id=7),
        marker(3, producer_id=7),
    ]
    assert [each.base_offset for each in committed(fetched, [(7, 2)])] == [0]
