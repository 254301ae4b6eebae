"""What a storage of files adds to what every storage does (tests/unit/log/test_storage.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.cluster import file_storage
from minikafka.cluster.file_storage import FileStorage
from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from tests.house.tree import ROOT
from tests.support.builders import append, open_log

SEGMENT = "orders-0/00000000000000000000.log"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[FileStorage]:
    """A storage in an empty directory."""
    made = FileStorage(tmp_path)
    yield made
    made.close()


def reopened(storage: FileStorage, root: Path) -> FileStorage:
    """Return what another process would find."""
    storage.close()
    return FileStorage(root)


def test_names_are_paths_below_the_root(storage: FileStorage, tmp_path: Path) -> None:
    """What is appended lies in a file of that name, where any tool can look at it."""
    storage.append(SEGMENT, b"abc")
    assert (tmp_path / SEGMENT).read_bytes() == b"abc"


@pytest.mark.parametrize("name", ["/tmp/x", "../x", "a/../../x"])
def test_names_never_lead_out_of_the_root(storage: FileStorage, name: str) -> None:
    """No name of a log says so; one that does is a bug."""
    with pytest.raises(BrokerBug):
        storage.append(name, b"x")


def test_another_process_finds_what_was_written(storage: FileStorage, tmp_path: Path) -> None:
    """Names, sizes and content are those of the files."""
    storage.append("a-0/1", b"abcdef")
    storage.truncate("a-0/1", 4)
    storage.append("b-0/2", b"x")
    storage.delete("b-0/2")
    write_checkpoint(storage, "a-0/state", "7")
    again = reopened(storage, tmp_path)
    assert again.list("") == ["a-0/1", "a-0/state"]
    assert again.append("a-0/1", b"XY") == 4
    assert b"".join(again.read("a-0/1", 0, 100)) == b"abcdXY"
    assert read_checkpoint(again, "a-0/state") == "7"
    again.close()


def test_directory_goes_with_its_last_file(storage: FileStorage, tmp_path: Path) -> None:
    """A deleted topic leaves nothing, and may come back under its name."""
    for name in ("a-0/1", "a-0/2"):
        storage.append(name, b"x")
    storage.delete("a-0/1")
    assert (tmp_path / "a-0").is_dir()
    storage.delete("a-0/2")
    assert list(tmp_path.iterdir()) == []
    storage.append("a-0/1", b"y")
    assert (tmp_path / "a-0/1").read_bytes() == b"y"


def test_more_files_than_may_be_open(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Descriptors are bounded; a file whose was closed is opened again, at its end."""
    monkeypatch.setattr(file_storage, "DESCRIPTORS_MAX", 3)
    for _ in range(2):
        for number in range(8):
            storage.append(f"t-{number}/1", b"ab")
    assert len(storage._descriptors) == 3
    assert all(storage.size(f"t-{number}/1") == 4 for number in range(8))
    assert all(b"".join(storage.read(f"t-{n}/1", 1, 2)) == b"ba" for n in range(8))


def test_failed_append_leaves_nothing(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle of a batch does not keep half of it."""
    storage.append("a-0/1", b"whole")
    write = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 4:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:2])

    monkeypatch.setattr(file_storage.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        storage.append("a-0/1", b"batch")
    monkeypatch.undo()
    assert storage.append("a-0/1", b"!") == 5
    assert b"".join(storage.read("a-0/1", 0, 100)) == b"whole!"


def test_names_are_made_durable_once(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first fsync of a file flushes its directory and the root too; later ones do not."""
    flushed: list[str] = []
    monkeypatch.setattr(file_storage, "fsync_directory", lambda path: flushed.append(path.name))
    storage.append("a-0/1", b"x")
    storage.fsync("a-0/1")
    assert flushed == ["a-0", storage._root.name]
    storage.append("a-0/1", b"y")
    storage.fsync("a-0/1")
    assert len(flushed) == 2


WRITER = """
import sys
from pathlib import Path
from minikafka.cluster.file_storage import FileStorage
from tests.support.builders import append, open_log
log = open_log(FileStorage(Path(sys.argv[1])), segment_bytes=2_000)
while True:
    append(log, 3)
    print(log.log_end_offset, flush=True)
"""


def test_killed_process_loses_nothing_it_has_written(tmp_path: Path) -> None:
    """SIGKILL at any moment: the log opens again, whole, with all that was appended."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 600:
                process.send_signal(signal.SIGKILL)
                break
        said = [int(line), *map(int, process.stdout.read().splitlines())]
    storage = FileStorage(tmp_path)
    log = open_log(storage, segment_bytes=2_000)
    log.check_invariants()
    assert log.log_end_offset >= said[-1]
    append(log, 1)
    storage.close()


def test_torn_batch_is_cut_off(storage: FileStorage, tmp_path: Path) -> None:
    """What a power loss has left of a batch is removed from the file when the log opens."""
    log = open_log(storage)
    append(log, 2)
    append(log, 2)
    whole = storage.size(SEGMENT)
    with (tmp_path / SEGMENT).open("ab") as file:
        file.write(bytes(log.all_bytes())[:70])
    again = open_log(reopened(storage, tmp_path))
    assert again.log_end_offset == 4
    assert (tmp_path / SEGMENT).stat().st_size == whole
