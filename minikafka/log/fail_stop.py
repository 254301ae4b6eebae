"""A storage that takes nothing more once it has failed.

In Kafka a broker whose only log directory fails halts: going on would acknowledge what a second
failure may have lost (KAFKA-10778). Counterpart: ReplicaManager.handleLogDirFailure.

Rules of this file
    After a write that failed nothing is written any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.log.storage import Buffer, Storage

__all__ = ["FailStopStorage"]


class FailStopStorage:
    """Passes everything on to a storage until that raises OSError.

    From then on every call raises KafkaError KAFKA_STORAGE_ERROR.

    Args:
        on_failure: called once, with the first error: time to halt.
    """

    __slots__ = ("_failed", "_on_failure", "_storage")

    def __init__(self, storage: Storage, on_failure: Callable[[OSError], None]) -> None:
        self._storage = storage
        self._on_failure = on_failure
        self._failed = False

    def append(self, name: str, data: Buffer) -> int:
        """See `Storage`."""
        if self._failed:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        try:
            return self._storage.append(name, data)
        except OSError as error:
            raise self._fail(error) from error

    def read(self, name: str, position: int, size: int) -> list[memoryview]:
        """See `Storage`."""
        pieces: list[memoryview] = self._try(self._storage.read, name, position, size)
        return pieces

    def size(self, name: str) -> int:
        """See `Storage`."""
        size: int = self._try(self._storage.size, name)
        return size

    def fsync(self, name: str) -> None:
        """See `Storage`."""
        self._try(self._storage.fsync, name)

    def truncate(self, name: str, size: int) -> None:
        """See `Storage`."""
        self._try(self._storage.truncate, name, size)

    def rename(self, old: str, new: str) -> None:
        """See `Storage`."""
        self._try(self._storage.rename, old, new)

    def delete(self, name: str) -> None:
        """See `Storage`."""
        self._try(self._storage.delete, name)

    def list(self, prefix: str) -> list[str]:
        """See `Storage`."""
        names: list[str] = self._try(self._storage.list, prefix)
        return names

    def _try(self, call: Callable[..., Any], *args: Any) -> Any:
        if self._failed:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        try:
            return call(*args)
        except OSError as error:
            raise self._fail(error) from error

    def _fail(self, error: OSError) -> KafkaError:
        self._failed = True
        self._on_failure(error)
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(error))
