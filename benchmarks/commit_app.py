"""An application that reads one partition in a group and commits by a strategy; the killed one.

A static member (KIP-345), so that its next start goes on at once. What it has processed stands
in a file that is mapped, and outlives SIGKILL. Prints one JSON line when it ends by itself.

    python -m benchmarks.commit_app CLIENT BOOTSTRAP TOPIC GROUP STRATEGY FILE [--rate 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mmap
import time
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any

__all__ = ["CLIENTS", "NEXT", "Strategy", "main"]

NEXT = Struct("<q")
"""What the file holds: the offset behind the last record that was processed; -1 before any."""
CLIENTS = ("confluent-kafka", "aiokafka")
# Commits without an answer; what is left out beyond it, the next commit says, too.
UNANSWERED_MAX = 1_000
IDLE_S = 30.0


@dataclass(frozen=True)
class Strategy:
    """When an application commits.

    Attributes:
        every: after so many records it waits for the commit's answer; 0 for never.
        asynchronous: after each record it does not wait.
        interval_ms: the client commits by itself; 0 for never.
    """

    every: int = 0
    asynchronous: bool = False
    interval_ms: int = 0

    @classmethod
    def of(cls, name: str) -> Strategy:
        """Return what `each`, `every-N`, `async` or `auto-MS` says.

        Raises:
            ValueError: it is none of them.
        """
        kind, _, number = name.partition("-")
        if name in ("each", "async"):
            return cls(every=1) if name == "each" else cls(asynchronous=True)
        if kind not in ("every", "auto") or not number.isdecimal() or not int(number):
            raise ValueError(f"each, every-N, async or auto-MS, not {name!r}")
        return cls(every=int(number)) if kind == "every" else cls(interval_ms=int(number))

    def span(self, rate: float) -> int:
        """How many records lie between two commits at `rate` records a second."""
        return max(1, self.every, int(rate * self.interval_ms / 1000))


class Progress:
    """What was processed, for whoever looks on, and when the next record is due."""

    def __init__(self, options: argparse.Namespace) -> None:
        with Path(options.file).open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), NEXT.size)
        self._rate, self._records = options.rate, options.records
        self._budget_s = options.budget
        self._start = 0.0
        self.count = 0
        self.first = -1

    def due_s(self) -> float:
        """Seconds until the next record may be read; 0 where no rate is asked for."""
        if not self._rate or not self.count:
            return 0.0
        return max(0.0, self._start + self.count / self._rate - time.perf_counter())

    def processed(self, offset: int) -> None:
        """Note a record."""
        if not self.count:
            self._start, self.first = time.perf_counter(), offset
        self.count += 1
        NEXT.pack_into(self._memory, 0, offset + 1)

    @property
    def over(self) -> bool:
        """Whether the records or the time are spent."""
        spent = time.perf_counter() - self._start if self.count else 0.0
        return self.count >= self._records or spent > self._budget_s

    def say(self) -> None:
        """Print what was done until now."""
        took = time.perf_counter() - self._start
        print(json.dumps({"first": self.first, "records": self.count, "seconds": took}))


def confluent(options: argparse.Namespace, strategy: Strategy, progress: Progress) -> None:
    """Read with confluent-kafka."""
    from confluent_kafka import Consumer

    sent = answered = 0

    def on_commit(_error: object, _offsets: object) -> None:
        nonlocal answered
        answered += 1

    config: dict[str, Any] = {
        "bootstrap.servers": options.bootstrap,
        "group.id": options.group,
        "group.instance.id": "app",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": strategy.interval_ms > 0,
        "auto.commit.interval.ms": strategy.interval_ms or 5_000,
        "socket.nagle.disable": True,
        **({"on_commit": on_commit} if strategy.asynchronous else {}),
    }
    consumer = Consumer(config)
    consumer.subscribe([options.topic])
    while not progress.over:
        if due := progress.due_s():
            time.sleep(due)
        message = consumer.poll(IDLE_S)
        if message is None or message.error() is not None:
            raise SystemExit(f"no record: {message and message.error()}")
        progress.processed(message.offset() or 0)
        if strategy.every and (progress.count % strategy.every == 0 or progress.over):
            consumer.commit(message, asynchronous=False)
        elif strategy.asynchronous and sent - answered < UNANSWERED_MAX:
            consumer.commit(message)
            sent += 1
    while answered < sent:
        consumer.poll(0.1)
    progress.say()
    consumer.close()


async def aiokafka(options: argparse.Namespace, strategy: Strategy, progress: Progress) -> None:
    """Read with aiokafka."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(
        options.topic,
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        group_instance_id="app",
        auto_offset_reset="earliest",
        enable_auto_commit=strategy.interval_ms > 0,
        auto_commit_interval_ms=strategy.interval_ms or 5_000,
    )
    partition = TopicPartition(options.topic, 0)
    unanswered: set[asyncio.Task[None]] = set()
    await consumer.start()
    while not progress.over:
        if due := progress.due_s():
            await asyncio.sleep(due)
        offset = (await asyncio.wait_for(consumer.getone(), IDLE_S)).offset
        progress.processed(offset)
        if strategy.every and (progress.count % strategy.every == 0 or progress.over):
            await consumer.commit({partition: offset + 1})
        elif strategy.asynchronous and len(unanswered) < UNANSWERED_MAX:
            task = asyncio.create_task(consumer.commit({partition: offset + 1}))
            unanswered.add(task)
            task.add_done_callback(unanswered.discard)
    if unanswered:
        await asyncio.wait(unanswered)
    progress.say()
    await consumer.stop()


def main() -> None:
    """Read until the records, the time or the process end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    for name in ("bootstrap", "topic", "group", "strategy", "file"):
        parser.add_argument(name)
    parser.add_argument("--rate", type=float, default=0.0, help="records a second; 0: no limit")
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds")
    options = parser.parse_args()
    strategy, progress = Strategy.of(options.strategy), Progress(options)
    if options.client == "aiokafka":
        asyncio.run(aiokafka(options, strategy, progress))
    else:
        confluent(options, strategy, progress)


if __name__ == "__main__":
    main()
