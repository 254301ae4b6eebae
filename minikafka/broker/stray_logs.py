"""Logs that a broker still has of partitions that were taken from it while it was down.

Counterpart: the stray replicas of LogManager (KAFKA-14616); they are deleted here at once.
"""

from __future__ import annotations

from collections.abc import Container

from minikafka.log.directory import is_claim
from minikafka.log.storage import Storage

__all__ = ["delete_strays"]


def delete_strays(storage: Storage, hosted: Container[str]) -> list[str]:
    """Delete each log of a partition that is not in `hosted`, by name of the log; return which.

    Files that are no log of a partition, as the metadata log and the state of the quorum, stay.
    """
    names = storage.list("")
    strays = {
        directory: None
        for directory, _, file in (name.rpartition("/") for name in names)
        if is_claim(file) and directory not in hosted
    }
    for name in names:
        if name.rpartition("/")[0] in strays:
            storage.delete(name)
    return list(strays)
