"""One record of an aborted transaction, one of a committed one: what is a consumer handed?

By three clients, each with a producer and consumers of its own. As a program it prints one JSON
line: what the consumer of committed records was handed, and what the other one.

    python -m benchmarks.transaction_reads CLIENT BOOTSTRAP TOPIC
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ABORTED", "CLIENTS", "COMMITTED", "ISOLATIONS", "Client"]

ABORTED, COMMITTED = b"aborted", b"committed"
ISOLATIONS = ("read_committed", "read_uncommitted")
TRANSACTIONS = ((ABORTED, False), (COMMITTED, True))
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Client:
    """A client by what it does.

    Attributes:
        write: run both transactions on partition 0 of a topic; bootstrap servers, topic.
        read: return what a consumer is handed of that partition until it has been silent for so
            many seconds behind the committed record; bootstrap servers, topic, isolation, seconds.
    """

    module: str
    write: Callable[[str, str], None]
    read: Callable[[str, str, str, float], list[bytes]]


def confluent_write(servers: str, topic: str) -> None:
    """Write with confluent-kafka."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{topic}.shop"})
    producer.init_transactions(TIMEOUT_S)
    for value, commit in TRANSACTIONS:
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        producer.flush(TIMEOUT_S)  # else librdkafka drops what it has not sent as it aborts
        end = producer.commit_transaction if commit else producer.abort_transaction
        end(TIMEOUT_S)


def confluent_read(servers: str, topic: str, isolation: str, silence_s: float) -> list[bytes]:
    """Read with confluent-kafka."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "isolation.level": isolation,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    handed: list[bytes] = []
    while (message := consumer.poll(wait_s(handed, silence_s))) is not None:
        if message.error() is not None:
            raise RuntimeError(str(message.error()))
        handed.append(message.value() or b"")
    consumer.close()
    return handed


def kafka_python_write(servers: str, topic: str) -> None:
    """Write with kafka-python."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=f"{topic}.shop")
    producer.init_transactions()
    for value, commit in TRANSACTIONS:
        producer.begin_transaction()
        producer.send(topic, value, partition=0).get(TIMEOUT_S)
        end = producer.commit_transaction if commit else producer.abort_transaction
        end()
    producer.close()


def kafka_python_read(
    servers: str, topic: str, isolation: str, silence_s: float
) -> list[bytes]:
    """Read with kafka-python."""
    from kafka import KafkaConsumer, TopicPartition

    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(
        bootstrap_servers=servers, isolation_level=isolation, enable_auto_commit=False
    )
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    handed: list[bytes] = []
    while found := consumer.poll(timeout_ms=int(wait_s(handed, silence_s) * 1000)):
        handed += [record.value for record in found[partition]]
    consumer.close()
    return handed


def aiokafka_write(servers: str, topic: str) -> None:
    """Write with aiokafka."""
    from aiokafka import AIOKafkaProducer

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"{topic}.shop")
        await producer.start()
        for value, commit in TRANSACTIONS:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, value, partition=0)
            end = producer.commit_transaction if commit else producer.abort_transaction
            await end()
        await producer.stop()

    asyncio.run(asyncio.wait_for(write(), TIMEOUT_S))


def aiokafka_read(servers: str, topic: str, isolation: str, silence_s: float) -> list[bytes]:
    """Read with aiokafka."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    async def read() -> list[bytes]:
        partition = TopicPartition(topic, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level=isolation)
        await consumer.start()
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        handed: list[bytes] = []
        while found := await consumer.getmany(timeout_ms=int(wait_s(handed, silence_s) * 1000)):
            handed += [record.value for record in found[partition]]
        await consumer.stop()
        return handed

    return asyncio.run(read())


def wait_s(handed: list[bytes], silence_s: float) -> float:
    """How long the next record may take: long until the one comes that everybody gets."""
    return silence_s if COMMITTED in handed else TIMEOUT_S


CLIENTS = {
    "confluent-kafka": Client("confluent_kafka", confluent_write, confluent_read),
    "kafka-python": Client("kafka", kafka_python_write, kafka_python_read),
    "aiokafka": Client("aiokafka", aiokafka_write, aiokafka_read),
}


def handed(client: Client, options: argparse.Namespace) -> dict[str, Any]:
    """Write, and return what is handed over, by isolation level."""
    servers, topic, silence_s = options.bootstrap, options.topic, options.silence
    client.write(servers, topic)
    return {
        isolation: [each.decode() for each in client.read(servers, topic, isolation, silence_s)]
        for isolation in ISOLATIONS
    }


def main() -> None:
    """Write, read twice, and print what was handed over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("--silence", type=float, default=2.0, help="seconds")
    options = parser.parse_args()
    try:
        answer = handed(CLIENTS[options.client], options)
    except Exception as error:  # noqa: BLE001 - what a system cannot do is its answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
    os._exit(0)  # a client of a system that does not answer would wait for it as it ends


if __name__ == "__main__":
    main()
