"""One direction of a TCP connection: in order, sometimes late, retransmitted, never corrupted.

What cannot get through is held and tried again after 0.2 s, 0.4 s, 0.8 s and so on, as a kernel
does; after `USER_TIMEOUT_S` its sender gives up with ETIMEDOUT. So a healed partition is felt a
while longer, and one end may believe in a connection of which the other knows nothing.
"""

from __future__ import annotations

import errno
from bisect import insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikafka.sim.network import SimNetwork
    from minikafka.sim.transports import SimTransport

__all__ = ["DATA", "FIN", "RST", "RTO_S", "SPLIT_CHANCE", "Pipe", "reset_error"]

NS = 1_000_000_000
DATA = "DATA"
FIN = "FIN"
RST = "RST"
RTO_S = 0.2
RTO_MAX_S = 120.0
USER_TIMEOUT_S = 924.6
"""What tcp_retries2=15 comes to on Linux."""

SPLIT_CHANCE = 0.05
"""How often a write arrives in two pieces, so that frame parsers are tried."""

WINDOW_BYTES = 256 * 1024
"""Sent, and not yet read by the application at the other end."""


def reset_error() -> ConnectionResetError:
    """Return what an application sees of an RST."""
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


class Pipe:
    """From `source` to `target`.

    Attributes:
        room: bytes that the kernels would take now.
    """

    __slots__ = (
        "_attempt",
        "_back",
        "_credit",
        "_cuts",
        "_due",
        "_early",
        "_held",
        "_last_ns",
        "_network",
        "_retrying_since",
        "_sent",
        "_target_host",
        "_there",
        "room",
        "source",
        "target",
    )

    def __init__(self, network: SimNetwork, source: SimTransport, target: SimTransport) -> None:
        self.source = source
        self.target = target
        self._network = network
        self._target_host = target.incarnation.host
        self._there = source.incarnation.host.name, self._target_host.name
        self._back = self._there[::-1]
        self._cuts = network.cuts
        self._held: list[tuple[int, str, bytes]] = []
        self._sent = 0
        self._due = 1
        self._early: dict[int, tuple[str, bytes]] = {}
        self._last_ns = 0
        self.room = WINDOW_BYTES
        self._credit = 0
        self._retrying_since: int | None = None
        self._attempt = 0

    def send(self, kind: str, data: bytes = b"") -> None:
        """Put a segment on the wire."""
        self.room -= len(data)
        self._sent = number = self._sent + 1
        if self._held or self._there in self._cuts or not self._target_host.powered:
            self._hold(number, kind, data)
        else:
            self._transmit(number, kind, data)

    def _transmit(self, number: int, kind: str, data: bytes) -> None:
        network = self._network
        loop = network.loop
        start_ns = loop.now_ns + loop.lag_ns
        at_ns = network.arrival_ns(self._there, len(data), start_ns)
        if at_ns < self._last_ns:
            at_ns = self._last_ns
        self._last_ns = at_ns
        loop.at_ns(at_ns, self._arrive, number, kind, data)

    def _arrive(self, number: int, kind: str, data: bytes) -> None:
        cuts, target = self._cuts, self.target
        if self._there in cuts or not self._target_host.powered:
            self._hold(number, kind, data)  # lost on the way
            return
        if number != self._due:
            # One before it was lost, and may be on its way again: it waits over there.
            self._early[number] = (kind, data)
            return
        self._due = number + 1
        if target.gone:
            if kind == DATA and not self.source.gone:
                # The kernel there knows no such connection.
                self._network.after_delay(*self._back, self.source.receive, RST, b"")
            return
        if self._back in cuts:
            self._retry_later()  # no acknowledgement gets back
        target.receive(kind, data)
        if self._early:
            following = self._early.pop(self._due, None)
            if following is not None:
                self._arrive(self._due, *following)

    def read(self, count: int) -> None:
        """Hear that the application at the far end has read `count` bytes."""
        if self._back in self._cuts:
            self._credit += count
            self._retry_later()
        elif self.source.unsent:
            self._network.after_delay(*self._back, self._grant, count)
        else:
            self.room += count

    def _grant(self, count: int) -> None:
        self.room += count
        # As kernels do, wait for more than a few bytes of room (silly window syndrome).
        if self.room >= WINDOW_BYTES // 4:
            self.source.room_found()

    # --- what does not get through -----------------------------------------------------------

    def _blocked(self) -> bool:
        return self._there in self._cuts or not self._target_host.powered

    def _hold(self, number: int, kind: str, data: bytes) -> None:
        # One that was on its way when the link was cut comes after one that never left.
        insort(self._held, (number, kind, data))
        self._retry_later()

    def _retry_later(self) -> None:
        if self._retrying_since is None:
            self._retrying_since = self._network.loop.now_ns
            self._attempt = 0
            self._schedule()

    def _schedule(self) -> None:
        delay_ns = int(min(RTO_MAX_S, RTO_S * 2**self._attempt) * NS)
        loop = self._network.loop
        loop.at_ns(loop.now_ns + delay_ns, self._retransmit)

    def _retransmit(self) -> None:
        if not self.source.incarnation.host.powered:
            return
        loop, since = self._network.loop, self._retrying_since
        assert since is not None
        if self._blocked() or self._back in self._cuts:
            self._attempt += 1
            if loop.now_ns - since < USER_TIMEOUT_S * NS:
                self._schedule()
                if not self._blocked():
                    self._release()
            else:
                self.source.fail(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
            return
        self._retrying_since = None
        self._release()
        if self._credit:
            credit, self._credit = self._credit, 0
            self._grant(credit)

    def _release(self) -> None:
        held, self._held = self._held, []
        for segment in held:
            self._transmit(*segment)
