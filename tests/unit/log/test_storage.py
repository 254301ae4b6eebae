"""Tests of minikafka.log.storage: what every storage must do, and what memory adds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.cluster.file_storage import FileStorage
from minikafka.log.fail_stop import FailStopStorage
from minikafka.log.storage import MemoryStorage, Storage


@pytest.fixture(params=["memory", "fail-stop", "files"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Every storage there is: the tests that ask for this one are its conformance suite."""
    if request.param == "files":
        files = FileStorage(tmp_path)
        yield files
        files.close()
    elif request.param == "fail-stop":
        yield FailStopStorage(MemoryStorage(), pytest.fail)
    else:
        yield MemoryStorage()


def _read(storage: Storage, name: str, position: int = 0, size: int = 1_000) -> bytes:
    return b"".join(storage.read(name, position, size))


def test_appends_follow_one_another(storage: Storage) -> None:
    """Each append says where it starts, and the file grows by it."""
    assert storage.append("a/1", b"abc") == 0
    assert storage.append("a/1", b"") == 3
    assert storage.append("a/1", memoryview(b"de")) == 3
    assert storage.size("a/1") == 5
    assert _read(storage, "a/1") == b"abcde"


@pytest.mark.parametrize("position", range(9))
@pytest.mark.parametrize("size", [0, 1, 3, 100])
def test_reads_return_any_part(storage: Storage, position: int, size: int) -> None:
    """Reads cross the borders of appends and stop at the end."""
    for piece in (b"ab", b"cde", b"fgh"):
        storage.append("a/1", piece)
    assert _read(storage, "a/1", position, size) == b"abcdefgh"[position : position + size]


@pytest.mark.parametrize("size", range(9))
def test_truncated_file_goes_on_from_there(storage: Storage, size: int) -> None:
    """What is behind the cut is gone, wherever it falls; appends continue at it."""
    for piece in (b"ab", b"cde", b"fgh"):
        storage.append("a/1", piece)
    storage.truncate("a/1", size)
    assert storage.append("a/1", b"XY") == size
    assert _read(storage, "a/1") == b"abcdefgh"[:size] + b"XY"


def test_truncation_cannot_grow_a_file(storage: Storage) -> None:
    """Cutting to more than there is is a mistake of the caller."""
    storage.append("a/1", b"abc")
    with pytest.raises(BrokerBug):
        storage.truncate("a/1", 4)


def test_missing_file_is_empty(storage: Storage) -> None:
    """Size and reads of a file that is not there say nothing is there."""
    assert storage.size("a/1") == 0
    assert storage.read("a/1", 0, 10) == []
    storage.delete("a/1")


def test_empty_append_makes_the_file(storage: Storage) -> None:
    """A file may exist without a byte."""
    storage.append("a/1", b"")
    assert storage.list("a/") == ["a/1"]


def test_rename_replaces(storage: Storage) -> None:
    """The new name holds the old content, and its own is gone."""
    storage.append("a/new", b"1")
    storage.append("a/old", b"2")
    storage.rename("a/new", "a/old")
    assert storage.list("a/") == ["a/old"]
    assert _read(storage, "a/old") == b"1"


def test_lists_are_sorted_and_of_the_prefix(storage: Storage) -> None:
    """A directory lists its own files; any other prefix lists all that start with it."""
    for name in ("t-1/b", "t-10/a", "t-1/a", "u"):
        storage.append(name, b"x")
    storage.delete("t-10/a")
    storage.append("t-10/c", b"x")
    assert storage.list("t-1/") == ["t-1/a", "t-1/b"]
    assert storage.list("t-1") == ["t-1/a", "t-1/b", "t-10/c"]
    assert storage.list("") == ["t-1/a", "t-1/b", "t-10/c", "u"]


def test_memory_keeps_references() -> None:
    """The bytes read are those appended, not copies."""
    storage = MemoryStorage()
    data = bytearray(b"abc")
    storage.append("a/1", memoryview(data))
    assert storage.read("a/1", 1, 1)[0].obj is data


def test_power_loss_takes_what_was_not_fsynced() -> None:
    """Written is not durable: only the fsynced prefix is left."""
    storage = MemoryStorage()
    storage.append("a/1", b"abc")
    storage.fsync("a/1")
    storage.append("a/1", b"de")
    storage.append("a/2", b"never fsynced")
    assert storage.durable_size("a/1") == 3
    storage.lose_unflushed()
    assert _read(storage, "a/1") == b"abc"
    assert storage.list("a/") == ["a/1"]


def test_torn_write_leaves_a_part_of_the_tail() -> None:
    """A power loss in the middle of a write can leave some of it."""
    storage = MemoryStorage()
    storage.append("a/1", b"abc")
    storage.fsync("a/1")
    storage.append("a/1", b"defg")
    storage.lose_unflushed(lambda lost: 2)
    assert _read(storage, "a/1") == b"abcde"


def test_truncation_takes_back_durability() -> None:
    """What is appended behind a cut is not durable because its position once was."""
    storage = MemoryStorage()
    storage.append("a/1", b"abcdef")
    storage.fsync("a/1")
    storage.truncate("a/1", 2)
    storage.append("a/1", b"XYZ")
    storage.lose_unflushed()
    assert _read(storage, "a/1") == b"ab"
