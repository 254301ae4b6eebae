"""One thread with one event loop, for synchronous callers; knows nothing of clusters.

Rules of this file: whatever `open_` acquires on the loop, `close_` gives back on the same loop;
after `close` the thread has ended; nobody may block the loop by waiting for it from within.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")
P = ParamSpec("P")


class LoopThread:
    """One thread that runs one event loop, from `start` to `close`.

    Whatever `open_` acquires, `close_` gives back on the same loop.
    """

    def __init__(
        self,
        open_: Callable[[], Coroutine[None, None, None]],
        close_: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        self._open = open_
        self._close = close_
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None

    def start(self) -> None:
        """The loop runs and `open_` is done; what it raised is raised here."""
        if self._thread is not None:
            raise RuntimeError("the cluster was started before")
        started: Future[None] = Future()
        # Daemon: a program that forgets to close its cluster can still end.
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="minikafka", daemon=True
        )
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """`close_` is done and the thread has ended. Twice is once."""
        thread, loop, closing = self._thread, self._loop, self._closing
        if thread is None:
            return
        self._refuse_own_thread()
        if loop is not None and closing is not None and thread.is_alive():
            # RuntimeError: the loop ended by itself between the question and the call.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(closing.set)
        thread.join()
        self._loop = None

    def run(self, coroutine: Coroutine[None, None, T]) -> T:
        """Return what the coroutine returns, run on the loop."""
        try:
            loop = self._running_loop()
        except RuntimeError:
            coroutine.close()
            raise
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a plain function returns, called on the loop."""

        async def called() -> T:
            return function(*args, **kwargs)

        return self.run(called())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the cluster is not running")
        self._refuse_own_thread()
        return self._loop

    def _refuse_own_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("Cluster blocks: on the cluster's own loop use AsyncCluster")

    def _run(self, started: Future[None]) -> None:
        try:
            asyncio.run(self._live(started))
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            else:
                raise

    async def _live(self, started: Future[None]) -> None:
        await self._open()
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        started.set_result(None)
        await self._closing.wait()
        await self._close()
