"""What must hold at every step, by name; and who calls the checks.

A check is a function of what just happened that returns what is wrong, or None. `@check(name,
hook)` registers it; `Invariants` follows every broker of a run as its observer, keeps the ghost
up to date and calls the checks of each hook. The rules themselves are in `rules_log`,
`rules_answers` and their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from minikafka.base.ids import NO_LEADER, BrokerId, LeaderEpoch, Offset
from minikafka.records.batch import Batch
from minikafka.sim.errors import SimError
from minikafka.trials.ghost import Chain, Entry, Ghost, GhostPartition, Loss
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.broker.partition import Partition
    from minikafka.log.partition_log import PartitionLog
    from minikafka.metadata.image import MetadataImage
    from minikafka.metadata.states import MetadataDelta
    from minikafka.replication.leader import IsrWish, PartitionLeader

__all__ = [
    "REGISTERED",
    "Answer",
    "Applied",
    "Hook",
    "Invariants",
    "IsrConsidered",
    "Opened",
    "Produced",
    "Replica",
    "Violation",
    "check",
]

Hook: TypeAlias = Literal[
    "opened",
    "appended",
    "truncated",
    "watermark",
    "led",
    "produced",
    "isr",
    "applied",
    "answered",
]
Check: TypeAlias = Callable[..., "str | None"]

REGISTERED: dict[Hook, list[tuple[str, Check]]] = {hook: [] for hook in get_args(Hook)}
"""Name and function of each check, by the hook that calls it."""


class Violation(SimError):
    """An invariant does not hold; ends the run.

    Args:
        name: of the rule, e.g. `R11`.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


_NO_WORLD = Ghost()


class Replica(NamedTuple):
    """One replica at the moment of an event; the ghost knows of the event already.

    Args:
        epoch: the leader epoch in which its broker believes to lead; -1 where it does not.
        entries: appended, or removed by a truncation.
        before: the log end before an append or a truncation, the watermark before it moved.
        isr: with which a new leader begins; empty for other events.
        partition: the log's, with its role; None for a log that has none yet.
        world: all that the run knows.
    """

    broker: BrokerId
    log: PartitionLog
    ghost: GhostPartition
    chain: Chain
    epoch: LeaderEpoch
    entries: Sequence[Entry] = ()
    before: Offset = 0
    isr: tuple[BrokerId, ...] = ()
    partition: Partition | None = None
    world: Ghost = _NO_WORLD

    @property
    def leads(self) -> bool:
        """True where its broker leads, in the history that counts."""
        return self.epoch >= self.ghost.generation


@dataclass(frozen=True)
class Opened:
    """A log that a broker has just found on its disk.

    Args:
        old: what the same broker had of it before; None where that was nothing.
    """

    broker: BrokerId
    log: PartitionLog
    ghost: GhostPartition
    chain: Chain
    old: Chain | None


@dataclass(frozen=True)
class Produced:
    """A producer's batch that a leader has just written."""

    broker: BrokerId
    leader: PartitionLeader
    acks: int


@dataclass(frozen=True)
class IsrConsidered:
    """The ISR that a leader is about to ask for; `wish` is None where today's is right."""

    broker: BrokerId
    ghost: GhostPartition
    leader: PartitionLeader
    wish: IsrWish | None
    now_ms: int
    world: Ghost


@dataclass(frozen=True)
class Applied:
    """Metadata that a broker has just applied.

    Args:
        newest: nobody has applied newer.
        before: the newest metadata until now; None where another broker knows as much.
    """

    broker: BrokerId
    image: MetadataImage
    delta: MetadataDelta
    world: Ghost = _NO_WORLD
    newest: bool = False
    before: MetadataImage | None = None


class Answer(NamedTuple):
    """A response about to leave a broker."""

    broker: Broker
    ghost: Ghost
    api_key: int
    version: int
    request: Any
    response: Any
    from_broker: bool


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
            text = function(event)
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
        """Keep the broker, to see its roles."""
        self._broker = broker
        self._ghost.brokers[self._id] = broker

    def opened(self, log: PartitionLog) -> None:
        """Compare what is on the disk with what was written before the crash."""
        ghost = self._ghost.partition(log)
        old = ghost.chains.get(self._id)
        start = log.segments[0].base_offset
        root_hash = ghost.committed_hash(start) or 0
        losses = self._ghost.disk_losses(self._id)
        chain = ghost.chains[self._id] = Chain(log, start, root_hash, losses)
        batches = [batch for segment in log.segments for batch in segment.batches]
        self._note(log, ghost, chain, batches)
        self._run("opened", Opened(self._id, log, ghost, chain, old))
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
            ghost.committed += chain.between(ghost.true_watermark, log.high_watermark)

    def deleted(self, log: PartitionLog) -> None:
        """Forget a replica that was moved away: if it comes back, it begins anew."""
        ghost = self._ghost.partition(log)
        ghost.chains.pop(self._id, None)
        ghost.losses.pop(self._id, None)

    def led(self, broker: Broker, partition: Partition) -> None:
        """Look at a new leader."""
        log = partition.log
        ghost = self._ghost.partition(log)
        chain = ghost.chains[self._id]
        replica = self._replica(log, ghost, chain, (), log.log_end_offset)
        ghost.leaders[replica.epoch] = self._id
        isr = () if partition.leader is None else tuple(partition.leader.isr)
        self._run("led", replica._replace(isr=isr))
        ghost.begun.setdefault(replica.epoch, ghost.true_watermark)

    def applied(self, broker: Broker, image: MetadataImage, delta: MetadataDelta) -> None:
        """Keep the newest committed metadata."""
        known, ghost = self._ghost.image, self._ghost
        newest = known is None or image.offset > known.offset
        if newest:
            ghost.image = image
            if known is None or known.epoch != image.epoch:
                ghost.controller_since_ms = broker.clock.monotonic_ms()
            self._note_unclean(known, image, delta)
        ghost.applied_ms[self._id] = broker.clock.monotonic_ms()
        self._run(
            "applied", Applied(self._id, image, delta, ghost, newest, known if newest else None)
        )

    def _note_unclean(
        self, before: MetadataImage | None, image: MetadataImage, delta: MetadataDelta
    ) -> None:
        """Note elections from outside the ISR: from their record on another history counts."""
        for name in delta.partitions_changed:
            old = None if before is None else before.partition(name)
            new, topic = image.partition(name), image.topics.get(name.topic)
            if old is None or new is None or topic is None or new.leader == NO_LEADER:
                continue
            ghost = self._ghost.find(topic.topic_id, name.partition)
            chosen = (*old.isr, *old.elr)
            allowed = image.topic_config(name.topic).unclean_leader_election_enable
            if ghost is not None and allowed and new.leader not in chosen and new.recovering:
                ghost.unclean += 1
                ghost.unclean_epoch = ghost.generation = new.leader_epoch

    def produced(self, partition: Partition, acks: int) -> None:
        """Look at the ISR of a leader that has written."""
        assert partition.leader is not None
        self._run("produced", Produced(self._id, partition.leader, acks))

    def isr_considered(
        self, partition: Partition, leader: PartitionLeader, wish: IsrWish | None, now_ms: int
    ) -> None:
        """Look at the ISR that a leader asks for."""
        ghost = self._ghost.partition(partition.log)
        event = IsrConsidered(self._id, ghost, leader, wish, now_ms, self._ghost)
        self._run("isr", event)

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
        if api_key == ApiKey.FETCH and response is not None and not response.topics:
            return  # it tells of nothing that could be wrong
        answer = Answer(broker, self._ghost, api_key, version, request, response, from_broker)
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
        partition = self._partition(log)
        leader = None if partition is None else partition.leader
        epoch = -1 if leader is None else leader.leader_epoch
        return Replica(
            self._id, log, ghost, chain, epoch, entries, before, (), partition, self._ghost
        )

    def _partition(self, log: PartitionLog) -> Partition | None:
        if self._broker is None:
            return None
        partition = self._broker.replicas.partition(log.partition)
        return None if partition is None or partition.log is not log else partition
