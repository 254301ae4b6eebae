"""What must hold at every step, by name; and who calls the checks.

A check is a function of what just happened that returns what is wrong, or None. `@check(name,
hook)` registers it; `Invariants` follows every broker of a run as its observer, keeps the ghost
up to date and calls the checks of each hook. The rules themselves are in `rules_log` and
`rules_answers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from minikafka.base.ids import BrokerId, LeaderEpoch, Offset, TopicPartition
from minikafka.records.batch import Batch
from minikafka.sim.errors import SimError
from minikafka.trials.ghost import Chain, Entry, Ghost, GhostPartition, Loss
from minikafka.trials.metadata_history import MetadataHistory

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.broker.partition import Partition
    from minikafka.log.partition_log import PartitionLog
    from minikafka.metadata.image import MetadataImage
    from minikafka.metadata.states import MetadataDelta

__all__ = [
    "REGISTERED",
    "Answer",
    "Applied",
    "Hook",
    "Invariants",
    "Replica",
    "Violation",
    "check",
]

Hook: TypeAlias = Literal[
    "appended", "truncated", "watermark", "led", "recorded", "applied", "answered"
]
Check: TypeAlias = Callable[..., "str | None"]

REGISTERED: dict[Hook, list[tuple[str, Check]]] = {
    "appended": [],
    "truncated": [],
    "watermark": [],
    "led": [],
    "recorded": [],
    "applied": [],
    "answered": [],
}
"""Name and function of each check, by the hook that calls it."""


class Violation(SimError):
    """An invariant does not hold; ends the run.

    Args:
        name: of the rule, e.g. `R11`.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


class Replica(NamedTuple):
    """One replica at the moment of an event; the ghost knows of the event already.

    Args:
        epoch: the leader epoch in which its broker believes to lead; -1 where it does not.
        entries: appended, or removed by a truncation.
        before: the log end before an append or a truncation, the watermark before it moved.
        isr: with which a new leader begins; empty for other events.
    """

    broker: BrokerId
    log: PartitionLog
    ghost: GhostPartition
    chain: Chain
    epoch: LeaderEpoch
    entries: Sequence[Entry] = ()
    before: Offset = 0
    isr: tuple[BrokerId, ...] = ()

    @property
    def leads(self) -> bool:
        """True where its broker leads, in the history that counts."""
        return self.epoch >= self.ghost.generation


@dataclass(frozen=True)
class Applied:
    """Metadata that a broker has just applied."""

    broker: BrokerId
    image: MetadataImage
    delta: MetadataDelta


@dataclass(frozen=True)
class Answer:
    """A response about to leave a broker."""

    broker: Broker
    ghost: Ghost
    api_key: int
    version: int
    request: Any
    response: Any
    from_broker: bool
    history: MetadataHistory = field(default_factory=MetadataHistory)


def check(name: str, hook: Hook) -> Callable[[Check], Check]:
    """Register a check under the name of its rule."""

    def register(function: Check) -> Check:
        REGISTERED[hook].append((name, function))
        return function

    return register


class Invariants:
    """The checks of one run and the ghost they look at.

    Args:
        report: called with name and text of a violation.
    """

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self.ghost = Ghost()
        self.history = MetadataHistory()
        self.report = report
        self.hooks: dict[Hook, list[tuple[str, Check]]] = {
            hook: list(checks) for hook, checks in REGISTERED.items()
        }
        self.on_answer: list[Callable[[Answer], None]] = []

    def add(self, name: str, hook: Hook, function: Check) -> None:
        """Call one more check in this run."""
        self.hooks[hook].append((name, function))

    def observer(self, broker_id: BrokerId) -> _Observer:
        """Return the observer of one start of a broker."""
        return _Observer(self, broker_id)

    def run(self, hook: Hook, event: object) -> None:
        """Call the checks of a hook."""
        for name, function in self.hooks[hook]:
            try:
                text = function(event)
            except Exception as error:  # noqa: BLE001 - brokers would swallow it, and go on
                text = f"the check itself fails: {error!r}"
            if text is not None:
                self.report(name, text)


class _Observer:
    """Follows one start of one broker: updates the ghost, then has the checks called."""

    def __init__(self, invariants: Invariants, broker_id: BrokerId) -> None:
        self._invariants = invariants
        self._ghost = invariants.ghost
        self._id = broker_id
        self._broker: Broker | None = None

    def started(self, broker: Broker) -> None:
        """Keep the broker, to see its roles, and note how the one before it ended."""
        self._broker = broker
        self._ghost.started(self._id, broker.lifecycle.incarnation_id)

    def stopped(self, broker: Broker) -> None:
        """Note a clean shutdown."""
        self._ghost.stopped(self._id)

    def unclean_election(self, broker: Broker, partition: TopicPartition) -> None:
        """Leave it to C6, which sees it in the records."""

    def opened(self, log: PartitionLog) -> None:
        """Compare what is on the disk with what was written before the crash."""
        ghost = self._ghost.partition(log)
        old = ghost.chains.get(self._id)
        start = log.segments[0].base_offset
        root_hash = ghost.committed_hash(start) or 0
        chain = ghost.chains[self._id] = Chain(log, start, root_hash)
        batches = [batch for segment in log.segments for batch in segment.batches]
        self._note(log, ghost, chain, batches)
        if old is not None and chain.end < old.end:
            ghost.losses[self._id] = Loss(self._id, chain.end)

    def appended(self, log: PartitionLog, batches: Sequence[Batch]) -> None:
        """Note new batches."""
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        self._note(log, ghost, chain, batches)
        if self._id in ghost.losses and chain.end >= ghost.true_watermark:
            del ghost.losses[self._id]

    def _note(
        self, log: PartitionLog, ghost: GhostPartition, chain: Chain, batches: Sequence[Batch]
    ) -> None:
        if batches:
            before = chain.end
            entries = [chain.append(batch) for batch in batches]
            self._run("appended", self._replica(log, ghost, chain, entries, before))

    def truncated(self, log: PartitionLog, old_end: Offset) -> None:
        """Note what a truncation took away."""
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        removed = chain.cut(log.log_end_offset)
        if not chain.entries and chain.end != log.log_end_offset:
            root_hash = ghost.committed_hash(log.log_end_offset) or 0
            chain.root, chain.root_hash = log.log_end_offset, root_hash
        self._run("truncated", self._replica(log, ghost, chain, removed, old_end))

    def watermark_moved(self, log: PartitionLog, old: Offset) -> None:
        """Note what a leader holds to be committed."""
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        replica = self._replica(log, ghost, chain, (), old)
        self._run("watermark", replica)
        if replica.leads and log.high_watermark > ghost.true_watermark:
            self._note_promise(ghost, log)
            ghost.committed += chain.between(ghost.true_watermark, log.high_watermark)

    def _note_promise(self, ghost: GhostPartition, log: PartitionLog) -> None:
        broker = self._broker
        partition = None if broker is None else broker.replicas.partition(log.partition)
        leader = None if partition is None else partition.leader
        if leader is not None:
            known = self._ghost.complete(log.topic_id, log.partition.partition)
            ghost.note_promise(ghost.true_watermark, min(leader.min_isr, known))

    def led(self, broker: Broker, partition: Partition) -> None:
        """Look at a new leader."""
        log = partition.log
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        replica = self._replica(log, ghost, chain, (), log.log_end_offset)
        isr = () if partition.leader is None else tuple(partition.leader.isr)
        self._run("led", replica._replace(isr=isr))

    def applied(self, broker: Broker, image: MetadataImage, delta: MetadataDelta) -> None:
        """Keep the newest committed metadata."""
        newest = self._ghost.image
        if newest is None or image.offset > newest.offset:
            self._ghost.image = image
        log = self._ghost.metadata_log(self._id)
        for recorded in self._invariants.history.read(self._ghost, self._id, log, image):
            self._run("recorded", recorded)
        self._run("applied", Applied(self._id, image, delta))

    def answered(
        self,
        broker: Broker,
        api_key: int,
        version: int,
        request: Any,
        response: Any,
        from_broker: bool,
    ) -> None:
        """Look at a response before it leaves."""
        answer = Answer(
            broker,
            self._ghost,
            api_key,
            version,
            request,
            response,
            from_broker,
            self._invariants.history,
        )
        self._run("answered", answer)
        for hear in self._invariants.on_answer:
            hear(answer)

    def _run(self, hook: Hook, event: object) -> None:
        self._invariants.run(hook, event)

    def _replica(
        self,
        log: PartitionLog,
        ghost: GhostPartition,
        chain: Chain,
        entries: Sequence[Entry],
        before: Offset,
    ) -> Replica:
        return Replica(self._id, log, ghost, chain, self._epoch(log), entries, before)

    def _epoch(self, log: PartitionLog) -> LeaderEpoch:
        if self._broker is None:
            return -1
        partition = self._broker.replicas.partition(log.partition)
        if partition is None or partition.log is not log or partition.leader is None:
            return -1
        return partition.leader.leader_epoch
