"""Links between hosts by name: the one place where traffic is cut and delayed.

Both transports send through here, so the same words break replication over in-process objects
and over TCP. A cut behaves as a network does to TCP: what is sent stays on its way and arrives
after the heal, in order; whoever cannot wait that long gives up by its own timeout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from minikafka.net.turns import Turns

__all__ = ["Endpoint", "LinkTable"]

Endpoint: TypeAlias = int | str
"""A broker by its id, or a client by a name."""


class _Link:
    """One direction between two hosts."""

    __slots__ = ("cut", "in_flight", "latency_ms", "waiting")

    def __init__(self) -> None:
        self.cut = False
        self.latency_ms = 0.0
        self.waiting: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
        self.in_flight = 0


class LinkTable:
    """All links, each way; unnamed ones are perfect.

    Deliveries over one link keep their order whatever is done to it meanwhile.
    """

    __slots__ = ("_frozen", "_links", "_turns")

    def __init__(self, turns: Turns) -> None:
        self._links: dict[tuple[Endpoint, Endpoint], _Link] = {}
        self._frozen: dict[Endpoint, None] = {}
        self._turns = turns

    def deliver(
        self,
        source: Endpoint,
        target: Endpoint,
        callback: Callable[..., None],
        *args: object,
    ) -> None:
        """Run `callback(*args)` when what `source` sends now has reached `target`."""
        # Most tables never name a link.
        link = self._links.get((source, target)) if self._links else None
        if self._frozen and self._is_frozen(source, target):
            self._link(source, target).waiting.append((callback, args))
        elif link is None:
            self._turns.soon(callback, *args)
        elif link.cut or link.in_flight or link.latency_ms:
            link.waiting.append((callback, args))
            if not link.cut:
                self._depart(source, target, link)
        else:
            self._turns.soon(callback, *args)

    def partition(
        self, a: Iterable[Endpoint], b: Iterable[Endpoint], *, oneway: bool = False
    ) -> None:
        """Cut every link from `a` to `b`, and back unless `oneway`."""
        others = sorted(b, key=str)
        for source in sorted(a, key=str):
            for target in others:
                self._link(source, target).cut = True
                if not oneway:
                    self._link(target, source).cut = True

    def set_link(self, a: Endpoint, b: Endpoint, *, latency: float) -> None:
        """Delay what `a` and `b` send each other by `latency` seconds each way.

        Raises:
            ValueError: for a negative latency.
        """
        if latency < 0:
            raise ValueError(f"latency is a number of seconds, not negative: {latency}")
        for pair in ((a, b), (b, a)):
            self._link(*pair).latency_ms = latency * 1000

    def heal(self) -> None:
        """Make all links perfect again and let go what was held."""
        for link in self._links.values():
            link.cut = False
            link.latency_ms = 0.0
        self._let_go()

    def freeze(self, host: Endpoint) -> None:
        """Hold what comes to a host and what it sends: its process stands still. Twice is once.

        Healing the links does not end it.
        """
        self._frozen[host] = None

    def thaw(self, host: Endpoint) -> None:
        """Let go what was held for a host that was frozen, in order."""
        self._frozen.pop(host, None)
        self._let_go()

    def is_cut(self, source: Endpoint, target: Endpoint) -> bool:
        """Say whether what `source` sends to `target` is held."""
        link = self._links.get((source, target))
        return link is not None and link.cut

    def _link(self, source: Endpoint, target: Endpoint) -> _Link:
        return self._links.setdefault((source, target), _Link())

    def _is_frozen(self, source: Endpoint, target: Endpoint) -> bool:
        return source in self._frozen or target in self._frozen

    def _let_go(self) -> None:
        """Send off what waits on links where nothing holds it any more."""
        for (source, target), link in self._links.items():
            if not link.cut and not self._is_frozen(source, target):
                while link.in_flight < len(link.waiting):
                    self._depart(source, target, link)

    def _depart(self, source: Endpoint, target: Endpoint, link: _Link) -> None:
        link.in_flight += 1
        if link.latency_ms:
            later = self._turns.later
            later(link.latency_ms / 1000, self._arrive, source, target, link)
        else:
            self._turns.soon(self._arrive, source, target, link)

    def _arrive(self, source: Endpoint, target: Endpoint, link: _Link) -> None:
        link.in_flight -= 1
        # A cut holds also what is on its way; the heal sends it off again.
        if link.cut or not link.waiting or self._is_frozen(source, target):
            return
        callback, args = link.waiting.popleft()
        callback(*args)
