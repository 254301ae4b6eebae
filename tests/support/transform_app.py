"""An application that copies topic `in` to topic `out` in transactions, until it is killed.

    python transform_app.py CLIENT BOOTSTRAP NUMBER PARTITIONS

A record goes into the partition it came from. The group has committed an offset of each partition
before. Ends with code 3 where a client cannot go on: whoever runs it starts it again.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

TRANSACTION_RECORDS = 50
TIMEOUT_S = 30.0
CANNOT_GO_ON = 3


def main(client: str, bootstrap: str, number: int, partitions: list[int]) -> None:
    """Copy with the client of that name."""
    if client == "aiokafka":
        aiokafka(bootstrap, number, partitions)
    else:
        Confluent(bootstrap, number).run()


class Confluent:
    """confluent-kafka: a member of a group, whose generation fences its offsets (KIP-447)."""

    def __init__(self, bootstrap: str, number: int) -> None:
        from confluent_kafka import Consumer, Producer

        self._next: dict[int, int] = {}  # offsets behind what is in the open transaction
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "copy",
                "auto.offset.reset": "error",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "session.timeout.ms": 2_000,
                "heartbeat.interval.ms": 200,
                "reconnect.backoff.max.ms": 500,
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": f"copy-{number}",
                "reconnect.backoff.max.ms": 500,
                "linger.ms": 1,
            }
        )

    def run(self) -> None:
        """Copy for ever."""
        from confluent_kafka import KafkaError, KafkaException

        self._producer.init_transactions(TIMEOUT_S)
        self._consumer.subscribe(["in"], on_revoke=self._on_revoke, on_lost=self._on_lost)
        count = 0
        while True:
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is not None:
                if message.error().code() == KafkaError._AUTO_OFFSET_RESET:
                    raise KafkaException(message.error())
                continue
            if message is not None:
                count += 1
                if not self._next:
                    self._producer.begin_transaction()
                partition, offset = message.partition() or 0, message.offset() or 0
                self._producer.produce("out", message.value(), partition=partition)
                self._next[partition] = offset + 1
            if self._next and (message is None or count % TRANSACTION_RECORDS == 0):
                self._commit()

    def _on_revoke(self, _consumer: Any, _partitions: Any) -> None:
        if self._next:
            self._commit(rewind=False)

    def _on_lost(self, _consumer: Any, _partitions: Any) -> None:
        if self._next:
            self._abort()

    def _commit(self, *, rewind: bool = True) -> None:
        """Commit what was read with what was written; if that fails, read it again."""
        from confluent_kafka import KafkaException, TopicPartition

        offsets = [TopicPartition("in", *each) for each in self._next.items()]
        group = self._consumer.consumer_group_metadata()
        try:
            self._producer.send_offsets_to_transaction(offsets, group, TIMEOUT_S)
            self._producer.commit_transaction(TIMEOUT_S)
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
            self._abort()
            if rewind:
                self._rewind()
        self._next.clear()

    def _abort(self) -> None:
        self._producer.abort_transaction(TIMEOUT_S)
        self._next.clear()

    def _rewind(self) -> None:
        """Go back to what is committed."""
        owned = self._consumer.assignment()
        if owned:
            for place in self._consumer.committed(owned, TIMEOUT_S):
                self._consumer.seek(place)


def aiokafka(bootstrap: str, number: int, partitions: list[int]) -> None:
    """Copy with aiokafka, which knows no generations: each application has its partitions.

    It overlooks the error of an OffsetFetch as a whole (aiokafka 0.14), and where a coordinator still
    loads it reads from the beginning, as if nothing were committed. Without a reset it gives up.
    """
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    async def run() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id=f"copy-{number}"
        )
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id="copy",
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_poll_records=TRANSACTION_RECORDS,
        )
        # The producer first: what its former process has left open is aborted then.
        await producer.start()
        await consumer.start()
        consumer.assign([TopicPartition("in", partition) for partition in partitions])
        while True:
            found = await consumer.getmany(timeout_ms=100)
            if not found:
                continue
            async with producer.transaction():
                sent = [
                    await producer.send("out", record.value, partition=place.partition)
                    for place, records in found.items()
                    for record in records
                ]
                await asyncio.gather(*sent)
                offsets = {place: records[-1].offset + 1 for place, records in found.items()}
                await producer.send_offsets_to_transaction(offsets, "copy")

    asyncio.run(run())


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), [int(p) for p in sys.argv[4:]])
    except Exception as problem:  # noqa: BLE001 - told to who looks on, and started again
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr, flush=True)
        sys.stderr.flush()
        import os

        os._exit(CANNOT_GO_ON)
