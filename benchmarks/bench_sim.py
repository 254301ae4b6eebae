"""How fast is virtual time?

Two questions: how long do ten idle minutes of a cluster with clients take, and how many seeds of
the default trial run per second and core.

    python -m benchmarks.bench_sim [--seeds 200] [--jobs 1]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from minikafka.trials.job import Job, Report
from minikafka.trials.run import run
from minikafka.trials.runner import run_seeds
from minikafka.trials.simulation import Simulation

IDLE_S = 600.0
IDLE_TARGET_S = 4.0
TRIAL_TARGET_S = 1.5


async def idle(simulation: Simulation) -> int:
    """Let two producers and two consumers be connected, and send one record a minute."""
    bootstrap = simulation.bootstrap
    partitions = [TopicPartition("t", number) for number in range(3)]
    seen = 0

    async def produce(name: str) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, client_id=name, acks="all")
        await producer.start()
        for _ in range(int(IDLE_S // 60)):
            await producer.send_and_wait("t", name.encode(), partition=0)
            await asyncio.sleep(60)
        await producer.stop()

    async def consume(name: str) -> None:
        nonlocal seen
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, client_id=name, enable_auto_commit=False
        )
        await consumer.start()
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        while True:
            found = await consumer.getmany(timeout_ms=60_000)
            seen += sum(map(len, found.values()))

    for number in range(2):
        simulation.host(f"c{number}").spawn(consume(f"c{number}"))
    producers = [
        simulation.host(f"p{number}").spawn(produce(f"p{number}")) for number in range(2)
    ]
    for producer in producers:
        await producer
    for number in range(2):
        simulation.host(f"c{number}").crash()
    return seen


def run_idle(seed: int, trace_file: str | None = None) -> Report:
    """Run the idle cluster of one seed."""
    result = run(idle, seed=seed, topics={"t": 3}, keep_trace=False)
    if result.error is not None:
        raise result.error
    assert result.value == 2 * 2 * int(IDLE_S // 60), result.value
    return Report(seed, result.hash, virtual_s=result.virtual, wall_s=result.outcome.wall_s)


def measure_idle() -> list[float]:
    """Return the wall seconds of three runs of ten virtual minutes, in a worker's children."""
    job = Job("benchmarks.bench_sim:run_idle")
    reports = list(run_seeds(job, range(3), jobs=1))
    for report in reports:
        assert report.ok, report.text
    return [report.wall_s for report in reports]


def measure_trials(seeds: int, jobs: int) -> dict[str, Any]:
    """Run trials of 60 virtual seconds and return what they took."""
    job = Job("minikafka.trials.trial:run_trial", {"seconds": 60.0})
    began = time.perf_counter()
    reports = list(run_seeds(job, range(seeds), jobs=jobs))
    elapsed = time.perf_counter() - began
    return {
        "violations": [report.line() for report in reports if not report.ok],
        "median_s": statistics.median(report.wall_s for report in reports),
        "mean_s": statistics.mean(report.wall_s for report in reports),
        "ops": statistics.median(report.ops for report in reports),
        "faults": statistics.median(report.faults for report in reports),
        "per_core": seeds / elapsed / jobs,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    walls = measure_idle()
    print(
        f"10 idle virtual minutes, 3 brokers, 2 producers, 2 consumers: median "
        f"{statistics.median(walls):.2f} s of {', '.join(f'{wall:.2f}' for wall in walls)} "
        f"(target {IDLE_TARGET_S} s)"
    )
    found = measure_trials(arguments.seeds, arguments.jobs)
    print(
        f"60 virtual seconds of chaos, {arguments.seeds} seeds, {arguments.jobs} at a time: "
        f"median {found['median_s']:.2f} s (target {TRIAL_TARGET_S} s), mean "
        f"{found['mean_s']:.2f} s, {found['per_core']:.2f} seeds per second and core; medians "
        f"of {found['ops']:.0f} operations and {found['faults']:.0f} faults; "
        f"{len(found['violations'])} violations"
    )
    for line in found["violations"]:
        print(line)


if __name__ == "__main__":
    main()
