"""Real clients that send without rest, each in a thread of its own, noted in a ledger.

No idempotence and many retries: what brokers do to records must show, and no client may give up
before a failover is over. Each client is imported when it is used.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from minikafka.bench.ledger import Ledger, Timed
from minikafka.bench.settings import CLIENT_METADATA_MAX_AGE_MS, CLIENT_REQUEST_TIMEOUT_MS

__all__ = ["CLIENTS", "Load", "is_installed"]

DELIVERY_TIMEOUT_MS = 30_000
LINGER_MS = 2
BACKOFF_MS = 50
TICK_S = 0.002
FLUSH_S = 12.0


def is_installed(client: str) -> bool:
    """Say whether the client can be imported."""
    return find_spec(CLIENTS[client][0]) is not None


class Load:
    """A producer in a thread, from `start` to `stop`.

    Args:
        client: a key of `CLIENTS`.
        rate: records per second.

    Attributes:
        failure: what ended the thread before its time.
    """

    def __init__(self, client: str, bootstrap: str, ledger: Ledger, rate: int) -> None:
        self.failure: BaseException | None = None
        self.bootstrap = bootstrap
        self.ledger = ledger
        self.stopping = threading.Event()
        self._rate = rate
        self._thread = threading.Thread(
            target=self._run, args=(CLIENTS[client][1],), name=client
        )

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Return once every record has its outcome, or the client will not say; raises `failure`."""
        self.stopping.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    @property
    def alive(self) -> bool:
        """False once the thread has ended, in order or not."""
        return self._thread.is_alive()

    def due(self, began: float, sent: int) -> int:
        """Return how many records should be sent now."""
        return int((time.monotonic() - began) * self._rate) - sent

    def _run(self, body: Callable[[Load], None]) -> None:
        # Each retry would be a line; what comes of it is in the ledger.
        for name in ("aiokafka", "kafka"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            body(self)
        except BaseException as error:  # noqa: BLE001 - handed to whoever stops the load
            self.failure = error


def _confluent(load: Load) -> None:
    from confluent_kafka import Producer

    ledger = load.ledger
    producer = Producer(
        {
            "bootstrap.servers": load.bootstrap,
            "acks": ledger.acks,
            "linger.ms": LINGER_MS,
            # It asks about leaders whom it has last talked to. So it must hang up, rather than be
            # told that a request timed out, or it would ask a leader that is cut off for ever.
            "socket.timeout.ms": CLIENT_REQUEST_TIMEOUT_MS,
            "request.timeout.ms": 2 * CLIENT_REQUEST_TIMEOUT_MS,
            "message.timeout.ms": DELIVERY_TIMEOUT_MS,
            "metadata.max.age.ms": CLIENT_METADATA_MAX_AGE_MS,
            "topic.metadata.refresh.interval.ms": CLIENT_METADATA_MAX_AGE_MS,
            "retry.backoff.ms": BACKOFF_MS,
            "reconnect.backoff.max.ms": 10 * BACKOFF_MS,
            "log_level": 0,
        }
    )

    def send(timed: Timed) -> None:
        def delivered(error: Any, message: Any) -> None:
            if error is None:
                ledger.acked(timed, message.offset())
            else:
                ledger.unknown(timed)

        producer.produce(
            ledger.topic, timed.send.value, partition=ledger.partition, on_delivery=delivered
        )

    began, sent = time.monotonic(), 0
    while not load.stopping.is_set():
        for _ in range(load.due(began, sent)):
            sent += 1
            send(ledger.begin())
        producer.poll(TICK_S)
    producer.flush(FLUSH_S)


def _kafka_python(load: Load) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    ledger = load.ledger
    producer = KafkaProducer(
        bootstrap_servers=load.bootstrap,
        acks="all" if ledger.acks == -1 else ledger.acks,
        linger_ms=LINGER_MS,
        request_timeout_ms=CLIENT_REQUEST_TIMEOUT_MS,
        delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
        max_block_ms=CLIENT_REQUEST_TIMEOUT_MS,
        metadata_max_age_ms=CLIENT_METADATA_MAX_AGE_MS,
        retry_backoff_ms=BACKOFF_MS,
        reconnect_backoff_max_ms=10 * BACKOFF_MS,
        enable_idempotence=False,
    )
    began, sent = time.monotonic(), 0
    tick = threading.Event()
    while not load.stopping.is_set():
        for _ in range(load.due(began, sent)):
            sent += 1
            timed = ledger.begin()
            try:
                future = producer.send(
                    ledger.topic, timed.send.value, partition=ledger.partition
                )
            except KafkaError:
                ledger.unknown(timed)
                continue
            future.add_callback(lambda told, timed=timed: ledger.acked(timed, told.offset))
            future.add_errback(lambda _, timed=timed: ledger.unknown(timed))
        tick.wait(TICK_S)
    producer.close(timeout=FLUSH_S)


def _aiokafka(load: Load) -> None:
    asyncio.run(_aiokafka_sends(load))


async def _aiokafka_sends(load: Load) -> None:
    from aiokafka.errors import KafkaError

    ledger = load.ledger

    def settled(done: asyncio.Future[Any], timed: Timed) -> None:
        if done.cancelled() or done.exception() is not None:
            ledger.unknown(timed)
        else:
            told = done.result()
            ledger.acked(timed, None if told is None else told.offset)

    producer = await _aiokafka_producer(load)
    try:
        began, sent = time.monotonic(), 0
        while not load.stopping.is_set():
            for _ in range(load.due(began, sent)):
                sent += 1
                timed = ledger.begin()
                try:
                    future = await producer.send(
                        ledger.topic, timed.send.value, partition=ledger.partition
                    )
                except KafkaError as error:
                    ledger.unknown(timed)
                    if type(error) is KafkaError:
                        # Its task that sends has died: with acks=0 of a connection that is reset.
                        await producer.stop()
                        producer = await _aiokafka_producer(load)
                    continue
                future.add_done_callback(lambda done, timed=timed: settled(done, timed))
            await asyncio.sleep(TICK_S)
        await asyncio.wait_for(producer.flush(), FLUSH_S)
    finally:
        await producer.stop()


async def _aiokafka_producer(load: Load) -> Any:
    from aiokafka import AIOKafkaProducer

    acks = load.ledger.acks
    producer = AIOKafkaProducer(
        bootstrap_servers=load.bootstrap,
        acks="all" if acks == -1 else acks,
        linger_ms=LINGER_MS,
        request_timeout_ms=CLIENT_REQUEST_TIMEOUT_MS,
        metadata_max_age_ms=CLIENT_METADATA_MAX_AGE_MS,
        retry_backoff_ms=BACKOFF_MS,
    )
    await producer.start()
    return producer


CLIENTS: dict[str, tuple[str, Callable[[Load], None]]] = {
    "aiokafka": ("aiokafka", _aiokafka),
    "confluent": ("confluent_kafka", _confluent),
    "kafka-python": ("kafka", _kafka_python),
}
"""By the name people type: the module, and the body of the thread."""
