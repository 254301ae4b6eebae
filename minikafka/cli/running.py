"""Running a command's coroutine so that signals and closed pipes end it in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine

__all__ = ["run_until_signal"]


def run_until_signal(work: Coroutine[None, None, int]) -> int:
    """Return what `work` returns, or 0 where a signal cancelled it and it cleaned up.

    Also 0 where nobody reads our output any more, as in `consume | head`.
    """
    try:
        return asyncio.run(_signalled(work))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return 0
    except BrokenPipeError:
        # Python flushes stdout once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
