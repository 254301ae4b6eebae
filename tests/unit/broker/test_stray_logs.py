"""What is left of partitions that live elsewhere now."""

from __future__ import annotations

import uuid

from minikafka.broker.stray_logs import delete_strays
from minikafka.log.directory import claim_directory
from minikafka.log.storage import MemoryStorage


def test_only_logs_of_partitions_that_are_not_hosted_go() -> None:
    """The metadata log has no claim of a topic, and no quorum state is a log."""
    storage = MemoryStorage()
    for name in ("t-0", "t-1"):
        claim_directory(storage, name, uuid.UUID(int=7))
        storage.append(f"{name}/0.log", b"x")
    kept = ["__cluster_metadata-0/0.log", "meta.properties"]
    for name in kept:
        storage.append(name, b"x")
    delete_strays(storage, ["t-1"])
    assert storage.list("") == sorted([*kept, "t-1/0.log", "t-1/partition.metadata"])
