"""Where requests wait: conditions that wake them, and deadlines that end them.

The only waiting room of a broker. A condition belongs to what changes (a partition's log end,
its watermark, the metadata image) and knows who watches; nothing polls. Counterpart: Kafka's
DelayedOperationPurgatory, with a heap instead of a timing wheel (docs/design/0006).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, TypeAlias, TypeVar

from minikafka.base.clock import Clock
from minikafka.base.deferred import Deferred
from minikafka.net.turns import Turns

__all__ = ["Alarm", "Condition", "Delayed", "Purgatory", "Watcher", "settled"]

T = TypeVar("T")

_Entry: TypeAlias = list[Any]
"""Deadline, number, and the operation; None for that once it is done, so that it is let go."""


class Watcher:
    """Someone who hears of a condition, for as long as it stands in its table."""

    __slots__ = ()

    def on_wake(self, condition: Condition) -> None:
        """Hear that what `condition` stands for has changed."""
        raise NotImplementedError


class Condition:
    """Something that changes, and who wants to hear of it, in the order of their arrival.

    Args:
        owner: whatever the watchers need to know what changed.
    """

    __slots__ = ("owner", "watchers")

    def __init__(self, owner: object = None) -> None:
        self.owner = owner
        self.watchers: dict[Watcher, None] = {}

    def wake(self) -> None:
        """Tell every watcher of this moment; those who come meanwhile wait for the next."""
        if self.watchers:
            for watcher in tuple(self.watchers):
                watcher.on_wake(self)


class Delayed(Watcher):
    """One waiting request: done by a condition, or by its deadline, but once.

    A subclass answers in `try_complete` when it can, returning True, and in `expire`.
    """

    __slots__ = ("conditions", "done", "entry")

    def __init__(self) -> None:
        self.done = False
        self.conditions: tuple[Condition, ...] = ()
        self.entry: _Entry | None = None

    def try_complete(self) -> bool:
        """Answer if what is waited for has come true; say so."""
        raise NotImplementedError

    def expire(self) -> None:
        """Answer because the deadline has come."""
        raise NotImplementedError

    def on_wake(self, condition: Condition) -> None:
        """Look again. A wake and a deadline on the same tick: the wake wins."""
        if not self.done and self.try_complete():
            self.finish()

    def finish(self) -> None:
        """Leave all tables."""
        self.done = True
        if self.entry is not None:
            self.entry[2] = None
        for condition in self.conditions:
            condition.watchers.pop(self, None)


class Alarm(Delayed):
    """Waits for nothing but its deadline, monotonic milliseconds, and calls `action` then."""

    __slots__ = ("_action", "deadline_ms")

    def __init__(self, deadline_ms: int, action: Callable[[], None]) -> None:
        super().__init__()
        self.deadline_ms = deadline_ms
        self._action = action

    def try_complete(self) -> bool:
        """Return False: only time completes it."""
        return False

    def expire(self) -> None:
        """Call."""
        self._action()


class Purgatory:
    """Deadlines of all waiting requests of one broker, on one timer.

    Args:
        clock: the broker's; deadlines are on its monotonic milliseconds.
        loop: runs the one timer.
        turns: of who sends the answers: those that a deadline causes leave in its turn.
    """

    def __init__(
        self,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        turns: Turns | None = None,
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._expire = partial((turns or Turns(loop)).entered, self._on_timer)
        self._heap: list[_Entry] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._sweep_at = 256

    def watch(
        self, operation: Delayed, conditions: Iterable[Condition], deadline_ms: int
    ) -> None:
        """Let `operation` wait; the caller has just seen that it cannot be answered yet.

        Args:
            deadline_ms: monotonic; a past one ends the wait on the next turn of the loop.
        """
        operation.conditions = tuple(conditions)
        for condition in operation.conditions:
            condition.watchers[operation] = None
        self._count += 1
        operation.entry = [deadline_ms, self._count, operation]
        heappush(self._heap, operation.entry)
        if self._timer is None or deadline_ms < self._timer_ms:
            self._arm()
        if len(self._heap) > self._sweep_at:
            self._sweep()

    def wait(
        self,
        predicate: Callable[[], bool],
        conditions: Iterable[Condition],
        deadline_ms: int,
    ) -> Deferred[bool]:
        """Return a value that becomes True once `predicate` holds, False at the deadline."""
        answer: Deferred[bool] = Deferred()
        if predicate():
            answer.set(True)
        else:
            self.watch(_Predicate(predicate, answer), conditions, deadline_ms)
        return answer

    def close(self) -> None:
        """End the timer and let everything go unanswered: the broker is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, _, operation in self._heap:
            if operation is not None:
                operation.finish()
        self._heap.clear()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        heap = self._heap
        while heap and heap[0][2] is None:
            heappop(heap)
        if heap:
            self._timer_ms = heap[0][0]
            delay_ms = max(0, self._timer_ms - self._clock.monotonic_ms())
            self._timer = self._loop.call_later(delay_ms / 1000, self._expire)

    def _on_timer(self) -> None:
        self._timer = None
        now_ms = self._clock.monotonic_ms()
        heap = self._heap
        while heap and (heap[0][0] <= now_ms or heap[0][2] is None):
            operation = heappop(heap)[2]
            if operation is not None:
                operation.finish()
                operation.expire()
        self._arm()

    def _sweep(self) -> None:
        """Drop what is done but whose deadline is far: acks=all waits are short, theirs long."""
        self._heap = [entry for entry in self._heap if entry[2] is not None]
        heapify(self._heap)
        self._sweep_at = max(256, 2 * len(self._heap))


class _Predicate(Delayed):
    __slots__ = ("_answer", "_predicate")

    def __init__(self, predicate: Callable[[], bool], answer: Deferred[bool]) -> None:
        super().__init__()
        self._predicate = predicate
        self._answer = answer

    def try_complete(self) -> bool:
        if not self._predicate():
            return False
        self._answer.set(True)
        return True

    def expire(self) -> None:
        self._answer.set(False)


async def settled(deferred: Deferred[T]) -> T:
    """Wait for `deferred` and return its value, or raise its error.

    Cancellation: safe at any point; the value is dropped then.
    """
    if not deferred.done:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        deferred.on_done(lambda _: None if future.done() else future.set_result(None))
        await future
    return deferred.result()
