"""Hashes over topics, against Kafka's."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.groups.topics import NO_TOPICS, Topic, Topics, group_hash

FOO = UUID("11223344-5566-7788-99aa-bbccddeeff00")
# Partitions, racks of each, and the hash by Utils.computeTopicHash of Apache Kafka 4.1.1.
HASHES: list[tuple[int, tuple[str, ...], int]] = [
    (1, (), 6060945227256024886),
    (1, ("rack-3", "rack-2"), 4289017789959373172),
    (2, (), 4026565201230530803),
    (2, ("rack-3", "rack-2"), -3579743482399471512),
    (3, (), 1958813980667939879),
    (3, ("rack-3", "rack-2"), 7591959706646298796),
    (60, (), -6954079231182091066),
    (60, ("rack-3", "rack-2"), 2833792181178059719),
]


@pytest.mark.parametrize(("partitions", "racks", "want"), HASHES)
def test_topic_hash_is_kafkas(partitions: int, racks: tuple[str, ...], want: int) -> None:
    """Over id, name, partitions and racks."""
    assert Topic("foo", FOO, [racks] * partitions).hash == want


def test_group_hash_is_kafkas() -> None:
    """Utils.computeGroupHash goes over the hashes of the topics, in the order of their names."""
    foo = Topic("foo", FOO, [(), (), ()])
    bar = Topic("bar", UUID(int=2), [()])
    topics = Topics.of([foo, bar])
    foo._hash, bar._hash = 1, -2
    assert group_hash(topics, ["foo", "bar"]) == -7441158178328187894
    assert group_hash(topics, ["bar", "foo", "gone"]) == -7441158178328187894


def test_hash_of_nothing_is_0() -> None:
    """A group without topics, or with topics that are not there, has none."""
    assert group_hash(NO_TOPICS, ["foo"]) == 0


def test_hash_changes_with_each_thing_that_matters() -> None:
    """Another id, another number of partitions, another rack."""
    found = {
        Topic("foo", FOO, [()]).hash,
        Topic("foo", UUID(int=1), [()]).hash,
        Topic("foo", FOO, [(), ()]).hash,
        Topic("foo", FOO, [("a",)]).hash,
        Topic("fop", FOO, [()]).hash,
    }
    assert len(found) == 5


def test_order_of_replicas_does_not_matter() -> None:
    """Racks are a set."""
    assert Topic("t", FOO, [("a", "b")]).hash == Topic("t", FOO, [("b", "a")]).hash
