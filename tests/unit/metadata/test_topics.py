"""Creating topics and adding partitions."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.metadata.commands import (
    CreatePartitions,
    NewPartitions,
    NewPartitionsResult,
    NewTopic,
)
from tests.unit.metadata.clusters import Cluster


def _grow(
    cluster: Cluster, *topics: NewPartitions, validate_only: bool = False
) -> list[NewPartitionsResult]:
    command = CreatePartitions(topics, validate_only)
    return list(cluster.carry_out(cluster.controller.create_partitions(command)))


def test_new_topic_has_its_partitions_replicas_and_configs() -> None:
    """The result says what the image then holds."""
    cluster = Cluster(3)
    [result] = cluster.create(NewTopic("t", 4, 2, configs=(("retention.ms", "5"),)))
    topic = cluster.image.topics["t"]
    assert (result.error, result.topic_id) == (ErrorCode.NONE, topic.topic_id)
    assert (result.num_partitions, result.replication_factor) == (4, 2)
    assert len(topic.partitions) == 4
    assert all(partition.isr == partition.replicas for partition in topic.partitions)
    assert cluster.image.topic_config("t").retention_ms == 5


def test_minus_one_takes_the_defaults_of_the_controller() -> None:
    """num.partitions and default.replication.factor fill in."""
    cluster = Cluster(3, {"num.partitions": 5, "default.replication.factor": 3})
    [result] = cluster.create(NewTopic("t"))
    assert (result.num_partitions, result.replication_factor) == (5, 3)


def test_result_lists_all_configs_by_name_with_their_source() -> None:
    """Java's admin client reads the effective configs from the answer (KIP-525)."""
    cluster = Cluster(1, {"log.retention.hours": 1})
    [result] = cluster.create(NewTopic("t", configs=(("cleanup.policy", "compact"),)))
    names = [entry.name for entry in result.configs]
    assert names == sorted(names)
    assert len(names) == 33
    found = {entry.name: (entry.value, entry.config_source) for entry in result.configs}
    assert found["cleanup.policy"] == ("compact", 1)
    assert found["min.insync.replicas"] == ("1", 3)
    assert found["retention.ms"][0] == "3600000"


def test_result_shows_configs_as_they_were_written() -> None:
    """Blanks stay in the answer and in the record; what governs the log is what they mean."""
    cluster = Cluster(1)
    given = (("retention.ms", " 5 "), ("cleanup.policy", "compact, delete"))
    [result] = cluster.create(NewTopic("t", configs=given))
    found = {entry.name: entry.value for entry in result.configs}
    assert (found["retention.ms"], found["cleanup.policy"]) == (" 5 ", "compact, delete")
    assert cluster.image.topic_overrides("t") == dict(given)
    assert cluster.image.topic_config("t").cleanup_policy == ("compact", "delete")


def test_topic_ids_differ_and_do_not_depend_on_earlier_topics_names() -> None:
    """Ids are drawn from the seed: the same history gives the same ids, never one twice."""
    first = [result.topic_id for result in Cluster(1).create(*map(NewTopic, "abc"))]
    again = [result.topic_id for result in Cluster(1).create(*map(NewTopic, "xyz"))]
    other = [result.topic_id for result in Cluster(1, seed=2).create(*map(NewTopic, "abc"))]
    assert first == again
    assert len({*first, *other}) == 6


def test_validation_alone_creates_nothing() -> None:
    """With validate_only the answer is whole, the image untouched."""
    cluster = Cluster(1)
    [result] = cluster.create(NewTopic("t", 3, 1), validate_only=True)
    assert (result.error, result.num_partitions) == (ErrorCode.NONE, 3)
    assert cluster.image.topics == {}


_NOT_ENOUGH = (
    "Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be "
    "reached because only 3 broker(s) are registered."
)
_FACTOR = "Replication factor must be larger than 0, or -1 to use the default value."
_COUNT = "Number of partitions was set to an invalid non-positive value."


@pytest.mark.parametrize(
    ("topic", "error", "message"),
    [
        (
            NewTopic("taken"),
            ErrorCode.TOPIC_ALREADY_EXISTS,
            "Topic 'taken' already exists.",
        ),
        (
            NewTopic("a b"),
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            (
                "Topic name is invalid: 'a b' contains one or more characters other than ASCII "
                "alphanumerics, '.', '_' and '-'"
            ),
        ),
        (
            NewTopic("col_x"),
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            "Topic 'col_x' collides with existing topic: col.x",
        ),
        (
            NewTopic("__cluster_metadata"),
            ErrorCode.INVALID_REQUEST,
            "Creation of internal topic __cluster_metadata is prohibited.",
        ),
        (NewTopic("t", 0), ErrorCode.INVALID_PARTITIONS, _COUNT),
        (NewTopic("t", -2), ErrorCode.INVALID_PARTITIONS, _COUNT),
        (NewTopic("t", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR, _FACTOR),
        (NewTopic("t", 0, -2), ErrorCode.INVALID_REPLICATION_FACTOR, _FACTOR),
        (NewTopic("t", 1, 4), ErrorCode.INVALID_REPLICATION_FACTOR, _NOT_ENOUGH),
        (
            NewTopic("t", configs=(("nope", "1"),)),
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: nope",
        ),
        (
            NewTopic("t", configs=(("retention.ms", "abc"),)),
            ErrorCode.INVALID_CONFIG,
            "Invalid value abc for configuration retention.ms: Not a number of type LONG",
        ),
        (
            NewTopic("t", configs=(("retention.ms", None),)),
            ErrorCode.INVALID_CONFIG,
            "Null value not supported for topic configs: retention.ms",
        ),
    ],
)
def test_bad_topic_is_refused_alone(topic: NewTopic, error: ErrorCode, message: str) -> None:
    """The code and the words are Kafka's; the other topic of the request is created."""
    cluster = Cluster(3)
    cluster.create(NewTopic("taken"), NewTopic("col.x"))
    refused, good = cluster.create(topic, NewTopic("good"))
    assert (refused.error, refused.message) == (error, message)
    assert (refused.num_partitions, refused.replication_factor, refused.configs) == (-1, -1, ())
    assert good.error is ErrorCode.NONE
    assert sorted(cluster.image.topics) == ["col.x", "good", "taken"]


def test_name_given_twice_is_refused_once() -> None:
    """Neither of the two is created; the refusal stands behind the other results."""
    cluster = Cluster(1)
    results = cluster.create(NewTopic("dup", 1), NewTopic("dup", 2), NewTopic("ok"))
    assert [(result.name, result.error) for result in results] == [
        ("ok", ErrorCode.NONE),
        ("dup", ErrorCode.INVALID_REQUEST),
    ]
    assert results[1].message == "Duplicate topic name."
    assert sorted(cluster.image.topics) == ["ok"]


def test_assigned_replicas_are_taken_as_they_are() -> None:
    """Fenced brokers may be named, but start outside the ISR and do not lead."""
    cluster = Cluster(3)
    cluster.fence(2)
    cluster.create_assigned("t", (2, 3), (1, 2))
    state = cluster.partition("t")
    assert (state.replicas, state.isr, state.leader) == ((2, 3), (3,), 3)
    assert cluster.partition("t", 1).replicas == (1, 2)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (
            ((0, (9,)),),
            "The manual partition assignment includes broker 9, but no such broker is registered.",
        ),
        (
            ((0, (1, 1)),),
            "The manual partition assignment includes the broker 1 more than once.",
        ),
        (((0, ()),), "The manual partition assignment includes an empty replica list."),
        (((0, (1,)), (2, (1,))), "partitions should be a consecutive 0-based integer sequence"),
        (
            ((0, (1,)), (0, (1,))),
            "Found multiple manual partition assignments for partition 0",
        ),
        (
            ((0, (1, 3)), (1, (3,))),
            (
                "The manual partition assignment includes a partition with 1 replica(s), but this is "
                "not consistent with previous partitions, which have 2 replica(s)."
            ),
        ),
        (
            ((0, (2,)),),
            (
                "All brokers specified in the manual partition assignment for partition 0 are fenced "
                "or in controlled shutdown."
            ),
        ),
    ],
)
def test_bad_assignment_is_refused(
    assignments: tuple[tuple[int, tuple[int, ...]], ...], message: str
) -> None:
    """INVALID_REPLICA_ASSIGNMENT says which rule the assignment breaks."""
    cluster = Cluster(3)
    cluster.fence(2)
    [result] = cluster.create(NewTopic("t", assignments=assignments))
    assert (result.error, result.message) == (ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)


@pytest.mark.parametrize(
    ("counts", "what"), [((1, -1), "numPartitions"), ((-1, 1), "replication factor")]
)
def test_assignment_and_counts_exclude_each_other(counts: tuple[int, int], what: str) -> None:
    """Who assigns replicas leaves both counts at -1."""
    [result] = Cluster(1).create(NewTopic("t", *counts, assignments=((0, (1,)),)))
    assert result.error is ErrorCode.INVALID_REQUEST
    assert result.message == (
        f"A manual partition assignment was specified, but {what} was not set to -1."
    )


def test_topic_grows_with_the_replication_factor_it_has() -> None:
    """New partitions follow the old ones, which stay as they are."""
    cluster = Cluster(3)
    cluster.create(NewTopic("t", 1, 2))
    old = cluster.partition("t")
    assert _grow(cluster, NewPartitions("t", 3)) == [NewPartitionsResult("t")]
    partitions = cluster.image.topics["t"].partitions
    assert partitions[0] is old
    assert [len(partition.replicas) for partition in partitions] == [2, 2, 2]


def test_new_partitions_can_be_assigned() -> None:
    """One list of brokers per new partition."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2))
    _grow(cluster, NewPartitions("t", 3, ((2, 3), (3, 1))))
    assert cluster.partition("t", 1).replicas == (2, 3)
    assert cluster.partition("t", 2).replicas == (3, 1)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (NewPartitions("x", 3), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None),
        (
            NewPartitions("t", 2),
            ErrorCode.INVALID_PARTITIONS,
            "Topic already has 2 partition(s).",
        ),
        (
            NewPartitions("t", -1),
            ErrorCode.INVALID_PARTITIONS,
            "The topic t currently has 2 partition(s); -1 would not be an increase.",
        ),
        (
            NewPartitions("t", 4, ((1,),)),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
        ),
        (
            NewPartitions("t", 3, ((1, 2),)),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            (
                "The manual partition assignment includes a partition with 2 replica(s), but this is "
                "not consistent with previous partitions, which have 1 replica(s)."
            ),
        ),
    ],
)
def test_bad_growth_is_refused(
    wanted: NewPartitions, error: ErrorCode, message: str | None
) -> None:
    """The code and the words are Kafka's, and the topic stays as it is."""
    cluster = Cluster(2)
    cluster.create(NewTopic("t", 2, 1))
    [result] = _grow(cluster, wanted)
    assert (result.error, result.message) == (error, message)
    assert len(cluster.image.topics["t"].partitions) == 2


def test_growth_given_twice_or_only_validated_does_not_happen() -> None:
    """A name given twice is refused; validate_only writes nothing."""
    cluster = Cluster(1)
    cluster.create(NewTopic("t", 1, 1))
    [twice] = _grow(cluster, NewPartitions("t", 2), NewPartitions("t", 3))
    [checked] = _grow(cluster, NewPartitions("t", 2), validate_only=True)
    assert (twice.error, twice.message) == (ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    assert checked.error is ErrorCode.NONE
    assert len(cluster.image.topics["t"].partitions) == 1
