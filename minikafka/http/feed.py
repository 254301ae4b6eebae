"""The feed of events: one task looks at the cluster while anybody listens.

Ten looks a second at most, whatever happens meanwhile: whoever reads this is a person or a
test that waits for the end of something. A listener that does not keep up is let go, for a
queue without bound would hold what nobody reads.
"""

from __future__ import annotations

import asyncio
import contextlib

from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.overview import Overview
from minikafka.http.changes import Event, changes

__all__ = ["Feed", "Listener"]

LOOK_SECONDS = 0.1
QUEUE_EVENTS_MAX = 2_000


class Listener:
    """Someone who is told: events in order, then None where the feed has let go of it."""

    def __init__(self, first: Event) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._gone = False
        self.tell(first)

    def tell(self, event: Event | None) -> None:
        """Pass an event on; the last one is None."""
        if self._gone:
            return
        if event is not None and self._queue.qsize() >= QUEUE_EVENTS_MAX:
            event = None
        self._gone = event is None
        self._queue.put_nowait(event)

    @property
    def gone(self) -> bool:
        """True once it has been let go of."""
        return self._gone

    async def next(self, timeout: float) -> Event | None:
        """Return the next event; None is the last. Raises TimeoutError.

        Cancellation: safe at any point.
        """
        async with asyncio.timeout(timeout):
            return await self._queue.get()


class Feed:
    """Tells listeners what happens to a cluster.

    Args:
        listeners_max: bound of those who listen at a time.
    """

    def __init__(self, cluster: AsyncCluster, listeners_max: int) -> None:
        self._cluster = cluster
        self._listeners: list[Listener] = []
        self._listeners_max = listeners_max
        self._task: asyncio.Task[None] | None = None
        self._latest: Overview | None = None

    @property
    def full(self) -> bool:
        """True where one more listener would be one too many."""
        return len(self._listeners) >= self._listeners_max

    def listen(self) -> Listener:
        """Return a listener; its first event is `hello`, with the leaders and ISRs of now."""
        if self._task is None or self._task.done() or self._latest is None:
            self._latest = self._cluster.overview()
            self._task = asyncio.get_running_loop().create_task(self._look(self._latest))
        listener = Listener(_hello(self._latest))
        self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener. Twice is once."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, event: Event) -> None:
        """Tell everyone of something that cannot be seen by looking."""
        for listener in self._listeners:
            listener.tell(event)

    async def close(self) -> None:
        """Everyone has been let go of, and nobody looks any more. Twice is once."""
        for listener in self._listeners:
            listener.tell(None)
        self._listeners.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _look(self, before: Overview) -> None:
        """Look and tell, while there is anybody to tell; nobody waits for one who has failed."""
        try:
            while self._listeners:
                await asyncio.sleep(LOOK_SECONDS)
                now = self._cluster.overview()
                for event in changes(before, now):
                    self.tell(event)
                before = self._latest = now
                self._listeners = [each for each in self._listeners if not each.gone]
        finally:
            for listener in self._listeners:
                listener.tell(None)
            self._listeners.clear()


def _hello(state: Overview) -> Event:
    return Event(
        "hello",
        {
            "cluster_id": state.cluster_id,
            "controller": state.controller,
            "brokers": [
                {"id": each.id, "state": each.condition, "fenced": each.fenced}
                for each in state.brokers
            ],
            "partitions": [
                {
                    "topic": each.topic,
                    "partition": each.partition,
                    "leader": each.leader,
                    "leader_epoch": each.leader_epoch,
                    "isr": sorted(each.isr),
                }
                for topic in state.topics.values()
                for each in topic.partitions
            ],
        },
    )
