"""A group coordinator and what a run knows of it, without brokers: for the rules of groups."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from minikafka.base.deferred import Deferred
from minikafka.base.ids import TopicPartition
from minikafka.groups.commands import Command, Decision, JoinAnswer, Moment
from minikafka.groups.consumer_records import CONSUMER_RECORDS
from minikafka.trials.ghost import Ghost
from minikafka.trials.group_ghost import OffsetsGhost
from minikafka.trials.invariants import REGISTERED, Answer, Commanded, Coordinated
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey
from tests.unit.groups.desk import Desk

__all__ = ["GroupCell"]

assert Simulation is not None, "importing it registers the rules"


class GroupCell:
    """Looks at a desk's coordinator as an `Onlooker` does.

    Attributes:
        wrong: names of the rules that were broken, in order.
        log: stands for the partition's log.
    """

    def __init__(self, desk: Desk | None = None) -> None:
        self.desk = Desk() if desk is None else desk
        self._folded = 0
        self.offsets = OffsetsGhost()
        self.wrong: list[str] = []
        self.log = SimpleNamespace(high_watermark=0, log_end_offset=0, partition="o-0")
        self.waiting_count = 0
        self.ghost = Ghost()
        self.ghost.groups.partitions[0] = self.offsets
        self.ghost.image = cast("Any", SimpleNamespace(partition=lambda name: "it is there"))
        self.first = True
        self.desk.coordinator.hear = self.hear

    def stable(self, *members: str | None) -> list[JoinAnswer]:
        """Let a group come together, and look at it."""
        joined = self.desk.stable(*members)
        self.look()
        return joined

    def hear(self, command: Command, now: Moment) -> None:
        """Let the rules look at a command that was not refused."""
        event = Commanded(1, self._groups(), self.offsets, command, now.ms, True)
        self._run("commanded", event)
        self.offsets.commanded(command, self.desk.coordinator.groups(), now.ms)

    def look(
        self, decision: Decision[Any] | None = None, answer: Deferred[Any] | None = None
    ) -> None:
        """Let the rules look at what the coordinator has done."""
        self._fold()
        now_ms = self.desk.now_ms
        event = Coordinated(
            1,
            self._groups(),
            self.offsets,
            now_ms,
            True,
            self.first,
            decision,
            answer,
            self.ghost,
        )
        self._run("coordinated", event)
        self.offsets.look(self.desk.coordinator.groups(), now_ms)
        self.offsets.consumers.look(self.desk.coordinator.table.consumers.values(), now_ms)
        self.offsets.command = None
        self.first = False

    def answered(self, key: ApiKey, request: dict[str, Any], response: dict[str, Any]) -> None:
        """Let the rules look at an answer of the latest coordinator."""
        partition = SimpleNamespace(
            log=SimpleNamespace(topic_id="o", partition=TopicPartition("o", 0)),
            leader=SimpleNamespace(leader_epoch=self.offsets.epoch),
        )
        broker = SimpleNamespace(
            node_id=1,
            groups=SimpleNamespace(partition_for=lambda group_id: 0),
            replicas=SimpleNamespace(partition=lambda name: partition),
        )
        asked = SimpleNamespace(**{"group_id": "g", **request})
        told = {"error_code": 0, **response}
        self._run(
            "answered",
            Answer(cast("Any", broker), self.ghost, int(key), 3, asked, told, False),
        )

    def _fold(self) -> None:
        """Take over what the log has of groups of the consumer protocol, all of it committed."""
        for record in self.desk.log[self._folded :]:
            if isinstance(record, CONSUMER_RECORDS):
                self.offsets.consumers.fold(record)
        self._folded = len(self.desk.log)

    def _groups(self) -> Any:
        return SimpleNamespace(
            coordinator=self.desk.coordinator,
            waiting_count=self.waiting_count,
            partition=SimpleNamespace(log=self.log),
        )

    def _run(self, hook: Any, event: Any) -> None:
        for name, rule in REGISTERED[hook]:
            meant = rule.__module__.endswith(
                ("rules_groups", "rules_offsets", "rules_consumers")
            )
            if meant and rule(event) is not None:
                self.wrong.append(name)
