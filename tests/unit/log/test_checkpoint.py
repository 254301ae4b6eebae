"""Tests of minikafka.log.checkpoint."""

from __future__ import annotations

from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from minikafka.log.storage import MemoryStorage


def test_what_is_written_survives_a_power_loss() -> None:
    """On return the new text is durable, and replaces the old."""
    storage = MemoryStorage()
    assert read_checkpoint(storage, "a/state") is None
    for text in ("first", "2"):
        write_checkpoint(storage, "a/state", text)
        storage.lose_unflushed()
        assert read_checkpoint(storage, "a/state") == text
    assert storage.list("a/") == ["a/state"]


def test_power_loss_before_the_rename_leaves_the_old_text() -> None:
    """A half-written replacement is never read, and the next write passes it."""
    storage = MemoryStorage()
    write_checkpoint(storage, "a/state", "old")
    storage.append("a/state.tmp", b"ne")
    storage.fsync("a/state.tmp")
    storage.lose_unflushed()
    assert read_checkpoint(storage, "a/state") == "old"
    write_checkpoint(storage, "a/state", "new")
    assert read_checkpoint(storage, "a/state") == "new"
