"""Machines: what runs on one, and how it dies, stalls and comes back.

A `Host` is a machine with a name, an address and perhaps a disk; an `Incarnation` is one run of
the process on it. Which incarnation a callback belongs to rides in a context variable, so tasks,
timers and transports made on a host stay on it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from minikafka.sim.errors import SimError

if TYPE_CHECKING:
    from minikafka.sim.futures import SimTask
    from minikafka.sim.handles import SimHandle
    from minikafka.sim.network import SimNetwork
    from minikafka.sim.servers import SimServer
    from minikafka.sim.transports import SimTransport

__all__ = ["HOST", "NS", "CrashMode", "Host", "Incarnation", "PowerLoss"]

NS = 1_000_000_000
FOREVER_NS = 1 << 62

CrashMode: TypeAlias = Literal["kill", "power"]
"""`kill`: the process dies, its kernel lives, what it wrote to files stays. `power`: silence,
and the disk loses what was not made durable."""

HOST: contextvars.ContextVar[Incarnation] = contextvars.ContextVar("simulated_host")


class PowerLoss(Protocol):
    """A disk: something that forgets what was not durable when its machine loses power."""

    def power_loss(self) -> None:
        """Lose what was written but not made durable."""
        ...


class Incarnation:
    """One run of the process on a host, from its start to its crash.

    Attributes:
        stalled_until_ns: nothing runs here before; the clock goes on.
    """

    __slots__ = (
        "alive",
        "forget_at",
        "host",
        "listeners",
        "next_port",
        "number",
        "queued",
        "runq",
        "stalled_until_ns",
        "tasks",
        "transports",
    )

    def __init__(self, host: Host, number: int) -> None:
        self.host = host
        self.number = number
        self.alive = True
        self.stalled_until_ns = 0
        self.runq: deque[SimHandle] = deque()
        self.queued = False
        self.tasks: dict[int, SimTask] = {}
        self.transports: dict[tuple[int, int], SimTransport] = {}
        self.listeners: dict[int, SimServer] = {}
        self.next_port = 40_000
        self.forget_at = 64

    def free_port(self) -> int:
        """Return a port that nobody here listens on or connects from."""
        self.next_port += 1
        return self.next_port

    def keep(self, number: int, task: SimTask) -> None:
        """Own a task; those that have ended are forgotten now and then."""
        self.tasks[number] = task
        if len(self.tasks) > self.forget_at:
            self.tasks = {n: known for n, known in self.tasks.items() if not known.done()}
            self.forget_at = 64 + 2 * len(self.tasks)

    def pending_tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that have not ended, oldest first."""
        return [task for task in self.tasks.values() if not task.done()]


class Host:
    """One machine.

    Args:
        network: it is attached to.
        name: resolves to `ip` in the simulated DNS.

    Attributes:
        disk: loses unsynced data when the machine loses power; None where there is no disk.
        on_crash: called after each crash, for whoever must know of it.
        program: runs at each restart.
        powered: False between a power loss and the restart; then nobody answers for it.
        skew_ns: how far its wall clock is ahead of virtual time; the monotonic one never is.
    """

    def __init__(self, network: SimNetwork, name: str, ip: str) -> None:
        self.network = network
        self.name = name
        self.ip = ip
        self.disk: PowerLoss | None = None
        self.on_crash: list[Callable[[], None]] = []
        self.powered = True
        self.skew_ns = 0
        self.incarnation = Incarnation(self, 1)
        self.program: Callable[[], Coroutine[Any, Any, Any]] | None = None

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def up(self) -> bool:
        """True while its process lives, stalled or not."""
        return self.incarnation.alive

    def context(self) -> contextvars.Context:
        """Return a fresh context in which everything belongs to the living incarnation."""
        context = contextvars.Context()
        context.run(HOST.set, self.incarnation)
        return context

    def spawn(
        self, coroutine: Coroutine[Any, Any, Any], name: str | None = None
    ) -> asyncio.Task[Any]:
        """Run a coroutine on this host; it dies with the incarnation."""
        task: asyncio.Task[Any] = self.network.loop.create_task(
            coroutine, name=name, context=self.context()
        )
        return task

    def start(self, boot: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """Run `boot()` now and again after each restart: the program of this machine."""
        self.program = boot
        return self.spawn(boot(), name=f"{self.name}:boot")

    def crash(self, mode: CrashMode = "kill") -> None:
        """End the process at once; no line of it runs any more. No effect while it is down."""
        incarnation = self.incarnation
        if not incarnation.alive:
            return
        self.network.record("fault", f"crash {self.name} {mode}")
        incarnation.alive = False
        incarnation.runq.clear()
        for task in incarnation.tasks.values():
            # Its coroutine is neither run nor closed: that would execute its `finally` blocks.
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # of asyncio.Task
        self.network.bury(incarnation)
        incarnation.listeners.clear()
        self.powered = mode != "power"
        for transport in list(incarnation.transports.values()):
            transport.process_died(silent=not self.powered)
        if not self.powered and self.disk is not None:
            self.disk.power_loss()
        for hear in self.on_crash:
            hear()

    def restart(self) -> asyncio.Task[Any] | None:
        """Start the machine's program anew, as another incarnation on the same disk.

        Raises:
            SimError: it is up.
        """
        if self.incarnation.alive:
            raise SimError(f"{self.name} is up")
        self.incarnation = Incarnation(self, self.incarnation.number + 1)
        self.powered = True
        self.network.record("fault", f"restart {self.name} {self.incarnation.number}")
        if self.program is None:
            return None
        return self.spawn(self.program(), name=f"{self.name}:boot{self.incarnation.number}")

    def pause(self, seconds: float | None = None) -> None:
        """Stop the process as SIGSTOP or a long collection does, for good without `seconds`.

        Its timers all come due at once afterwards; its kernel takes what peers send.
        """
        self.network.record("fault", f"pause {self.name} {seconds}")
        until = FOREVER_NS
        if seconds is not None:
            until = self.network.loop.now_ns + int(seconds * NS)
        self.network.loop.stall(self.incarnation, until)

    def resume(self) -> None:
        """Let a paused process go on."""
        self.network.record("fault", f"resume {self.name}")
        self.network.loop.stall(self.incarnation, self.network.loop.now_ns)

    def clock_skew(self, seconds: float) -> None:
        """Set the wall clock this far ahead of virtual time, behind if negative."""
        self.network.record("fault", f"skew {self.name} {seconds}")
        self.skew_ns = int(seconds * NS)
