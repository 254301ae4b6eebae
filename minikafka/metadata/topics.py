"""Topics are created and grow: command and image to records.

Pure functions; placement and topic ids draw from the generators passed in. Each topic of a
request succeeds or fails on its own; the texts of refusals are those people see in clients.
Counterpart: org.apache.kafka.controller.ReplicationControlManager, kafka.server.ControllerApis;
KIP-4, KIP-195, KIP-516, KIP-525.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, BrokerId, TopicId
from minikafka.metadata.assignments import bad_assignment, check_replicas
from minikafka.metadata.commands import (
    CreatePartitions,
    CreateTopics,
    Decision,
    NewPartitions,
    NewPartitionsResult,
    NewTopic,
    NewTopicResult,
)
from minikafka.metadata.configs import check_topic_configs
from minikafka.metadata.describe import effective_topic_configs
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.leadership import created_partition
from minikafka.metadata.names import check_topic_name, collision_key
from minikafka.metadata.placement import Generator, place
from minikafka.metadata.records import (
    ConfigChanged,
    MetadataRecord,
    PartitionCreated,
    TopicCreated,
)
from minikafka.metadata.states import TOPIC_RESOURCE

__all__ = ["create_partitions", "create_topics"]


@dataclass(frozen=True, slots=True)
class _Draws:
    """Where chance comes in."""

    placement: Generator
    new_id: Callable[[], uuid.UUID]


def create_topics(
    image: MetadataImage,
    command: CreateTopics,
    placement: Generator,
    new_id: Callable[[], uuid.UUID],
) -> Decision[tuple[NewTopicResult, ...]]:
    """Decide on new topics; results are in the order of the request, each name once.

    A name given twice is refused once, behind the others (INVALID_REQUEST).
    """
    counts = _counts(topic.name for topic in command.topics)
    taken = _collision_names(image, counts)
    draws = _Draws(placement, new_id)
    records: list[MetadataRecord] = []
    results = []
    for topic in command.topics:
        if counts[topic.name] > 1:
            continue
        try:
            created, result = _create_topic(image, topic, taken, draws)
        except KafkaError as error:
            results.append(NewTopicResult(topic.name, error.code, error.message))
        else:
            records += created
            results.append(result)
    results += [
        NewTopicResult(name, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
        for name, count in counts.items()
        if count > 1
    ]
    return Decision(() if command.validate_only else tuple(records), tuple(results))


def _create_topic(
    image: MetadataImage, topic: NewTopic, taken: Mapping[str, str], draws: _Draws
) -> tuple[list[MetadataRecord], NewTopicResult]:
    """Return the records of one topic and its result; raises KafkaError when refused."""
    _check_new_name(image, topic.name, taken)
    overrides = _creation_configs(topic)
    check_topic_configs(image.broker_config(), overrides)
    topic_id = draws.new_id()
    if topic.assignments:
        partitions = _assigned(image, topic, topic_id)
    else:
        partitions = _placed(image, topic, topic_id, draws.placement)
    records: list[MetadataRecord] = [TopicCreated(topic.name, topic_id)]
    records += [
        ConfigChanged(TOPIC_RESOURCE, topic.name, name, value)
        for name, value in overrides.items()
    ]
    records += partitions
    configs = effective_topic_configs(image, overrides, as_written=True)
    result = NewTopicResult(
        name=topic.name,
        topic_id=topic_id,
        num_partitions=len(partitions),
        replication_factor=len(partitions[0].replicas),
        configs=tuple(sorted(configs, key=lambda entry: entry.name)),
    )
    return records, result


def _check_new_name(image: MetadataImage, name: str, taken: Mapping[str, str]) -> None:
    if name == CLUSTER_METADATA_TOPIC:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Creation of internal topic {name} is prohibited."
        )
    if name in image.topics:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    check_topic_name(name)
    other = taken.get(collision_key(name) or "")
    if other is not None:
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"Topic '{name}' collides with existing topic: {other}",
        )


def _collision_names(image: MetadataImage, wanted: Iterable[str]) -> dict[str, str]:
    """Return the existing topics that a wanted name may clash with, by collision key."""
    if not any(collision_key(name) for name in wanted):
        return {}  # the usual case must not walk over all topics
    return {key: name for name in sorted(image.topics) if (key := collision_key(name))}


def _creation_configs(topic: NewTopic) -> dict[str, str]:
    nulls = [name for name, value in topic.configs if value is None]
    if nulls:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Null value not supported for topic configs: {','.join(nulls)}",
        )
    return {name: value for name, value in topic.configs if value is not None}


def _placed(
    image: MetadataImage, topic: NewTopic, topic_id: TopicId, generator: Generator
) -> list[PartitionCreated]:
    """Return partitions placed by rule."""
    if topic.replication_factor < -1 or topic.replication_factor == 0:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        )
    if topic.num_partitions < -1 or topic.num_partitions == 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        )
    config = image.static_config
    count = config.num_partitions if topic.num_partitions == -1 else topic.num_partitions
    factor = (
        config.default_replication_factor
        if topic.replication_factor == -1
        else topic.replication_factor
    )
    try:
        placed = place(image.brokers.values(), count, factor, generator)
    except KafkaError as error:
        raise KafkaError(
            error.code, f"Unable to replicate the partition {factor} time(s): {error.message}"
        ) from error
    return _partitions(image, topic_id, 0, placed)


def _assigned(
    image: MetadataImage, topic: NewTopic, topic_id: TopicId
) -> list[PartitionCreated]:
    """Return partitions where the client wants them."""
    for given, what in (
        (topic.replication_factor, "replication factor"),
        (topic.num_partitions, "numPartitions"),
    ):
        if given != -1:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"A manual partition assignment was specified, but {what} was not set to -1.",
            )
    wanted: dict[int, tuple[BrokerId, ...]] = {}
    factor: int | None = None
    for number, replicas in topic.assignments:
        if number in wanted:
            raise bad_assignment(
                f"Found multiple manual partition assignments for partition {number}"
            )
        _check_assignment(image, number, replicas, factor)
        factor = len(replicas)
        wanted[number] = replicas
    if any(number not in wanted for number in range(len(wanted))):
        raise bad_assignment("partitions should be a consecutive 0-based integer sequence")
    return _partitions(image, topic_id, 0, [wanted[number] for number in range(len(wanted))])


def _check_assignment(
    image: MetadataImage, number: int, replicas: Sequence[BrokerId], factor: int | None
) -> None:
    """Raise INVALID_REPLICA_ASSIGNMENT unless partition `number` can live on `replicas`."""
    check_replicas(image, replicas)
    if factor is not None and len(replicas) != factor:
        raise bad_assignment(
            f"The manual partition assignment includes a partition with {len(replicas)} "
            "replica(s), but this is not consistent with previous partitions, which have "
            f"{factor} replica(s)."
        )
    if not any(image.is_active(broker_id) for broker_id in replicas):
        raise bad_assignment(
            f"All brokers specified in the manual partition assignment for partition {number} "
            "are fenced or in controlled shutdown."
        )


def _partitions(
    image: MetadataImage,
    topic_id: TopicId,
    first: int,
    placed: Sequence[tuple[BrokerId, ...]],
) -> list[PartitionCreated]:
    records = []
    for number, replicas in enumerate(placed, first):
        record = created_partition(topic_id, number, replicas, image.is_active)
        if record is None:
            raise KafkaError(
                ErrorCode.INVALID_REPLICATION_FACTOR,
                f"Unable to replicate the partition {len(replicas)} time(s): All brokers are "
                "currently fenced or in controlled shutdown.",
            )
        records.append(record)
    return records


def create_partitions(
    image: MetadataImage, command: CreatePartitions, placement: Generator
) -> Decision[tuple[NewPartitionsResult, ...]]:
    """Decide on new partitions of existing topics; a name given twice is refused once, first."""
    counts = _counts(topic.name for topic in command.topics)
    results = [
        NewPartitionsResult(name, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
        for name, count in counts.items()
        if count > 1
    ]
    records: list[MetadataRecord] = []
    for topic in command.topics:
        if counts[topic.name] > 1:
            continue
        try:
            records += _grow(image, topic, placement)
        except KafkaError as error:
            results.append(NewPartitionsResult(topic.name, error.code, error.message))
        else:
            results.append(NewPartitionsResult(topic.name))
    return Decision(() if command.validate_only else tuple(records), tuple(results))


def _grow(
    image: MetadataImage, wanted: NewPartitions, placement: Generator
) -> list[PartitionCreated]:
    """Return the records of the partitions that one topic gets; raises when refused."""
    topic = image.topics.get(wanted.name)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    present = len(topic.partitions)
    if wanted.count == present:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS, f"Topic already has {present} partition(s)."
        )
    if wanted.count < present:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"The topic {wanted.name} currently has {present} partition(s); {wanted.count} "
            "would not be an increase.",
        )
    additional = wanted.count - present
    factor = len(topic.partitions[0].replicas)
    if wanted.assignments is None:
        placed: Sequence[tuple[BrokerId, ...]] = place(
            image.brokers.values(), additional, factor, placement
        )
        return _partitions(image, topic.topic_id, present, placed)
    if len(wanted.assignments) != additional:
        raise bad_assignment(
            f"Attempted to add {additional} additional partition(s), but only "
            f"{len(wanted.assignments)} assignment(s) were specified."
        )
    for number, replicas in enumerate(wanted.assignments, present):
        _check_assignment(image, number, replicas, factor)
    return _partitions(image, topic.topic_id, present, wanted.assignments)


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts
