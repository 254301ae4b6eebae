"""Two applications with transactions, written with unmodified aiokafka, over all their lives.

What aiokafka 0.14 leaves to its users: a transaction whose send has failed is committed without it;
a producer that cannot go on does not close.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.connection import ConnectionLost
from minikafka.sim.errors import SimError
from minikafka.transactions.metadata import V2
from minikafka.trials.coordinator_link import CoordinatorLink
from minikafka.trials.ledger import Attempt, Ledger
from minikafka.trials.own_producer import OwnProducer, Sent, committed_offsets
from minikafka.trials.profiles import APPLIED, LEDGER
from minikafka.wire.shapes import Shape

if TYPE_CHECKING:
    from minikafka.sim.hosts import Host
    from minikafka.trials.profiles import TransactionPlan
    from minikafka.trials.simulation import Simulation

__all__ = ["APPLIERS", "APPLIER_GROUP", "Applier", "OwnWriter", "Workplace", "Writer"]

APPLIERS = {"request_timeout_ms": 8_000, "retry_backoff_ms": 500, "metadata_max_age_ms": 5_000}
"""Of every consumer of transactions."""
APPLIER_GROUP = "appliers"
_STOP_S = 10.0
_RETRY_S = 0.5
_ABORTS = 0.25
_DAWDLES = 0.1
"""How often a transaction takes longer than the coordinator waits."""
_AT_ONCE = 20
_REPEATS = 0.3
_OFFSETS = 0.4
_NO_MEMBER = (
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.GROUP_ID_NOT_FOUND,
)


class Workplace(Protocol):
    """Where applications work: what they are told, and what they tell."""

    simulation: Simulation
    ledger: Ledger

    @property
    def plan(self) -> TransactionPlan:
        """What there is."""

    @property
    def ending(self) -> bool:
        """True once writers begin nothing more."""

    @property
    def outputs(self) -> list[TopicPartition]:
        """Where transactions are written."""

    def inputs_of(self, number: int) -> list[TopicPartition]:
        """Return the partitions that one applier reads."""


class _Application:
    """One application; each life has a producer of its own.

    Args:
        name: of its host; and its transactional id.
    """

    def __init__(self, work: Workplace, name: str) -> None:
        self.name = name
        self._work = work
        self._lives = 0
        self._count = 0
        self._offset = 0
        self._last: Shape | None = None

    async def live(self) -> None:
        """Write transactions, for ever; an error nobody has foreseen ends the run."""
        try:
            while True:
                self._lives += 1
                seed = self._work.simulation.seed
                draws = Random(f"{seed}:{self.name}:{self._lives}")  # noqa: S311 - reproducible
                await self._live_once(draws)
                await asyncio.sleep(draws.uniform(_RETRY_S, 2 * _RETRY_S))
        except Exception as error:  # noqa: BLE001 - the run ends with it
            ended = SimError(f"{self.name} has ended: {error!r}")
            ended.__cause__ = error
            self._work.simulation.loop.fail(ended)

    async def _live_once(self, draws: Random) -> None:
        from aiokafka.errors import KafkaError as ClientError

        producer = self._producer(draws)
        try:
            await producer.start()
            await self._write(producer, draws)
        except (ClientError, OSError, KeyError, AssertionError) as error:
            # aiokafka 0.14: a producer that was fenced while it sends asserts that it is not.
            self._work.simulation.note(f"{self.name} begins anew: {error!r}")
        await self._close(producer)

    def _producer(self, draws: Random) -> Any:
        from aiokafka import AIOKafkaProducer

        return AIOKafkaProducer(
            bootstrap_servers=self._work.simulation.bootstrap,
            client_id=self.name,
            transactional_id=self.name,
            transaction_timeout_ms=draws.choice((3_000, 6_000, 12_000)),
            linger_ms=draws.choice((0, 5, 20)),
            request_timeout_ms=8_000,
            retry_backoff_ms=draws.choice((100, 500)),
        )

    async def _write(self, producer: Any, draws: Random) -> None:
        raise NotImplementedError

    def _attempt(self) -> Attempt:
        self._count += 1
        return Attempt(f"{self.name}:{self._count}")

    async def _send(self, producer: Any, attempt: Attempt, records: list[Any]) -> None:
        """Send records as (topic, partition, value) and wait for all; raises KafkaError."""
        futures = []
        for topic, index, value in records:
            self._work.ledger.send(attempt, value, TopicPartition(topic, index))
            futures.append(await producer.send(topic, value, partition=index))
        for future in futures:
            await future

    async def _end(self, producer: Any, attempt: Attempt, *, commits: bool) -> None:
        """Commit or abort; raises KafkaError."""
        if commits:
            attempt.asked = True
            await producer.commit_transaction()
            attempt.confirmed = True
        else:
            await producer.abort_transaction()
        self._work.simulation.operations += 1

    async def _close(self, client: Any) -> None:
        """Close a client; end the process where that does not come to an end."""
        from aiokafka.errors import KafkaError as ClientError

        try:
            async with asyncio.timeout(_STOP_S):
                await client.stop()
        except (TimeoutError, asyncio.CancelledError, ClientError, KeyError, AssertionError):
            simulation = self._work.simulation
            simulation.note(f"{self.name} does not close")
            loop, host = simulation.loop, simulation.host(self.name)
            loop.at_ns(loop.now_ns, lambda: _end_process(host))
            await asyncio.sleep(_STOP_S)


def _end_process(host: Host) -> None:
    """End a process, and start the next."""
    if host.up and host.program is not None:
        host.crash()
        host.restart()


class Writer(_Application):
    """Writes a few records into some partitions, and commits or aborts."""

    async def _write(self, producer: Any, draws: Random) -> None:
        while True:
            await asyncio.sleep(draws.expovariate(1 / self._work.plan.gap_s))
            if self._work.ending:
                continue
            attempt = self._attempt()
            await producer.begin_transaction()
            for part in range(draws.choice((1, 1, 2, 3))):
                records = [
                    (LEDGER, draws.randrange(self._work.plan.partitions), value)
                    for value in self._values(attempt, part, draws.choice((1, 1, 2, 5)))
                ]
                await self._send(producer, attempt, records)
                dawdles = draws.random() < _DAWDLES
                await asyncio.sleep(draws.uniform(2, 9) if dawdles else draws.uniform(0, 0.2))
            await self._end(producer, attempt, commits=draws.random() >= _ABORTS)

    @staticmethod
    def _values(attempt: Attempt, part: int, count: int) -> list[bytes]:
        return [f"{attempt.name}:{part}:{number}".encode() for number in range(count)]


class Applier(_Application):
    """Reads some partitions, and writes each of their records exactly once."""

    def __init__(self, work: Workplace, name: str, number: int) -> None:
        super().__init__(work, name)
        self._inputs = work.inputs_of(number)

    async def _write(self, producer: Any, draws: Random) -> None:
        consumer = self._consumer()
        try:
            await consumer.start()
            await self._stand(consumer, draws)
            while not consumer._fetcher.error_future.done():
                found = await consumer.getmany(timeout_ms=1_500, max_records=_AT_ONCE)
                if found:
                    await self._apply(producer, found)
        finally:
            await self._close(consumer)

    def _consumer(self) -> Any:
        from aiokafka import AIOKafkaConsumer

        return AIOKafkaConsumer(
            bootstrap_servers=self._work.simulation.bootstrap,
            client_id=self.name,
            group_id=APPLIER_GROUP,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=1_000,
            **APPLIERS,
        )

    async def _stand(self, consumer: Any, draws: Random) -> None:
        """Go on where the last transaction that was committed has ended.

        aiokafka 0.14 takes an answer that refuses to tell for one that nothing is committed.
        """
        from aiokafka import TopicPartition as Place

        bootstrap = self._work.simulation.bootstrap
        known = await committed_offsets(
            CoordinatorLink(bootstrap, APPLIER_GROUP, self.name, draws),
            APPLIER_GROUP,
            self._inputs,
            draws,
        )
        consumer.assign([Place(*place) for place in self._inputs])
        for place in self._inputs:
            consumer.seek(Place(*place), known.get(place, 0))

    async def _apply(self, producer: Any, found: dict[Any, list[Any]]) -> None:
        """Write what was read, and where that ends, in one transaction."""
        attempt, count = self._attempt(), self._work.plan.partitions
        await producer.begin_transaction()
        records = [
            (
                APPLIED,
                place.partition % count,
                f"{attempt.name}|{place.topic}|{place.partition}|{record.offset}".encode(),
            )
            for place, read in found.items()
            for record in read
        ]
        await self._send(producer, attempt, records)
        offsets = {place: read[-1].offset + 1 for place, read in found.items()}
        await producer.send_offsets_to_transaction(offsets, APPLIER_GROUP)
        await self._end(producer, attempt, commits=True)


class OwnWriter(_Application):
    """Writes by either set of rules, and does what a network may do: late, and once more."""

    async def _live_once(self, draws: Random) -> None:
        simulation = self._work.simulation
        topics = [place.topic for place in self._work.outputs]
        producer = OwnProducer(
            simulation.bootstrap, self.name, topics, draws, draws.choice((0, V2, V2))
        )
        try:
            await producer.begin(draws.choice((3_000, 6_000, 12_000)))
            while True:
                await asyncio.sleep(draws.expovariate(1 / self._work.plan.gap_s))
                if not self._work.ending:
                    await self._transact(producer, draws)
        except (KafkaError, ConnectionLost) as error:
            simulation.note(f"{self.name} begins anew: {error!r}")
        await producer.close()

    async def _transact(self, producer: OwnProducer, draws: Random) -> None:
        """Write one transaction; raises KafkaError, ConnectionLost."""
        attempt = self._attempt()
        for part in range(draws.choice((1, 2, 3))):
            await producer.send(self._made(producer, attempt, part, draws))
            if not part and self._last is not None and draws.random() < _REPEATS:
                await producer.ask_again(self._last)
            if draws.random() < _OFFSETS:
                await self._commit_offsets(producer, attempt, draws)
            dawdles = draws.random() < _DAWDLES
            await asyncio.sleep(draws.uniform(2, 9) if dawdles else draws.uniform(0, 0.2))
        late = None
        commits = draws.random() >= _ABORTS
        if not commits and draws.random() < _REPEATS:
            late = self._made(producer, attempt, -1, draws)
            producer.take_back(late)
        await self._end_own(producer, attempt, commits=commits)
        if late is not None:
            # It was on its way when the transaction was aborted. As long as there is no marker
            # it may be taken, and is aborted like the rest.
            await producer.send_once(late)
            producer.was_taken(late)

    def _made(self, producer: OwnProducer, attempt: Attempt, part: int, draws: Random) -> Sent:
        place = TopicPartition(LEDGER, draws.randrange(self._work.plan.partitions))
        values = [
            f"{attempt.name}:{part}:{number}".encode()
            for number in range(draws.choice((1, 1, 2, 5)))
        ]
        for value in values:
            self._work.ledger.send(attempt, value, place)
        return producer.make(place, values)

    async def _commit_offsets(
        self, producer: OwnProducer, attempt: Attempt, draws: Random
    ) -> None:
        """Commit an offset in the transaction, and now and then one besides."""
        place = TopicPartition(LEDGER, 0)
        self._offset += 1
        if draws.random() < _REPEATS:
            try:
                await producer.commit_offset(place, self._offset, 7, "nobody")
            except KafkaError as error:
                if error.code not in _NO_MEMBER:
                    raise
            else:
                self._work.simulation.violated("T13", f"{self.name} commits as nobody")
        if draws.random() < _REPEATS:
            await producer.commit_outside(place, self._offset)
            self._offset += 1
        await producer.commit_offset(place, self._offset)
        self._offset += 1
        if draws.random() < _REPEATS:
            await producer.commit_outside(place, self._offset)

    async def _end_own(self, producer: OwnProducer, attempt: Attempt, *, commits: bool) -> None:
        self._last = None
        attempt.asked = commits
        ended = await producer.end(committed=commits)
        attempt.confirmed = commits
        self._work.simulation.operations += 1
        if producer.version >= V2:
            # By the older rules the next transaction would end with it: as in Kafka.
            self._last = ended
