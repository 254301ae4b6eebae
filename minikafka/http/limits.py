"""What a server takes at most; everything that a stranger could make large has a bound."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """The bounds of one server.

    Args:
        connections: open at a time; one more is told 503 and closed.
        listeners: of events, among them.
        body_bytes: of a request, decompressed.
        request_seconds: from its first byte on, a request must be there by then.
        idle_seconds: how long a connection may be silent between requests.
        send_seconds: how long a listener may not take what is sent to it.
    """

    connections: int = 128
    listeners: int = 32
    body_bytes: int = 8 << 20
    request_seconds: float = 15.0
    idle_seconds: float = 60.0
    send_seconds: float = 15.0
