"""Where the bytes of logs lie: the seam, and the store that keeps them in memory.

A storage is a flat set of named files that only grow at their end. It tells *written* (a
process that dies keeps it) from *durable* (a machine that loses power keeps it), so that tests
can take the difference away. Names look like paths: `<topic>-<partition>/<file>`. Knows nothing
of batches. Counterpart: org.apache.kafka.common.record.FileRecords; ours otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Protocol, TypeAlias

from minikafka.base.errors import BrokerBug

__all__ = ["Buffer", "MemoryStorage", "Storage"]

Buffer: TypeAlias = bytes | bytearray | memoryview


class Storage(Protocol):
    """Named byte files. Positions and sizes are in bytes; a missing file has size 0."""

    def append(self, name: str, data: Buffer) -> int:
        """Write `data` at the end of the file, made if missing; return where it starts."""
        ...

    def read(self, name: str, position: int, size: int) -> list[memoryview]:
        """Return up to `size` bytes from `position` on, in pieces; fewer at the file's end."""
        ...

    def size(self, name: str) -> int:
        """Return how many bytes have been written and not truncated."""
        ...

    def fsync(self, name: str) -> None:
        """Make durable what has been written to the file, and that the file exists."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut the file to its first `size` bytes; durable at once."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give the file a new name, replacing a file of that name; durable at once."""
        ...

    def delete(self, name: str) -> None:
        """Remove the file, if it is there; durable at once."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the names of the files that start with `prefix`, sorted."""
        ...


class _File:
    """Appended pieces in order. Invariant: `starts[i]` is the position of `pieces[i]`."""

    __slots__ = ("durable_size", "pieces", "size", "starts")

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []
        self.starts: list[int] = []
        self.size = 0
        self.durable_size = -1  # -1: not even the file itself would survive a power loss

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes."""
        count = bisect_right(self.starts, size)
        del self.pieces[count:]
        del self.starts[count:]
        if count:
            kept = size - self.starts[-1]
            if kept:
                self.pieces[-1] = self.pieces[-1][:kept]
            else:
                del self.pieces[-1], self.starts[-1]
        self.size = size
        self.durable_size = min(self.durable_size, size)


class MemoryStorage:
    """A storage in memory, which keeps what is appended by reference, without a copy.

    So whoever appends a buffer must not write to it afterwards.
    """

    __slots__ = ("_directories", "_files")

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        # File names by directory: a broker with thousands of partitions lists one at a time.
        self._directories: dict[str, dict[str, None]] = {}

    def append(self, name: str, data: Buffer) -> int:
        """Keep a reference to `data`; see `Storage`."""
        file = self._files.get(name)
        if file is None:
            file = self._add(name, _File())
        position = file.size
        size = len(data)
        if size:
            file.pieces.append(data if type(data) is memoryview else memoryview(data))
            file.starts.append(position)
            file.size = position + size
        return position

    def read(self, name: str, position: int, size: int) -> list[memoryview]:
        """Return views of the appended buffers; see `Storage`."""
        file = self._files.get(name)
        if file is None or position >= file.size or size <= 0:
            return []
        end = min(position + size, file.size)
        pieces: list[memoryview] = []
        for index in range(bisect_right(file.starts, position) - 1, len(file.pieces)):
            start = file.starts[index]
            if start >= end:
                break
            piece = file.pieces[index]
            pieces.append(piece[max(0, position - start) : end - start])
        return pieces

    def size(self, name: str) -> int:
        """Return the written size; see `Storage`."""
        file = self._files.get(name)
        return 0 if file is None else file.size

    def durable_size(self, name: str) -> int:
        """Return how many bytes of the file a power loss would leave."""
        file = self._files.get(name)
        return 0 if file is None else max(file.durable_size, 0)

    def fsync(self, name: str) -> None:
        """Count everything written to the file as durable; see `Storage`."""
        file = self._files.get(name)
        if file is None:
            raise BrokerBug(f"fsync of {name}, which does not exist")
        file.durable_size = file.size

    def truncate(self, name: str, size: int) -> None:
        """Drop what lies behind `size`; see `Storage`."""
        file = self._files.get(name)
        if file is None or not 0 <= size <= file.size:
            raise BrokerBug(f"truncate of {name} to {size} of {self.size(name)} bytes")
        file.cut(size)

    def rename(self, old: str, new: str) -> None:
        """Move the file; see `Storage`."""
        file = self._files.get(old)
        if file is None:
            raise BrokerBug(f"rename of {old}, which does not exist")
        self.delete(old)
        self._add(new, file)

    def delete(self, name: str) -> None:
        """Forget the file; see `Storage`."""
        if self._files.pop(name, None) is not None:
            directory = _directory(name)
            names = self._directories[directory]
            del names[name]
            if not names:
                del self._directories[directory]

    def list(self, prefix: str) -> list[str]:
        """Return sorted names; cheap for a whole directory, i.e. a prefix ending in `/`."""
        names = self._directories.get(prefix, {}) if prefix.endswith("/") else self._files
        return sorted(name for name in names if name.startswith(prefix))

    def lose_unflushed(self, kept: Callable[[int], int] = lambda lost: 0) -> None:
        """Lose power: drop all that was not fsynced, and files that never were.

        Args:
            kept: of a file's tail of so many bytes, how many reached the disk all the same;
                asked for each file, in the order of their names.
        """
        for name, file in sorted(self._files.items()):
            durable = max(file.durable_size, 0)
            survives = durable + min(kept(file.size - durable), file.size - durable)
            if file.durable_size < 0 and not survives:
                self.delete(name)
            else:
                file.cut(survives)
                file.durable_size = survives

    def _add(self, name: str, file: _File) -> _File:
        self._files[name] = file
        self._directories.setdefault(_directory(name), {})[name] = None
        return file


def _directory(name: str) -> str:
    return name[: name.rfind("/") + 1]
