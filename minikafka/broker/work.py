"""What a broker does besides answering: tasks and timers, which end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from minikafka.base.deferred import Deferred
from minikafka.base.errors import KafkaError
from minikafka.net.channel import ChannelClosed

__all__ = ["Work"]

T = TypeVar("T")


class Work:
    """The tasks and timers of one broker.

    Args:
        name: of the broker, for messages.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._name = name
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Run `coroutine` as a task of this broker; the value comes in the turn it ends."""
        answer: Deferred[T] = Deferred()

        async def run() -> None:
            try:
                value = await coroutine
            except asyncio.CancelledError as error:
                answer.fail(error)
                raise
            except Exception as error:  # noqa: BLE001 - whoever waits for the value hears of it
                answer.fail(error)
                return
            answer.set(value)

        def ended(done: asyncio.Task[None]) -> None:
            self._tasks.pop(done, None)
            if not answer.done:
                # Cancelled before its first step.
                coroutine.close()
                answer.fail(asyncio.CancelledError())

        task = self._loop.create_task(run())
        self._tasks[task] = None
        task.add_done_callback(ended)
        return answer

    def keep_going(self, what: str, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run what only `stop` may end; let nobody miss it if it ends by itself."""

        def ended(done: Deferred[None]) -> None:
            try:
                done.result()
            except asyncio.CancelledError:
                return
            except Exception as error:  # noqa: BLE001 - handed to the loop's own handler
                message = f"{self._name} has no {what} any more"
                self._loop.call_exception_handler({"message": message, "exception": error})

        self.spawn(coroutine).on_done(ended)

    def every(self, name: str, interval_ms: int, action: Callable[[], None]) -> None:
        """Call `action` again and again, the first time after one interval."""

        def fire() -> None:
            self._timers[name] = self._loop.call_later(interval_ms / 1000, fire)
            action()

        self._timers[name] = self._loop.call_later(interval_ms / 1000, fire)

    async def stop(self) -> None:
        """End all of it, and wait until no task is left."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except (asyncio.CancelledError, ChannelClosed, KafkaError):
                continue
