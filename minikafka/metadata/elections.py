"""Elections that somebody asks for, or that are due from time to time.

Pure functions on an image; who may lead is decided in `leadership`.
Counterpart: ReplicationControlManager.electLeaders, maybeBalancePartitionLeaders,
maybeElectUncleanLeaders; KIP-183, KIP-460, KIP-966.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId, TopicPartition
from minikafka.metadata.commands import Decision, ElectionResult, ElectionType, ElectLeaders
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.leadership import change_partition, is_unclean, min_isr
from minikafka.metadata.records import MetadataRecord, PartitionChanged
from minikafka.metadata.states import MetadataDelta, PartitionImage

__all__ = [
    "ELECTIONS_MAX",
    "ElectionCounts",
    "ElectionTimer",
    "elect_leaders",
    "preferred_elections",
    "unclean_between",
    "unclean_elections",
]

# What people see in Kafka's tools.
_TEXTS = {
    ErrorCode.ELECTION_NOT_NEEDED: "Leader election not needed for topic partition.",
    ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE: "The preferred leader was not available.",
    ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE: (
        "Eligible topic partition leaders are not available."
    ),
}

ELECTIONS_MAX = 1000
"""Elections that one turn of a timer holds; who is left is the next turn's (Kafka's bound)."""


@dataclass(slots=True)
class ElectionCounts:
    """How many leaders one active controller has elected from elsewhere than the ISR.

    Counterpart: the meters UncleanLeaderElectionsPerSec and ElectionFromEligibleLeaderReplicasPerSec
    of ControllerMetadataMetrics.
    """

    unclean: int = 0
    from_elr: int = 0

    def note(self, image: MetadataImage, records: Iterable[MetadataRecord]) -> None:
        """Count the elections of these kinds in the records that follow on `image`."""
        changed: dict[tuple[TopicId, int], PartitionChanged] = {}
        for record in records:
            if not isinstance(record, PartitionChanged):
                continue
            key = (record.topic_id, record.partition)
            topic = image.topic_by_id(record.topic_id)
            old: PartitionImage | PartitionChanged | None = changed.get(key)
            if old is None and topic is not None:
                old = topic.partitions[record.partition]
            changed[key] = record
            if old is None:
                continue
            if is_unclean(old, record.leader):
                self.unclean += 1
            elif record.leader != old.leader and record.leader in old.elr:
                self.from_elr += 1


class ElectionTimer:
    """When one kind of election is due again; its first period begins with `begin`.

    Args:
        interval_ms: from one turn to the next.
        elect: returns the elections of one turn.
    """

    __slots__ = ("_elect", "_interval_ms", "due_ms")

    def __init__(
        self, interval_ms: int, elect: Callable[[MetadataImage], list[PartitionChanged]]
    ) -> None:
        self._interval_ms = interval_ms
        self._elect = elect
        self.due_ms: int | None = None

    def begin(self, now_ms: int) -> None:
        """Be due an interval from now."""
        self.due_ms = now_ms + self._interval_ms

    def elections(self, image: MetadataImage, now_ms: int) -> list[PartitionChanged]:
        """Return the elections of this turn; nothing before it is due."""
        due = self.due_ms is not None and now_ms >= self.due_ms
        if due or self.due_ms is None:
            self.due_ms = now_ms + self._interval_ms
        records = self._elect(image) if due else []
        if len(records) >= ELECTIONS_MAX:
            self.due_ms = now_ms  # the others are waiting
        return records


def unclean_between(
    old: MetadataImage, new: MetadataImage, delta: MetadataDelta
) -> list[TopicPartition]:
    """Return the partitions that got a leader from outside ISR and ELR from `old` to `new`."""
    found = []
    for name in delta.partitions_changed:
        before, after = old.partition(name), new.partition(name)
        if before is None or after is None or not after.recovering:
            continue
        if after.leader_epoch > before.leader_epoch and is_unclean(before, after.leader):
            found.append(name)
    return found


def elect_leaders(
    image: MetadataImage, command: ElectLeaders
) -> Decision[tuple[ElectionResult, ...]]:
    """Decide on elections; without partitions named, on all, and only those needed are told.

    KIP-460: a preferred election moves the leadership to the first replica if it is in sync;
    an unclean one is only for a partition without a leader, and takes any live replica.
    Refusals in the results: UNKNOWN_TOPIC_OR_PARTITION, ELECTION_NOT_NEEDED,
    PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE.

    Raises:
        KafkaError: INVALID_REQUEST for a type of election that there is not.
    """
    if command.election_type not in ElectionType.__members__.values():
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Unknown election type {command.election_type}"
        )
    every = command.partitions is None
    records: list[MetadataRecord] = []
    results = []
    # A partition named twice: the second election does not know what the first one did.
    done: dict[tuple[str, int], None] = {}
    for topic, number in _all_partitions(image) if every else command.partitions or ():
        record, result = _elect(image, topic, number, command.election_type)
        if (topic, number) in done:
            record, result = None, _refused(topic, number, ErrorCode.ELECTION_NOT_NEEDED)
        done[topic, number] = None
        if record is not None:
            records.append(record)
        if not every or result.error is not ErrorCode.ELECTION_NOT_NEEDED:
            results.append(result)
    return Decision(tuple(records), tuple(results))


def _elect(
    image: MetadataImage, topic: str, number: int, election_type: int
) -> tuple[PartitionChanged | None, ElectionResult]:
    """Return the record of one election and its result."""
    found = image.topics.get(topic)
    if found is None:
        return None, _refused(
            topic, number, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"No such topic as {topic}"
        )
    if not 0 <= number < len(found.partitions):
        return None, _refused(
            topic,
            number,
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            f"No such partition as {topic}-{number}",
        )
    preferred = election_type == ElectionType.PREFERRED
    if not _is_needed(found.partitions[number], preferred=preferred):
        return None, _refused(topic, number, ErrorCode.ELECTION_NOT_NEEDED)
    record = _change(image, topic, number, preferred=preferred)
    if record is None:
        code = (
            ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
            if preferred
            else ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
        )
        return None, _refused(topic, number, code)
    return record, ElectionResult(topic, number)


def preferred_elections(image: MetadataImage) -> list[PartitionChanged]:
    """Return the elections that bring leaderships back to the preferred leaders in sync."""
    return list(islice(_due(image, preferred=True), ELECTIONS_MAX))


def unclean_elections(image: MetadataImage) -> list[PartitionChanged]:
    """Return elections for partitions without a leader, where their topics allow unclean ones."""
    return list(islice(_due(image, preferred=False), ELECTIONS_MAX))


def _due(image: MetadataImage, *, preferred: bool) -> Iterator[PartitionChanged]:
    for topic, number in _all_partitions(image):
        allowed = preferred or image.topic_config(topic).unclean_leader_election_enable
        state = image.topics[topic].partitions[number]
        if allowed and _is_needed(state, preferred=preferred):
            record = _change(image, topic, number, preferred=preferred)
            if record is not None:
                yield record


def _is_needed(partition: PartitionImage, *, preferred: bool) -> bool:
    if preferred:
        return partition.leader != partition.preferred_leader
    return not partition.has_leader


def _change(
    image: MetadataImage, topic: str, number: int, *, preferred: bool
) -> PartitionChanged | None:
    found = image.topics[topic]
    partition = found.partitions[number]
    return change_partition(
        found.topic_id,
        number,
        partition,
        partition.isr,
        image.is_active,
        min_isr=min_isr(image, topic),
        unclean=not preferred,
        preferred=preferred,
    )


def _refused(
    topic: str, number: int, error: ErrorCode, message: str | None = None
) -> ElectionResult:
    return ElectionResult(topic, number, error, message or _TEXTS[error])


def _all_partitions(image: MetadataImage) -> Iterator[tuple[str, int]]:
    for name, topic in sorted(image.topics.items()):
        for number in range(len(topic.partitions)):
            yield name, number
