"""What a handler knows of the request besides its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["RequestContext"]


@dataclass(slots=True)
class RequestContext:
    """One request's surroundings.

    Attributes:
        connection_id: number of the connection on its listener; 0 for an in-process call.
        received_ms: monotonic milliseconds at which the whole frame was there.
        from_broker: True where another broker asks; for itself, or for a client of its own.
        client_host: address of the client, without its port.
    """

    broker: Broker
    api_version: int
    client_id: str | None
    connection_id: int
    received_ms: int
    from_broker: bool = False
    client_host: str = "127.0.0.1"
