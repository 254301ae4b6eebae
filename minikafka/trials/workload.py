"""Clients of a trial: unmodified aiokafka producers and consumers, and what they saw.

Each runs on a host of its own and writes what it did into the history that is checked at the
end. Values name their producer and count, so each is unique.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from minikafka.check.history import History
from minikafka.trials.rack_reader import read_by_rack

if TYPE_CHECKING:
    from minikafka.trials.simulation import Simulation

__all__ = ["Workload"]

REQUEST_TIMEOUT_MS = 8_000
RETRY_BACKOFF_MS = 500
"""aiokafka's own 100 ms make a client that misses a broker half the work of a trial."""
RETRY_S = 1.0
WATCH_S = 0.5
"""How long the watcher waits between two questions."""


class Workload:
    """Producers, consumers and a watcher over some topics.

    Args:
        topics: with their numbers of partitions.
        end_s: virtual time, in seconds of the run, after which no producer sends any more.
    """

    def __init__(
        self, simulation: Simulation, topics: dict[str, int], history: History, end_s: float
    ) -> None:
        self._simulation = simulation
        self._places = [(name, p) for name, count in topics.items() for p in range(count)]
        self._history = history
        self._end_s = end_s
        self._producers: list[asyncio.Task[Any]] = []
        self._consumers: list[asyncio.Task[Any]] = []

    def add_producer(
        self, name: str, *, acks: int | str, idempotent: bool, gap_s: float
    ) -> None:
        """Start a producer that sends one record every `gap_s` seconds on average."""
        host = self._simulation.host(name)
        work = self._produce(name, acks, idempotent, gap_s)
        self._producers.append(host.spawn(work, name=name))

    def add_consumer(self, name: str) -> None:
        """Start a consumer with all partitions assigned, from the beginning on."""
        self._consumers.append(
            self._simulation.host(name).spawn(self._consume(name), name=name)
        )

    def add_watcher(self, name: str) -> None:
        """Start a client that asks again and again how far each partition goes."""
        self._consumers.append(self._simulation.host(name).spawn(self._watch(name), name=name))

    def add_rack_reader(self, rack: str) -> None:
        """Start a consumer that reads all partitions from replicas in its rack, if it can."""
        work = read_by_rack(self._simulation, self._places, rack)
        name = f"rack-{rack}"
        self._consumers.append(self._simulation.host(name).spawn(work, name=name))

    async def finish(self) -> None:
        """Return when every producer has sent and heard of all its records."""
        for producer in self._producers:
            await producer

    async def stop(self) -> None:
        """Stop the consumers."""
        for consumer in self._consumers:
            consumer.cancel()
        for consumer in self._consumers:
            try:
                await consumer
            except asyncio.CancelledError:
                continue

    async def _produce(
        self, name: str, acks: int | str, idempotent: bool, gap_s: float
    ) -> None:
        from aiokafka import AIOKafkaProducer

        draws = Random(f"{self._simulation.seed}:{name}")  # noqa: S311 - reproducible
        producer = AIOKafkaProducer(
            bootstrap_servers=self._simulation.bootstrap,
            client_id=name,
            acks=acks,
            enable_idempotence=idempotent,
            linger_ms=draws.choice((0, 5, 20)),
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=draws.choice((100, RETRY_BACKOFF_MS, RETRY_BACKOFF_MS)),
        )
        await _started(producer)
        loop = asyncio.get_running_loop()
        sent = 0
        pending: list[asyncio.Future[Any]] = []
        while loop.time() < self._end_s:
            await asyncio.sleep(draws.expovariate(1 / gap_s))
            place = self._places[draws.randrange(len(self._places))]
            for _ in range(draws.choice((1, 5, 10, 20))):
                value = f"{name}-{sent}".encode()
                sent += 1
                future = await self._send(producer, name, acks, place, value)
                if future is not None:
                    pending.append(future)
        for future in pending:
            if not future.done():
                await asyncio.wait([future])  # noqa: TID251 - one at a time has but one order
        await producer.stop()

    async def _send(
        self, producer: Any, name: str, acks: int | str, place: tuple[str, int], value: bytes
    ) -> asyncio.Future[Any] | None:
        from aiokafka.errors import KafkaError

        topic, partition = place
        history, simulation = self._history, self._simulation
        number = -1 if acks == "all" else int(acks)
        token = history.invoke_send(name, topic, partition, value, number, _now_ms())
        try:
            future: asyncio.Future[Any] = await producer.send(topic, value, partition=partition)
        except KafkaError:
            history.info(token, _now_ms())
            return None

        def heard(done: asyncio.Future[Any]) -> None:
            simulation.operations += 1
            if done.cancelled() or done.exception() is not None:
                history.info(token, _now_ms())
            else:
                offset = done.result().offset if done.result() is not None else -1
                history.ok(token, offset if offset >= 0 else None, _now_ms())

        future.add_done_callback(heard)
        return future

    async def _consume(self, name: str) -> None:
        while True:
            consumer = self._consumer(name)
            await _started(consumer)
            try:
                await self._read(consumer, name)
            finally:
                await _stopped(consumer)
            self._simulation.note(f"{name} does not fetch any more")

    def _consumer(self, name: str) -> Any:
        from aiokafka import AIOKafkaConsumer

        return AIOKafkaConsumer(
            bootstrap_servers=self._simulation.bootstrap,
            client_id=name,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=1_000,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )

    async def _read(self, consumer: Any, name: str) -> None:
        """Read all partitions from their beginnings, until the fetcher has ended.

        aiokafka 0.14 does not tell that it has: a request that times out on a connection that is
        gone is a KeyError.
        """
        from aiokafka import TopicPartition
        from aiokafka.errors import KafkaError, OffsetOutOfRangeError

        partitions = [TopicPartition(*place) for place in self._places]
        consumer.assign(partitions)
        self._start_over(consumer, name, partitions)
        while not consumer._fetcher.error_future.done():
            try:
                found = await consumer.getmany(timeout_ms=1_000, max_records=200)
            except OffsetOutOfRangeError as error:
                self._start_over(consumer, name, list(error.args[0]))
                continue
            except KafkaError:
                continue
            self._note(name, found)

    async def _watch(self, name: str) -> None:
        from aiokafka import AIOKafkaConsumer, TopicPartition
        from aiokafka.errors import KafkaError

        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._simulation.bootstrap,
            client_id=name,
            enable_auto_commit=False,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        await _started(consumer)
        partitions = [TopicPartition(*place) for place in self._places]
        try:
            while True:
                try:
                    await consumer.end_offsets(partitions)
                except (KafkaError, KeyError):  # as in `_read`
                    await asyncio.sleep(WATCH_S)
                    continue
                self._simulation.operations += 1
                await asyncio.sleep(WATCH_S)
        finally:
            await consumer.stop()

    def _note(self, name: str, found: dict[Any, Sequence[Any]]) -> None:
        for partition, records in found.items():
            self._simulation.operations += 1
            pairs = [(record.offset, bytes(record.value)) for record in records]
            self._history.polled(name, partition.topic, partition.partition, pairs, _now_ms())

    def _start_over(self, consumer: Any, name: str, partitions: list[Any]) -> None:
        """Read logs from their beginnings: at first, and where one is shorter than we had read."""
        for partition in partitions:
            consumer.seek(partition, 0)
            self._history.positioned(name, partition.topic, partition.partition, 0, _now_ms())


async def _started(client: Any) -> None:
    """Start a client, as often as it takes."""
    from aiokafka.errors import KafkaError

    while True:
        try:
            await client.start()
        except (KafkaError, OSError):
            await asyncio.sleep(RETRY_S)
        else:
            return


async def _stopped(consumer: Any) -> None:
    """Close a consumer, also where its fetcher has ended with an error: it says so now."""
    from aiokafka.errors import KafkaError

    try:
        await consumer.stop()
    except (KafkaError, KeyError):
        await consumer._client.close()


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
