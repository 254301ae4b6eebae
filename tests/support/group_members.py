"""Members of a consumer group, by three unmodified clients, each in a thread of its own.

All speak alike to a test: what a member owns, what it has read, commit, leave, die.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from queue import Empty, Queue
from typing import Any, ClassVar

import pytest

__all__ = [
    "CLIENTS",
    "ConsumerProtocolMember",
    "Member",
    "commit_everything",
    "each_client",
    "member",
]

POLL_S = 0.05
TIMES: dict[str, Any] = {
    "auto_offset_reset": "earliest",
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 200,
}


class Member:
    """A member; begins to join at once.

    Attributes:
        owned: the partitions it owns now.
        seen: (partition, offset) of what it has read, in the order it came.
        first: partitions with the offset of the first record read since they were given.
    """

    def __init__(self, bootstrap: str, topic: str, group: str, **options: Any) -> None:
        self.bootstrap, self.topic, self.group = bootstrap, topic, group
        self.options = options
        self.owned: frozenset[int] = frozenset()
        self.seen: list[tuple[int, int]] = []
        self.error: BaseException | None = None
        self._consumer: Any = None
        self._jobs: Queue[tuple[Callable[[], Any], Future[Any]]] = Queue()
        self._end = threading.Event()
        self._leave = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # what a test asks for

    def do(self, job: Callable[[], Any]) -> Any:
        """Have `job` done in the member's thread, and return what it does."""
        done: Future[Any] = Future()
        self._jobs.put((job, done))
        return done.result(15)

    def commit(self) -> None:
        """Commit what was read."""
        self.do(self.commit_now)

    def committed(self, partition: int) -> int | None:
        """Return what the group has committed for a partition."""
        found: int | None = self.do(lambda: self.committed_now(partition))
        return found

    def stop(self, *, leave: bool = True) -> None:
        """End; without leaving, its session has to run out."""
        self._leave = leave
        self._end.set()
        self._thread.join(15)
        assert not self._thread.is_alive(), "a member does not end"

    def _run(self) -> None:
        try:
            self.open()
            while not self._end.is_set():
                self.poll()
                try:
                    job, done = self._jobs.get_nowait()
                except Empty:
                    continue
                try:
                    done.set_result(job())
                except BaseException as error:  # noqa: BLE001 - handed to the test
                    done.set_exception(error)
            if self._leave:
                self.close()
            else:
                self.die()
        except BaseException as error:
            self.error = error
            raise

    # what a client does

    def open(self) -> None:
        """Make the client and subscribe."""
        raise NotImplementedError

    def poll(self) -> None:
        """Read for a moment; note what came and what is owned."""
        raise NotImplementedError

    def commit_now(self) -> None:
        """Commit what was read."""
        raise NotImplementedError

    def committed_now(self, partition: int) -> int | None:
        """Return what is committed."""
        raise NotImplementedError

    def pause(self) -> None:
        """Be given nothing of what it owns, until `resume`."""
        self._consumer.pause(*self._places())

    def resume(self) -> None:
        """Be given records again."""
        self._consumer.resume(*self._places())

    def _places(self) -> list[Any]:
        return sorted(self._consumer.assignment())

    def close(self) -> None:
        """Leave the group."""
        raise NotImplementedError

    def die(self) -> None:
        """Be gone without a word, where the client can."""
        raise NotImplementedError


class ConfluentMember(Member):
    """confluent-kafka: librdkafka."""

    protocol: ClassVar[dict[str, Any]] = {
        "partition.assignment.strategy": "range",
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 200,
    }

    def open(self) -> None:
        """Make the client and subscribe."""
        library = import_module("confluent_kafka")
        self._partition = library.TopicPartition
        self._consumer = library.Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": self.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                **self.protocol,
                **{name.replace("_", "."): value for name, value in self.options.items()},
            }
        )
        self._consumer.subscribe([self.topic])

    def poll(self) -> None:
        """Read for a moment."""
        for message in self._consumer.consume(100, POLL_S):
            if message.error() is None:
                self.seen.append((message.partition(), message.offset()))
        self.owned = frozenset(each.partition for each in self._consumer.assignment())

    def commit_now(self) -> None:
        """Commit what was read, if there is anything."""
        library = import_module("confluent_kafka")
        try:
            self._consumer.commit(asynchronous=False)
        except library.KafkaException as error:
            if error.args[0].code() != library.KafkaError._NO_OFFSET:
                raise

    def committed_now(self, partition: int) -> int | None:
        """Return what is committed."""
        asked = [self._partition(self.topic, partition)]
        [found] = self._consumer.committed(asked, timeout=10)
        return None if found.offset < 0 else int(found.offset)

    def pause(self) -> None:
        """Be given nothing of what it owns, until `resume`."""
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Be given records again."""
        self._consumer.resume(self._consumer.assignment())

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def die(self) -> None:
        """A static member does not leave when it is closed."""
        self._consumer.close()


class ConsumerProtocolMember(ConfluentMember):
    """confluent-kafka, with the consumer protocol of KIP-848."""

    protocol: ClassVar[dict[str, Any]] = {"group.protocol": "consumer"}


class KafkaPythonMember(Member):
    """kafka-python."""

    def open(self) -> None:
        """Make the client and subscribe."""
        library = import_module("kafka")
        assignors = import_module("kafka.coordinator.assignors.range")
        self._partition = library.TopicPartition
        self._consumer = library.KafkaConsumer(
            self.topic,
            bootstrap_servers=self.bootstrap,
            group_id=self.group,
            enable_auto_commit=False,
            partition_assignment_strategy=[assignors.RangePartitionAssignor],
            **{**TIMES, **self.options},
        )

    def poll(self) -> None:
        """Read for a moment; a poll that ends between JoinGroup and SyncGroup loses the group."""
        for partition, records in self._consumer.poll(timeout_ms=500).items():
            self.seen += [(partition.partition, record.offset) for record in records]
        self.owned = frozenset(each.partition for each in self._consumer.assignment())

    def commit_now(self) -> None:
        """Commit what was read."""
        self._consumer.commit()

    def committed_now(self, partition: int) -> int | None:
        """Return what is committed."""
        found: int | None = self._consumer.committed(self._partition(self.topic, partition))
        return found

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False)

    def die(self) -> None:
        """Kafka-python always says good-bye."""
        self.close()


class AiokafkaMember(Member):
    """aiokafka, on a loop of its own."""

    def open(self) -> None:
        """Make the client and subscribe."""
        library = import_module("aiokafka")
        assignors = import_module("aiokafka.coordinator.assignors.range")
        self._partition = library.TopicPartition
        self._loop = asyncio.new_event_loop()

        async def start() -> Any:
            consumer = library.AIOKafkaConsumer(
                self.topic,
                bootstrap_servers=self.bootstrap,
                group_id=self.group,
                enable_auto_commit=False,
                partition_assignment_strategy=(assignors.RangePartitionAssignor,),
                **{**TIMES, **self.options},
            )
            await consumer.start()
            return consumer

        self._consumer = self._loop.run_until_complete(start())

    def poll(self) -> None:
        """Read for a moment."""
        found = self._loop.run_until_complete(self._consumer.getmany(timeout_ms=50))
        for partition, records in found.items():
            self.seen += [(partition.partition, record.offset) for record in records]
        self.owned = frozenset(each.partition for each in self._consumer.assignment())

    def commit_now(self) -> None:
        """Commit what was read."""
        self._loop.run_until_complete(self._consumer.commit())

    def committed_now(self, partition: int) -> int | None:
        """Return what is committed."""
        asked = self._partition(self.topic, partition)
        found: int | None = self._loop.run_until_complete(self._consumer.committed(asked))
        return found

    def pause(self) -> None:
        """Be given nothing of what it owns, until `resume`."""
        self._loop.run_until_complete(self._within(super().pause))

    def resume(self) -> None:
        """Be given records again."""
        self._loop.run_until_complete(self._within(super().resume))

    async def _within(self, job: Callable[[], None]) -> None:
        job()

    def close(self) -> None:
        """Leave the group."""
        self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()

    def die(self) -> None:
        """Aiokafka says good-bye, too, unless it is static."""
        self.close()


CLIENTS: dict[str, type[Member]] = {
    "confluent_kafka": ConfluentMember,
    "kafka": KafkaPythonMember,
    "aiokafka": AiokafkaMember,
}
"""The clients, by the module to import."""


def member(client: str, bootstrap: str, topic: str, group: str, **options: Any) -> Member:
    """Return a new member that uses a client."""
    return CLIENTS[client](bootstrap, topic, group, **options)


def each_client(*, by_day: str | None = None) -> pytest.MarkDecorator:
    """Run a test with each client; if one of them is for the day, with the others at night."""
    return pytest.mark.parametrize(
        "client",
        [
            pytest.param(name, marks=[] if by_day in (None, name) else [pytest.mark.nightly])
            for name in sorted(CLIENTS)
        ],
    )


def commit_everything(ends: list[int], *members: Member) -> bool:
    """Commit, and say whether that was everything: who just got a partition reads it again."""
    for each in members:
        each.commit()
    asked, job = range(len(ends)), members[0].committed_now
    return members[0].do(lambda: [job(partition) for partition in asked] == ends) is True
