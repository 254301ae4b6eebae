"""Metadata (api key 3), versions 0 to 13, auto-creation included."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.conformance.case import Script, case

KEY = 3
ALL = (0, 13)
BY_ID = (12, 13)
ERROR_UNKNOWN = 3


def named(*names: str) -> list[dict[str, Any]]:
    """Return topics asked by name."""
    return [{"name": name} for name in names]


def by_id(*ids: UUID | None) -> list[dict[str, Any]]:
    """Return topics asked by id."""
    return [{"name": None, "topic_id": each} for each in ids]


@case(KEY, ALL)
def known_topic(s: Script) -> None:
    topic = s.create(partitions=3)
    s.ask("known", topics=named(topic), allow_auto_topic_creation=False)


@case(KEY, ALL)
def several_topics(s: Script) -> None:
    topics = [s.create("-b"), s.create("-a", partitions=2)]
    asked = [s.name("-absent"), *topics]
    s.ask("three", topics=named(*asked), allow_auto_topic_creation=False)


@case(KEY, ALL)
def same_topic_twice(s: Script) -> None:
    topic = s.create()
    s.ask("twice", topics=named(topic, topic), allow_auto_topic_creation=False)


@case(KEY, (1, 13))
def all_topics(s: Script) -> None:
    s.create(partitions=2)
    s.ask("null is all", topics=None, allow_auto_topic_creation=False)
    s.only_mine("null is all")
    s.ask("empty is none", topics=[], allow_auto_topic_creation=False)


@case(KEY, (0, 0))
def all_topics_of_old(s: Script) -> None:
    s.create(partitions=2)
    s.ask("empty is all", topics=[])
    s.only_mine("empty is all")


@case(KEY, (4, 13))
def unknown_topic_without_creation(s: Script) -> None:
    s.ask("unknown", topics=named(s.name()), allow_auto_topic_creation=False)
    s.ask("still unknown", topics=named(s.name()), allow_auto_topic_creation=False)


@case(KEY, ALL)
def auto_creation(s: Script) -> None:
    name = s.name()
    s.ask("at first", topics=named(name), allow_auto_topic_creation=True)
    s.wait_for_leaders(name)
    s.ask("in the end", topics=named(name), allow_auto_topic_creation=True)


@case(KEY, ALL)
def auto_creation_of_several(s: Script) -> None:
    names = [s.name("-a"), s.name("-b"), "bad name"]
    s.ask("at first", topics=named(*names), allow_auto_topic_creation=True)
    for name in names[:2]:
        s.wait_for_leaders(name)
    s.ask("in the end", topics=named(*names), allow_auto_topic_creation=True)


@case(KEY, ALL)
def auto_creation_of_a_colliding_name(s: Script) -> None:
    s.create(".x")
    name = s.name("_x")
    s.ask("collides", topics=named(name), allow_auto_topic_creation=True)


@case(KEY, ALL)
def invalid_names(s: Script) -> None:
    for label, name in (
        ("space", "a b"), ("empty", ""), ("dot", "."), ("dots", ".."), ("slash", "a/b"),
        ("too long", "x" * 250),
    ):  # fmt: skip
        s.ask(label, topics=named(name), allow_auto_topic_creation=True)


@case(KEY, (4, 13))
def invalid_name_without_creation(s: Script) -> None:
    s.ask("space", topics=named("a b"), allow_auto_topic_creation=False)


@case(KEY, (4, 13))
def internal_topic_before_it_is_there(s: Script) -> None:
    s.ask("metadata", topics=named("__cluster_metadata"), allow_auto_topic_creation=False)
    s.ask("share", topics=named("__share_group_state"), allow_auto_topic_creation=False)


@case(KEY, (8, 13))
def authorized_operations(s: Script) -> None:
    topic = s.create()
    for label, cluster, topics in (
        ("both", True, True),
        ("topics", False, True),
        ("none", False, False),
    ):
        s.ask(
            label,
            topics=named(topic, s.name("-absent")),
            allow_auto_topic_creation=False,
            include_cluster_authorized_operations=cluster,
            include_topic_authorized_operations=topics,
        )


@case(KEY, BY_ID)
def by_topic_id(s: Script) -> None:
    topic = s.create(partitions=2)
    s.ask("known", topics=by_id(s.id(topic)), allow_auto_topic_creation=False)
    s.ask("unknown", topics=by_id(UUID(int=77)), allow_auto_topic_creation=False)
    s.ask("both", topics=by_id(s.id(topic), UUID(int=77)), allow_auto_topic_creation=False)
    s.ask("unknown and creation", topics=by_id(UUID(int=78)), allow_auto_topic_creation=True)


@case(KEY, BY_ID)
def by_name_and_id(s: Script) -> None:
    topic = s.create()
    both = [{"name": topic, "topic_id": s.id(topic)}]
    s.ask("both", topics=both, allow_auto_topic_creation=False)
    wrong = [{"name": topic, "topic_id": UUID(int=77)}]
    s.ask("name and another id", topics=wrong, allow_auto_topic_creation=False)
    mixed = [*by_id(s.id(topic)), *named(topic)]
    s.ask("one by id, one by name", topics=mixed, allow_auto_topic_creation=False)


@case(KEY, (10, 11))
def ids_before_they_could_be_asked(s: Script) -> None:
    topic = s.create()
    s.ask("null name", topics=by_id(s.id(topic)), allow_auto_topic_creation=False)
    s.ask("name and id", topics=[{"name": topic, "topic_id": s.id(topic)}])


@case(KEY, BY_ID)
def neither_name_nor_id(s: Script) -> None:
    s.ask("nothing", topics=by_id(None), allow_auto_topic_creation=False)


@case(KEY, ALL)
def deleted_topic(s: Script) -> None:
    topic = s.create()
    s.other(20, 5, topic_names=[topic], timeout=5000)

    def gone() -> bool:
        answer = s.other(3, 9, topics=named(topic), allow_auto_topic_creation=False)
        return int(answer.topics[0].error_code) == ERROR_UNKNOWN

    s.wait(gone, "the topic does not go")
    if s.version >= 4:
        s.ask("gone", topics=named(topic), allow_auto_topic_creation=False)
    if s.version >= 12:
        s.ask("id gone", topics=by_id(s.id(topic)), allow_auto_topic_creation=False)
