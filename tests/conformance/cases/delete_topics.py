"""DeleteTopics (api key 20), versions 1 to 6."""

from __future__ import annotations

from uuid import UUID

from tests.conformance.case import Script, case

KEY = 20
ALL = (1, 6)


def ask(s: Script, label: str, *names: str) -> None:
    """Ask for topics to be deleted by name."""
    s.ask(label, topic_names=names, topics=[{"name": each} for each in names], timeout=10_000)


@case(KEY, ALL)
def one_topic(s: Script) -> None:
    topic = s.create(partitions=2)
    ask(s, "deleted", topic)
    ask(s, "again", topic)


@case(KEY, ALL)
def unknown_topics(s: Script) -> None:
    ask(s, "unknown", s.name())
    ask(s, "invalid", "a b")
    ask(s, "empty name", "")


@case(KEY, ALL)
def several_topics(s: Script) -> None:
    ask(s, "good and unknown", s.create("-a"), s.name("-absent"), s.create("-b"))


@case(KEY, ALL)
def nothing_asked(s: Script) -> None:
    ask(s, "empty")


@case(KEY, ALL)
def duplicates(s: Script) -> None:
    topic = s.create()
    ask(s, "twice", topic, topic)
    ask(s, "twice and a good one", topic, topic, s.create("-good"))
    ask(s, "unknown twice", s.name("-absent"), s.name("-absent"))


@case(KEY, (6, 6))
def by_id(s: Script) -> None:
    topic = s.create()
    s.ask("by id", topics=[{"name": None, "topic_id": s.id(topic)}], timeout=10_000)
    s.ask("again", topics=[{"name": None, "topic_id": s.id(topic)}], timeout=10_000)
    s.ask("unknown id", topics=[{"name": None, "topic_id": UUID(int=5)}], timeout=10_000)


@case(KEY, (6, 6))
def names_and_ids(s: Script) -> None:
    topic = s.create()
    s.ask("both", topics=[{"name": topic, "topic_id": s.id(topic)}], timeout=10_000)
    s.ask("neither", topics=[{"name": None, "topic_id": None}], timeout=10_000)
    pair = [{"name": topic}, {"name": None, "topic_id": s.id(topic)}]
    s.ask("same by name and by id", topics=pair, timeout=10_000)
    twice = [{"name": None, "topic_id": s.id(topic)}] * 2
    s.ask("same id twice", topics=twice, timeout=10_000)


@case(KEY, ALL)
def recreated_topic_has_another_id(s: Script) -> None:
    first = s.id(s.create())
    ask(s, "deleted", s.name())

    def gone() -> bool:
        asked = [{"name": s.name()}]
        answer = s.other(3, 12, topics=asked, allow_auto_topic_creation=False)
        return int(answer.topics[0].error_code) != 0

    s.wait(gone, "the topic does not go")
    s.names.ids.clear()
    second = s.id(s.create())
    s.note("same id", first == second)
