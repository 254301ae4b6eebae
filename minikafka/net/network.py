"""The network of one cluster: who is where, and how brokers reach each other.

One process: objects over in-memory links ("memory"), or Kafka's bytes over loopback ("tcp").
Several processes: "tcp". The same followers run over both (docs/design/0007).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal, TypeAlias

from minikafka.net.channel import Channel, MemoryChannel, ObjectHandler, TcpChannel
from minikafka.net.links import Endpoint, LinkTable
from minikafka.net.turns import Turns

__all__ = ["Network", "Transport"]

Transport: TypeAlias = Literal["memory", "tcp"]


class Network:
    """Links by name, and channels over them.

    Args:
        transport: how brokers of this process talk to each other.
        addresses: where brokers listen to each other; shared by networks that belong together.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Transport = "memory",
        addresses: dict[int, tuple[str, int]] | None = None,
    ) -> None:
        self.turns = Turns(loop)
        self.links = LinkTable(self.turns)
        self._loop = loop
        self.transport = transport
        self._handlers: dict[int, ObjectHandler] = {}
        self._channels: list[MemoryChannel] = []
        self._addresses = {} if addresses is None else addresses
        self._learnt: dict[int, tuple[int, str, int]] = {}

    def register(self, broker_id: int, handler: ObjectHandler, host: str, port: int) -> None:
        """Say where a broker of this process listens to the others."""
        self._handlers[broker_id] = handler
        self._addresses[broker_id] = (host, port)

    def learn(self, broker_id: int, broker_epoch: int, host: str, port: int) -> None:
        """Take from metadata where a broker of another process listens to the others.

        What was given or registered comes first, and a later registration before an earlier one.
        """
        known = self._learnt.get(broker_id)
        if known is None or known[0] <= broker_epoch:
            self._learnt[broker_id] = (broker_epoch, host, port)

    def _address(self, broker_id: int) -> tuple[str, int] | None:
        address = self._addresses.get(broker_id)
        if address is None and (learnt := self._learnt.get(broker_id)) is not None:
            address = learnt[1:]
        return address

    def unregister(self, broker_id: int) -> None:
        """Forget a broker: requests to it are refused, and what waits there gets no answer."""
        self._handlers.pop(broker_id, None)
        self._addresses.pop(broker_id, None)
        for channel in self._channels:
            if channel.target == broker_id:
                self.turns.soon(channel.reset, "connection lost")

    def channel(self, source: int, target: int, timeout_ms: int) -> Channel:
        """Return a new channel; a broker reaches itself through memory always."""
        if self.transport == "memory" or source == target:
            channel = MemoryChannel(
                source,
                target,
                self.links,
                self._loop,
                timeout_ms,
                lambda: self._handlers.get(target),
            )
            self._channels = [known for known in self._channels if not known.closed]
            self._channels.append(channel)
            return channel
        return TcpChannel(
            source,
            target,
            self.links,
            self._loop,
            timeout_ms,
            lambda: self._address(target),
        )

    def freeze(self, broker_id: int) -> None:
        """Hold all that goes between a broker and the others: its process stands still."""
        self.links.freeze(broker_id)

    def thaw(self, broker_id: int) -> None:
        """Let it go on."""
        self.links.thaw(broker_id)

    def partition(
        self, a: Iterable[Endpoint], b: Iterable[Endpoint], *, oneway: bool = False
    ) -> None:
        """Cut the links from `a` to `b`, and back unless `oneway`."""
        self.links.partition(a, b, oneway=oneway)

    def set_link(self, a: Endpoint, b: Endpoint, *, latency: float) -> None:
        """Delay what `a` and `b` send each other by `latency` seconds each way."""
        self.links.set_link(a, b, latency=latency)

    def heal(self) -> None:
        """Make all links perfect again."""
        self.links.heal()
