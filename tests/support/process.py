"""What this process holds: sockets, memory, threads, tasks; read from the kernel and asyncio.

For tests that nothing is left behind. Linux only, where /proc is; skipped elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from pathlib import Path

import pytest

__all__ = ["live_tasks", "needs_proc", "resident_bytes", "socket_count", "thread_names"]

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")


def socket_count() -> int:
    """Return how many sockets this process has open, listening ones and clients' included."""
    count = 0
    for descriptor in os.listdir("/proc/self/fd"):
        # The listing's own descriptor is gone by now, and others may be closed meanwhile.
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    return count


def resident_bytes() -> int:
    """Return the resident memory of this process, after a full collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def thread_names() -> list[str]:
    """Return the names of all Python threads, sorted; a client library's native ones are not."""
    return sorted(thread.name for thread in threading.enumerate())


def live_tasks() -> list[str]:
    """Return the tasks of any loop that are not done, whichever thread made them."""
    return [
        str(each) for each in gc.get_objects() if type(each) is asyncio.Task and not each.done()
    ]
