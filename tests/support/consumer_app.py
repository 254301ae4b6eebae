"""An application that reads topic `orders` in group `g`, commits automatically, and says what it read.

    python consumer_app.py CLIENT BOOTSTRAP COMMIT_INTERVAL_MS

Runs until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any


def main(client: str, bootstrap: str, interval_ms: int) -> None:
    """Read with the client of that name."""
    {"confluent_kafka": confluent, "kafka": kafka_python, "aiokafka": aiokafka}[client](
        bootstrap, interval_ms
    )


def say(partition: int, offset: int) -> None:
    """Tell what was read, at once."""
    print(partition, offset, flush=True)


def confluent(bootstrap: str, interval_ms: int) -> None:
    """Read with confluent-kafka."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "g",
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": interval_ms,
            "session.timeout.ms": 1_000,
            "heartbeat.interval.ms": 200,
        }
    )
    consumer.subscribe(["orders"])
    while True:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            say(message.partition() or 0, message.offset() or 0)


def _times(interval_ms: int) -> dict[str, Any]:
    return {
        "group_id": "g",
        "auto_offset_reset": "earliest",
        "auto_commit_interval_ms": interval_ms,
        "session_timeout_ms": 1_000,
        "heartbeat_interval_ms": 200,
    }


def kafka_python(bootstrap: str, interval_ms: int) -> None:
    """Read with kafka-python."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer("orders", bootstrap_servers=bootstrap, **_times(interval_ms))
    while True:
        for partition, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                say(partition.partition, record.offset)


def aiokafka(bootstrap: str, interval_ms: int) -> None:
    """Read with aiokafka."""
    from aiokafka import AIOKafkaConsumer
    from aiokafka.coordinator.assignors.range import RangePartitionAssignor

    async def read() -> None:
        consumer = AIOKafkaConsumer(
            "orders",
            bootstrap_servers=bootstrap,
            partition_assignment_strategy=(RangePartitionAssignor,),
            **_times(interval_ms),
        )
        await consumer.start()
        async for record in consumer:
            say(record.partition, record.offset)

    asyncio.run(read())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
