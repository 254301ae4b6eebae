"""How long does a consumer group take to begin?

From subscribe to the first record of a fresh group's one member; and until five members hold
assignments that do not change any more. confluent-kafka with the systems' own defaults.

    python -m benchmarks.bench_groups [--rounds 20] [--systems minikafka,mock] [--protocol consumer]
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, Producer
from rich.console import Console
from rich.table import Table

from benchmarks.systems import ALL, BenchmarkError, Running

__all__ = ["main"]

TOPIC = "orders"
PARTITIONS = 12
MEMBERS = 5
TIMEOUT_S = 60.0
TARGETS_MS = {"one member, first record": 150.0, "five members, stable": 300.0}


def fill(bootstrap: str) -> None:
    """Put a record into each partition."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for partition in range(PARTITIONS):
        producer.produce(TOPIC, b"v", partition=partition)
    left = producer.flush(TIMEOUT_S)
    if left:
        raise BenchmarkError(f"{left} records were not taken")


@contextmanager
def member(bootstrap: str, group: str, protocol: str) -> Iterator[Consumer]:
    """A consumer that has its connections, and no group yet."""
    config: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "group.protocol": protocol,
    }
    consumer = Consumer(config)
    consumer.list_topics(TOPIC, timeout=TIMEOUT_S)
    try:
        yield consumer
    finally:
        consumer.close()


def first_record_ms(bootstrap: str, group: str, protocol: str) -> float:
    """Return the time from subscribe to the first record."""
    with member(bootstrap, group, protocol) as consumer:
        start = time.perf_counter()
        consumer.subscribe([TOPIC])
        while time.perf_counter() < start + TIMEOUT_S:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                return (time.perf_counter() - start) * 1000
    raise BenchmarkError("no record came")


def stable_ms(bootstrap: str, group: str, protocol: str) -> float:
    """Return the time until all partitions are shared by all members, for good."""
    with ExitStack() as stack:
        consumers = [
            stack.enter_context(member(bootstrap, group, protocol)) for _ in range(MEMBERS)
        ]
        end = threading.Event()
        owned: list[list[int]] = [[] for _ in consumers]

        def poll(number: int, consumer: Consumer) -> None:
            while not end.is_set():
                consumer.poll(0.01)
                # Asked from another thread it waits for a poll that waits for the interpreter.
                owned[number] = [place.partition for place in consumer.assignment()]

        threads = [threading.Thread(target=poll, args=each) for each in enumerate(consumers)]
        start = time.perf_counter()
        for consumer, thread in zip(consumers, threads, strict=True):
            consumer.subscribe([TOPIC])
            thread.start()
        try:
            return (_shared_since(owned, start) - start) * 1000
        finally:
            end.set()
            for thread in threads:
                thread.join()


def _shared_since(owned: list[list[int]], start: float) -> float:
    """Return since when the members share all partitions; it has to hold for half a second."""
    since: float | None = None
    while time.perf_counter() < start + TIMEOUT_S:
        whole = sorted(p for mine in owned for p in mine) == list(range(PARTITIONS))
        now = time.perf_counter()
        if not whole or not all(owned):
            since = None
        elif since is None:
            since = now
        elif now - since > 0.5:
            return since
        time.sleep(0.002)
    raise BenchmarkError("the members do not come to share the partitions")


def measure(running: Running, rounds: int, protocol: str) -> dict[str, list[float]]:
    """Return the samples of one system."""
    running.create_topic(TOPIC, PARTITIONS)
    fill(running.bootstrap)
    found: dict[str, list[float]] = {name: [] for name in TARGETS_MS}
    for number in range(rounds):
        for name, sample in zip(TARGETS_MS, (first_record_ms, stable_ms), strict=True):
            group = f"{name.split()[0]}-{number}"
            found[name].append(sample(running.bootstrap, group, protocol))
    return found


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 20,
    systems: str = "minikafka",
    protocol: Annotated[str, typer.Option(help="classic or consumer (KIP-848).")] = "classic",
) -> None:
    """Measure and print; exit status 1 where a target is missed or a system failed."""
    console = Console()
    table = Table("", *TARGETS_MS, title=f"group.protocol={protocol}, medians of {rounds}, ms")
    wrong = False
    for name in systems.split(","):
        system = ALL[name]
        if (reason := system.absent()) is not None:
            table.add_row(name, reason)
            continue
        try:
            with system.running() as running:
                found = measure(running, rounds, protocol)
        except BenchmarkError as error:
            table.add_row(name, str(error))
            wrong = True
            continue
        medians = {each: statistics.median(samples) for each, samples in found.items()}
        table.add_row(
            name,
            *(
                f"{medians[each]:.0f} ({min(found[each]):.0f} to {max(found[each]):.0f})"
                for each in TARGETS_MS
            ),
        )
        if name == "minikafka":
            wrong = wrong or any(medians[each] > most for each, most in TARGETS_MS.items())
    table.add_row("target", *(f"<= {most:.0f}" for most in TARGETS_MS.values()))
    console.print(table)
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
