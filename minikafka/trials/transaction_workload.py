"""Applications of a trial that write in transactions: unmodified aiokafka.

Each has a transactional id and lives on a host of its own, which faults may kill or pause; its next
life fences the one before. Writers write as they like, and abort as they like. Appliers read a topic,
write each record once more and commit where they stand, all in one transaction: exactly once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from minikafka.base.ids import TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.trials.chaos_transactions import APPLICATION_HOST
from minikafka.trials.ledger import Ledger, committed_values
from minikafka.trials.profiles import APPLIED, LEDGER, TransactionPlan
from minikafka.trials.rules_read_committed import scanned
from minikafka.trials.transaction_apps import APPLIERS, Applier, OwnWriter, Writer

if TYPE_CHECKING:
    from minikafka.broker.partition import Partition
    from minikafka.trials.simulation import Simulation

__all__ = ["Transactions"]

_RECHECK_S = 1.0


class Transactions:
    """Applications over two topics of their own, one reader, and what is owed to them.

    Args:
        inputs: topics that appliers read, with their numbers of partitions.
        end_s: virtual time, in seconds of the run, after which no writer begins any more.
    """

    def __init__(
        self,
        simulation: Simulation,
        inputs: Mapping[str, int],
        plan: TransactionPlan | None,
        end_s: float,
    ) -> None:
        self.simulation = simulation
        self.ledger = Ledger()
        self._plan = plan
        self._end_s = end_s
        self._inputs = [TopicPartition(name, p) for name, n in inputs.items() for p in range(n)]
        self._hosts: list[str] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._reader: asyncio.Task[Any] | None = None

    # --- what applications ask ---------------------------------------------------------------

    @property
    def ending(self) -> bool:
        """True once writers begin nothing more."""
        return self.simulation.now >= self._end_s

    @property
    def plan(self) -> TransactionPlan:
        """What there is."""
        assert self._plan is not None
        return self._plan

    @property
    def outputs(self) -> list[TopicPartition]:
        """Where transactions are written."""
        count = self.plan.partitions
        return [TopicPartition(topic, p) for topic in (LEDGER, APPLIED) for p in range(count)]

    def inputs_of(self, number: int) -> list[TopicPartition]:
        """Return the partitions that one applier reads: nobody else does."""
        return self._inputs[number :: max(1, self.plan.appliers)]

    # --- from the beginning to the end -------------------------------------------------------

    def start(self) -> None:
        """Let every application begin, where there are any."""
        if self._plan is None:
            return
        for number in range(self._plan.writers):
            self._begin(Writer(self, f"{APPLICATION_HOST}w{number}"))
        for number in range(self._plan.own_writers):
            self._begin(OwnWriter(self, f"{APPLICATION_HOST}o{number}"))
        for number in range(self._plan.appliers):
            self._begin(Applier(self, f"{APPLICATION_HOST}a{number}", number))
        host = self.simulation.host("read-committed")
        self._reader = host.spawn(self._read(), name="read-committed")

    def _begin(self, application: Writer | OwnWriter | Applier) -> None:
        self._hosts.append(application.name)
        host = self.simulation.host(application.name)
        self._tasks.append(host.start(application.live))

    async def stop(self) -> None:
        """End every application."""
        for name in self._hosts:
            host = self.simulation.host(name)
            host.program = None
            host.crash()
        if self._reader is not None:
            self._reader.cancel()
            try:
                await self._reader
            except asyncio.CancelledError:
                return

    async def settled(self, timeout: float) -> None:
        """Return once every transaction has ended, and all that there was to read is applied.

        Raises:
            Violation: L6, not within `timeout` virtual seconds.
        """
        if self._plan is None:
            return
        deadline = self.simulation.now + timeout
        while (missing := self.unmet()) is not None:
            if self.simulation.now >= deadline:
                status = self.simulation.cluster.status()
                self.simulation.violated("L6", f"{missing}; the cluster now:\n{status}")
            await self.simulation.sleep(_RECHECK_S)

    def unmet(self) -> str | None:
        """Return what is not yet as it must be some time after the last fault."""
        ghost = self.simulation.invariants.ghost
        if ghost.transactions.licensed:
            return None
        undecided = ghost.transactions.undecided()
        if undecided is not None:
            return undecided
        for place in self.outputs:
            partition = self._led(place)
            if partition is None:
                return f"{place} has no leader"
            log = partition.log
            if ghost.partition(log).may_have_lost:
                continue  # a marker, perhaps: no coordinator writes it again
            if log.last_stable_offset < log.high_watermark:
                return f"{place} is stable up to {log.last_stable_offset}: {scanned(log)}"
        return None if self.may_have_lost else self._lag()

    def _lag(self) -> str | None:
        if not self.plan.appliers:
            return None
        applied = self._applied()
        for place in self._inputs:
            partition = self._led(place)
            if partition is None:
                return f"{place} has no leader"
            there = [offset for offset, _ in committed_values(partition.log)]
            found = applied.get(place, [])
            if len(found) < len(there):
                return f"{place}: {len(found)} of {len(there)} records are applied"
        return None

    # --- what is owed ------------------------------------------------------------------------

    @property
    def may_have_lost(self) -> bool:
        """True where something that these applications rely on may be lost with a licence."""
        return self.simulation.invariants.ghost.may_have_lost

    def wrong(self) -> tuple[str, str] | None:
        """Return the name and text of what is wrong with the transactions in the end."""
        if self._plan is None or self.may_have_lost:
            return None
        text = self.ledger.wrong(self._logs())
        if text is not None:
            return "atomicity", text
        applied = self._applied()
        for place in self._inputs if self._plan.appliers else ():
            partition = self._led(place)
            assert partition is not None
            there = [offset for offset, _ in committed_values(partition.log)]
            found = applied.get(place, [])
            if found != there:
                return "exactly-once", f"{place} has {there}, applied were {found}"
        return None

    def _applied(self) -> dict[TopicPartition, list[int]]:
        """Return the offsets of records that are applied, as they lie in the output."""
        found: dict[TopicPartition, list[int]] = {}
        for log in self._logs():
            if log.partition.topic == APPLIED:
                for _, value in committed_values(log):
                    topic, index, offset = value.decode().split("|")[1:]
                    found.setdefault(TopicPartition(topic, int(index)), []).append(int(offset))
        return found

    def _logs(self) -> Iterator[PartitionLog]:
        for place in self.outputs:
            partition = self._led(place)
            if partition is not None:
                yield partition.log

    def _led(self, place: TopicPartition) -> Partition | None:
        ghost = self.simulation.invariants.ghost
        state = None if ghost.image is None else ghost.image.partition(place)
        broker = None if state is None else ghost.brokers.get(state.leader)
        return None if broker is None else broker.replicas.partition(place)

    # --- the reader --------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read what is committed for ever, from the beginning on each time that it breaks."""
        from aiokafka import AIOKafkaConsumer
        from aiokafka import TopicPartition as Place
        from aiokafka.errors import KafkaError, OffsetOutOfRangeError

        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.simulation.bootstrap,
                client_id="read-committed",
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=1_000,
                **APPLIERS,
            )
            try:
                await consumer.start()
                places = [Place(*place) for place in self.outputs]
                consumer.assign(places)
                for place in places:
                    consumer.seek(place, 0)
                while not consumer._fetcher.error_future.done():
                    try:
                        found = await consumer.getmany(timeout_ms=1_000, max_records=200)
                    except OffsetOutOfRangeError as error:
                        for place in error.args[0]:
                            consumer.seek(place, 0)
                        continue
                    self._look_at(found)
            except (KafkaError, OSError, KeyError):
                await asyncio.sleep(1.0)
            try:
                await consumer.stop()
            except (KafkaError, KeyError):
                await consumer._client.close()

    def _look_at(self, found: Mapping[Any, Any]) -> None:
        for place, records in found.items():
            self.simulation.operations += 1
            pairs = [(record.offset, bytes(record.value)) for record in records]
            wrong = self.ledger.read(TopicPartition(*place), pairs)
            if wrong is not None and not self.may_have_lost:
                self.simulation.violated("read-committed", wrong)
