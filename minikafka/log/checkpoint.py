"""Small files that are replaced as a whole, and survive a power loss as old or new.

Counterpart: org.apache.kafka.server.common.CheckpointFile.
"""

from __future__ import annotations

from minikafka.log.storage import Storage

__all__ = ["read_checkpoint", "write_checkpoint"]

_TEMPORARY_SUFFIX = ".tmp"


def write_checkpoint(storage: Storage, name: str, text: str) -> None:
    """Make `text` the durable content of file `name`; on return it will outlast a power loss."""
    temporary = name + _TEMPORARY_SUFFIX
    storage.delete(temporary)  # one left over from a crash between the steps below
    storage.append(temporary, text.encode())
    storage.fsync(temporary)
    storage.rename(temporary, name)


def read_checkpoint(storage: Storage, name: str) -> str | None:
    """Return the content of file `name`, None where there is no such file or it is empty."""
    data = b"".join(storage.read(name, 0, storage.size(name)))
    return data.decode() if data else None
