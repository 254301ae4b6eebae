"""A broker's data directory: whose it is, and that nobody else uses it.

`meta.properties` says which node of which cluster has written there; `.lock` is held while a
broker runs, and let go by the kernel however it ends. Needs a POSIX system. Counterparts:
MetaPropertiesEnsemble, LogManager.lockLogDirs. KIP-858.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self
from uuid import UUID

from minikafka.base.ids import short_id
from minikafka.cluster.file_storage import FileStorage, fsync_directory
from minikafka.log.checkpoint import read_checkpoint, write_checkpoint

__all__ = ["DataDirectory", "DataDirectoryRefused"]

_LOCK = ".lock"
_META = "meta.properties"
_VERSION = "1"
_KEYS = ("cluster.id", "node.id", "directory.id")


class DataDirectoryRefused(Exception):
    """The directory cannot be this broker's; the message says why, in one line."""


class DataDirectory:
    """A directory that belongs to one broker, locked until `close`.

    Args:
        path: made where it is missing.
        node_id: the broker's.
        cluster_id: of the cluster it joins; None takes what the directory says, if anything.
        new_id: draws ids for a new directory.
        default_cluster_id: of a new directory where `cluster_id` is None.

    Attributes:
        storage: the files in it.
        cluster_id: of the cluster the directory belongs to.

    Raises:
        DataDirectoryRefused: another broker uses it, or it is another broker's.
        OSError: it cannot be made, read or written.
    """

    def __init__(
        self,
        path: Path,
        node_id: int,
        cluster_id: str | None,
        *,
        new_id: Callable[[], UUID],
        default_cluster_id: str,
    ) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = _locked(path)
        try:
            # The checkpoint is one of the storage's files here, so that it is replaced as they are.
            meta = FileStorage(path, ignored=(_LOCK,))
            found = read_checkpoint(meta, _META)
            if found is None:
                self.cluster_id = cluster_id or default_cluster_id
                self._refuse_foreign_files(meta)
                write_checkpoint(meta, _META, self._text(node_id, new_id()))
                fsync_directory(path.parent)
            else:
                self.cluster_id = self._check(found, node_id, cluster_id)
            meta.close()
            self.storage = FileStorage(path, ignored=(_LOCK, _META, f"{_META}.tmp"))
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Close the files and let others have the directory."""
        self.storage.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _refuse_foreign_files(self, meta: FileStorage) -> None:
        files = [name for name in meta.list("") if not name.startswith(f"{_META}.")]
        if files:
            message = f"{self.path} has no {_META}, but files of something else: {files[0]}"
            raise DataDirectoryRefused(message)

    def _text(self, node_id: int, directory_id: UUID) -> str:
        return (
            f"version={_VERSION}\ncluster.id={self.cluster_id}\nnode.id={node_id}\n"
            f"directory.id={short_id(directory_id)}\n"
        )

    def _check(self, text: str, node_id: int, cluster_id: str | None) -> str:
        """Return the cluster id that the directory says."""
        lines = (line.partition("=") for line in text.splitlines() if "=" in line)
        told = {key.strip(): value.strip() for key, _, value in lines}
        if told.get("version") != _VERSION or not all(told.get(key) for key in _KEYS):
            raise DataDirectoryRefused(f"{self.path / _META} is not of version {_VERSION}")
        if told["node.id"] != str(node_id):
            raise DataDirectoryRefused(
                f"{self.path} is node {told['node.id']}'s, not {node_id}'s"
            )
        if cluster_id not in (None, told["cluster.id"]):
            message = f"{self.path} is of cluster {told['cluster.id']}, not {cluster_id}"
            raise DataDirectoryRefused(message)
        return told["cluster.id"]


def _locked(path: Path) -> int:
    """Return the descriptor that holds the lock; it ends with the process."""
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise DataDirectoryRefused(f"{path} is in use by another broker") from error
    return descriptor
