"""What happens to brokers in this process: they crash, lose power, stand still.

Made up at the sockets, links and storages that this process has; in the simulator machines do it
themselves (minikafka/sim/hosts.py), with the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from minikafka.cluster.hosting import Hosting, LocalHosting
from minikafka.cluster.node import Node

__all__ = ["BrokerHandle", "CrashMode", "Faults"]

CrashMode: TypeAlias = Literal["kill", "power"]


class Faults:
    """The faults of one cluster.

    Args:
        nodes: the brokers that are up, by id: the cluster's own table.
        ids: of all brokers.
    """

    def __init__(self, nodes: dict[int, Node], ids: Sequence[int]) -> None:
        self._nodes = nodes
        self._ids = ids
        self._dark: dict[int, Node] = {}  # without power: their peers do not know it yet

    def node(self, broker: int) -> Node:
        """Return a broker that is up; raises RuntimeError where it is not."""
        node = self._nodes.get(broker)
        if node is None:
            there = "is not up" if broker in self._ids else "is no broker of this cluster"
            raise RuntimeError(f"broker {broker} {there}")
        return node

    async def crash(self, broker: int, mode: CrashMode, hosting: Hosting | None) -> None:
        """End a broker; see `AsyncCluster.crash`."""
        if mode not in ("kill", "power"):
            raise ValueError(f"a crash is a kill or a power loss, not {mode!r}")
        if not isinstance(hosting, LocalHosting):
            raise RuntimeError("the brokers of this cluster have machines: crash those")
        node = self.node(broker)
        del self._nodes[broker]
        if mode == "kill":
            await node.kill()
        else:
            self._dark[broker] = node
            await node.lose_power()
            hosting.lose_power(broker)

    async def unplug(self, broker: int) -> None:
        """Let the peers of a broker without power learn of it, if there is one of that id."""
        node = self._dark.pop(broker, None)
        if node is not None:
            await node.unplug()

    async def end(self) -> None:
        """Let go of everything that faults hold: nobody stands still any more."""
        for broker in sorted(self._dark):
            await self.unplug(broker)
        for broker in sorted(self._nodes):
            self._nodes[broker].resume()


class _Cluster(Protocol):
    async def stop(self, broker: int) -> None: ...

    async def crash(self, broker: int, mode: CrashMode = "kill") -> None: ...

    async def restart(self, broker: int) -> None: ...

    def pause(self, broker: int) -> None: ...

    def resume(self, broker: int) -> None: ...


class BrokerHandle:
    """One broker of a cluster in this process; see the methods of `AsyncCluster`."""

    def __init__(self, cluster: _Cluster, broker: int) -> None:
        self.id = broker
        self._cluster = cluster

    async def stop(self) -> None:
        """Let it shut down in good order."""
        await self._cluster.stop(self.id)

    async def crash(self) -> None:
        """Let its process die; what it has written stays."""
        await self._cluster.crash(self.id)

    async def power_off(self) -> None:
        """Let its machine go dark; what it has not flushed is gone."""
        await self._cluster.crash(self.id, "power")

    async def start(self) -> None:
        """Start it again, over what its storage has kept."""
        await self._cluster.restart(self.id)

    def pause(self) -> None:
        """Let it stand still."""
        self._cluster.pause(self.id)

    def resume(self) -> None:
        """Let it go on."""
        self._cluster.resume(self.id)
