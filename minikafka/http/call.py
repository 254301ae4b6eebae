"""One request on its way to its handler, and what a server's handlers share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from minikafka.cluster.cluster import AsyncCluster
from minikafka.http.feed import Feed

if TYPE_CHECKING:
    from minikafka.http.routes import Route

__all__ = ["Call", "Desk"]


@dataclass
class Desk:
    """What the handlers of one server share.

    Args:
        routes: all of them, for the description.
        turn: one change of brokers at a time: two starts of one broker would both find it down.
        answered: how many requests, by route and status.
    """

    cluster: AsyncCluster
    feed: Feed
    routes: Sequence[Route] = ()
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    answered: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request, read and checked.

    Args:
        given: parameters of path and query by name.
        body: members of the body by name; empty where the route has none.
    """

    desk: Desk
    given: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def cluster(self) -> AsyncCluster:
        """Return the cluster that is served."""
        return self.desk.cluster
