"""Tests of minikafka.quorum.batches."""

from __future__ import annotations

import pytest

from minikafka.log.partition_log import PartitionLog
from minikafka.quorum.batches import (
    committed_batches,
    committed_payloads,
    payload_batch,
)
from minikafka.quorum.control import control_batch, leader_change_record
from tests.support.builders import open_log


def _log() -> PartitionLog:
    """0 leader change; 1..2 "a", "b"; 3 leader change; 4 "c"."""
    log = open_log()
    for epoch, batch in [
        (1, control_batch([leader_change_record(1, (1,), (1,), 5)])),
        (1, payload_batch([b"a", b"b"], 6)),
        (2, control_batch([leader_change_record(1, (1,), (1,), 7)])),
        (2, payload_batch([b"c"], 8)),
    ]:
        log.append_as_leader(batch, epoch, now_timestamp_ms=0)
    return log


@pytest.mark.parametrize(
    ("start", "end", "payloads"),
    [
        (0, 5, [(1, b"a"), (2, b"b"), (4, b"c")]),
        (0, 4, [(1, b"a"), (2, b"b")]),
        (1, 2, []),  # half a batch is not committed
        (2, 5, [(2, b"b"), (4, b"c")]),
        (5, 5, []),
    ],
)
def test_payloads_come_with_their_offsets(
    start: int, end: int, payloads: list[tuple[int, bytes]]
) -> None:
    """Control batches take offsets and have no payload."""
    assert list(committed_payloads(_log(), start, end)) == payloads


def test_batches_tell_their_epoch_and_where_they_end() -> None:
    """With control batches, so that what is applied reaches the end."""
    seen = [
        (batch.base_offset, batch.next_offset, batch.epoch, batch.timestamp_ms, batch.payloads)
        for batch in committed_batches(_log(), 0, 5)
    ]
    assert seen == [
        (0, 1, 1, 5, []),
        (1, 3, 1, 6, [b"a", b"b"]),
        (3, 4, 2, 7, []),
        (4, 5, 2, 8, [b"c"]),
    ]
