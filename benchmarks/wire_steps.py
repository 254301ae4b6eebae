"""What the wire benchmark measures on one started system, step by step.

A step is one call of the client program; it yields figures by name. The names, their units
and which way is better stand in MEASURES. Knows nothing of rounds, medians or targets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.systems import Running, run_client

__all__ = ["MEASURES", "Measure", "Plan", "Step", "latency_steps", "load_steps"]

PARTITIONS = 6
# What even the mock retains in full, at 4,000 records of 1 KiB a partition.
EVEN_PARTITIONS, EVEN_RECORDS = 60, 240_000
IDLE_TOPICS, IDLE_PARTITIONS = 10, 60
Figures = dict[str, float]
Step = tuple[str, Callable[[], Figures]]


@dataclass(frozen=True)
class Plan:
    """How much is sent: records per throughput run, samples and seconds per latency run."""

    small_records: int
    large_records: int
    samples: int
    warmup: int
    budget_s: float

    @classmethod
    def full(cls) -> Plan:
        """About a minute per system and round."""
        return cls(1_000_000, 400_000, 5_000, 1_000, 5.0)

    @classmethod
    def quick(cls) -> Plan:
        """A glance while working; the figures scatter."""
        return cls(200_000, 100_000, 1_000, 300, 1.0)


@dataclass(frozen=True)
class Measure:
    """One row of the result."""

    name: str
    title: str
    unit: str
    digits: int = 0


MEASURES = (
    Measure("produce_100", "produce 100 B", "k/s"),
    Measure("produce_1k", "produce 1 KiB", "k/s"),
    Measure("consume_100", "consume 100 B", "k/s"),
    Measure("consume_1k", "consume 1 KiB", "k/s"),
    Measure("consume_100_steady", "consume 100 B, after the first record", "k/s"),
    Measure("consume_1k_steady", "consume 1 KiB, after the first record", "k/s"),
    Measure("consume_even", "consume 1 KiB, 240,000 retained by all", "k/s"),
    Measure("latency", "one produce, p50, a core each", "µs"),
    Measure("latency_shared", "one produce, p50, on one core", "µs"),
    Measure("latency_idle", "the same with 600 idle partitions, a core each", "µs"),
    Measure("latency_idle_shared", "the same with 600 idle partitions, on one core", "µs"),
    Measure("end_to_end", "end to end, p50", "ms", 2),
    Measure("start", "process start to ready", "ms"),
    Measure("rss_empty", "resident, empty", "MiB"),
    Measure("rss_load", "resident, after the load", "MiB"),
    Measure("cpu_produce_1k", "CPU per million 1 KiB produced", "s", 2),
    Measure("cpu_consume_1k", "CPU per million 1 KiB consumed", "s", 2),
)


class Session:
    """The steps on one started system; `raw` keeps each client's whole answer."""

    def __init__(self, system: Running, plan: Plan) -> None:
        self.system, self.plan = system, plan
        self.raw: list[dict[str, Any]] = []
        cores = sorted(os.sched_getaffinity(0))
        self.broker_cores = {cores[0]}
        self.client_cores = {cores[1 % len(cores)]}

    def client(
        self,
        measure: str,
        topic: str,
        *more: str,
        partitions: int = PARTITIONS,
        cores: set[int] | None = None,
    ) -> dict[str, Any]:
        """Run the client program against the system; adds what the system's CPU did."""
        before = self.system.cpu_s()
        answer = run_client(
            measure,
            f"--bootstrap={self.system.bootstrap}",
            f"--topic={topic}",
            f"--partitions={partitions}",
            *more,
            cores=cores,
        )
        answer["broker_cpu_s"] = round(self.system.cpu_s() - before, 2)
        self.raw.append({"measure": measure, "topic": topic, **answer})
        return answer

    def produce(self, name: str, size: int, records: int) -> Figures:
        """Fill a fresh topic of the size's name."""
        self.system.create_topic(name, PARTITIONS)
        answer = self.client("produce", name, f"--size={size}", f"--records={records}")
        return {
            f"produce_{name}": answer["per_s"] / 1000,
            f"cpu_produce_{name}": answer["broker_cpu_s"] / answer["n"] * 1e6,
        }

    def consume(self, name: str) -> Figures:
        """Read that topic back."""
        answer = self.client("consume", name)
        return {
            f"consume_{name}": answer["per_s"] / 1000,
            f"consume_{name}_steady": answer["steady_per_s"] / 1000,
            f"cpu_consume_{name}": answer["broker_cpu_s"] / answer["n"] * 1e6,
        }

    def consume_even(self) -> Figures:
        """Read a topic of which every system holds the same: many partitions, each small."""
        topic, records = "even", f"--records={EVEN_RECORDS}"
        self.system.create_topic(topic, EVEN_PARTITIONS)
        filling = [records, "--size=1024", "--spread"]
        self.client("produce", topic, *filling, partitions=EVEN_PARTITIONS)
        answer = self.client("consume", topic, partitions=EVEN_PARTITIONS)
        return {"consume_even": answer["per_s"] / 1000}

    def latency(self, name: str, broker: set[int], client: set[int]) -> Figures:
        """Single produces, with broker and client kept on the given cores."""
        with self.system.pinned(broker):
            answer = self.client("latency", "single", *self.sampling(), cores=client)
        return {name: answer["p50_us"]}

    def end_to_end(self) -> Figures:
        """Producer to parked consumer; nothing is pinned."""
        self.system.create_topic("path", PARTITIONS)
        return {
            "end_to_end": self.client("end-to-end", "path", *self.sampling())["p50_us"] / 1000
        }

    def sampling(self) -> list[str]:
        """The client's options for a latency run."""
        plan = self.plan
        return [
            f"--records={plan.samples}",
            f"--warmup={plan.warmup}",
            f"--budget-s={plan.budget_s}",
        ]

    def empty(self) -> Figures:
        """Start-up and memory of a system that nobody has spoken to."""
        return {"start": self.system.start_ms, "rss_empty": self.system.rss_mib()}

    def idle(self) -> Figures:
        """Give the system many partitions that nobody uses."""
        for i in range(IDLE_TOPICS):
            self.system.create_topic(f"idle-{i}", IDLE_PARTITIONS)
        return {}

    def single(self) -> Figures:
        """The topic of the latency runs."""
        self.system.create_topic("single", PARTITIONS)
        return {}


def latency_steps(session: Session) -> Iterator[Step]:
    """What is measured on a system with little data, then with idle partitions."""
    yield "start-up", session.empty
    yield "topic", session.single
    alone, beside = session.broker_cores, session.client_cores
    yield "end to end", session.end_to_end
    yield "latency", lambda: session.latency("latency", alone, beside)
    yield "latency, one core", lambda: session.latency("latency_shared", alone, alone)
    yield "600 partitions", session.idle
    yield (
        "latency, idle, one core",
        lambda: session.latency("latency_idle_shared", alone, alone),
    )
    yield "latency, idle", lambda: session.latency("latency_idle", alone, beside)


def load_steps(session: Session) -> Iterator[Step]:
    """What is measured on a fresh system under load."""
    plan = session.plan
    yield "start-up", session.empty
    yield "produce 100 B", lambda: session.produce("100", 100, plan.small_records)
    yield "consume 100 B", lambda: session.consume("100")
    yield "produce 1 KiB", lambda: session.produce("1k", 1024, plan.large_records)
    yield "consume 1 KiB", lambda: session.consume("1k")
    yield "consume what all retain", session.consume_even
    yield "memory", lambda: {"rss_load": session.system.rss_mib()}
