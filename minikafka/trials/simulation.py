"""One simulated cluster, its clients' hosts and its faults: what a scenario is given.

Knows no pytest and no processes; `run` makes one, lets the scenario have it and judges.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.consumer_records import Isolation
from minikafka.cluster.partition_state import Record
from minikafka.cluster.topics import ConfigInput
from minikafka.sim.disk import SimDisk
from minikafka.sim.hosts import CrashMode, Host
from minikafka.sim.loop import SimLoop
from minikafka.sim.network import SimNetwork
from minikafka.trials.acked import Acked
from minikafka.trials.checks import UserCheck
from minikafka.trials.hosting import BROKER_PORT, CLIENT_PORT, SimClock, SimHosting
from minikafka.trials.invariants import Answer, Invariants, Violation
from minikafka.trials.liveness import unmet
from minikafka.trials.onlooker import Onlooker
from minikafka.trials.rules import ALL_RULES
from minikafka.trials.wire_order import WireOrder
from minikafka.wire.versions import ApiKey

__all__ = ["BrokerHost", "Simulation"]

assert ALL_RULES, "their import registers them"

_UNTIL_RECHECK_S = 0.05
# Longer than a broker waits to be let go.
_SHUT_DOWN_S = 600.0


class BrokerHost:
    """One broker and the machine under it."""

    def __init__(self, simulation: Simulation, broker: int) -> None:
        self.id = broker
        self.host: Host = simulation.hosting.host(broker)
        self.disk: SimDisk = simulation.hosting.disk(broker)
        self._simulation = simulation
        self._booted = 1

    async def boot(self) -> None:
        """Be the program of the host at each restart."""
        number = self.host.incarnation.number
        await self._simulation.cluster.boot(self.id)
        self._booted = number

    @property
    def running(self) -> bool:
        """True once the living incarnation has started: then it can be stopped in good order."""
        return self.up and self._booted == self.host.incarnation.number

    @property
    def up(self) -> bool:
        """True while its process lives, paused or not."""
        return self.host.up

    def crash(self, mode: CrashMode = "kill") -> None:
        """End the process: `kill` keeps what it wrote, `power` loses what was not flushed."""
        self.host.crash(mode)

    async def shut_down(self) -> None:
        """Let it shut down in good order, then end its process.

        Returns early where the process ends by itself. Cancellation: ends it at once.
        """
        incarnation = self.host.incarnation
        simulation = self._simulation
        stopping = simulation.loop.create_task(simulation.cluster.stop(self.id))
        try:
            await simulation.until(
                lambda: stopping.done() or not incarnation.alive, _SHUT_DOWN_S
            )
        finally:
            stopping.cancel()
            if self.host.incarnation is incarnation:
                self.host.crash()

    def replace_disk(self) -> None:
        """Give it, while it is down, an empty disk: what it had, and its vote, are gone."""
        self._simulation.invariants.ghost.disk_replaced(self.id)
        self._simulation.hosting.replace_disk(self.id)

    def restart(self) -> None:
        """Start it again on the disk it has."""
        self.host.restart()

    def pause(self, seconds: float | None = None) -> None:
        """Stop the process for a while, or until `resume`."""
        self.host.pause(seconds)

    def resume(self) -> None:
        """Let it go on."""
        self.host.resume()

    def clock_skew(self, seconds: float) -> None:
        """Set its wall clock ahead, or behind."""
        self.host.clock_skew(seconds)


class Simulation:
    """A running cluster in virtual time.

    Args:
        loop: the simulated loop; must be running.
        brokers: how many; broker i is host `b<i>`.
        config: broker configs by Kafka's names.
        racks: of each broker, in order of the ids.
        voters: how many of the brokers vote.

    Attributes:
        rng: the scenario's own chance, from the seed.
        faults: how many faults the chaos has caused.
        down_at_once: how many brokers the chaos may have crashed or paused at a time.
        alone: names of the faults under way that come one at a time.
        operations: how many client operations have ended; whoever runs clients counts them.
    """

    def __init__(
        self,
        loop: SimLoop,
        *,
        brokers: int = 3,
        config: Mapping[str, ConfigInput] | None = None,
        racks: Sequence[str] | None = None,
        voters: int | None = None,
    ) -> None:
        self.loop = loop
        self.seed = loop.seed
        self.rng = random.Random(f"{loop.seed}:scenario")  # noqa: S311 - reproducible
        self.faults = 0
        self.operations = 0
        self.down_at_once = 1
        self.alone: dict[str, None] = {}
        self.invariants = Invariants(self.violated)
        self.invariants.on_answer.append(self._note_answer)
        began_ms = SimClock(loop).began_ms
        self.hosting = SimHosting(
            loop, lambda broker: Onlooker(self.invariants, broker, began_ms)
        )
        self.invariants.ghost.disk_losses = lambda broker: self.hosting.disk(broker).losses
        self.cluster = AsyncCluster(
            brokers,
            config,
            racks=racks,
            voters=voters,
            seed=f"{loop.seed}:cluster",
            hosting=self.hosting,
        )
        order = WireOrder(self.violated, ports=(CLIENT_PORT, BROKER_PORT))
        loop.network.taps.append(order.wrote)
        loop.network.connection_taps.append(order.connected)
        self._brokers = {broker: BrokerHost(self, broker) for broker in self.cluster.brokers}
        for broker in self._brokers.values():
            self._watch(broker)
        self._acked = Acked()
        self._chaos: list[asyncio.Task[None]] = []
        self._found: dict[object, list[Record]] | None = None

    # --- what is where -----------------------------------------------------------------------

    @property
    def network(self) -> SimNetwork:
        """The network: `partition`, `heal`, `set_link`, `reset`, by names of hosts."""
        return self.loop.network

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, comma separated."""
        return self.cluster.bootstrap_servers

    @property
    def brokers(self) -> list[BrokerHost]:
        """All brokers, by id."""
        return list(self._brokers.values())

    def broker(self, broker: int) -> BrokerHost:
        """Return one broker."""
        return self._brokers[broker]

    async def add_broker(self) -> BrokerHost:
        """Start one more broker on a machine of its own, and return it once it is unfenced."""
        broker = await self.cluster.add_broker()
        added = self._brokers[broker] = BrokerHost(self, broker)
        self._watch(added)
        return added

    def host(self, name: str) -> Host:
        """Return the host of that name, made at first mention: for clients and applications."""
        return self.loop.network.host(name)

    def _watch(self, broker: BrokerHost) -> None:
        broker.host.on_crash.append(lambda: self.cluster.crashed(broker.id))
        broker.host.program = broker.boot

    # --- time --------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    async def until(self, predicate: Callable[[], bool], timeout: float = 60.0) -> None:
        """Return once `predicate()` is true.

        Raises:
            TimeoutError: not within `timeout` virtual seconds; the message shows the cluster.
        """
        deadline = self.loop.time() + timeout
        while not predicate():
            if self.loop.time() >= deadline:
                raise TimeoutError(
                    f"not true within {timeout:g} virtual s; the cluster now:\n"
                    f"{self.cluster.status()}\ntasks that wait:\n{self.loop.pending()}"
                )
            await asyncio.sleep(_UNTIL_RECHECK_S)

    # --- what happened -----------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write a line into the timeline."""
        self.loop.trace.record(self.loop.now_ns, "note", text)

    def violated(self, name: str, text: str) -> None:
        """End the run: an invariant does not hold."""
        self.loop.trace.record(self.loop.now_ns, "violation", f"{name} {text}")
        self.loop.fail(Violation(name, text))

    def _note_answer(self, answer: Answer) -> None:
        if answer.api_key == ApiKey.PRODUCE and answer.response is not None:
            self._acked.hear(answer)

    def acked(self, topic: str, *, acks: int = -1) -> list[Record]:
        """Return the records of a topic that some broker has acknowledged, in that order.

        Of the topic that has this name now: records of a deleted one are gone with it.

        Args:
            acks: only those sent with at least this promise: -1 all, 1 also by the leader.
        """
        image = self.invariants.ghost.image
        known = None if image is None else image.topics.get(topic)
        if known is None:
            return []
        topic_id = known.topic_id
        return self._looked_up(
            (topic, acks), lambda: self._acked.records(topic, topic_id, acks)
        )

    def records(self, topic: str, *, isolation: Isolation = "read_committed") -> list[Record]:
        """Return what a consumer would read of a topic now, by partition and offset."""
        return self._looked_up(
            (topic, isolation), lambda: self.cluster.records(topic, isolation=isolation)
        )

    def _looked_up(self, key: object, look: Callable[[], list[Record]]) -> list[Record]:
        """Return what `look` finds; once for all checks of a finished scenario."""
        if self._found is None:
            return look()
        if key not in self._found:
            self._found[key] = look()
        return list(self._found[key])

    def check(self, *checks: UserCheck) -> None:
        """Apply checks of a finished scenario, e.g. `sim.no_acked_lost`.

        Raises:
            Violation: one of them does not hold.
        """
        self._found = {}
        try:
            for function in checks:
                text = function(self)
                if text is not None:
                    raise Violation(function.__name__, text)
        finally:
            self._found = None

    async def converged(
        self, timeout: float = 240.0, core: Sequence[int] | None = None
    ) -> None:
        """Return once every broker is up and every replica in sync and at the same offset.

        Args:
            core: ids of the brokers that are well, where others are not: only these count.

        Raises:
            Violation: L1, L2, L3, L4 or L8, not within `timeout` virtual seconds.
        """
        try:
            await self.until(lambda: unmet(self, core) is None, timeout)
        except TimeoutError as error:
            name, text = unmet(self, core) or ("L4", "met at last")
            self.violated(name, f"{text}; {error}")
            raise

    async def end(self) -> None:
        """End the scenario: faults over, brokers stopped in good order, nothing left of them.

        Raises:
            Violation: D3, a broker left a task behind or an exception that nobody looked at.
        """
        for task in self._chaos:
            task.cancel()
        self.calm()
        await self.until(lambda: all(broker.running for broker in self.brokers))
        await self.cluster.close()
        await asyncio.sleep(0.001)  # cancelled tasks take a turn to end
        for broker in self.brokers:
            left = broker.host.incarnation.pending_tasks()
            if left:
                self.violated("D3", f"{broker.host.name} left tasks behind: {left[0]!r}")
            for host, message, error in self.loop.unhandled:
                if host == broker.host.name and not _is_halt(error):
                    self.violated("D3", f"unhandled on {host}: {message}: {error!r}")
        await asyncio.sleep(0)  # a violation ends the run here

    # --- faults ------------------------------------------------------------------------------

    def chaos(
        self,
        *kinds: Callable[[Simulation, random.Random], Any],
        every: tuple[float, float] = (1.0, 6.0),
        until: float = 60.0,
    ) -> asyncio.Task[None]:
        """Cause faults of these kinds, one every so often, and heal all at the end.

        Args:
            every: least and most virtual seconds between the beginnings of two faults.
            until: virtual time, in seconds since the start, at which the chaos ends.
        """
        task: asyncio.Task[None] = self.loop.create_task(self._cause(kinds, every, until))
        self._chaos.append(task)
        return task

    async def _cause(
        self, kinds: Sequence[Callable[..., Any]], every: tuple[float, float], until: float
    ) -> None:
        draws = random.Random(f"{self.seed}:chaos-{len(self._chaos)}")  # noqa: S311 - reproducible
        under_way: list[asyncio.Task[Any]] = []
        while (pause := draws.uniform(*every)) + self.now < until:
            await asyncio.sleep(pause)
            kind = kinds[draws.randrange(len(kinds))]
            under_way.append(self.loop.create_task(kind(self, draws)))
        await asyncio.sleep(max(0.0, until - self.now))
        for task in under_way:
            task.cancel()
        for task in under_way:
            try:
                await task
            except asyncio.CancelledError:
                continue
        self.calm()

    def calm(self) -> None:
        """End all faults: links healed, clocks right, disks whole, every broker up."""
        self.network.heal()
        self.network.clear_links()
        for host in list(self.network.hosts.values()):
            self.network.refuse(host.name, refuse=False)
            if host.up and host.incarnation.stalled_until_ns > self.loop.now_ns:
                host.resume()
            if host.skew_ns:
                host.clock_skew(0.0)
            if not host.up and host.program is not None:
                host.restart()
        for broker in self.brokers:
            broker.disk.mend()


def _is_halt(error: BaseException | None) -> bool:
    """Say whether a broker failed that was about to halt: its disk was gone."""
    return isinstance(error, KafkaError) and error.code == ErrorCode.KAFKA_STORAGE_ERROR
