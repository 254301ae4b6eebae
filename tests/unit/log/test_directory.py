"""A directory belongs to one topic id."""

from __future__ import annotations

from uuid import UUID

from minikafka.log.directory import claim_directory
from minikafka.log.storage import MemoryStorage

ONE, OTHER = UUID(int=1), UUID(int=2)
LOG = "orders-0"


def test_same_topic_finds_its_files_again() -> None:
    """A restart keeps what the topic has written."""
    storage = MemoryStorage()
    claim_directory(storage, LOG, ONE)
    storage.append(f"{LOG}/00000000000000000000.log", b"records")
    claim_directory(storage, LOG, ONE)
    assert storage.size(f"{LOG}/00000000000000000000.log") == 7


def test_files_of_a_topic_of_the_same_name_are_deleted() -> None:
    """A topic made anew must not serve its namesake's records (KIP-516)."""
    storage = MemoryStorage()
    claim_directory(storage, LOG, ONE)
    storage.append(f"{LOG}/00000000000000000000.log", b"records")
    claim_directory(storage, LOG, OTHER)
    assert storage.list(f"{LOG}/") == [f"{LOG}/partition.metadata"]


def test_claim_outlasts_a_power_loss() -> None:
    """Whose the directory is, is durable before anything is written into it."""
    storage = MemoryStorage()
    claim_directory(storage, LOG, ONE)
    storage.lose_unflushed()
    before = storage.list(f"{LOG}/")
    claim_directory(storage, LOG, ONE)
    assert storage.list(f"{LOG}/") == before
