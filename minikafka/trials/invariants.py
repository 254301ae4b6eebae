"""What must hold at every step, by name; and who calls the checks.

A check is a function of what just happened that returns what is wrong, or None. `@check(name,
hook)` registers it; `Invariants` follows every broker of a run as its observer, keeps the ghost
up to date and calls the checks of each hook. The rules themselves are in `rules_log`,
`rules_answers` and their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from minikafka.base.deferred import Deferred
from minikafka.base.ids import BrokerId, LeaderEpoch, Offset
from minikafka.sim.errors import SimError
from minikafka.trials.chains import Chain, Entry
from minikafka.trials.ghost import Ghost, GhostPartition
from minikafka.trials.group_ghost import OffsetsGhost
from minikafka.trials.metadata_history import MetadataHistory

if TYPE_CHECKING:
    from minikafka.base.clock import Clock
    from minikafka.broker.broker import Broker
    from minikafka.broker.group_partition import GroupPartition
    from minikafka.broker.partition import Partition
    from minikafka.groups.commands import Command, Decision
    from minikafka.log.partition_log import PartitionLog
    from minikafka.log.segment import Segment
    from minikafka.metadata.image import MetadataImage
    from minikafka.metadata.states import MetadataDelta
    from minikafka.quorum.snapshots import SnapshotId
    from minikafka.records.batch import Batch
    from minikafka.replication.leader import IsrWish, PartitionLeader
    from minikafka.transactions.metadata import TransactionMetadata

__all__ = [
    "REGISTERED",
    "Answer",
    "Applied",
    "Commanded",
    "CompactedLog",
    "Coordinated",
    "Hook",
    "Invariants",
    "IsrConsidered",
    "Opened",
    "Produced",
    "Replica",
    "Snapshotted",
    "Started",
    "Transacted",
    "Violation",
    "check",
]

Hook: TypeAlias = Literal[
    "started",
    "opened",
    "appended",
    "truncated",
    "compacted",
    "watermark",
    "transacted",
    "led",
    "produced",
    "isr",
    "recorded",
    "applied",
    "snapshot",
    "commanded",
    "coordinated",
    "answered",
]
Check: TypeAlias = Callable[..., "str | None"]

REGISTERED: dict[Hook, list[tuple[str, Check]]] = {hook: [] for hook in get_args(Hook)}
"""Name and function of each check, by the hook that calls it."""

ABOUT: dict[Check, tuple[int, ...]] = {}
"""The APIs whose answers a check looks at; a check that is not here looks at all."""


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
class CompactedLog:
    """A log in which `batches` stand now where `sources` stood."""

    broker: BrokerId
    log: PartitionLog
    sources: Sequence[Segment]
    batches: Sequence[Batch]
    clock: Clock


@dataclass(frozen=True)
class Started:
    """A broker that has found what is on its disk, and done nothing yet."""

    broker: Broker
    world: Ghost


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


@dataclass(frozen=True)
class Snapshotted:
    """A snapshot that a broker has just made of its metadata, and the image it is of."""

    broker: Broker
    snapshot: SnapshotId
    image: MetadataImage
    world: Ghost
    history: MetadataHistory


class Commanded(NamedTuple):
    """A command that a coordinator has not refused; `latest` where nobody coordinates later."""

    broker: BrokerId
    groups: GroupPartition
    offsets: OffsetsGhost
    command: Command
    now_ms: int
    latest: bool


class Coordinated(NamedTuple):
    """What a coordinator has just done; `offsets` still has how its groups looked before.

    Args:
        first: it has just begun: all it knows is what it has read.
        decision: what it has decided; None where it has heard from its log.
        answer: of the decision.
    """

    broker: BrokerId
    groups: GroupPartition
    offsets: OffsetsGhost
    now_ms: int
    latest: bool
    first: bool
    decision: Decision[Any] | None
    answer: Deferred[Any] | None
    world: Ghost


class Transacted(NamedTuple):
    """One more committed record of a transactional id; see `TransactionStep`."""

    transactional_id: str
    before: TransactionMetadata | None
    after: TransactionMetadata | None
    asked: bool
    world: Ghost


class Answer(NamedTuple):
    """A response about to leave a broker."""

    broker: Broker
    ghost: Ghost
    api_key: int
    version: int
    request: Any
    response: Any
    from_broker: bool
    history: MetadataHistory = field(default_factory=MetadataHistory)


def check(name: str, hook: Hook, *api_keys: int) -> Callable[[Check], Check]:
    """Register a check under the name of its rule.

    Args:
        api_keys: of the answers that it looks at, where those are not all; it passes the others.
    """

    def register(function: Check) -> Check:
        REGISTERED[hook].append((name, function))
        if api_keys:
            ABOUT[function] = api_keys
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
        self._by_api: dict[int, list[tuple[str, Check]]] = {}
        self._sorted_in = 0

    def add(self, name: str, hook: Hook, function: Check) -> None:
        """Call one more check in this run."""
        self.hooks[hook].append((name, function))

    def run(self, hook: Hook, event: object) -> None:
        """Call the checks of a hook."""
        self._call(self.hooks[hook], event)

    def look_at(self, answer: Answer) -> None:
        """Call the checks of answers of its API."""
        checks = self.hooks["answered"]
        if self._sorted_in != len(checks):
            self._by_api.clear()
            self._sorted_in = len(checks)
        key = answer.api_key
        found = self._by_api.get(key)
        if found is None:
            found = self._by_api[key] = [
                each for each in checks if key in ABOUT.get(each[1], (key,))
            ]
        self._call(found, answer)

    def _call(self, checks: Sequence[tuple[str, Check]], event: object) -> None:
        for name, function in checks:
            try:
                text = function(event)
            except Exception as error:  # noqa: BLE001 - brokers would swallow it, and go on
                text = f"the check itself fails: {error!r}"
            if text is not None:
                self.report(name, text)
