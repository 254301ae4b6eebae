"""AlterPartitionReassignments, ListPartitionReassignments and UnregisterBroker, on one broker."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

ALTER, LIST, UNREGISTER = 45, 46, 64
ALTER_ALL, ONE = (0, 1), (0, 0)


def move(name: str, *targets: tuple[int, list[int] | None]) -> dict[str, Any]:
    """Return one topic of a request: (partition, replicas) pairs."""
    partitions = [{"partition_index": at, "replicas": replicas} for at, replicas in targets]
    return {"name": name, "partitions": partitions}


def ask(
    s: Script, label: str, *topics: dict[str, Any], timeout: int = 10_000, factor: bool = True
) -> None:
    """Ask for partitions to be moved."""
    more = {"allow_replication_factor_change": factor} if s.version >= 1 else {}
    s.ask(label, topics=topics, timeout=timeout, **more)


@case(ALTER, ALTER_ALL)
def where_it_is_already(s: Script) -> None:
    topic = s.create(partitions=2)
    ask(s, "the same", move(topic, (0, [1]), (1, [1])))
    ask(s, "held to its factor", move(topic, (0, [1])), factor=False)
    s.check("unchanged", 3, 7, topics=[{"name": topic}], allow_auto_topic_creation=False)


@case(ALTER, ALTER_ALL)
def refused_targets(s: Script) -> None:
    topic = s.create()
    refused: list[tuple[str, list[int]]] = [
        ("unknown broker", [1, 9]), ("negative broker", [-1]), ("twice", [1, 1]), ("empty", []),
    ]  # fmt: skip
    for label, target in refused:
        ask(s, label, move(topic, (0, target)))
    ask(s, "empty, held to its factor", move(topic, (0, [])), factor=False)
    ask(s, "unknown, held to its factor", move(topic, (0, [1, 9])), factor=False)


@case(ALTER, ALTER_ALL)
def nothing_to_give_up(s: Script) -> None:
    topic = s.create()
    ask(s, "at rest", move(topic, (0, None)))


@case(ALTER, ALTER_ALL)
def unknown_partitions(s: Script) -> None:
    topic = s.create()
    ask(s, "partition", move(topic, (1, [1]), (-1, [1]), (7, None)))
    ask(s, "topic", move(s.name("-absent"), (0, [1])))
    ask(s, "no name", move("", (0, [1])))


@case(ALTER, ALTER_ALL)
def good_and_bad_together(s: Script) -> None:
    topic = s.create(partitions=2)
    ask(s, "mixed", move(topic, (0, [1]), (1, [9])), move(s.name("-absent"), (0, [1])))
    ask(s, "topic twice", move(topic, (0, [1])), move(topic, (1, [1])))
    ask(s, "partition twice", move(topic, (0, [1]), (0, [9])))


@case(ALTER, ALTER_ALL)
def nothing_asked(s: Script) -> None:
    ask(s, "no topics")
    ask(s, "no partitions", move(s.create()))
    ask(s, "no topics, no time", timeout=0)
    if s.version >= 1:
        ask(s, "no topics, held", factor=False)


@case(ALTER, ALTER_ALL)
def no_time(s: Script) -> None:
    topic = s.create()
    for timeout in (0, -1):
        ask(s, f"timeout {timeout}", move(topic, (0, [1])), timeout=timeout)


@case(LIST, ONE)
def nothing_moves(s: Script) -> None:
    topic = s.create(partitions=2)
    s.ask("all", topics=None, timeout=10_000)
    s.ask("named", topics=[{"name": topic, "partition_indexes": [0, 1, 9]}], timeout=10_000)
    s.ask("absent", topics=[{"name": s.name("-no"), "partition_indexes": [0]}], timeout=10_000)
    s.ask("none", topics=[], timeout=10_000)


@case(LIST, ONE)
def no_time_to_list(s: Script) -> None:
    topic = s.create()
    wanted = [{"name": topic, "partition_indexes": [0, 3]}]
    for timeout in (0, -1):
        s.ask(f"all {timeout}", topics=None, timeout=timeout)
        s.ask(f"named {timeout}", topics=wanted, timeout=timeout)
        s.ask(f"none {timeout}", topics=[], timeout=timeout)


@case(UNREGISTER, ONE)
def brokers_that_are_not_there(s: Script) -> None:
    for broker_id in (9, -1, 2**31 - 1):
        s.ask(f"broker {broker_id}", broker_id=broker_id)
