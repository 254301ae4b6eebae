"""ElectLeaders (api key 43), versions 0 to 2."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

KEY = 43
ALL = (0, 2)
TYPED = (1, 2)
PREFERRED, UNCLEAN = 0, 1


def ask(s: Script, label: str, *names: tuple[str, list[int]], **more: Any) -> None:
    """Ask for elections."""
    topics = [{"topic": topic, "partitions": partitions} for topic, partitions in names]
    s.ask(label, topic_partitions=topics, timeout=10_000, **more)


@case(KEY, (0, 0))
def preferred_by_default(s: Script) -> None:
    topic = s.create()
    ask(s, "led as it should be", (topic, [0]))
    ask(s, "not there", (topic, [7]), ("no-such-topic", [0]))


@case(KEY, TYPED)
def each_type(s: Script) -> None:
    topic = s.create()
    for kind in (PREFERRED, UNCLEAN):
        ask(s, f"type {kind}", (topic, [0]), election_type=kind)
        ask(s, f"type {kind}, not there", (topic, [7]), election_type=kind)
        ask(s, f"type {kind}, no topic", ("no-such-topic", [0]), election_type=kind)
        ask(s, f"type {kind}, no partitions", (topic, []), election_type=kind)


@case(KEY, TYPED)
def unknown_type(s: Script) -> None:
    topic = s.create()
    ask(s, "type 7", (topic, [0]), election_type=7)
