"""Tests of minikafka.quorum.state_store."""

from __future__ import annotations

import json

from minikafka.log.storage import MemoryStorage
from minikafka.quorum.state_store import ElectionState, QuorumStateStore


def test_new_disk_is_in_epoch_0_without_a_vote() -> None:
    """Nothing written is the state before all elections."""
    store = QuorumStateStore(MemoryStorage(), "m-0")
    assert store.read() == ElectionState(epoch=0, voted_id=-1, leader_id=-1)


def test_state_is_durable_when_write_returns() -> None:
    """A power loss right after leaves it; another store reads it."""
    storage = MemoryStorage()
    state = ElectionState(epoch=4, voted_id=2, leader_id=3)
    QuorumStateStore(storage, "m-0").write(state)
    storage.lose_unflushed()
    assert QuorumStateStore(storage, "m-0").read() == state


def test_file_has_kafkas_name_and_fields() -> None:
    """Whoever looks at it finds what Kafka writes."""
    storage = MemoryStorage()
    QuorumStateStore(storage, "m-0").write(ElectionState(4, 2, 3))
    data = b"".join(storage.read("m-0/quorum-state", 0, 1_000))
    assert json.loads(data) == {
        "leaderId": 3,
        "leaderEpoch": 4,
        "votedId": 2,
        "votedDirectoryId": "AAAAAAAAAAAAAAAAAAAAAA",
        "data_version": 1,
    }
