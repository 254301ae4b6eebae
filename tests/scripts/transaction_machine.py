"""The transactional ids of one coordinator, as golden scripts speak of them.

Commands: coordinator, init, add, verify, end, complete, tick, failover. A decision is in the log, and
committed, at once; `init`, `add` and `end` with `holds` leave it uncommitted until `commit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.groups.commands import Decision, Moment
from minikafka.transactions.commands import (
    AddPartitions,
    EndTransaction,
    InitProducerId,
    ProducerIdentity,
    ProducerIdNeeded,
    TransactionLimits,
)
from minikafka.transactions.coordinator import TransactionCoordinator
from minikafka.transactions.markers import MarkersOwed
from minikafka.transactions.records import (
    TransactionRecord,
    decode_transaction,
    encode_transaction,
)
from tests.support.golden import Command

__all__ = ["TransactionMachine"]

Ask = Callable[[int | None], Decision[Any]]


class TransactionMachine:
    """Runs the commands of one script."""

    def __init__(self) -> None:
        self.version = 0
        self.now_ms = 0
        self.next_id = 0
        self.log: list[TransactionRecord] = []
        self.held: Decision[Any] | None = None
        self.owed: dict[str, MarkersOwed] = {}
        self.machine = self._new()

    def run(self, command: Command) -> list[str]:
        """Return what a command leads to, one line for each event."""
        lines: list[str] = getattr(self, f"_{command.name}")(command)
        return lines

    def _now(self) -> Moment:
        return Moment(self.now_ms, self.now_ms)

    def _new(self) -> TransactionCoordinator:
        machine = TransactionCoordinator(TransactionLimits(), self.version)
        # Through the bytes: what is not in them does not outlive a coordinator.
        for record in self.log:
            found = decode_transaction(*encode_transaction(record, 1 if self.version else 0))
            assert found is not None
            machine.replay((found,))
        machine.loaded(self._now())
        return machine

    def _coordinator(self, command: Command) -> list[str]:
        self.version = command.number("version", 0)
        self.machine = self._new()
        return []

    def _failover(self, command: Command) -> list[str]:
        """Another coordinator begins, with what was committed."""
        held, self.held = self.held, None
        if held is not None:
            del self.log[-len(held.records) :]
        self.owed.clear()
        self.machine.unload(ErrorCode.NOT_COORDINATOR)
        self.machine = self._new()
        return self._say_owed()

    def _init(self, command: Command) -> list[str]:
        expected = command.options.get("expected")
        asked = InitProducerId(
            command.words[0],
            command.number("timeout_ms", 60_000),
            None if expected is None else _identity(expected),
        )
        return self._ask(
            command, lambda new_id: self.machine.init_producer_id(asked, new_id, self._now())
        )

    def _add(self, command: Command) -> list[str]:
        asked = self._partitions(command)
        return self._ask(
            command, lambda new_id: self.machine.add_partitions(asked, self._now())
        )

    def _verify(self, command: Command) -> list[str]:
        try:
            found = self.machine.verify_partitions(self._partitions(command))
        except KafkaError as error:
            return [f"refused {error.code.name}"]
        return [f"{partition} {error.name}" for partition, error in found.items()]

    def _partitions(self, command: Command) -> AddPartitions:
        partitions = []
        for name in command.words[1:]:
            if name != "holds":
                topic, _, index = name.rpartition("-")
                partitions.append(TopicPartition(topic, int(index)))
        producer = _identity(command.options["as"])
        return AddPartitions(command.words[0], producer, tuple(partitions), self.version)

    def _end(self, command: Command) -> list[str]:
        producer = _identity(command.options["as"])
        asked = EndTransaction(
            command.words[0], producer, "commit" in command.words, self.version
        )
        return self._ask(
            command, lambda new_id: self.machine.end_transaction(asked, new_id, self._now())
        )

    def _complete(self, command: Command) -> list[str]:
        owed = self.owed.pop(command.words[0])
        return self._carry_out(self.machine.complete(owed, self._now()), holds=False)

    def _tick(self, command: Command) -> list[str]:
        self.now_ms += int(command.words[0])
        lines = []
        while (decision := self.machine.tick(self._now())) is not None:
            lines += self._carry_out(decision, holds=False)
        return lines

    def _commit(self, command: Command) -> list[str]:
        held, self.held = self.held, None
        assert held is not None
        return self._settle(held)

    def _ask(self, command: Command, ask: Ask) -> list[str]:
        try:
            try:
                decision = ask(None)
            except ProducerIdNeeded:
                self.next_id += 1
                decision = ask(self.next_id)
        except KafkaError as error:
            return [f"refused {error.code.name}"]
        return self._carry_out(decision, holds="holds" in command.words)

    def _carry_out(self, decision: Decision[Any], *, holds: bool) -> list[str]:
        self.log += decision.records
        self.machine.replay(decision.records)
        lines = [_say(record) for record in decision.records]
        if holds:
            self.held = decision
            return lines
        return lines + self._settle(decision)

    def _settle(self, decision: Decision[Any]) -> list[str]:
        self.machine.commit(decision.records)
        if decision.settled is not None:
            decision.settled(ErrorCode.NONE, self._now())
        return _say_answer(decision.result) + self._say_owed()

    def _say_owed(self) -> list[str]:
        lines = []
        for owed in self.machine.take_owed():
            self.owed[owed.transactional_id] = owed
            end = "commit" if owed.committed else "abort"
            where = ",".join(map(str, owed.partitions)) or "nowhere"
            lines.append(f"owes {end} {owed.producer_id}/{owed.producer_epoch} to {where}")
        return lines


def _identity(text: str) -> ProducerIdentity:
    producer_id, _, epoch = text.partition("/")
    return ProducerIdentity(int(producer_id), int(epoch))


def _say(record: TransactionRecord) -> str:
    known = record.metadata
    if known is None:
        return f"log {record.transactional_id} forgotten"
    where = "".join(f" {each}" for each in known.topic_partitions)
    owner = f"{known.producer_id}/{known.producer_epoch}"
    return f"log {record.transactional_id} {known.state.text} {owner}{where}"


def _say_answer(result: Any) -> list[str]:
    if result is None:
        return []
    if isinstance(result, ProducerIdentity):
        return [f"answer {result.producer_id}/{result.epoch}"]
    if result.error is not ErrorCode.NONE:
        return [f"answer {result.error.name}"]
    return [f"answer {result.identity.producer_id}/{result.identity.epoch}"]
