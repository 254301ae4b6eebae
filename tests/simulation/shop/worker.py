"""A worker: reads orders, writes an invoice for each, and remembers how far it has come.

Ordinary aiokafka; knows nothing of any simulation. It keeps its position in a topic of its own
and not in a consumer group, so it can be restarted anywhere.
"""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

__all__ = ["run_worker"]

WORK_S = 0.02


async def run_worker(bootstrap: str, *, remember_first: bool = False) -> None:
    """Write invoices for orders, for ever.

    Args:
        remember_first: the bug: note an order as done before its invoice is written.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True
    )
    await _started(producer)
    orders = TopicPartition("orders", 0)
    position = await _last_position(bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await _started(consumer)
    consumer.assign([orders])
    consumer.seek(orders, position)
    while True:
        for record in (await consumer.getmany(timeout_ms=500)).get(orders, []):
            done = str(record.offset + 1).encode()
            if remember_first:
                await producer.send_and_wait("progress", done)
            await asyncio.sleep(WORK_S)
            await producer.send_and_wait("invoices", b"invoice for " + record.value)
            if not remember_first:
                await producer.send_and_wait("progress", done)


async def _last_position(bootstrap: str) -> int:
    """Return the offset of the first order that is not known to be done."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await _started(consumer)
    progress = TopicPartition("progress", 0)
    consumer.assign([progress])
    consumer.seek(progress, 0)
    position = 0
    try:
        end = (await consumer.end_offsets([progress]))[progress]
        while await consumer.position(progress) < end:
            for record in (await consumer.getmany(timeout_ms=500)).get(progress, []):
                position = int(record.value)
    finally:
        await consumer.stop()
    return position


async def _started(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    while True:
        try:
            await client.start()
        except (KafkaError, OSError):
            await asyncio.sleep(0.5)
        else:
            return
