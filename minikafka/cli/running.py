"""Running a command's coroutine so that SIGINT and SIGTERM end it in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine

__all__ = ["run_until_signal"]


def run_until_signal(work: Coroutine[None, None, int]) -> int:
    """Return what `work` returns, or 0 where a signal cancelled it and it cleaned up."""
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        return asyncio.run(_signalled(work))
    return 0


async def _signalled(work: Coroutine[None, None, int]) -> int:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not on Windows: there Ctrl-C arrives as KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    return await work
