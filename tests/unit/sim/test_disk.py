"""A disk that is slow, full, failing and forgetful."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from minikafka.log.storage import MemoryStorage
from minikafka.sim.disk import SimDisk
from minikafka.sim.loop import SimLoop
from minikafka.sim.world import simulate


def with_disk(work: Callable[[SimLoop, SimDisk], Any], seed: int = 1) -> Any:
    """Return what `work(loop, disk)` does on a simulated host with a disk."""

    async def main() -> Any:
        loop = cast("SimLoop", asyncio.get_running_loop())
        host = loop.network.host("h")
        host.disk = disk = SimDisk(host, MemoryStorage(), Random(f"{seed}"))

        async def on_host() -> Any:
            return work(loop, disk)

        return await host.spawn(on_host())

    outcome = simulate(main, seed=seed)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def content(disk: SimDisk, name: str) -> bytes:
    """Return all bytes of a file."""
    return b"".join(disk.read(name, 0, disk.size(name)))


def test_power_loss_keeps_what_was_flushed_and_some_of_the_rest() -> None:
    """The durable part stays; of the tail any first part may, torn in the middle."""

    def work(loop: SimLoop, disk: SimDisk) -> int:
        disk.append("f", b"durable")
        disk.fsync("f")
        disk.append("f", b"0123456789")
        loop.network.host("h").crash("power")
        left = content(disk, "f")
        assert b"durable0123456789".startswith(left)
        assert left.startswith(b"durable")
        return len(left)

    lengths = {with_disk(work, seed) for seed in range(30)}
    assert len(lengths) > 5


def test_kill_keeps_everything_written() -> None:
    """A dead process has left its writes to the kernel."""

    def work(loop: SimLoop, disk: SimDisk) -> bytes:
        disk.append("f", b"written")
        loop.network.host("h").crash("kill")
        return content(disk, "f")

    assert with_disk(work) == b"written"


def test_disk_that_forgets_fsync_loses_what_it_promised() -> None:
    """With such hardware even flushed bytes may go."""

    def work(loop: SimLoop, disk: SimDisk) -> bytes:
        disk.forgets_fsync = True
        disk.append("f", b"promised")
        disk.fsync("f")
        loop.network.host("h").crash("power")
        return content(disk, "f")

    assert min(len(with_disk(work, seed)) for seed in range(20)) < len(b"promised")


def test_slow_fsync_holds_up_the_process() -> None:
    """An fsync that takes a second takes it from everything on that host."""

    def work(loop: SimLoop, disk: SimDisk) -> float:
        disk.append("f", b"x")
        disk.fsync_s = (1.0, 1.0)
        disk.fsync("f")
        return loop.time()

    assert with_disk(work) == pytest.approx(1.0)


@pytest.mark.parametrize("operation", ["append", "fsync", "rename", "truncate", "read"])
def test_failing_operation_raises_once(operation: str) -> None:
    """The next call fails with the code asked for, the one after it works."""

    def work(loop: SimLoop, disk: SimDisk) -> None:
        disk.append("f", b"x")
        disk.fail_next(operation, errno.EIO)
        calls: dict[str, Callable[[], Any]] = {
            "append": lambda: disk.append("f", b"y"),
            "fsync": lambda: disk.fsync("f"),
            "rename": lambda: disk.rename("f", "g"),
            "truncate": lambda: disk.truncate("f", 1),
            "read": lambda: disk.read("f", 0, 1),
        }
        with pytest.raises(OSError, match="Input/output error") as caught:
            calls[operation]()
        assert caught.value.errno == errno.EIO
        calls[operation]()

    with_disk(work)


def test_full_disk_refuses_to_grow() -> None:
    """Beyond its capacity a disk says ENOSPC, and holds what it held."""

    def work(loop: SimLoop, disk: SimDisk) -> bytes:
        disk.capacity_bytes = 4
        disk.append("f", b"1234")
        with pytest.raises(OSError, match="No space left") as caught:
            disk.append("f", b"5")
        assert caught.value.errno == errno.ENOSPC
        return content(disk, "f")

    assert with_disk(work) == b"1234"


def test_mended_disk_works() -> None:
    """What was asked to fail and did not yet is forgiven."""

    def work(loop: SimLoop, disk: SimDisk) -> bytes:
        disk.fail_next("append")
        disk.capacity_bytes = 0
        disk.mend()
        disk.append("f", b"x")
        return content(disk, "f")

    assert with_disk(work) == b"x"
