"""A ledger of transactions knows what may be in the logs, and what may not."""

from __future__ import annotations

import pytest

from minikafka.base.ids import TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.records.builder import build_batch
from minikafka.records.markers import EndTransactionMarker, build_marker
from minikafka.records.records import Record
from minikafka.trials.ledger import Attempt, Ledger, committed_values
from tests.support.builders import TOPIC_ID, log_config

PLACE, OTHER = TopicPartition("t", 0), TopicPartition("t", 1)


def written(
    place: TopicPartition, *values: bytes, committed: bool | None = True
) -> PartitionLog:
    """Return a log with one transaction; without its marker where `committed` is None."""
    log = PartitionLog(place, TOPIC_ID, log_config(), MemoryStorage(), name=str(place))
    batch = build_batch(
        [Record(at, 0, None, value) for at, value in enumerate(values)],
        producer_id=1,
        producer_epoch=0,
        base_sequence=0,
        transactional=True,
    )
    log.append_as_leader(batch, 0, now_timestamp_ms=0)
    if committed is not None:
        marker = build_marker(1, 0, EndTransactionMarker(committed, 0), 0)
        log.append_as_leader(marker, 0, now_timestamp_ms=0)
    log.advance_high_watermark(log.log_end_offset)
    return log


def ledger(*, asked: bool, confirmed: bool = False) -> Ledger:
    """Return a ledger with one transaction of two values, in two partitions."""
    made, attempt = Ledger(), Attempt("a:1", asked=asked, confirmed=confirmed)
    made.send(attempt, b"x", PLACE)
    made.send(attempt, b"y", OTHER)
    return made


@pytest.mark.parametrize(
    ("asked", "confirmed", "there", "wrong"),
    [
        (True, True, (True, True), None),
        (True, True, (True, False), "is committed"),
        (True, False, (False, False), None),
        (True, False, (True, False), "is torn"),
        (False, False, (False, False), None),
        (False, False, (True, True), "was not"),
    ],
)
def test_a_transaction_is_there_whole_or_not_at_all(
    asked: bool, confirmed: bool, there: tuple[bool, bool], wrong: str | None
) -> None:
    """As its producer was told; and not without having been asked for."""
    logs = [
        written(place, value, committed=end)
        for place, value, end in zip((PLACE, OTHER), (b"x", b"y"), there, strict=True)
    ]
    text = ledger(asked=asked, confirmed=confirmed).wrong(logs)
    assert text is None if wrong is None else text is not None and wrong in text


def test_a_value_is_there_once_and_where_it_was_sent() -> None:
    """Neither twice, nor in another partition, nor one that nobody sent."""
    made = ledger(asked=True)
    assert made.wrong([written(PLACE, b"x", b"x"), written(OTHER, b"y")]) is not None
    assert made.wrong([written(PLACE, b"y"), written(OTHER, b"x")]) is not None
    assert made.wrong([written(PLACE, b"x", b"z"), written(OTHER, b"y")]) is not None


def test_a_reader_is_given_what_was_asked_for_and_what_stays() -> None:
    """What it was given before is there still, and what was aborted never."""
    made = ledger(asked=True)
    assert made.read(PLACE, [(0, b"x")]) is None
    assert made.read(PLACE, [(0, b"x")]) is None
    assert made.read(PLACE, [(0, b"y")]) is not None
    assert made.read(PLACE, [(1, b"z")]) is not None
    assert ledger(asked=False).read(PLACE, [(0, b"x")]) is not None
    gone = [written(PLACE, b"x", committed=False), written(OTHER, b"y", committed=False)]
    text = made.wrong(gone)
    assert text is not None
    assert "was read" in text


def test_open_and_aborted_transactions_have_no_committed_values() -> None:
    """And nothing above the watermark."""
    assert list(committed_values(written(PLACE, b"x", committed=None))) == []
    assert list(committed_values(written(PLACE, b"x", committed=False))) == []
    log = written(PLACE, b"x", b"y")
    assert list(committed_values(log)) == [(0, b"x"), (1, b"y")]
