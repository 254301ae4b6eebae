"""CreatePartitions (api key 37), versions 0 to 3."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

KEY = 37
ALL = (0, 3)


def grow(name: str, count: int, assignments: list[list[int]] | None = None) -> dict[str, Any]:
    """Return one topic of a CreatePartitions request."""
    lists = None if assignments is None else [{"broker_ids": each} for each in assignments]
    return {"name": name, "count": count, "assignments": lists}


def ask(s: Script, label: str, *topics: dict[str, Any], validate_only: bool = False) -> None:
    """Ask for partitions to be added."""
    s.ask(label, topics=topics, timeout=10_000, validate_only=validate_only)


@case(KEY, ALL)
def more_partitions(s: Script) -> None:
    topic = s.create()
    ask(s, "to three", grow(topic, 3))
    s.wait_for_leaders(topic, 3)
    s.check("is there", 3, 7, topics=[{"name": topic}], allow_auto_topic_creation=False)


@case(KEY, ALL)
def counts_that_are_no_increase(s: Script) -> None:
    topic = s.create(partitions=2)
    for label, count in (("same", 2), ("fewer", 1), ("zero", 0), ("minus one", -1)):
        ask(s, label, grow(topic, count))


@case(KEY, ALL)
def unknown_topics(s: Script) -> None:
    ask(s, "unknown", grow(s.name(), 3))
    ask(s, "invalid", grow("a b", 3))
    ask(s, "empty name", grow("", 3))
    ask(s, "unknown and zero", grow(s.name(), 0))


@case(KEY, ALL)
def duplicates(s: Script) -> None:
    topic = s.create()
    ask(s, "twice", grow(topic, 2), grow(topic, 3))
    ask(s, "twice and a good one", grow(topic, 2), grow(topic, 2), grow(s.create("-b"), 2))


@case(KEY, ALL)
def nothing_asked(s: Script) -> None:
    ask(s, "empty")


@case(KEY, ALL)
def validate_only(s: Script) -> None:
    topic = s.create()
    ask(s, "good", grow(topic, 4), validate_only=True)
    ask(s, "bad", grow(topic, 1), validate_only=True)
    s.check("unchanged", 3, 7, topics=[{"name": topic}], allow_auto_topic_creation=False)


@case(KEY, ALL)
def manual_assignments(s: Script) -> None:
    topic = s.create()
    ask(s, "good", grow(topic, 3, [[1], [1]]))
    s.wait_for_leaders(topic, 3)
    refused: list[tuple[str, int, list[list[int]]]] = [
        ("too few", 5, [[1]]), ("too many", 4, [[1], [1]]), ("unknown broker", 4, [[9]]),
        ("negative broker", 4, [[-1]]), ("other factor", 4, [[1, 2]]), ("twice", 4, [[1, 1]]),
        ("no replicas", 4, [[]]), ("empty list", 4, []), ("no increase", 3, [[1]]),
    ]  # fmt: skip
    for label, count, assignments in refused:
        ask(s, label, grow(topic, count, assignments))


@case(KEY, ALL)
def good_and_bad_together(s: Script) -> None:
    good, bad = s.create("-good"), s.create("-bad")
    ask(s, "mixed", grow(good, 2), grow(bad, 1), grow(s.name("-absent"), 2))
