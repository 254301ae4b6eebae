"""What happens to brokers in this process: they crash, lose power, stand still.

Made up at the sockets, links and storages that this process has; in the simulator machines do it
themselves (minikafka/sim/hosts.py), with the same words.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from minikafka.cluster.hosting import Hosting, LocalHosting
from minikafka.cluster.node import Node

__all__ = ["Breakable", "BrokerHandle", "CrashMode"]

CrashMode: TypeAlias = Literal["kill", "power"]


class Breakable:
    """What a cluster in this process can be done to; `AsyncCluster` is one."""

    # The cluster's own: brokers that are up by id, all ids, and where they run.
    _nodes: dict[int, Node]
    _ids: tuple[int, ...]
    _hosting: Hosting | None

    def __init__(self) -> None:
        self._dark: dict[int, Node] = {}  # without power: their peers do not know it yet

    async def boot(self, broker: int) -> None:
        """Start a broker again that is down."""
        raise NotImplementedError

    def broker(self, broker: int) -> BrokerHandle:
        """Return one broker, to stop, crash, pause and start it."""
        return BrokerHandle(self, broker)

    async def crash(self, broker: int, mode: CrashMode = "kill") -> None:
        """A broker has ended without a word, and is down until `restart`.

        Args:
            mode: "kill" is a process that dies: its connections are reset, what it wrote stays.
                "power" is a machine that goes dark: nobody hears of it but by a timeout, and
                what was not flushed is gone.

        Raises:
            RuntimeError: it is not up.
        """
        if mode not in ("kill", "power"):
            raise ValueError(f"a crash is a kill or a power loss, not {mode!r}")
        hosting = self._hosting
        if not isinstance(hosting, LocalHosting):
            raise RuntimeError("the brokers of this cluster have machines: crash those")
        node = self._node(broker)
        del self._nodes[broker]
        if mode == "kill":
            await node.kill()
        else:
            self._dark[broker] = node
            await node.lose_power()
            hosting.lose_power(broker)

    async def restart(self, broker: int) -> None:
        """Start a broker that is down: same port, what its storage kept, another incarnation.

        Returns once it listens; it registers by itself.

        Raises:
            RuntimeError: it is not down.
        """
        await self._unplug(broker)
        await self.boot(broker)

    def replace_disk(self, broker: int) -> None:
        """Give a broker that is down an empty disk: its logs are gone, and its vote with it.

        It comes back as an observer of the metadata quorum (KIP-853); see `remove_voter` and
        `add_voter`.

        Raises:
            RuntimeError: it is not down.
        """
        hosting = self._hosting
        if not isinstance(hosting, LocalHosting):
            raise RuntimeError("the brokers of this cluster have machines: see to theirs")
        if broker in self._nodes or broker not in self._ids:
            raise RuntimeError(f"broker {broker} is no broker that is down")
        hosting.replace_disk(broker)

    async def stop(self, broker: int) -> None:
        """A broker has shut down in good order; `restart` starts it again.

        Raises:
            RuntimeError: it is not up.
        """
        node = self._node(broker)
        node.resume()
        await node.within(node.stop())
        if self._nodes.get(broker) is node:
            del self._nodes[broker]

    def pause(self, broker: int) -> None:
        """Let a broker stand still, as SIGSTOP or a long collection does. Twice is once."""
        self._node(broker).pause()

    def resume(self, broker: int) -> None:
        """Let a paused broker go on, with all that has come meanwhile."""
        self._node(broker).resume()

    def isolate(self, broker: int) -> None:
        """Cut a broker off all others until `network.heal`; its clients still reach it."""
        if self._hosting is None:
            raise RuntimeError("the cluster was not started")
        others = [each for each in self._ids if each != broker]
        self._hosting.network.partition([broker], others)

    async def _end_faults(self) -> None:
        """Let go of everything that faults hold: nobody stands still any more."""
        for broker in sorted(self._dark):
            await self._unplug(broker)
        for broker in sorted(self._nodes):
            self._nodes[broker].resume()

    def _node(self, broker: int) -> Node:
        node = self._nodes.get(broker)
        if node is None:
            there = "is not up" if broker in self._ids else "is no broker of this cluster"
            raise RuntimeError(f"broker {broker} {there}")
        return node

    async def _unplug(self, broker: int) -> None:
        """Let the peers of a broker without power learn of it, if there is one of that id."""
        node = self._dark.pop(broker, None)
        if node is not None:
            await node.unplug()


class BrokerHandle:
    """One broker of a cluster in this process; see the methods of `AsyncCluster`."""

    def __init__(self, cluster: Breakable, broker: int) -> None:
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

    def replace_disk(self) -> None:
        """Give it, while it is down, an empty disk."""
        self._cluster.replace_disk(self.id)

    async def start(self) -> None:
        """Start it again, over what its storage has kept."""
        await self._cluster.restart(self.id)

    def pause(self) -> None:
        """Let it stand still."""
        self._cluster.pause(self.id)

    def resume(self) -> None:
        """Let it go on."""
        self._cluster.resume(self.id)
