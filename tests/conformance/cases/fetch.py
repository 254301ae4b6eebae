"""Fetch (api key 1), versions 4 to 18: without sessions."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from tests.conformance.batches import batch
from tests.conformance.case import Script, case
from tests.conformance.raw_client import RawClient, decode_response

KEY = 1
ALL = (4, 18)
NAMED = (4, 12)
BY_ID = (13, 18)
MEBI = 1 << 20
THREE = batch(b"a", b"b", b"c")


def wanted(
    offset: int = 0, partition: int = 0, max_bytes: int = MEBI, **more: int
) -> dict[str, Any]:
    """Return one partition of a Fetch request."""
    return {
        "partition": partition, "fetch_offset": offset, "partition_max_bytes": max_bytes, **more
    }  # fmt: skip


def of_topic(s: Script, topic: str, *partitions: dict[str, Any]) -> dict[str, Any]:
    """Return one topic of a Fetch request: by name, and by id from version 13 on."""
    return {"topic": topic, "topic_id": s.id(topic), "partitions": partitions}


def ask(s: Script, label: str, *topics: dict[str, Any], **more: Any) -> Any:
    """Fetch; waits for nothing unless told so."""
    fields = {"replica_id": -1, "max_wait": 0, "min_bytes": 1, "max_bytes": 50 * MEBI} | more
    return s.ask(label, topics=topics, **fields)


@case(KEY, ALL)
def offsets(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE, THREE)
    for offset in (0, 1, 3, 5, 8, 9, 10, 100, -1, -2):
        ask(s, f"at {offset}", of_topic(s, topic, wanted(offset)))


@case(KEY, ALL)
def empty_log(s: Script) -> None:
    topic = s.create()
    ask(s, "start", of_topic(s, topic, wanted(0)))
    ask(s, "beyond", of_topic(s, topic, wanted(1)))


@case(KEY, ALL)
def unknown_partitions(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for partition in (1, -1):
        ask(s, f"partition {partition}", of_topic(s, topic, wanted(0, partition)))
    ask(s, "good and bad", of_topic(s, topic, wanted(0, 5), wanted(0, 0)))


@case(KEY, NAMED)
def unknown_topics(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    ask(s, "unknown", of_topic(s, s.name("-absent"), wanted()))
    ask(s, "invalid", of_topic(s, "a b", wanted()))
    ask(s, "empty name", of_topic(s, "", wanted()))
    both = (of_topic(s, s.name("-absent"), wanted()), of_topic(s, topic, wanted()))
    ask(s, "unknown and known", *both)


@case(KEY, BY_ID)
def unknown_topic_ids(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for label, topic_id in (("unknown", UUID(int=9)), ("zero", None)):
        absent = {"topic_id": topic_id, "partitions": [wanted(), wanted(0, 1)]}
        ask(s, label, absent)
        ask(s, f"{label} and known", absent, of_topic(s, topic, wanted()))


@case(KEY, ALL)
def partition_limits(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE, THREE)
    size = len(THREE)
    for limit in (0, 1, size - 1, size, size + 1, 2 * size, 2 * size + 10, 3 * size):
        ask(s, f"limit {limit}", of_topic(s, topic, wanted(0, 0, limit)))
    ask(s, "limit -1", of_topic(s, topic, wanted(0, 0, -1)))


@case(KEY, ALL)
def request_limits(s: Script) -> None:
    topic = s.create(partitions=3)
    for partition in range(3):
        s.produce(topic, THREE, THREE, partition=partition)
    size = len(THREE)
    partitions = [wanted(0, at) for at in range(3)]
    for limit in (0, 1, size, 2 * size, 2 * size + 1, 3 * size, 6 * size):
        ask(s, f"limit {limit}", of_topic(s, topic, *partitions), max_bytes=limit)
    ask(s, "limit -1", of_topic(s, topic, *partitions), max_bytes=-1)


@case(KEY, ALL)
def first_batch_over_the_limit(s: Script) -> None:
    topic = s.create(partitions=3)
    s.produce(topic, batch(b"x" * 5000), THREE, partition=1)
    s.produce(topic, THREE, partition=2)
    asked = [wanted(0, at, 10) for at in range(3)]
    ask(s, "one batch comes", of_topic(s, topic, *asked), max_bytes=10)
    later = [wanted(0, at, 1000) for at in (2, 1, 0)]
    ask(s, "second is left out", of_topic(s, topic, *later), max_bytes=1000)


@case(KEY, ALL)
def several_topics(s: Script) -> None:
    a, b = s.create("-a", partitions=2), s.create("-b")
    s.produce(b, THREE)
    s.produce(a, THREE, partition=1)
    topics = (of_topic(s, b, wanted()), of_topic(s, a, wanted(0, 1), wanted(0, 0)))
    ask(s, "in the order asked", *topics)
    ask(s, "same topic twice", of_topic(s, a, wanted(0, 1)), of_topic(s, a, wanted(0, 0)))
    ask(s, "same partition twice", of_topic(s, a, wanted(0, 1), wanted(1, 1)))
    ask(s, "nothing")
    ask(s, "no partitions", of_topic(s, a))


@case(KEY, ALL)
def isolation(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for offset in (0, 3, 9):
        ask(s, f"committed at {offset}", of_topic(s, topic, wanted(offset)), isolation_level=1)
    absent = of_topic(s, topic, wanted(0, 9))
    ask(s, "committed, unknown", absent, isolation_level=1)
    ask(s, "unknown level", of_topic(s, topic, wanted(0)), isolation_level=7)


@case(KEY, (9, 18))
def leader_epochs(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for epoch in (0, 1, 9, -1, -5):
        asked = of_topic(s, topic, wanted(0, current_leader_epoch=epoch))
        ask(s, f"epoch {epoch}", asked)
    absent = of_topic(s, topic, wanted(0, 5, current_leader_epoch=9))
    ask(s, "future epoch, unknown partition", absent)
    beyond = of_topic(s, topic, wanted(50, current_leader_epoch=9))
    ask(s, "future epoch, out of range", beyond)


@case(KEY, (12, 18))
def last_fetched_epochs(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for offset, epoch in ((3, 0), (3, 1), (2, 0), (4, 0), (0, -1), (1, 5)):
        asked = of_topic(s, topic, wanted(offset, last_fetched_epoch=epoch))
        ask(s, f"offset {offset} epoch {epoch}", asked)


@case(KEY, (4, 14))
def replica_ids(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for replica in (-2, 9):
        ask(s, f"replica {replica}", of_topic(s, topic, wanted(0)), replica_id=replica)


@case(KEY, (11, 18))
def racks(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    ask(s, "a rack", of_topic(s, topic, wanted(0)), rack_id="r1")


@case(KEY, ALL)
def zstd(s: Script) -> None:
    topic = s.create()
    s.produce(topic, batch(b"x" * 100, codec=4))
    ask(s, "zstd", of_topic(s, topic, wanted(0)))


@case(KEY, ALL)
def below_the_log_start(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE, THREE)
    part = {"partition_index": 0, "offset": 4}
    s.other(21, 1, topics=[{"name": topic, "partitions": [part]}], timeout=5000)
    for offset in (0, 3, 4, 6):
        ask(s, f"at {offset}", of_topic(s, topic, wanted(offset)))


@case(KEY, ALL)
def waits_for_bytes(s: Script) -> None:
    topic = s.create()
    asked = of_topic(s, topic, wanted(0))
    ask(s, "nothing comes", asked, max_wait=100)
    ask(s, "negative wait", asked, max_wait=-1)
    client = s.one_way(
        replica_id=-1, max_wait=5000, min_bytes=len(THREE) + 1, max_bytes=MEBI, topics=[asked]
    )
    appended = threading.Timer(0.05, s.produce, args=(topic, THREE, THREE))
    appended.start()
    with client:
        answer = _answer(s, client)
    appended.join()
    records = bytes(answer.responses[0].partitions[0].records)
    s.note("came as soon as there were enough", len(records) // len(THREE))


def _answer(s: Script, client: RawClient) -> Any:
    return decode_response(KEY, s.version, client.read())


@case(KEY, ALL)
def errors_do_not_wait(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    ask(s, "out of range", of_topic(s, topic, wanted(99)), max_wait=20_000, min_bytes=MEBI)
    ask(s, "unknown", of_topic(s, topic, wanted(0, 9)), max_wait=20_000, min_bytes=MEBI)
