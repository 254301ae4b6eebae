"""The feed of events: one task looks at the cluster while anybody listens.

Ten looks a second at most, and fewer where a look takes long, whatever happens meanwhile: whoever
reads this is a person or a test that waits for the end of something. A listener that does not keep up is let go, for a
queue without bound would hold what nobody reads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.overview import Overview
from minikafka.http.changes import Event, changes, moved

__all__ = ["Feed", "Listener"]

LOOK_SECONDS = 0.1
REST = 4
"""How many times as long as a look took the brokers are left alone, at least."""

QUEUE_EVENTS_MAX = 20_000
"""A topic of a thousand partitions is five thousand events of one look."""


class Listener:
    """Someone who is told: events in order, and an end where the feed has let go of it.

    Args:
        offsets: whether it is told where all replicas stand, instead of each watermark.
    """

    def __init__(self, first: Event, *, offsets: bool = False) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._gone = False
        self.offsets = offsets
        self.tell(first)

    def tell(self, event: Event | None) -> None:
        """Pass an event on; the last one is None."""
        if self._gone or (event is not None and not self._wants(event)):
            return
        if event is not None and self._queue.qsize() >= QUEUE_EVENTS_MAX:
            event = None
        self._gone = event is None
        self._queue.put_nowait(event)

    @property
    def gone(self) -> bool:
        """True once it has been let go of."""
        return self._gone

    async def take(self, timeout: float) -> list[Event]:
        """Return all events that wait, at least one; none is the end. Raises TimeoutError.

        Cancellation: safe at any point.
        """
        async with asyncio.timeout(timeout):
            event = await self._queue.get()
        found = []
        while event is not None:
            found.append(event)
            if self._queue.empty():
                return found
            event = self._queue.get_nowait()
        self._queue.put_nowait(None)  # for whoever asks again
        return found

    def _wants(self, event: Event) -> bool:
        return event.kind != ("watermark" if self.offsets else "offsets")


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
        self._cuts: dict[tuple[int, int], None] = {}  # from and to, in the order they were cut

    @property
    def full(self) -> bool:
        """True where one more listener would be one too many."""
        return len(self._listeners) >= self._listeners_max

    def listen(self, *, offsets: bool = False) -> Listener:
        """Return a listener; its first event is `hello`, with the leaders and ISRs of now."""
        if self._task is None or self._task.done() or self._latest is None:
            self._latest = self._cluster.overview()
            self._task = asyncio.get_running_loop().create_task(self._look(self._latest))
        state = self._latest
        listener = Listener(_at(state, _hello(state, self._cuts)), offsets=offsets)
        where = moved(None, state)
        if where is not None:
            listener.tell(_at(state, where))
        self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener. Twice is once."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def cut(self, a: Iterable[int], b: Iterable[int], *, oneway: bool) -> None:
        """Tell of links that were cut, which cannot be seen by looking."""
        left, right = list(a), list(b)
        for one in left:
            for other in right:
                self._cuts[one, other] = None
                if not oneway:
                    self._cuts[other, one] = None
        self._tell_now(Event("partition", {"a": left, "b": right, "oneway": oneway}))

    def healed(self) -> None:
        """Tell that all links are perfect again."""
        self._cuts.clear()
        self._tell_now(Event("heal", {}))

    async def close(self) -> None:
        """Everyone has been let go of, and nobody looks any more. Twice is once."""
        for listener in self._listeners:
            listener.tell(None)
        self._listeners.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _tell_now(self, event: Event) -> None:
        if self._listeners:
            self._tell(_at(self._cluster.overview(), event))

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener.tell(event)

    async def _look(self, before: Overview) -> None:
        """Look and tell, while there is anybody to tell; nobody waits for one who has failed."""
        try:
            loop = asyncio.get_running_loop()
            took = 0.0
            while self._listeners:
                await asyncio.sleep(max(LOOK_SECONDS, REST * took))
                began = loop.time()
                now = self._cluster.overview()
                for event in changes(before, now):
                    self._tell(_at(now, event))
                if any(each.offsets for each in self._listeners):
                    where = moved(before, now)
                    if where is not None:
                        self._tell(_at(now, where))
                before = self._latest = now
                self._listeners = [each for each in self._listeners if not each.gone]
                took = loop.time() - began
        finally:
            for listener in self._listeners:
                listener.tell(None)
            self._listeners.clear()


def _at(state: Overview, event: Event) -> Event:
    """Return an event with the time at which it was seen."""
    return Event(event.kind, {"time_ms": state.timestamp_ms, **event.data})


def _hello(state: Overview, cuts: Iterable[tuple[int, int]]) -> Event:
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
                    "replicas": list(each.replicas),
                    "isr": sorted(each.isr),
                }
                for topic in state.topics.values()
                for each in topic.partitions
            ],
            "cuts": [list(each) for each in cuts],
        },
    )
