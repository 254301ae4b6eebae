"""CreateTopics (api key 19), versions 2 to 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.conformance.case import Script, case

KEY = 19
ALL = (2, 7)


def topic(
    name: str,
    partitions: int = 1,
    replication_factor: int = 1,
    assignments: Sequence[tuple[int, list[int]]] = (),
    configs: Sequence[tuple[str, str | None]] = (),
) -> dict[str, Any]:
    """Return one topic of a CreateTopics request."""
    return {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": replication_factor,
        "assignments": [{"partition_index": p, "broker_ids": ids} for p, ids in assignments],
        "configs": [{"name": key, "value": value} for key, value in configs],
    }


def ask(s: Script, label: str, *topics: dict[str, Any], validate_only: bool = False) -> None:
    """Ask for topics to be made."""
    s.ask(label, topics=topics, timeout=10_000, validate_only=validate_only)


@case(KEY, ALL)
def one_topic(s: Script) -> None:
    ask(s, "made", topic(s.name(), 3))
    s.wait_for_leaders(s.name(), 3)
    s.check("is there", 3, 7, topics=[{"name": s.name()}], allow_auto_topic_creation=False)
    ask(s, "again", topic(s.name(), 3))


@case(KEY, (4, 7))
def broker_defaults(s: Script) -> None:
    ask(s, "made", topic(s.name(), -1, -1))
    s.wait_for_leaders(s.name())
    s.check("is there", 3, 7, topics=[{"name": s.name()}], allow_auto_topic_creation=False)


@case(KEY, (2, 3))
def broker_defaults_before_they_could_be_asked(s: Script) -> None:
    ask(s, "both", topic(s.name(), -1, -1))
    ask(s, "partitions", topic(s.name("-p"), -1, 1))
    ask(s, "factor", topic(s.name("-r"), 1, -1))


@case(KEY, ALL)
def invalid_partition_counts(s: Script) -> None:
    for label, count in (("zero", 0), ("minus two", -2), ("least", -(2**31))):
        ask(s, label, topic(s.name(f"{label[0]}"), count))


@case(KEY, ALL)
def invalid_replication_factors(s: Script) -> None:
    for label, factor in (("zero", 0), ("minus two", -2), ("more than brokers", 2)):
        ask(s, label, topic(s.name(f"{label[0]}"), 1, factor))


@case(KEY, ALL)
def invalid_names(s: Script) -> None:
    for label, name in (
        ("space", "a b"), ("empty", ""), ("dot", "."), ("dots", ".."), ("slash", "a/b"),
        ("too long", "x" * 250), ("letter", "ä"),
    ):  # fmt: skip
        ask(s, label, topic(name))


@case(KEY, ALL)
def colliding_names(s: Script) -> None:
    s.create(".x")
    ask(s, "dot and underscore", topic(s.name("_x")))
    ask(s, "within a request", topic(s.name(".y")), topic(s.name("_y")))


@case(KEY, ALL)
def longest_name(s: Script) -> None:
    ask(s, "249", topic(s.name("x" * (249 - len(s.name())))))


@case(KEY, ALL)
def internal_names(s: Script) -> None:
    ask(s, "metadata", topic("__cluster_metadata"))
    ask(s, "like internal", topic(f"__{s.name()}"))


@case(KEY, ALL)
def duplicates_in_a_request(s: Script) -> None:
    name = s.name()
    ask(s, "twice", topic(name), topic(name))
    ask(s, "twice and a good one", topic(name), topic(name, 2), topic(s.name("-good")))
    ask(s, "then alone", topic(name))


@case(KEY, ALL)
def good_and_bad_together(s: Script) -> None:
    ask(s, "mixed", topic(s.name("-good")), topic("a b"), topic(s.name("-zero"), 0))


@case(KEY, ALL)
def configs(s: Script) -> None:
    ask(
        s,
        "made",
        topic(s.name(), configs=[("retention.ms", "1000"), ("cleanup.policy", "compact")]),
    )
    s.wait_for_leaders(s.name())
    resource = {"resource_type": 2, "resource_name": s.name(), "configuration_keys": None}
    s.check("described", 32, 4, resources=[resource], include_synonyms=True)


@case(KEY, ALL)
def invalid_configs(s: Script) -> None:
    for at, (name, value) in enumerate(
        [
            ("nope", "1"), ("retention.ms", "abc"), ("retention.ms", ""), ("retention.ms", "-2"),
            ("max.message.bytes", "-1"), ("cleanup.policy", "compacted"), ("cleanup.policy", ""),
            ("compression.type", "brotli"), ("min.insync.replicas", "0"),
            ("segment.bytes", "1"), ("message.timestamp.type", "Never"),
            ("unclean.leader.election.enable", "maybe"), ("min.cleanable.dirty.ratio", "2"),
            ("message.format.version", "3.0"), ("flush.messages", "0"), ("", "1"),
            ("compression.gzip.level", "77"), ("segment.ms", "0"), ("remote.storage.enable", "true"),
            ("leader.replication.throttled.replicas", "x"),
        ]
    ):  # fmt: skip
        label = f"{name}={value}"
        ask(s, label, topic(s.name(f"-{at}"), configs=[(name, value)]))


@case(KEY, ALL)
def config_oddities(s: Script) -> None:
    ask(s, "null value", topic(s.name("-a"), configs=[("retention.ms", None)]))
    twice = [("retention.ms", "5"), ("retention.ms", "6")]
    ask(s, "twice the same", topic(s.name("-b"), configs=twice))
    ask(s, "two bad", topic(s.name("-c"), configs=[("nope", "1"), ("retention.ms", "x")]))
    ask(s, "spaces", topic(s.name("-d"), configs=[("retention.ms", " 5 ")]))
    ask(s, "list", topic(s.name("-e"), configs=[("cleanup.policy", "compact, delete")]))


@case(KEY, ALL)
def validate_only(s: Script) -> None:
    existing = s.create()
    ask(s, "good", topic(s.name("-new"), 3), validate_only=True)
    ask(s, "existing", topic(existing), validate_only=True)
    ask(s, "bad", topic(s.name("-bad"), 0), validate_only=True)
    ask(s, "bad config", topic(s.name("-c"), configs=[("nope", "")]), validate_only=True)
    ask(s, "assigned", topic(s.name("-m"), -1, -1, [(0, [1])]), validate_only=True)
    asked = [{"name": s.name("-new")}]
    s.check("nothing made", 3, 7, topics=asked, allow_auto_topic_creation=False)


@case(KEY, ALL)
def manual_assignments(s: Script) -> None:
    ask(s, "good", topic(s.name("-good"), -1, -1, [(0, [1]), (1, [1])]))
    s.wait_for_leaders(s.name("-good"), 2)
    asked = [{"name": s.name("-good")}]
    s.check("is there", 3, 7, topics=asked, allow_auto_topic_creation=False)
    ask(s, "out of order", topic(s.name("-order"), -1, -1, [(1, [1]), (0, [1])]))


@case(KEY, ALL)
def invalid_assignments(s: Script) -> None:
    refused: list[tuple[str, int, int, list[tuple[int, list[int]]]]] = [
            ("both counts", 1, 1, [(0, [1])]), ("partition count", 1, -1, [(0, [1])]),
            ("factor", -1, 1, [(0, [1])]), ("unknown broker", -1, -1, [(0, [9])]),
            ("negative broker", -1, -1, [(0, [-1])]), ("broker twice", -1, -1, [(0, [1, 1])]),
            ("gap", -1, -1, [(0, [1]), (2, [1])]), ("no zero", -1, -1, [(1, [1])]),
            ("partition twice", -1, -1, [(0, [1]), (0, [1])]), ("no replicas", -1, -1, [(0, [])]),
            ("negative partition", -1, -1, [(-1, [1])]),
            ("uneven", -1, -1, [(0, [1]), (1, [1, 2])]),
    ]  # fmt: skip
    for at, (label, partitions, factor, assignments) in enumerate(refused):
        ask(s, label, topic(s.name(f"-{at}"), partitions, factor, assignments))


@case(KEY, ALL)
def nothing_asked(s: Script) -> None:
    ask(s, "empty")


@case(KEY, ALL)
def existing_and_invalid(s: Script) -> None:
    existing = s.create()
    ask(s, "existing, zero partitions", topic(existing, 0))
    ask(s, "existing, bad config", topic(existing, configs=[("nope", "1")]))
    ask(s, "existing, bad assignment", topic(existing, -1, -1, [(0, [9])]))
