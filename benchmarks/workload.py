"""The one client program that every system is measured with (confluent-kafka).

Runs in a process of its own, so that the client's work never shares an interpreter with the
broker's. One call measures one thing and prints one JSON line:

    python -m benchmarks.workload produce --bootstrap HOST:PORT --topic T --records 100000

Knows nothing of the system behind the address.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

__all__ = ["Options", "main"]

NS_PER_S = 1_000_000_000
Answer = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What one measurement is run with.

    `size` is in bytes, `wait_ms` is fetch.wait.max.ms, and `budget_s` ends a latency
    measurement early where each sample takes long; a quarter of it bounds the warm-up.
    `spread` gives each partition the same number of records, instead of the client's choice.
    """

    bootstrap: str
    topic: str
    partitions: int
    replication_factor: int
    records: int
    size: int
    warmup: int
    wait_ms: int
    budget_s: float
    idempotent: bool
    spread: bool


def client_config(options: Options, **more: object) -> dict[str, Any]:
    """Settings shared by every client, so that no system gets a friendlier one."""
    return {
        "bootstrap.servers": options.bootstrap,
        "log_level": 0,
        "socket.nagle.disable": True,
        "broker.address.family": "v4",
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def latencies(samples_ns: Sequence[int]) -> Answer:
    """Percentiles in microseconds."""
    ordered = sorted(samples_ns)
    at = {
        name: ordered[int(len(ordered) * part)]
        for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    }
    answer: Answer = {f"{name}_us": round(value / 1000, 1) for name, value in at.items()}
    return {**answer, "mean_us": round(statistics.fmean(ordered) / 1000, 1), "n": len(ordered)}


class Pace:
    """How long a latency measurement goes on: warm-up, then samples, within a time budget."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.start_ns = time.perf_counter_ns()
        self.samples_ns: list[int] = []
        self.warmup = options.warmup

    def turns(self) -> Iterator[int]:
        """The numbers of the records to send; at least five samples are taken in any case."""
        turn = 0
        while len(self.samples_ns) < self.options.records:
            spent = (time.perf_counter_ns() - self.start_ns) / NS_PER_S
            if spent > self.options.budget_s / 4:
                self.warmup = min(self.warmup, turn)
            if spent > self.options.budget_s and len(self.samples_ns) >= 5:
                return
            yield turn
            turn += 1

    def took(self, turn: int, duration_ns: int) -> None:
        """Keep a duration, unless it belongs to the warm-up."""
        if turn >= self.warmup:
            self.samples_ns.append(duration_ns)


def create(options: Options) -> Answer:
    """Create the topic and wait until every partition is known to a client."""
    admin = AdminClient(client_config(options))
    topic = NewTopic(options.topic, options.partitions, options.replication_factor)
    admin.create_topics([topic])[options.topic].result(60)
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        seen = admin.list_topics(options.topic, timeout=10).topics[options.topic]
        leaders = [p.leader for p in seen.partitions.values() if p.leader >= 0]
        if seen.error is None and len(leaders) == options.partitions:
            return {"partitions": len(leaders)}
    raise TimeoutError(f"{options.topic} never had {options.partitions} leaders")


def offsets(consumer: Consumer, options: Options) -> list[tuple[int, int]]:
    """Log start offset and high watermark of each partition."""
    found = []
    for partition in range(options.partitions):
        watermarks = consumer.get_watermark_offsets(
            TopicPartition(options.topic, partition), timeout=30
        )
        assert watermarks is not None
        found.append(watermarks)
    return found


def produce(options: Options) -> Answer:
    """Enqueue all records as fast as the client can; the clock stops at the last ack."""
    failed: list[str] = []
    producer = Producer(
        {
            **client_config(options, acks="all", linger_ms=5),
            "enable.idempotence": options.idempotent,
            "delivery.report.only.error": True,
            "on_delivery": lambda error, _message: failed.append(str(error)),
            "queue.buffering.max.messages": 10_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
        }
    )
    # Connections, metadata and the producer id are not what is measured here.
    for partition in range(options.partitions):
        producer.produce(options.topic, b"warm", partition=partition)
    if producer.flush(60):
        raise TimeoutError("the warm-up was never acknowledged")
    value = os.urandom(options.size)
    cpu, start = cpu_seconds(), time.perf_counter_ns()
    send, topic = producer.produce, options.topic
    if options.spread:
        for i in range(options.records):
            send(topic, value, partition=i % options.partitions)
    else:
        for _ in range(options.records):
            send(topic, value)
    left = producer.flush(300)
    seconds = (time.perf_counter_ns() - start) / NS_PER_S
    if left or failed:
        raise RuntimeError(
            f"{left} records without an answer, {len(failed)} failed: {failed[:1]}"
        )
    return {
        "per_s": round(options.records / seconds),
        "seconds": round(seconds, 4),
        "n": options.records,
        "client_cpu_s": round(cpu_seconds() - cpu, 3),
    }


def consume(options: Options) -> Answer:
    """Read what each partition retains, from assign() to the last record.

    A system may keep less than was produced (the mock keeps 5 MiB a partition); the rate is
    taken over what it kept. `steady_per_s` leaves out the time to the first record, so that
    a short read is not judged by its set-up.
    """
    consumer = Consumer(
        {
            **client_config(options),
            "group.id": "bench",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 1_048_576,
            "queued.min.messages": 10_000_000,
            "fetch.queue.backoff.ms": 2,
        }
    )
    known = offsets(consumer, options)
    want = sum(high - low for low, high in known)
    cpu, start = cpu_seconds(), time.perf_counter_ns()
    consumer.assign([TopicPartition(options.topic, i, low) for i, (low, _) in enumerate(known)])
    got = first = first_at = idle = 0
    while got < want and idle < 50:
        # Never ask for more than is left: the call would wait for it until its time is up.
        messages = consumer.consume(min(10_000, want - got), 0.2)
        idle = 0 if messages else idle + 1
        got += sum(1 for message in messages if message.error() is None)
        if got and not first:
            first, first_at = got, time.perf_counter_ns()
    end = time.perf_counter_ns()
    if got < want:
        raise RuntimeError(f"read {got} of {want} records")
    return {
        "per_s": round(got * NS_PER_S / (end - start)),
        "steady_per_s": round((got - first) * NS_PER_S / max(1, end - first_at)),
        "seconds": round((end - start) / NS_PER_S, 4),
        "first_ms": round((first_at - start) / 1e6, 1),
        "n": got,
        "client_cpu_s": round(cpu_seconds() - cpu, 3),
    }


def latency(options: Options) -> Answer:
    """One record at a time: hand over, wait for the ack, hand over the next."""
    producer = Producer(
        {
            **client_config(options, acks="all", linger_ms=0),
            "enable.idempotence": options.idempotent,
        }
    )
    value = os.urandom(options.size)
    answered: list[object] = []
    pace = Pace(options)
    for i in pace.turns():
        start = time.perf_counter_ns()
        producer.produce(
            options.topic,
            value,
            partition=i % options.partitions,
            on_delivery=lambda error, _message: answered.append(error),
        )
        while len(answered) <= i:
            producer.poll(1.0)
        pace.took(i, time.perf_counter_ns() - start)
    failed = [error for error in answered if error is not None]
    if failed:
        raise RuntimeError(f"{len(failed)} records failed: {failed[0]}")
    return latencies(pace.samples_ns)


def end_to_end(options: Options) -> Answer:
    """From produce() to the record in the hands of a consumer whose fetch is parked."""
    producer = Producer(client_config(options, acks="all", linger_ms=0))
    consumer = Consumer(
        {
            **client_config(options),
            "group.id": "bench",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": options.wait_ms,
        }
    )
    known = offsets(consumer, options)
    consumer.assign(
        [TopicPartition(options.topic, i, high) for i, (_, high) in enumerate(known)]
    )
    consumer.poll(1.0)
    padding = b"x" * (options.size - 8)
    pace = Pace(options)
    for i in pace.turns():
        tag = b"%08d" % i
        start = time.perf_counter_ns()
        producer.produce(options.topic, tag + padding, partition=i % options.partitions)
        while True:
            message = consumer.poll(1.0)
            now = time.perf_counter_ns()
            value = None if message is None or message.error() else message.value()
            if value is not None and value[:8] == tag:
                break
            if now - start > 10 * NS_PER_S:
                raise TimeoutError(f"record {i} never arrived")
        producer.poll(0)
        pace.took(i, now - start)
    return latencies(pace.samples_ns)


MEASURES: dict[str, Callable[[Options], Answer]] = {
    "create": create,
    "produce": produce,
    "consume": consume,
    "latency": latency,
    "end-to-end": end_to_end,
}


def parse(arguments: Sequence[str]) -> tuple[str, Options]:
    """The measure's name and its options."""
    parser = argparse.ArgumentParser(prog="workload", description=__doc__)
    parser.add_argument("measure", choices=sorted(MEASURES))
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--replication-factor", type=int, default=1)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=0)
    parser.add_argument("--wait-ms", type=int, default=500)
    parser.add_argument("--budget-s", type=float, default=60.0)
    parser.add_argument("--idempotent", action="store_true")
    parser.add_argument("--spread", action="store_true")
    given = vars(parser.parse_args(arguments))
    return given.pop("measure"), Options(**given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one measurement; its answer, or `{"error": …}`, is the only line on stdout."""
    measure, options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        answer = MEASURES[measure](options)
    except Exception as error:  # noqa: BLE001 - the harness reports it beside the others
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
    # Closing a librdkafka client can take seconds and is not measured.
    os._exit(1 if "error" in answer else 0)


if __name__ == "__main__":
    main()
