"""What does idempotence cost the brokers?

Processor time of the brokers for the same records with and without it, in turn. By
confluent-kafka, which sends something else with it; and by a socket that sends the same requests.

    python -m benchmarks.bench_idempotence [--rounds 7] [--systems minikafka,kafka1]
"""

from __future__ import annotations

import json as json_module
import socket
import statistics
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.table import Table

from benchmarks.report import write_json
from benchmarks.systems import ALL, BenchmarkError, Running
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from minikafka.wire.produce_codec import encode_produce_request

__all__ = ["Sample", "main"]

PARTITIONS = 3
TIMEOUT_S = 120.0
STATISTICS_S = 0.1
VALUE = b"v" * 100
BATCH_RECORDS = 5
VERSION, PRODUCER_ID = 9, 1_000_000
HEADER = struct.Struct(">ihhih")  # size, api key, version, correlation id, length of client id
SIZE = struct.Struct(">i")


@dataclass(frozen=True)
class Sample:
    """What one run came to; CPU is that of the brokers."""

    requests: int
    records: int
    cpu_s: float
    seconds: float


def by_librdkafka(records: int, **settings: object) -> Callable[[Running, str, bool], Sample]:
    """Return a run of confluent-kafka as fast as it can."""

    def run(running: Running, topic: str, idempotent: bool) -> Sample:
        running.create_topic(topic, PARTITIONS)
        told: list[str] = []
        config: dict[str, Any] = {
            "bootstrap.servers": running.bootstrap,
            "enable.idempotence": idempotent,
            "acks": "all",
            "log_level": 0,
            "socket.nagle.disable": True,
            "queue.buffering.max.messages": 10_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
            "statistics.interval.ms": int(STATISTICS_S * 1000),
            "stats_cb": told.append,
        }
        config |= {name.replace("_", "."): value for name, value in settings.items()}
        producer = Producer(config)
        # Connections, metadata and the producer id are not what is measured here.
        for partition in range(PARTITIONS):
            producer.produce(topic, b"warm", partition=partition)
        left = producer.flush(TIMEOUT_S)
        cpu, start = running.cpu_s(), time.perf_counter()
        for number in range(records):
            producer.produce(topic, VALUE, partition=number % PARTITIONS)
        left += producer.flush(TIMEOUT_S)
        seconds, cpu = time.perf_counter() - start, running.cpu_s() - cpu
        if left:
            raise BenchmarkError(f"{left} records were not taken")
        told.clear()
        while not told:
            producer.poll(STATISTICS_S)
        brokers = json_module.loads(told[-1])["brokers"].values()
        requests = sum(each["req"].get("Produce", 0) for each in brokers) - PARTITIONS
        return Sample(requests, records, cpu, seconds)

    return run


def by_socket(requests: int, window: int) -> Callable[[Running, str, bool], Sample]:
    """Return a run of requests that differ in nothing but producer id and sequence number.

    Args:
        window: how many are on the way at a time.
    """

    def run(running: Running, topic: str, idempotent: bool) -> Sample:
        running.create_topic(topic, 1)
        seen = AdminClient({"bootstrap.servers": running.bootstrap}).list_topics(topic, 30)
        leader = seen.brokers[seen.topics[topic].partitions[0].leader]
        frames = [request(topic, number, idempotent) for number in range(requests)]
        answered = b""
        with (
            socket.create_connection((leader.host, leader.port)) as connection,
            connection.makefile("rb") as answers,
        ):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            cpu, start = running.cpu_s(), time.perf_counter()
            for first in range(0, requests, window):
                connection.sendall(b"".join(frames[first : first + window]))
                for _ in frames[first : first + window]:
                    answered = answers.read(SIZE.unpack(answers.read(SIZE.size))[0])
            seconds, cpu = time.perf_counter() - start, running.cpu_s() - cpu
        # Behind correlation id, tags, count, name, count and index: the error code.
        if answered[12 + len(topic) :][:2] != b"\0\0":
            raise BenchmarkError(f"refused: {answered!r}")
        return Sample(requests, requests * BATCH_RECORDS, cpu, seconds)

    return run


def request(topic: str, number: int, idempotent: bool) -> bytes:
    """Return a Produce request of one batch as it goes over the wire."""
    batch = build_batch(
        [Record(0, int(time.time() * 1000), None, VALUE)] * BATCH_RECORDS,
        producer_id=PRODUCER_ID if idempotent else -1,
        producer_epoch=0 if idempotent else -1,
        base_sequence=number * BATCH_RECORDS if idempotent else -1,
    )
    partition = ProducePartition(0, batch.view)
    asked = ProduceRequest(
        transactional_id=None,
        acks=-1,
        timeout_ms=30_000,
        topics=[ProduceTopic(topic, None, [partition])],
    )
    body = b"".join(bytes(part) for part in encode_produce_request(VERSION, asked))
    size = HEADER.size - SIZE.size + 1 + len(body)
    return HEADER.pack(size, 0, VERSION, number, -1) + b"\0" + body


LOADS: dict[str, Callable[[Running, str, bool], Sample]] = {
    "confluent-kafka, linger.ms=5": by_librdkafka(600_000, linger_ms=5),
    "confluent-kafka, 5 records a batch": by_librdkafka(
        10_000, linger_ms=0, batch_num_messages=BATCH_RECORDS
    ),
    "the same requests, one at a time": by_socket(4_000, 1),
    "the same requests, ten at a time": by_socket(10_000, 10),
}
Found = dict[tuple[str, bool], list[Sample]]


def measure(name: str, rounds: int) -> Found:
    """Return the samples of one system, by load and idempotence; taken in turn."""
    found: Found = {(load, on): [] for load in LOADS for on in (False, True)}
    with ALL[name].running() as running:
        for number in range(-1, rounds):
            for at, load in enumerate(LOADS):
                for on in (False, True) if number % 2 else (True, False):
                    topic = f"t-{number + 1}-{at}-{on}"
                    took = LOADS[load](running, topic, on)
                    if number >= 0:  # the round before is for warming up
                        found[load, on].append(took)
    return found


def table(title: str, found: Found) -> Table:
    """A row for each load, without and with idempotence."""
    grid = Table("", title=title)
    for column in ("records/request", "broker CPU, µs/request", "with ÷ without"):
        grid.add_column(column, justify="right")
    for load in LOADS:
        cells, cost = [], []
        for on in (False, True):
            samples = found[load, on]
            requests = statistics.median(each.requests for each in samples)
            cells.append(f"{samples[0].records / requests:,.1f}")
            cost.append(statistics.median(each.cpu_s / each.records for each in samples))
        per_request = [
            statistics.median(each.cpu_s / each.requests for each in found[load, on]) * 1e6
            for on in (False, True)
        ]
        grid.add_row(
            load,
            " / ".join(cells),
            f"{per_request[0]:,.0f} / {per_request[1]:,.0f}",
            f"{cost[1] / cost[0]:.2f}",
        )
    return grid


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 7,
    systems: str = "minikafka",
    json: Annotated[Path | None, typer.Option(help="Where the result goes.")] = None,
) -> None:
    """Measure and print; ratios are of the brokers' processor time for a record."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a pipe has no width; the default of 80 breaks the rows
    content: dict[str, Any] = {}
    for name in systems.split(","):
        if (reason := ALL[name].absent()) is not None:
            console.print(f"absent: {name} ({reason})")
            continue
        found = measure(name, rounds)
        console.print(table(f"{ALL[name].title}, medians of {rounds}: without / with", found))
        content[name] = [
            {"load": load, "idempotence": on, "samples": [asdict(each) for each in samples]}
            for (load, on), samples in found.items()
        ]
    console.print(f"written: {write_json('idempotence', content, json)}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
