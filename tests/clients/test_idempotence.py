"""The answer to a produce is lost after the append: real clients send the batch again.

With idempotence it is there once and in its place, without it twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from minikafka import Cluster
from minikafka.apis.handlers import REGISTERED
from minikafka.apis.registry import CloseConnection
from minikafka.wire.versions import ApiKey
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap

pytestmark = [
    pytest.mark.client,
    pytest.mark.kafka(brokers=3, topics={"t": 1}),
    pytest.mark.skipif(
        external_bootstrap() is not None, reason=f"{BOOTSTRAP_VARIABLE}: no answers to lose"
    ),
]

VALUES = [b"%d" % number for number in range(20)]
LOST = (2, 3, 5)
"""Which produce requests, from 1, are carried out and never answered."""


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have the brokers lose some answers; returns which ones were, so far."""
    registration = REGISTERED[ApiKey.PRODUCE]
    requests = 0
    told: list[int] = []

    def handler(request: Any, context: Any) -> Any:
        nonlocal requests
        requests += 1
        answer = registration.handler(request, context)
        if requests in LOST:
            told.append(requests)
            raise CloseConnection("the answer is lost")
        return answer

    monkeypatch.setitem(REGISTERED, int(ApiKey.PRODUCE), replace(registration, handler=handler))
    return told


def confluent(servers: str, idempotent: bool) -> None:
    """Produce with librdkafka, one record a batch, five of them on the way."""
    client = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    producer = client.Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": idempotent,
            "acks": "all",
            "max.in.flight.requests.per.connection": 5,
            "batch.num.messages": 1,
            "linger.ms": 0,
            "retry.backoff.ms": 10,
            "reconnect.backoff.ms": 10,
        }
    )
    errors: list[Any] = []
    for value in VALUES:
        producer.produce("t", value, on_delivery=lambda error, _message: errors.append(error))
        producer.poll(0)
    assert producer.flush(15) == 0
    assert errors == [None] * len(VALUES)


def kafka_python(servers: str, idempotent: bool) -> None:
    """Produce with kafka-python."""
    client = pytest.importorskip("kafka", reason="kafka-python is not installed")
    producer = client.KafkaProducer(
        bootstrap_servers=servers,
        enable_idempotence=idempotent,
        acks="all",
        retries=10,
        retry_backoff_ms=10,
        reconnect_backoff_ms=10,
        max_in_flight_requests_per_connection=1,
    )
    try:
        for value in VALUES:
            producer.send("t", value).get(timeout=10)
    finally:
        producer.close()


def aiokafka(servers: str, idempotent: bool) -> None:
    """Produce with aiokafka."""
    client = pytest.importorskip("aiokafka", reason="aiokafka is not installed")

    async def produce() -> None:
        producer = client.AIOKafkaProducer(
            bootstrap_servers=servers,
            enable_idempotence=idempotent,
            acks="all",
            retry_backoff_ms=10,
        )
        await producer.start()
        try:
            for value in VALUES:
                await producer.send_and_wait("t", value)
        finally:
            await producer.stop()

    asyncio.run(produce())


CLIENTS = pytest.mark.parametrize(
    "produce", [confluent, kafka_python, aiokafka], ids=lambda client: client.__name__
)
Produce = Callable[[str, bool], None]


def stored(kafka: Cluster) -> list[bytes | None]:
    """Return the values in the log, in their order."""
    return [record.value for record in kafka.records("t")]


@CLIENTS
def test_a_lost_answer_leaves_one_copy_of_an_idempotent_producers_batch(
    kafka: Cluster, lost: list[int], produce: Produce
) -> None:
    """All is there once, and in the order in which it was sent (KIP-98)."""
    produce(kafka.bootstrap_servers, True)
    assert lost == list(LOST)
    assert stored(kafka) == VALUES


@CLIENTS
def test_a_lost_answer_leaves_two_copies_without_idempotence(
    kafka: Cluster, lost: list[int], produce: Produce
) -> None:
    """The broker cannot tell a batch that comes again from a new one."""
    produce(kafka.bootstrap_servers, False)
    assert lost == list(LOST)
    counts = Counter(stored(kafka))
    assert set(counts) == set(VALUES)
    assert max(counts.values()) > 1
