"""A desk with topics, and members of the consumer protocol that speak to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.commands import CommitOffsets, OffsetToCommit
from minikafka.groups.consumer_commands import ConsumerHeartbeat, ConsumerHeartbeatAnswer
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_records import CONSUMER_RECORDS, ConsumerRecord
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.topics import Topic, Topics
from tests.unit.groups.desk import Desk

__all__ = ["REVOKE_MS", "ConsumerDesk", "Reader", "topic_id"]

REVOKE_MS = 60_000


def topic_id(name: str) -> UUID:
    """Return the id of a topic; ids are in the order of their names."""
    return UUID(int=int.from_bytes(name.encode()[:8].ljust(8, b"\0")) + 1)


class ConsumerDesk(Desk):
    """A coordinator with topic `t` of four partitions; `topics` makes others."""

    def __init__(self, **changes: Any) -> None:
        self.counts: dict[str, int] = {"t": 4}
        self.offset = 1
        super().__init__(**changes)

    def _begin(self) -> Any:
        coordinator = super()._begin()
        coordinator.on_topics(self._topics(), ())
        return coordinator

    def _topics(self) -> Topics:
        topics = [
            Topic(name, topic_id(name), [()] * count) for name, count in self.counts.items()
        ]
        return Topics.of(topics, self.offset, self.offset)

    def topics(self, **counts: int) -> None:
        """Let there be these topics, with as many partitions each, and no others."""
        names = [*self.counts, *counts]
        changed = [name for name in names if self.counts.get(name) != counts.get(name)]
        self.counts = counts
        self.offset += 1
        self.coordinator.on_topics(self._topics(), changed)

    def limits_consumer(self, **changes: Any) -> None:
        """Let `group.consumer.*` be otherwise, from the beginning."""
        self.limits = replace(self.limits, consumer=replace(self.limits.consumer, **changes))
        self.fail_over()

    def commit_as(
        self, member_id: str, epoch: int, offset: int, *, speaks_epochs: bool = True
    ) -> ErrorCode:
        """Send OffsetCommit for partition 0 of `t`."""
        command = CommitOffsets(
            "g",
            epoch,
            member_id,
            None,
            (OffsetToCommit("t", 0, offset),),
            speaks_epochs=speaks_epochs,
        )
        try:
            [result] = self.carry_out(self.coordinator.commit_offsets(command, self.now))
        except KafkaError as error:
            return error.code
        return result.error

    def consumer_log(self) -> list[ConsumerRecord]:
        """Return the records of consumer groups."""
        return [record for record in self.log if isinstance(record, CONSUMER_RECORDS)]

    def consumers(self, group_id: str = "g") -> ConsumerGroup:
        """Return a group of the consumer protocol that is there."""
        group = self.coordinator.consumer_group(group_id)
        assert group is not None
        return group

    def send(self, member_id: str, epoch: int, **fields: Any) -> ConsumerHeartbeatAnswer:
        """Send ConsumerGroupHeartbeat."""
        command = ConsumerHeartbeat(
            **{
                "group_id": "g",
                "member_id": member_id,
                "member_epoch": epoch,
                "client_id": "c",
                "client_host": "/10.0.0.1",
                **fields,
            }
        )
        return self.carry_out(self.coordinator.consumer_heartbeat(command, self.now))

    def refusal(self, member_id: str, epoch: int, **fields: Any) -> ErrorCode:
        """Return what a heartbeat is refused for."""
        try:
            self.send(member_id, epoch, **fields)
        except KafkaError as error:
            return error.code
        return ErrorCode.NONE

    def state(self, group_id: str = "g") -> str:
        """Return a group's state by Kafka's name."""
        group = self.coordinator.consumer_group(group_id)
        return super().state(group_id) if group is None else group.state.value

    def join_new(self, member_id: str, **fields: Any) -> Reader:
        """Let a member join that subscribes to `t`, unless told otherwise."""
        reader = Reader(self, member_id, **fields)
        reader.join()
        return reader

    def settle_all(self, *readers: Reader) -> None:
        """Let everybody send heartbeats until nothing changes any more."""
        for _ in range(4 * len(readers) + 4):
            for reader in readers:
                reader.beat()
            if self.state() == "Stable":
                return
        raise AssertionError(f"group is {self.state()}")


@dataclass
class Reader:
    """A consumer as it sees itself: it owns what it was told, and gives up what it is told to."""

    desk: ConsumerDesk
    member_id: str
    topics: tuple[str, ...] | None = ("t",)
    instance_id: str | None = None
    regex: str | None = None
    assignor: str | None = None
    group_id: str = "g"
    epoch: int = 0
    owned: Partitions = field(default_factory=dict)

    def join(self) -> ConsumerHeartbeatAnswer:
        """Join, or begin anew."""
        self.owned = {}
        answer = self.desk.send(
            self.member_id,
            0,
            group_id=self.group_id,
            instance_id=self.instance_id,
            rebalance_timeout_ms=REVOKE_MS,
            topic_names=self.topics,
            regex=self.regex,
            server_assignor=self.assignor,
            owned={},
        )
        return self._heard(answer)

    def beat(self, **fields: Any) -> ConsumerHeartbeatAnswer:
        """Send a heartbeat with what it owns."""
        answer = self.desk.send(
            self.member_id,
            self.epoch,
            **{
                "group_id": self.group_id,
                "instance_id": self.instance_id,
                "owned": self.owned,
                **fields,
            },
        )
        return self._heard(answer)

    def _heard(self, answer: ConsumerHeartbeatAnswer) -> ConsumerHeartbeatAnswer:
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.owned = answer.assignment
        return answer

    def leave(self, epoch: int = -1) -> ConsumerHeartbeatAnswer:
        """Leave."""
        answer = self.desk.send(
            self.member_id, epoch, group_id=self.group_id, instance_id=self.instance_id
        )
        self.epoch, self.owned = epoch, {}
        return answer

    @property
    def has(self) -> Mapping[str, tuple[int, ...]]:
        """What it owns, by names of topics."""
        names = {topic_id(name): name for name in self.desk.counts}
        return {
            names[topic]: numbers
            for topic, numbers in partitions_of(self.owned.items()).items()
        }
