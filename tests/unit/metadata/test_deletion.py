"""Deleting topics."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.metadata.commands import DeletedTopic, DeleteTopics, NewTopic, TopicRef
from tests.unit.metadata.clusters import Cluster

_NOBODY = uuid.UUID(int=99)


def _cluster() -> Cluster:
    cluster = Cluster(1)
    cluster.create(NewTopic("a", 2, 1, configs=(("retention.ms", "5"),)), NewTopic("b", 1, 1))
    return cluster


def _delete(cluster: Cluster, *refs: TopicRef) -> list[DeletedTopic]:
    return list(cluster.carry_out(cluster.controller.delete_topics(DeleteTopics(refs))))


def test_topic_goes_by_name_or_by_id_with_its_configs() -> None:
    """Both ways lead to the same topic, and nothing of it stays."""
    cluster = _cluster()
    a, b = cluster.image.topics["a"].topic_id, cluster.image.topics["b"].topic_id
    results = _delete(cluster, TopicRef("a"), TopicRef(topic_id=b))
    assert results == [DeletedTopic("a", a), DeletedTopic("b", b)]
    assert (cluster.image.topics, cluster.image.topic_names, cluster.image.configs) == (
        {},
        {},
        Cluster(0).image.configs,
    )


@pytest.mark.parametrize(
    ("ref", "error", "message"),
    [
        (
            TopicRef("x"),
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            "This server does not host this topic-partition.",
        ),
        (
            TopicRef(topic_id=_NOBODY),
            ErrorCode.UNKNOWN_TOPIC_ID,
            "This server does not host this topic ID.",
        ),
        (
            TopicRef("a", _NOBODY),
            ErrorCode.INVALID_REQUEST,
            "You may not specify both topic name and topic id.",
        ),
        (
            TopicRef(),
            ErrorCode.INVALID_REQUEST,
            "Neither topic name nor id were specified.",
        ),
    ],
)
def test_bad_reference_is_refused_alone(ref: TopicRef, error: ErrorCode, message: str) -> None:
    """The other topics of the request are deleted all the same."""
    cluster = _cluster()
    results = _delete(cluster, ref, TopicRef("b"))
    assert (results[0].error, results[0].message) == (error, message)
    assert sorted(cluster.image.topics) == ["a"]


def test_topic_named_twice_stays() -> None:
    """Who contradicts himself gets nothing done."""
    cluster = _cluster()
    [result] = _delete(cluster, TopicRef("a"), TopicRef("a"))
    assert (result.error, result.message) == (
        ErrorCode.INVALID_REQUEST,
        "Duplicate topic name.",
    )
    assert "a" in cluster.image.topics


@pytest.mark.parametrize("name_first", [True, False])
def test_topic_named_and_identified_stays(name_first: bool) -> None:
    """A name and an id of one topic in one request cancel each other."""
    cluster = _cluster()
    refs = [TopicRef("a"), TopicRef(topic_id=cluster.image.topics["a"].topic_id)]
    [result] = _delete(cluster, *(refs if name_first else refs[::-1]))
    assert (result.name, result.error) == ("a", ErrorCode.INVALID_REQUEST)
    assert "a" in cluster.image.topics


def test_deletion_can_be_switched_off() -> None:
    """delete.topic.enable=false refuses the whole request."""
    cluster = Cluster(1, {"delete.topic.enable": False})
    with pytest.raises(KafkaError) as raised:
        cluster.controller.delete_topics(DeleteTopics((TopicRef("a"),)))
    assert raised.value.code is ErrorCode.TOPIC_DELETION_DISABLED
