"""A storage in a real directory: what a broker in a process of its own keeps its logs in.

`<topic>-<partition>/<file>` is a file of that name. A process that dies keeps all it has
appended; a machine that loses power keeps what was fsynced, and every cut, rename and deletion.
Sizes and names are held in memory, so that only data costs a system call. All calls block,
fsync too: docs/design/0013. Counterpart: org.apache.kafka.common.record.FileRecords.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

from minikafka.base.errors import BrokerBug
from minikafka.log.storage import Buffer

__all__ = ["FileStorage", "fsync_directory"]

DESCRIPTORS_MAX = 256
"""Files held open at a time; the one that was used least recently is closed for another."""


class _File:
    """What is known of one file without asking the file system."""

    __slots__ = ("entry_durable", "size")

    def __init__(self, size: int, *, entry_durable: bool) -> None:
        self.size = size
        self.entry_durable = entry_durable  # False: a power loss may take the file itself


class FileStorage:
    """Named files below a directory, see `Storage`.

    Args:
        root: an existing directory. What is there is taken over; nobody else may write there
            while this is in use.
        ignored: names in `root` itself that are none of a storage's files.

    Raises:
        OSError: from any call, as the file system says it; a failed append leaves nothing.
    """

    def __init__(self, root: Path, *, ignored: tuple[str, ...] = ()) -> None:
        self._root = root
        self._files: dict[str, _File] = {}
        # Names by directory, as a broker with thousands of partitions lists one at a time.
        self._directories: dict[str, dict[str, None]] = {}
        self._descriptors: OrderedDict[str, int] = OrderedDict()
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if name not in ignored and path.is_file():
                # Whoever wrote it may have died before it was made durable.
                self._add(name, _File(path.stat().st_size, entry_durable=False))

    def close(self) -> None:
        """Close all files; nothing more is flushed than was. The storage is not used on."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def append(self, name: str, data: Buffer) -> int:
        """Write `data` with one system call, as a rule; see `Storage`."""
        file = self._files.get(name)
        if file is None:
            file = self._create(name)
        position = file.size
        left = memoryview(data)
        descriptor = self._open(name)
        try:
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError:
            os.ftruncate(descriptor, position)
            raise
        file.size = position + len(data)
        return position

    def read(self, name: str, position: int, size: int) -> list[memoryview]:
        """Return a copy of that part of the file, in one piece; see `Storage`."""
        file = self._files.get(name)
        if file is None or position >= file.size or size <= 0:
            return []
        left = min(size, file.size - position)
        descriptor = self._open(name)
        pieces = []
        while left and (piece := os.pread(descriptor, left, position)):
            pieces.append(memoryview(piece))
            position += len(piece)
            left -= len(piece)
        if left:
            raise BrokerBug(f"{name} is {left} bytes shorter than it was")
        return pieces

    def size(self, name: str) -> int:
        """Return the written size; see `Storage`."""
        file = self._files.get(name)
        return 0 if file is None else file.size

    def fsync(self, name: str) -> None:
        """Flush the file, and its name once; blocks until the disk has it. See `Storage`."""
        file = self._files.get(name)
        if file is None:
            raise BrokerBug(f"fsync of {name}, which does not exist")
        os.fsync(self._open(name))
        if not file.entry_durable:
            self._fsync_entries(name)

    def truncate(self, name: str, size: int) -> None:
        """Cut the file and flush it; see `Storage`."""
        file = self._files.get(name)
        if file is None or not 0 <= size <= file.size:
            raise BrokerBug(f"truncate of {name} to {size} of {self.size(name)} bytes")
        descriptor = self._open(name)
        os.ftruncate(descriptor, size)
        file.size = size
        self.fsync(name)

    def rename(self, old: str, new: str) -> None:
        """Move the file over whatever is there and flush both directories; see `Storage`."""
        file = self._files.get(old)
        if file is None:
            raise BrokerBug(f"rename of {old}, which does not exist")
        self._shut(old)
        self._shut(new)
        self._make_directory(new)
        os.replace(self._path(old), self._path(new))
        self._forget(old)
        self._forget(new)
        self._add(new, file)
        self._fsync_entries(new)
        if _directory(old) != _directory(new):
            self._left(_directory(old))

    def delete(self, name: str) -> None:
        """Remove the file, and its directory with the last one; see `Storage`."""
        if name in self._files:
            self._shut(name)
            self._path(name).unlink()
            self._forget(name)
            self._left(_directory(name))

    def list(self, prefix: str) -> list[str]:
        """Return sorted names; cheap for a whole directory, i.e. a prefix ending in `/`."""
        names = self._directories.get(prefix, {}) if prefix.endswith("/") else self._files
        return sorted(name for name in names if name.startswith(prefix))

    # --- inside ---

    def _path(self, name: str) -> Path:
        return self._root / name

    def _create(self, name: str) -> _File:
        if name.startswith("/") or ".." in name.split("/"):
            raise BrokerBug(f"{name!r} is no name of a file of a log")
        self._make_directory(name)
        file = _File(0, entry_durable=False)
        self._add(name, file)
        return file

    def _make_directory(self, name: str) -> None:
        if _directory(name) not in self._directories:
            self._path(name).parent.mkdir(parents=True, exist_ok=True)

    def _open(self, name: str) -> int:
        """Return the file's descriptor, made if there is no such file."""
        descriptors = self._descriptors
        descriptor = descriptors.get(name)
        if descriptor is not None:
            descriptors.move_to_end(name)
            return descriptor
        if len(descriptors) >= DESCRIPTORS_MAX:
            os.close(descriptors.popitem(last=False)[1])
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = descriptors[name] = os.open(self._path(name), flags, 0o644)
        return descriptor

    def _shut(self, name: str) -> None:
        descriptor = self._descriptors.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    def _fsync_entries(self, name: str) -> None:
        """Make durable that the files of a directory are there, and the directory too."""
        directory = self._path(name).parent
        fsync_directory(directory)
        if directory != self._root:
            fsync_directory(directory.parent)
        self._files[name].entry_durable = True

    def _left(self, directory: str) -> None:
        """Make durable that a file has gone from a directory; an empty one goes as well."""
        path = self._root / directory
        if directory and directory not in self._directories:
            path.rmdir()
            path = path.parent
        fsync_directory(path)

    def _add(self, name: str, file: _File) -> None:
        self._files[name] = file
        self._directories.setdefault(_directory(name), {})[name] = None

    def _forget(self, name: str) -> None:
        if self._files.pop(name, None) is not None:
            directory = _directory(name)
            names = self._directories[directory]
            del names[name]
            if not names:
                del self._directories[directory]


def fsync_directory(path: Path) -> None:
    """Make durable which names a directory holds."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _directory(name: str) -> str:
    return name[: name.rfind("/") + 1]
