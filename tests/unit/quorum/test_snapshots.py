"""Snapshots of the metadata log: whole or not there, and in the place of what they stand for."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.log.storage import MemoryStorage
from minikafka.quorum.effects import HighWatermarkAdvanced, SnapshotInstalled
from minikafka.quorum.lineage import divergence
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import (
    SnapshotId,
    SnapshotStore,
    snapshot_bytes,
    snapshot_payloads,
)
from tests.support.builders import PARTITION, open_log, quorum_machine

DIRECTORY = str(PARTITION)


def data_of(snapshot: SnapshotId, *payloads: bytes, timestamp_ms: int = 5) -> bytes:
    """Return the content of a snapshot."""
    return snapshot_bytes(payloads or (b"a",), snapshot, timestamp_ms)


def test_snapshot_is_read_back_in_pieces_and_whole() -> None:
    """Its name is Kafka's; its first batch has a header, its last one a footer."""
    storage = MemoryStorage()
    store = SnapshotStore(storage, DIRECTORY)
    snapshot = SnapshotId(12, 3)
    data = snapshot_bytes([b"%d" % number for number in range(2_500)], snapshot, 5)
    store.write(snapshot, data)
    assert storage.list(DIRECTORY) == [
        f"{DIRECTORY}/00000000000000000012-0000000003.checkpoint"
    ]
    assert (store.latest, store.size(snapshot)) == (snapshot, len(data))
    pieces = [store.read(snapshot, at, 1_000) for at in range(0, len(data), 1_000)]
    assert b"".join(pieces) == data
    batches = store.batches(snapshot)
    assert snapshot_payloads(batches) == [b"%d" % number for number in range(2_500)]
    assert {batch.leader_epoch for batch in batches} == {3}
    assert store.last_timestamp_ms(snapshot) == 5


@pytest.mark.parametrize(
    ("snapshot", "position", "code"),
    [
        (SnapshotId(13, 3), 0, ErrorCode.SNAPSHOT_NOT_FOUND),
        (SnapshotId(12, 3), -1, ErrorCode.POSITION_OUT_OF_RANGE),
        (SnapshotId(12, 3), 1_000_000, ErrorCode.POSITION_OUT_OF_RANGE),
    ],
)
def test_piece_that_is_not_there_is_refused(
    snapshot: SnapshotId, position: int, code: ErrorCode
) -> None:
    """So that the asker begins anew."""
    store = SnapshotStore(MemoryStorage(), DIRECTORY)
    store.write(SnapshotId(12, 3), data_of(SnapshotId(12, 3)))
    with pytest.raises(KafkaError) as refused:
        store.read(snapshot, position, 10)
    assert refused.value.code is code


def test_half_a_snapshot_is_none() -> None:
    """Neither one that was cut off on the way, nor one whose bytes have changed."""
    snapshot = SnapshotId(12, 3)
    data = data_of(snapshot)
    store = SnapshotStore(MemoryStorage(), DIRECTORY)
    without_footer = b"".join(batch.view for batch in _split(data)[:-1])
    for bad in (without_footer, data[:-1], data[:70] + bytes([data[70] ^ 1]) + data[71:], b""):
        with pytest.raises(KafkaError) as refused:
            store.write(snapshot, bad)
        assert refused.value.code is ErrorCode.CORRUPT_MESSAGE
    assert store.latest is None


def _split(data: bytes) -> list:  # type: ignore[type-arg]
    from minikafka.records.batch import split_batches

    return split_batches(memoryview(data))


def test_what_was_written_in_part_is_gone_after_a_restart() -> None:
    """A power loss in the middle leaves the snapshots there were."""
    storage = MemoryStorage()
    SnapshotStore(storage, DIRECTORY).write(SnapshotId(5, 1), data_of(SnapshotId(5, 1)))
    part = f"{DIRECTORY}/00000000000000000012-0000000003.checkpoint.part"
    storage.append(part, b"half")
    storage.fsync(part)
    storage.lose_unflushed()
    store = SnapshotStore(storage, DIRECTORY)
    assert store.ids == (SnapshotId(5, 1),)
    assert part not in storage.list(DIRECTORY)


# --- the log that goes with them ---


def leader(storage: MemoryStorage | None = None) -> QuorumMachine:
    """Return the sole voter, with 0 leader change, 1 "a", 2 "b", 3 "c", all committed."""
    machine = quorum_machine(storage=storage)
    machine.start(0, 5)
    for payload in (b"a", b"b", b"c"):
        machine.append([payload], 0, 5)
    machine.take_effects()
    return machine


def snapshotted(*ends: int, storage: MemoryStorage | None = None) -> QuorumMachine:
    """Return it with snapshots at these ends, and only what the last but one needs."""
    machine = leader(storage)
    for end in ends:
        snapshot = SnapshotId(end, 1)
        machine.snapshots.write(snapshot, data_of(snapshot))
    machine.clean(0, -1, 5)
    return machine


def test_log_begins_where_its_oldest_snapshot_ends() -> None:
    """K14: whoever needs what is gone finds what it came to."""
    machine = snapshotted(2, 3)
    assert (machine.log.log_start_offset, machine.snapshots.ids) == (3, (SnapshotId(3, 1),))
    machine.check_invariants()


@pytest.mark.parametrize(
    ("max_bytes", "max_age_ms", "start"),
    [(-1, -1, 0), (1 << 20, -1, 0), (-1, 1_000, 0), (-1, 10, 3), (100, -1, 3)],
)
def test_snapshots_are_kept_as_long_as_the_config_says(
    max_bytes: int, max_age_ms: int, start: int
) -> None:
    """metadata.max.retention.bytes and metadata.max.retention.ms, -1 for ever."""
    machine = leader()
    for end in (2, 3):
        machine.snapshots.write(SnapshotId(end, 1), data_of(SnapshotId(end, 1)))
    machine.clean(max_bytes, max_age_ms, 100)
    assert machine.log.log_start_offset == start


@pytest.mark.parametrize(
    ("fetch_offset", "last_fetched_epoch", "told"),
    [
        (0, -1, SnapshotId(3, 1)),  # a new node
        (2, 1, SnapshotId(3, 1)),  # one behind
        (3, 1, None),  # one that knows what the snapshot says
        (3, 0, SnapshotId(3, 1)),  # as far, with another history
        (4, 0, SnapshotId(3, 1)),
        (4, 1, None),
        (5, 1, (1, 4)),
    ],
)
def test_who_is_behind_the_log_is_sent_to_the_snapshot(
    fetch_offset: int, last_fetched_epoch: int, told: object
) -> None:
    """ReplicatedLog.validateOffsetAndEpoch: the records in between are gone."""
    machine = snapshotted(2, 3)
    found = divergence(machine.log, machine.snapshots, fetch_offset, last_fetched_epoch)
    assert found == told


def test_follower_takes_a_snapshot_over() -> None:
    """Its log begins at the end of it, and all below counts as committed and applied."""
    follower = quorum_machine(2, (1,))
    follower.start(0)
    follower.on_leader(1, 1, 0)
    snapshot = SnapshotId(3, 1)
    assert follower.on_snapshot(snapshot, data_of(snapshot))
    assert follower.take_effects() == [SnapshotInstalled(snapshot), HighWatermarkAdvanced(3)]
    assert (follower.log.log_start_offset, follower.log_end) == (3, (1, 3))
    assert not follower.on_snapshot(snapshot, data_of(snapshot)), "it has it by now"
    follower.check_invariants()


def test_crash_between_snapshot_and_log_is_mended_at_the_start() -> None:
    """The snapshot is durable first: a log that is behind it begins anew at its end."""
    storage = MemoryStorage()
    leader(storage)
    snapshot = SnapshotId(9, 2)
    SnapshotStore(storage, DIRECTORY).write(snapshot, data_of(snapshot))
    machine = quorum_machine(2, (1, 3), storage)
    machine.start(0)
    assert (machine.log.log_start_offset, machine.log_end) == (9, (2, 9))
    assert (machine.epoch, machine.high_watermark) == (2, 9)


def test_crash_between_log_and_old_snapshot_is_mended_at_the_start() -> None:
    """The log's beginning moves first: a snapshot that ends before it stands for nothing."""
    storage = MemoryStorage()
    machine = snapshotted(2, 3, storage=storage)
    machine.snapshots.write(SnapshotId(1, 1), data_of(SnapshotId(1, 1)))
    again = quorum_machine(storage=storage, log=open_log(storage))
    again.start(0)
    assert again.snapshots.ids == (SnapshotId(3, 1),)


def test_fetch_of_a_snapshot_shows_that_the_follower_lives() -> None:
    """Else a leader would resign while a majority is busy with its snapshots (check-quorum)."""
    machine = leader()
    machine.on_snapshot_fetch((2, ZERO_ID), 7, 70)
    assert machine.leadership is not None
    ((replica, state),) = machine.leadership.observers(7)
    assert (replica, state.fetch_ms) == ((2, ZERO_ID), 7)
