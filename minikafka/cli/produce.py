"""`minikafka produce TOPIC`: lines of stdin as records of any Kafka cluster."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from minikafka.cli.failures import failures_of
from minikafka.cli.lines import read_chunks, split_lines
from minikafka.cli.parsing import one_of, parse_pairs
from minikafka.cli.running import run_until_signal
from minikafka.cluster.remote import RemoteCluster
from minikafka.cluster.remote_producer import Outgoing, RemoteProducer
from minikafka.records.compressors import Codec

__all__ = ["batches", "produce", "record_of_line"]

COMMAND = "minikafka produce"
_ACKS = {"0": 0, "1": 1, "all": -1, "-1": -1}
# Half of Kafka's default message.max.bytes leaves room for keys, headers and framing.
_BATCH_BYTES_MAX = 1 << 19
_BATCH_RECORDS_MAX = 10_000


def produce(
    bootstrap_servers: str,
    timeout_s: float,
    topic: str,
    *,
    key_separator: str | None,
    headers: Sequence[str],
    partition: int | None,
    acks: str,
    compression: str,
) -> int:
    """Every line up to the end of stdin, or to a signal, is a record."""
    with failures_of(COMMAND):
        codec = Codec[one_of("--compression", compression, _codec_names()).upper()]
        acks_number = _ACKS[one_of("--acks", acks, tuple(_ACKS))]
        given = tuple(
            (name, value.encode()) for name, value in parse_pairs("--header", headers).items()
        )
        if key_separator == "":
            raise ValueError("--key-separator is not empty")
    separator = None if key_separator is None else key_separator.encode()

    async def work() -> int:
        with failures_of(COMMAND):
            cluster = await RemoteCluster.connect(bootstrap_servers, timeout_s)
            try:
                producer = RemoteProducer(
                    cluster, topic, partition=partition, acks=acks_number, codec=codec
                )
                with _progress() as note:
                    await _send_lines(producer, separator, given, note)
            finally:
                await cluster.close()
        return 0

    return run_until_signal(work())


def record_of_line(
    line: bytes, separator: bytes | None, headers: tuple[tuple[str, bytes | None], ...]
) -> Outgoing:
    """Return the record of one line; without the separator in it, it has no key."""
    if separator is not None:
        key, found, value = line.partition(separator)
        if found:
            return Outgoing(key, value, headers)
    return Outgoing(None, line, headers)


def batches(records: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Yield runs of records that fit into one batch each; a huge record is alone in its run."""
    start = size = 0
    for position, record in enumerate(records):
        weight = len(record.key or b"") + len(record.value or b"")
        full = size + weight > _BATCH_BYTES_MAX or position - start >= _BATCH_RECORDS_MAX
        if full and position > start:
            yield records[start:position]
            start, size = position, 0
        size += weight
    if start < len(records):
        yield records[start:]


async def _send_lines(
    producer: RemoteProducer,
    separator: bytes | None,
    headers: tuple[tuple[str, bytes | None], ...],
    note: Callable[[int, int], None],
) -> None:
    rest = b""

    async def send(lines: list[bytes]) -> None:
        records = [record_of_line(line, separator, headers) for line in lines]
        for batch in batches(records):
            # The user's own clock, as for every producer.
            await producer.send(batch, time.time_ns() // 1_000_000)  # noqa: TID251

    async for chunk in read_chunks(sys.stdin.fileno()):
        lines, rest = split_lines(rest, chunk)
        await send(lines)
        note(len(lines), len(chunk))
    if rest:
        await send([rest])
        note(1, 0)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, where people watch stderr and do not type the lines themselves."""
    if not sys.stderr.isatty() or sys.stdin.isatty():
        yield lambda records, read: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.fields[records]:,} records"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("produce", total=_stdin_bytes(), records=0)
        total = 0

        def note(records: int, read: int) -> None:
            nonlocal total
            total += records
            progress.update(task, advance=read, records=total)

        yield note


def _stdin_bytes() -> int | None:
    """Return the size of stdin where it is a file, None for a pipe."""
    status = os.fstat(sys.stdin.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _codec_names() -> tuple[str, ...]:
    return tuple(codec.name.lower() for codec in Codec)
