"""Fetch (api key 1), versions 7 to 18: fetch sessions (KIP-227)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.conformance.case import Script, case
from tests.conformance.cases.fetch import KEY, MEBI, THREE, of_topic, wanted

WITH_SESSIONS = (7, 18)
FULL = 0
SESSIONLESS = -1


def ask(
    s: Script,
    label: str,
    session: tuple[int, int],
    *topics: dict[str, Any],
    forgotten: tuple[dict[str, Any], ...] = (),
) -> int:
    """Fetch within a session (id, epoch); return the session id answered."""
    answer = s.ask(
        label, replica_id=-1, max_wait=0, min_bytes=1, max_bytes=MEBI, session_id=session[0],
        session_epoch=session[1], topics=topics, forgotten_topics_data=forgotten,
    )  # fmt: skip
    return 0 if answer is None else int(answer.session_id)


@case(KEY, WITH_SESSIONS)
def unchanged_partitions_are_left_out(s: Script) -> None:
    topic = s.create(partitions=2)
    s.produce(topic, THREE)
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(0), wanted(0, 1)))
    ask(s, "read on", (session, 1), of_topic(s, topic, wanted(3)))
    ask(s, "nothing new", (session, 2))
    s.produce(topic, THREE, partition=1)
    ask(s, "one has changed", (session, 3))
    ask(s, "still not read", (session, 4))


@case(KEY, WITH_SESSIONS)
def wrong_ids_and_epochs(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    asked = of_topic(s, topic, wanted(0))
    ask(s, "unknown id", (123_456, 1), asked)
    ask(s, "no id, epoch 5", (0, 5), asked)
    session = ask(s, "new", (0, FULL), asked)
    ask(s, "epoch ahead", (session, 9))
    ask(s, "epoch behind", (session, 0 - 5))
    ask(s, "right one after that", (session, 1), of_topic(s, topic, wanted(3)))
    ask(s, "same epoch again", (session, 1))


@case(KEY, WITH_SESSIONS)
def full_fetch_replaces_a_session(s: Script) -> None:
    topic = s.create()
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(0)))
    second = ask(s, "full again", (session, FULL), of_topic(s, topic, wanted(0)))
    s.note("another id", second != session)
    ask(s, "old one is gone", (session, 1))
    ask(s, "new one goes on", (second, 1))


@case(KEY, WITH_SESSIONS)
def closing(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(0)))
    ask(s, "close", (session, SESSIONLESS), of_topic(s, topic, wanted(0)))
    ask(s, "after", (session, 1))
    ask(s, "close unknown", (777, SESSIONLESS), of_topic(s, topic, wanted(0)))


@case(KEY, WITH_SESSIONS)
def forgetting(s: Script) -> None:
    topic = s.create(partitions=2)
    s.produce(topic, THREE)
    s.produce(topic, THREE, partition=1)
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(0), wanted(0, 1)))
    name = {"topic": topic, "topic_id": s.id(topic)}
    ask(s, "forget one", (session, 1), forgotten=(name | {"partitions": [0]},))
    ask(s, "one is left", (session, 2))
    ask(s, "forget unknown", (session, 3), forgotten=(name | {"partitions": [7]},))
    ask(s, "forget the last", (session, 4), forgotten=(name | {"partitions": [1]},))
    ask(s, "after", (session, 5))


@case(KEY, WITH_SESSIONS)
def adding(s: Script) -> None:
    topic, other = s.create(partitions=2), s.create("-b")
    s.produce(topic, THREE)
    s.produce(other, THREE)
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(3)))
    ask(s, "one more", (session, 1), of_topic(s, other, wanted(0)))
    ask(s, "all", (session, 2))
    ask(s, "and another", (session, 3), of_topic(s, topic, wanted(0, 1)))


@case(KEY, WITH_SESSIONS)
def errors_stay_in_a_session(s: Script) -> None:
    topic = s.create()
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(9), wanted(0, 5)))
    ask(s, "again", (session, 1))
    ask(s, "mended", (session, 2), of_topic(s, topic, wanted(0)))
    ask(s, "quiet but for the unknown", (session, 3))


@case(KEY, (7, 12))
def unknown_topic_in_a_session(s: Script) -> None:
    name = s.name("-later")
    session = ask(s, "new", (0, FULL), of_topic(s, name, wanted(0)))
    ask(s, "again", (session, 1))
    s.create("-later")
    ask(s, "once it is there", (session, 2))


@case(KEY, (13, 18))
def unknown_id_in_a_session(s: Script) -> None:
    asked = {"topic_id": UUID(int=9), "partitions": [wanted(0)]}
    session = ask(s, "new", (0, FULL), asked)
    ask(s, "again", (session, 1))


@case(KEY, WITH_SESSIONS)
def empty_sessions(s: Script) -> None:
    session = ask(s, "new", (0, FULL))
    s.note("got an id", session != 0)
    topic = s.create()
    s.produce(topic, THREE)
    if session:
        ask(s, "first partition", (session, 1), of_topic(s, topic, wanted(0)))


@case(KEY, WITH_SESSIONS)
def log_start_moves(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE)
    session = ask(s, "new", (0, FULL), of_topic(s, topic, wanted(6)))
    ask(s, "nothing new", (session, 1))
    part = {"partition_index": 0, "offset": 3}
    s.other(21, 1, topics=[{"name": topic, "partitions": [part]}], timeout=5000)
    ask(s, "log start moved", (session, 2))
    ask(s, "nothing new again", (session, 3))
