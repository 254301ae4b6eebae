"""The APIs of transactions: 22 and 24 to 28, 65 and 66."""

from __future__ import annotations

from typing import Any

from tests.conformance.batches import batch
from tests.conformance.case import Script, case

INIT, ADD, ADD_OFFSETS, END, COMMIT, DESCRIBE, LIST = 22, 24, 25, 26, 28, 65, 66
LOADING, NOT_COORDINATOR, BUSY = 14, 16, 51


def owner(s: Script, name: str) -> tuple[int, int]:
    """Return the producer id and epoch that a transactional id is given."""
    found: list[tuple[int, int]] = []

    def initialized() -> bool:
        s.other(10, 3, key=name, key_type=1)
        answer = s.other(INIT, 2, transactional_id=name, transaction_timeout=60_000)
        if answer.error_code == 0:
            found.append((answer.producer_id, answer.producer_epoch))
        return bool(found)

    s.wait(initialized, f"no producer id for {name}")
    return found[0]


def add(s: Script, name: str, producer: tuple[int, int], topic: str, *partitions: int) -> None:
    """Make partitions part of a transaction, unrecorded."""
    fields = added(name, producer, topic, *partitions)

    def is_added() -> bool:
        answer = s.other(ADD, 3, **fields)
        topics = answer.results_by_topic_v3_and_below
        return all(
            each.partition_error_code == 0
            for found in topics
            for each in found.results_by_partition
        )

    s.wait(is_added, f"{topic} is not added")


def added(name: str, producer: tuple[int, int], topic: str, *partitions: int) -> dict[str, Any]:
    """Return the fields of AddPartitionsToTxn up to version 3."""
    return {
        "v3_and_below_transactional_id": name,
        "v3_and_below_producer_id": producer[0],
        "v3_and_below_producer_epoch": producer[1],
        "v3_and_below_topics": [{"name": topic, "partitions": list(partitions)}],
    }


def ended(
    name: str, producer: tuple[int, int], committed: bool = True, epoch: int = 0
) -> dict[str, Any]:
    """Return the fields of EndTxn."""
    return {
        "transactional_id": name,
        "producer_id": producer[0],
        "producer_epoch": producer[1] + epoch,
        "committed": committed,
    }


@case(ADD, (0, 3))
def partitions_are_added(s: Script) -> None:
    topic, name = s.create(partitions=2), s.name("-id")
    producer = owner(s, name)
    s.ask("both", **added(name, producer, topic, 0, 1))
    s.ask("again", **added(name, producer, topic, 0))
    s.ask("one is not there", **added(name, producer, topic, 0, 9))
    s.ask("older epoch", **added(name, (producer[0], -1), topic, 0))
    s.ask("later epoch", **added(name, (producer[0], 5), topic, 0))
    s.ask("stranger", **added(name, (987_654, 0), topic, 0))
    s.ask("unknown id", **added(s.name("-none"), producer, topic, 0))
    s.ask("no id", **added("", producer, topic, 0))


@case(END, (0, 4))
def ends_of_a_transaction(s: Script) -> None:
    topic, name = s.create(), s.name("-id")
    producer = owner(s, name)
    s.ask("nothing to commit", **ended(name, producer))
    s.ask("nothing to abort", **ended(name, producer, False))
    add(s, name, producer, topic, 0)
    s.ask("later epoch", **ended(name, producer, epoch=1))
    s.ask("stranger", **ended(name, (987_654, 0)))
    s.ask("no id", **ended("", producer))
    s.ask("commit", **ended(name, producer))
    s.ask_until("commit again", lambda each: each.error_code != BUSY, **ended(name, producer))
    s.ask("abort after all", **ended(name, producer, False))
    add(s, name, producer, topic, 0)
    s.ask("abort", **ended(name, producer, False))
    s.ask_until(
        "abort again", lambda each: each.error_code != BUSY, **ended(name, producer, False)
    )
    s.ask("commit after all", **ended(name, producer))


@case(INIT, (0, 5))
def a_transactional_id_changes_hands(s: Script) -> None:
    topic, name = s.create(), s.name("-id")
    producer = owner(s, name)
    add(s, name, producer, topic, 0)
    fields = {"transactional_id": name, "transaction_timeout": 60_000}
    s.ask("while one goes on", **fields)
    answer = s.ask_until("after it", lambda each: each.error_code != BUSY, **fields)
    s.note("the same id", answer.producer_id == producer[0])
    s.note("epochs", answer.producer_epoch - producer[1])
    if s.version >= 3:
        known = {"producer_id": producer[0], "producer_epoch": producer[1] + 2}
        answer = s.ask("goes on", **fields, **known)
        s.note("one more", answer.producer_epoch - producer[1])
        answer = s.ask("lost answer", **fields, **known)
        s.note("no more", answer.producer_epoch - producer[1])
        s.ask("fenced", **fields, producer_id=producer[0], producer_epoch=producer[1])


@case(ADD_OFFSETS, (0, 4))
def offsets_are_added(s: Script) -> None:
    name, group = s.name("-id"), s.name("-group")
    producer = owner(s, name)
    fields = {"transactional_id": name, "producer_id": producer[0], "group_id": group}
    s.ask("group", **fields, producer_epoch=producer[1])
    s.ask("later epoch", **fields, producer_epoch=producer[1] + 1)
    s.ask("stranger", **(fields | {"producer_id": 987_654}), producer_epoch=0)


@case(DESCRIBE, (0, 0))
def descriptions(s: Script) -> None:
    topic, name = s.create(partitions=2), s.name("-id")
    producer = owner(s, name)
    add(s, name, producer, topic, 0, 1)
    answer = s.other(DESCRIBE, 0, transactional_ids=[name])
    (found,) = answer.transaction_states
    s.note("state", found.transaction_state)
    s.note("partitions", sorted(found.topics[0].partitions))
    s.note("timeout", str(found.transaction_timeout))
    s.note("owner", (found.producer_id, found.producer_epoch) == producer)
    for label, asked in (("unknown", s.name("-none")), ("no id", "")):
        (found,) = s.other(DESCRIBE, 0, transactional_ids=[asked]).transaction_states
        s.note(label, found.error_code.name)


@case(LIST, (0, 2))
def lists(s: Script) -> None:
    name = s.name("-id")
    owner(s, name)
    fields: dict[str, Any] = {
        "state_filters": ["Gone", "ongoing", ""],
        "producer_id_filters": [],
    }
    s.ask("states that there are not", **fields)
    if s.version >= 2:
        fields = {"state_filters": [], "producer_id_filters": []}
        s.ask("one", **fields, transactional_id_pattern="nobody.*")
        s.ask("no expression", **fields, transactional_id_pattern="(")


@case(0, (3, 12))
def batches_of_transactions(s: Script) -> None:
    topic, name = s.create(partitions=2), s.name("-id")
    producer = owner(s, name)
    add(s, name, producer, topic, 0)
    records = batch(b"a", producer=(*producer, 0), attributes=16)
    for partition in (0, 1):
        s.ask(
            f"partition {partition}",
            acks=-1,
            timeout=5_000,
            transactional_id=name,
            topic_data=[
                {"name": topic, "partition_data": [{"index": partition, "records": records}]}
            ],
        )
