"""Deadlines with a name: what happens in a group when nobody comes. Counterpart: CoordinatorTimer."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import Decision, Moment

__all__ = ["RETRY_MS", "Action", "TimerKey", "Timers"]

RETRY_MS = 500
"""After how long the log is asked again to take what was due; as in Kafka's timers."""
_SLACK = 64

TimerKey: TypeAlias = tuple[str, ...]
Action: TypeAlias = Callable[[Moment], Decision[None]]


class Timers:
    """At most one deadline for each key; those due come in order, the earlier set first."""

    def __init__(self) -> None:
        self._set: dict[TimerKey, tuple[int, int, Action]] = {}
        self._heap: list[tuple[int, int, TimerKey]] = []
        self._count = 0

    def schedule(self, key: TimerKey, deadline_ms: int, action: Action) -> None:
        """Let `action` be due at `deadline_ms`, in place of what the key stood for."""
        self._count += 1
        self._set[key] = (deadline_ms, self._count, action)
        heappush(self._heap, (deadline_ms, self._count, key))
        if len(self._heap) > 2 * len(self._set) + _SLACK:
            # Every commit and every heartbeat leaves an entry behind.
            self._heap = [(due, number, name) for name, (due, number, _) in self._set.items()]
            heapify(self._heap)

    def schedule_until_taken(self, key: TimerKey, deadline_ms: int, action: Action) -> None:
        """As `schedule`; and what is due is so again for as long as the log does not take it.

        Unless something else is due for the key by then.
        """

        def act(now: Moment) -> Decision[None]:
            decision = action(now)
            if not decision.records:
                return decision

            def settled(error: ErrorCode, then: Moment) -> None:
                again = error is not ErrorCode.NONE and not self.is_set(key)
                if decision.settled is not None:
                    decision.settled(error, then)
                if again:
                    self.schedule_until_taken(key, then.ms + RETRY_MS, action)

            replays = decision.replays or decision.settled is None
            return Decision(decision.records, None, settled, replays)

        self.schedule(key, deadline_ms, act)

    def is_set(self, key: TimerKey) -> bool:
        """Say whether something will be due for the key."""
        return key in self._set

    def cancel(self, key: TimerKey) -> None:
        """Let nothing be due for the key."""
        self._set.pop(key, None)

    def clear(self) -> None:
        """Let nothing be due."""
        self._set.clear()
        self._heap.clear()

    def next_deadline_ms(self) -> int | None:
        """Return when the next action is due; None for never."""
        heap = self._heap
        while heap:
            deadline_ms, number, key = heap[0]
            current = self._set.get(key)
            if current is not None and current[1] == number:
                return deadline_ms
            heappop(heap)
        return None

    def take_due(self, now_ms: int) -> Action | None:
        """Take the first action whose deadline has come, None while there is none."""
        deadline_ms = self.next_deadline_ms()
        if deadline_ms is None or deadline_ms > now_ms:
            return None
        _, _, key = heappop(self._heap)
        return self._set.pop(key)[2]
