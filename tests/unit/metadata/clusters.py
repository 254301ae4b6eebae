"""A controller and what it wrote, for tests: commands go in, records are replayed at once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TypeVar

from minikafka.base.config import BrokerConfig
from minikafka.base.ids import TopicPartition
from minikafka.base.seeds import Seeds
from minikafka.metadata.commands import (
    CreateTopics,
    Decision,
    Heartbeat,
    HeartbeatResult,
    NewTopic,
    NewTopicResult,
    RegisterBroker,
)
from minikafka.metadata.controller import Controller
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import MetadataRecord
from minikafka.metadata.states import PartitionImage

__all__ = ["Cluster", "incarnation"]

T = TypeVar("T")


def incarnation(number: int) -> uuid.UUID:
    """Return the id of a broker process."""
    return uuid.UUID(int=number)


class Cluster:
    """An active controller at time 0; `records` is all it wrote.

    Args:
        brokers: how many brokers, with ids from 1, are registered and unfenced.
        config: of the controller's node.
        racks: rack of each broker, if any.
    """

    def __init__(
        self,
        brokers: int = 3,
        config: Mapping[str, str | int | float | bool] | None = None,
        racks: tuple[str, ...] = (),
        seed: int = 1,
    ) -> None:
        self.controller = Controller(BrokerConfig.parse(1, config), Seeds(seed))
        self.records: list[MetadataRecord] = []
        self.epochs: dict[int, int] = {}
        self.carry_out(self.controller.activate(0))
        for broker_id in range(1, brokers + 1):
            self.join(broker_id, rack=racks[broker_id - 1] if racks else None)

    @property
    def image(self) -> MetadataImage:
        """The state after all records."""
        return self.controller.image

    def carry_out(self, decision: Decision[T]) -> T:
        """Append the records of a decision and return its result."""
        self.records += decision.records
        self.controller.replay(decision.records, len(self.records))
        return decision.result

    def register(
        self,
        broker_id: int,
        now_ms: int = 0,
        *,
        start: int = 0,
        rack: str | None = None,
        clean: bool = False,
    ) -> None:
        """Register a broker; `start` counts the starts of its process.

        Args:
            clean: the process before it shut down cleanly.
        """
        previous = self.epochs.get(broker_id, -1) if clean else -1
        process = incarnation(1000 * start + broker_id)
        command = RegisterBroker(
            broker_id, process, "localhost", 9092, rack, previous_broker_epoch=previous
        )
        result = self.carry_out(self.controller.register_broker(command, now_ms))
        self.epochs[broker_id] = result.broker_epoch

    def heartbeat(
        self,
        broker_id: int,
        now_ms: int = 0,
        *,
        offset: int | None = None,
        want_fence: bool = False,
        want_shut_down: bool = False,
    ) -> HeartbeatResult:
        """Let a broker send a heartbeat, having applied everything unless `offset` says else."""
        applied = len(self.records) - 1 if offset is None else offset
        command = Heartbeat(
            broker_id, self.epochs[broker_id], applied, want_fence, want_shut_down
        )
        return self.carry_out(self.controller.heartbeat(command, now_ms))

    def join(
        self,
        broker_id: int,
        now_ms: int = 0,
        *,
        start: int = 0,
        rack: str | None = None,
        clean: bool = False,
    ) -> None:
        """Register a broker and unfence it."""
        self.register(broker_id, now_ms, start=start, rack=rack, clean=clean)
        self.heartbeat(broker_id, now_ms)

    def fence(self, broker_id: int) -> None:
        """Put a broker out."""
        self.heartbeat(broker_id, want_fence=True)

    def create(self, *topics: NewTopic, validate_only: bool = False) -> list[NewTopicResult]:
        """Create topics."""
        command = CreateTopics(topics, validate_only)
        return list(self.carry_out(self.controller.create_topics(command)))

    def create_assigned(self, name: str, *replicas: tuple[int, ...]) -> None:
        """Create a topic whose partitions have exactly these replicas."""
        [result] = self.create(NewTopic(name, assignments=tuple(enumerate(replicas))))
        assert not result.error, result

    def partition(self, name: str, number: int = 0) -> PartitionImage:
        """Return an existing partition."""
        partition = self.image.partition(TopicPartition(name, number))
        assert partition is not None
        return partition
