"""DescribeCluster (60, versions 0 to 2) and DescribeTopicPartitions (75, version 0)."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

CLUSTER, PARTITIONS = 60, 75
CLUSTER_VERSIONS, PARTITIONS_VERSIONS = (0, 2), (0, 0)


@case(CLUSTER, CLUSTER_VERSIONS)
def plain(s: Script) -> None:
    s.ask("plain")


@case(CLUSTER, CLUSTER_VERSIONS)
def cluster_authorized_operations(s: Script) -> None:
    s.ask("operations", include_cluster_authorized_operations=True)


@case(CLUSTER, (1, 2))
def endpoint_types(s: Script) -> None:
    for kind in (0, 1, 2, 3):
        s.ask(f"type {kind}", endpoint_type=kind)


@case(CLUSTER, (2, 2))
def fenced_brokers(s: Script) -> None:
    s.ask("with the fenced", include_fenced_brokers=True)


def ask(
    s: Script, label: str, *names: str, limit: int = 2000, cursor: tuple[str, int] | None = None
) -> None:
    """Ask for partitions of topics, from a cursor on."""
    fields: dict[str, Any] = {"topics": [{"name": each} for each in names]}
    if cursor is not None:
        fields["cursor"] = {"topic_name": cursor[0], "partition_index": cursor[1]}
    s.ask(label, response_partition_limit=limit, **fields)


@case(PARTITIONS, PARTITIONS_VERSIONS)
def known_topics(s: Script) -> None:
    a, b = s.create("-a", partitions=3), s.create("-b")
    ask(s, "sorted by name", b, a)
    ask(s, "same twice", a, a)
    ask(s, "unknown among them", b, s.name("-absent"), a)


@case(PARTITIONS, PARTITIONS_VERSIONS)
def refused_topics(s: Script) -> None:
    ask(s, "unknown", s.name())
    ask(s, "invalid", "a b")
    ask(s, "empty name", "")


@case(PARTITIONS, PARTITIONS_VERSIONS)
def limits(s: Script) -> None:
    a, b = s.create("-a", partitions=3), s.create("-b", partitions=2)
    for limit in (1, 2, 3, 4, 5, 0, -1):
        ask(s, f"limit {limit}", a, b, limit=limit)


@case(PARTITIONS, PARTITIONS_VERSIONS)
def cursors(s: Script) -> None:
    a, b = s.create("-a", partitions=3), s.create("-b", partitions=2)
    for label, cursor in (
        ("within the first", (a, 1)), ("at the second", (b, 0)), ("beyond the last", (b, 9)),
        ("unknown topic", (s.name("-absent"), 0)), ("between", (s.name("-aa"), 1)),
        ("negative", (a, -1)), ("behind all", (s.name("-z"), 0)),
    ):  # fmt: skip
        ask(s, label, a, b, cursor=cursor)
    ask(s, "cursor and limit", a, b, cursor=(a, 1), limit=2)
    ask(s, "cursor's topic not asked", b, cursor=(a, 1))


@case(PARTITIONS, PARTITIONS_VERSIONS)
def all_partitions(s: Script) -> None:
    topic = s.create(partitions=2)
    ask(s, "all", cursor=(topic, 1))
    s.only_mine("all")
