"""Running a command's coroutine so that signals and closed pipes end it in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Coroutine

__all__ = ["collect_rarely", "run_until_signal"]


def run_until_signal(work: Coroutine[None, None, int], *, hurry: bool = False) -> int:
    """Return what `work` returns, or 0 where a signal cancelled it and it cleaned up.

    Also 0 where nobody reads our output any more, as in `consume | head`.

    Args:
        hurry: a second signal ends the process at once, with the code that shells give it.
    """
    try:
        return asyncio.run(_signalled(work, hurry=hurry))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return 0
    except BrokenPipeError:
        # Python flushes stdout once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def collect_rarely() -> None:
    """Take what is here now for lasting, and look for garbage less often from now on.

    Batches are no cycles; looking through the logs every 700 allocations costs 15 % of a produce.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


async def _signalled(work: Coroutine[None, None, int], *, hurry: bool) -> int:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    signalled = False

    def end(number: int) -> None:
        nonlocal signalled
        if signalled and hurry:
            os._exit(128 + number)
        signalled = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        # Not on Windows: there Ctrl-C arrives as KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, end, number)
    return await work
