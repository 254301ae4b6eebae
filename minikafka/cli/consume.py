"""`minikafka consume TOPIC`: the records of any Kafka cluster as lines on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from minikafka.cli.failures import failures_of
from minikafka.cli.parsing import one_of
from minikafka.cli.running import run_until_signal
from minikafka.cluster.consumer_records import ISOLATION_LEVELS, Isolation
from minikafka.cluster.partition_state import Record
from minikafka.cluster.remote import RemoteCluster
from minikafka.cluster.remote_consumer import RemoteConsumer

__all__ = ["FORMATS", "consume", "json_value"]

COMMAND = "minikafka consume"


def json_value(data: bytes | None) -> object:
    """Return bytes as JSON: a string where they are UTF-8, null, or {"base64": ...}."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        from base64 import b64encode

        return {"base64": b64encode(data).decode("ascii")}


def _text(data: bytes | None) -> bytes:
    return b"null" if data is None else data


def _full(record: Record) -> bytes:
    place = f"{record.partition}:{record.offset}\t{record.timestamp_ms}\t".encode()
    return place + _text(record.key) + b"\t" + _text(record.value)


def _json(record: Record) -> bytes:
    shown = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": json_value(record.key),
        "value": json_value(record.value),
        "headers": [[name, json_value(value)] for name, value in record.headers],
    }
    return json.dumps(shown, ensure_ascii=False).encode()


FORMATS: Mapping[str, Callable[[Record], bytes]] = {
    "value": lambda record: _text(record.value),
    "key": lambda record: _text(record.key) + b"\t" + _text(record.value),
    "full": _full,
    "json": _json,
}
"""How a record becomes a line, without its end."""


def consume(
    bootstrap_servers: str,
    timeout_s: float,
    topic: str,
    *,
    from_beginning: bool,
    max_messages: int | None,
    exit_at_end: bool,
    partitions: Sequence[int] | None,
    isolation: str,
    form: str,
) -> int:
    """Records are printed as they come, in order within each partition.

    Ends at `max_messages`, at the end where asked to, or by a signal.
    """
    with failures_of(COMMAND):
        line_of = FORMATS[one_of("--format", form, tuple(FORMATS))]
        level = cast("Isolation", one_of("--isolation", isolation, tuple(ISOLATION_LEVELS)))

    async def work() -> int:
        with failures_of(COMMAND):
            cluster = await RemoteCluster.connect(bootstrap_servers, timeout_s)
            try:
                consumer = RemoteConsumer(
                    cluster, topic, partitions=partitions, isolation=level
                )
                await consumer.start(from_beginning=from_beginning)
                await _print(consumer, line_of, max_messages, exit_at_end=exit_at_end)
            finally:
                await cluster.close()
        return 0

    return run_until_signal(work())


async def _print(
    consumer: RemoteConsumer,
    line_of: Callable[[Record], bytes],
    max_messages: int | None,
    *,
    exit_at_end: bool,
) -> None:
    left = max_messages
    if left == 0 or (exit_at_end and consumer.at_end):
        return
    output = sys.stdout.buffer
    fetches = consumer.fetches()
    try:
        async for records in fetches:
            shown = records if left is None else records[:left]
            output.writelines(line_of(record) + b"\n" for record in shown)
            output.flush()
            if left is not None:
                left -= len(shown)
            if left == 0 or (exit_at_end and consumer.at_end):
                return
    finally:
        await fetches.aclose()
