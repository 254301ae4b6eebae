"""The note of a clean shutdown."""

from __future__ import annotations

import pytest

from minikafka.log.clean_shutdown import (
    UNKNOWN_EPOCH,
    take_clean_shutdown,
    write_clean_shutdown,
)
from minikafka.log.storage import MemoryStorage

NAME = ".kafka_cleanshutdown"


def test_note_is_read_once() -> None:
    """KIP-966: the next start must not find the note of the one before it."""
    storage = MemoryStorage()
    write_clean_shutdown(storage, 17)
    assert take_clean_shutdown(storage) == 17
    assert take_clean_shutdown(storage) == UNKNOWN_EPOCH
    assert storage.list("") == []


def test_note_survives_a_power_loss_and_so_does_its_end() -> None:
    """It is durable on return; once taken it does not come back."""
    storage = MemoryStorage()
    write_clean_shutdown(storage, 17)
    storage.lose_unflushed()
    assert take_clean_shutdown(storage) == 17
    storage.lose_unflushed()
    assert take_clean_shutdown(storage) == UNKNOWN_EPOCH


@pytest.mark.parametrize(
    "text", [b"?", b"{}", b'{"version": 9, "brokerEpoch": 1}', b'{"version": 0}', b"[]"]
)
def test_note_that_makes_no_sense_is_none(text: bytes) -> None:
    """Whoever cannot say how it shut down did so uncleanly."""
    storage = MemoryStorage()
    storage.append(NAME, text)
    assert take_clean_shutdown(storage) == UNKNOWN_EPOCH
