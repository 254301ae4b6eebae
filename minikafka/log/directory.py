"""Whose log a directory holds: that of one topic id, not of whatever has its name now.

A broker that was down while a topic was deleted and made anew finds the old one's files under
the new one's name. Counterpart: PartitionMetadataFile. KIP-516.
"""

from __future__ import annotations

from minikafka.base.ids import TopicId
from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from minikafka.log.storage import Storage

__all__ = ["claim_directory", "is_claim"]

_FILE = "partition.metadata"


def claim_directory(storage: Storage, log_name: str, topic_id: TopicId) -> None:
    """Make a log's directory that of `topic_id`: what another topic has left there is deleted."""
    name = f"{log_name}/{_FILE}"
    text = f"version: 0\ntopic_id: {topic_id}"
    found = read_checkpoint(storage, name)
    if found == text:
        return
    if found is not None:
        for left in storage.list(f"{log_name}/"):
            storage.delete(left)
    write_checkpoint(storage, name, text)


def is_claim(file_name: str) -> bool:
    """Say whether a file, named without its directory, marks a log of a partition."""
    return file_name == _FILE
