"""A disk behind a storage seam: slow, full, failing, and forgetful when the power goes.

Keeps nothing itself: it stands before a store that tells written from durable, and decides what
becomes of each call. Power loss is per file and independent: of what was not made durable, any
first part may have reached the platter, torn in the middle of a write.
"""

from __future__ import annotations

import errno
import os
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from minikafka.sim.hosts import Host

__all__ = ["SimDisk", "Store"]

Buffer: TypeAlias = bytes | bytearray | memoryview
NS = 1_000_000_000


class Store(Protocol):
    """Named byte files that only grow at their end, with what was made durable of each."""

    def append(self, name: str, data: Buffer) -> int:
        """Write at the end; return where."""
        ...

    def read(self, name: str, position: int, size: int) -> list[memoryview]:
        """Return pieces."""
        ...

    def size(self, name: str) -> int:
        """Return the bytes written."""
        ...

    def fsync(self, name: str) -> None:
        """Make durable."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Replace."""
        ...

    def delete(self, name: str) -> None:
        """Remove."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return sorted names."""
        ...

    def lose_unflushed(self, kept: Callable[[int], int]) -> None:
        """Forget what is not durable, but for the first `kept(lost bytes)` of each file."""
        ...


class SimDisk:
    """The disk of one host; its faults are attributes and methods that a scenario uses.

    Attributes:
        fsync_s: least and most seconds an fsync takes; the process does nothing else meanwhile.
        capacity_bytes: more than this written raises ENOSPC; None for no end.
        forgets_fsync: fsync returns and does nothing, as some hardware does.
        losses: how often it has lost something, with the power or by rotting.
    """

    def __init__(self, host: Host, store: Store, random: Random) -> None:
        self.fsync_s = (0.0, 0.0)
        self.capacity_bytes: int | None = None
        self.forgets_fsync = False
        self.losses = 0
        self._host = host
        self._store = store
        self._random = random
        self._failures: dict[str, int] = {}
        self._written = 0

    # --- faults ------------------------------------------------------------------------------

    def fail_next(self, operation: str, code: int = errno.EIO) -> None:
        """Let the next `append`, `read`, `fsync`, `rename`, ... raise OSError with that code."""
        self._host.network.record("fault", f"disk {self._host.name} {operation} {code}")
        self._failures[operation] = code

    def mend(self) -> None:
        """Take back failures that have not happened yet, slowness and fullness."""
        self._failures.clear()
        self.fsync_s = (0.0, 0.0)
        self.capacity_bytes = None

    def power_loss(self) -> None:
        """Lose what was not durable; a random first part of each file's tail survives."""
        self._failures.clear()
        self.losses += 1
        self._store.lose_unflushed(lambda lost: self._random.randint(0, lost))

    def replace(self) -> None:
        """Put an empty disk in its place."""
        self.mend()
        self.losses += 1
        self._host.network.record("fault", f"disk {self._host.name} replaced")
        for name in self._store.list(""):
            self._store.delete(name)

    def rot(self, name: str, position: int, bit: int) -> None:
        """Turn a bit of a file, durable or not; nobody is told."""
        data = bytearray(b"".join(self._store.read(name, 0, self._store.size(name))))
        data[position] ^= 1 << bit
        self.losses += 1
        self._host.network.record("fault", f"disk {self._host.name} rots: {name} {position}")
        # The bytes may be shared with other replicas, so the file gets its own.
        self._store.truncate(name, 0)
        self._store.append(name, bytes(data))
        self._store.fsync(name)

    # --- the seam ----------------------------------------------------------------------------

    def append(self, name: str, data: Buffer) -> int:
        """Write at the end of a file.

        Raises:
            OSError: ENOSPC beyond the capacity; whatever `fail_next` asked for.
        """
        if self._failures:
            self._maybe_fail("append")
        self._written += len(data)
        if self.capacity_bytes is not None and self._written > self.capacity_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._store.append(name, data)

    def read(self, name: str, position: int, size: int) -> list[memoryview]:
        """Read as the store does."""
        self._maybe_fail("read")
        return self._store.read(name, position, size)

    def size(self, name: str) -> int:
        """Return the written size."""
        return self._store.size(name)

    def fsync(self, name: str) -> None:
        """Make durable, unless the disk forgets; takes the time that it takes."""
        low, high = self.fsync_s
        if high:
            loop = self._host.network.loop
            loop.spend(int((low + (high - low) * self._random.random()) * NS))
        self._maybe_fail("fsync")
        if not self.forgets_fsync:
            self._store.fsync(name)

    def truncate(self, name: str, size: int) -> None:
        """Cut a file."""
        self._maybe_fail("truncate")
        self._store.truncate(name, size)

    def rename(self, old: str, new: str) -> None:
        """Rename a file."""
        self._maybe_fail("rename")
        self._store.rename(old, new)

    def delete(self, name: str) -> None:
        """Delete a file."""
        self._maybe_fail("delete")
        self._store.delete(name)

    def list(self, prefix: str) -> list[str]:
        """Return the names that start with `prefix`."""
        return self._store.list(prefix)

    def _maybe_fail(self, operation: str) -> None:
        code = self._failures.pop(operation, None)
        if code is not None:
            raise OSError(code, os.strerror(code))
