"""ListOffsets (2, versions 1 to 10), OffsetForLeaderEpoch (23, 2 to 4), DeleteRecords (21, 0 to 2)."""

from __future__ import annotations

from typing import Any

from tests.conformance.batches import FIRST_TIMESTAMP, batch
from tests.conformance.case import Script, case

LIST, EPOCHS, DELETE = 2, 23, 21
LIST_VERSIONS, EPOCH_VERSIONS, DELETE_VERSIONS = (1, 10), (2, 4), (0, 2)
LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED = -1, -2, -3, -4, -5
SECOND = 1000
THREE = batch(b"a", b"b", b"c")
FALLING = batch(b"a", b"b", b"c", timestamps=[FIRST_TIMESTAMP + n for n in (5000, 9000, 1000)])


def listed(
    s: Script, label: str, topic: str, timestamp: int, partition: int = 0, **more: Any
) -> None:
    """Ask for the offset of one partition at a timestamp."""
    asked: dict[str, Any] = {"partition_index": partition, "timestamp": timestamp}
    if "current_leader_epoch" in more:
        asked["current_leader_epoch"] = more.pop("current_leader_epoch")
    fields = {"replica_id": -1} | more
    s.ask(label, topics=[{"name": topic, "partitions": [asked]}], **fields)


@case(LIST, LIST_VERSIONS)
def ends(s: Script) -> None:
    empty, topic = s.create("-empty"), s.create()
    s.produce(topic, THREE, THREE)
    for label, timestamp in (("latest", LATEST), ("earliest", EARLIEST)):
        listed(s, label, topic, timestamp)
        listed(s, f"{label} of nothing", empty, timestamp)
        listed(s, f"{label} committed", topic, timestamp, isolation_level=1)


@case(LIST, LIST_VERSIONS)
def by_time(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, FALLING, batch(b"d", timestamps=[FIRST_TIMESTAMP + 20 * SECOND]))
    listed(s, "zero", topic, 0)
    for seconds in (0, 1, 2, 3, 5, 6, 9, 10, 20, 21):
        listed(s, f"{seconds} s", topic, FIRST_TIMESTAMP + seconds * SECOND)
    listed(s, "between", topic, FIRST_TIMESTAMP + 1)
    listed(s, "committed", topic, FIRST_TIMESTAMP, isolation_level=1)


@case(LIST, LIST_VERSIONS)
def by_time_in_compressed_batches(s: Script) -> None:
    topic = s.create()
    for codec in (1, 2, 3, 4):
        stamps = [FIRST_TIMESTAMP + (10 * codec + n) * SECOND for n in range(3)]
        s.produce(topic, batch(b"a", b"b", b"c", timestamps=stamps, codec=codec))
    for codec in (1, 2, 3, 4):
        listed(s, f"codec {codec}", topic, FIRST_TIMESTAMP + (10 * codec + 1) * SECOND)


@case(LIST, LIST_VERSIONS)
def by_time_of_nothing(s: Script) -> None:
    topic = s.create()
    listed(s, "by time", topic, FIRST_TIMESTAMP)
    listed(s, "max timestamp", topic, MAX_TIMESTAMP)


@case(LIST, LIST_VERSIONS)
def max_timestamp(s: Script) -> None:
    topic, ties = s.create(), s.create("-ties")
    s.produce(topic, FALLING, THREE)
    listed(s, "in the middle", topic, MAX_TIMESTAMP)
    s.produce(
        ties, THREE, THREE, batch(b"a", b"b", timestamps=[FIRST_TIMESTAMP + 2 * SECOND] * 2)
    )
    listed(s, "first of equals", ties, MAX_TIMESTAMP)
    none = s.create("-none")
    s.produce(none, batch(b"a", timestamps=[-1]))
    listed(s, "records without", none, MAX_TIMESTAMP)


@case(LIST, LIST_VERSIONS)
def special_timestamps(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE)
    for label, timestamp in (
        ("earliest local", EARLIEST_LOCAL), ("latest tiered", LATEST_TIERED),
        ("minus six", -6), ("minus seven", -7), ("least", -(2**63)), ("most", 2**63 - 1),
    ):  # fmt: skip
        listed(s, label, topic, timestamp)


@case(LIST, LIST_VERSIONS)
def after_delete_records(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE)
    part = {"partition_index": 0, "offset": 2}
    s.other(DELETE, 1, topics=[{"name": topic, "partitions": [part]}], timeout=5000)
    listed(s, "earliest", topic, EARLIEST)
    listed(s, "by time", topic, FIRST_TIMESTAMP)
    listed(s, "earliest local", topic, EARLIEST_LOCAL)
    listed(s, "max timestamp", topic, MAX_TIMESTAMP)


@case(LIST, LIST_VERSIONS)
def unknown_offsets(s: Script) -> None:
    topic = s.create()
    for label, name, partition in (
        ("topic", s.name("-absent"), 0), ("partition", topic, 1), ("negative", topic, -1),
        ("invalid", "a b", 0), ("empty name", "", 0), ("metadata", "__cluster_metadata", 0),
    ):  # fmt: skip
        listed(s, label, name, LATEST, partition)
    listed(s, "partition by time", topic, 5, 7)


@case(LIST, (4, 10))
def listed_leader_epochs(s: Script) -> None:
    topic = s.create()
    for epoch in (0, 1, 9, -1, -7):
        listed(s, f"epoch {epoch}", topic, LATEST, current_leader_epoch=epoch)
    listed(s, "unknown, future epoch", topic, LATEST, 9, current_leader_epoch=9)


@case(LIST, LIST_VERSIONS)
def listed_together(s: Script) -> None:
    a, b = s.create("-a", partitions=2), s.create("-b")
    s.produce(b, THREE)
    one = {"partition_index": 0, "timestamp": LATEST}
    two = {"partition_index": 1, "timestamp": EARLIEST}
    absent = {"partition_index": 9, "timestamp": LATEST}
    topics = [{"name": b, "partitions": [one]}, {"name": a, "partitions": [two, one, absent]}]
    s.ask("several", replica_id=-1, topics=topics)
    again = {"partition_index": 0, "timestamp": EARLIEST}
    twice = [{"name": b, "partitions": [one, again]}]
    s.ask("same partition twice", replica_id=-1, topics=twice)
    s.ask(
        "same topic twice",
        replica_id=-1,
        topics=[topics[0], {"name": b, "partitions": [again]}],
    )
    s.ask("nothing", replica_id=-1, topics=[])
    s.ask("no partitions", replica_id=-1, topics=[{"name": a, "partitions": []}])


@case(LIST, LIST_VERSIONS)
def listing_replicas(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for replica in (-2, 5):
        listed(s, f"replica {replica}", topic, LATEST, replica_id=replica)
    if s.version >= 2:
        listed(s, "unknown isolation", topic, LATEST, isolation_level=7)


def epoch_end(
    s: Script, label: str, topic: str, epoch: int, partition: int = 0, current: int = -1,
    replica: int = -1,
) -> None:  # fmt: skip
    """Ask where a leader epoch ends in one partition."""
    asked = {"partition": partition, "current_leader_epoch": current, "leader_epoch": epoch}
    s.ask(label, replica_id=replica, topics=[{"topic": topic, "partitions": [asked]}])


@case(EPOCHS, EPOCH_VERSIONS)
def epochs(s: Script) -> None:
    topic, empty = s.create(), s.create("-empty")
    s.produce(topic, THREE, THREE)
    for epoch in (0, 1, 9, -1, -2, -9):
        epoch_end(s, f"epoch {epoch}", topic, epoch)
        epoch_end(s, f"epoch {epoch} of nothing", empty, epoch)


@case(EPOCHS, EPOCH_VERSIONS)
def current_epochs(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE)
    for current in (0, 1, 9, -1, -5):
        epoch_end(s, f"current {current}", topic, 0, current=current)


@case(EPOCHS, EPOCH_VERSIONS)
def epochs_after_delete_records(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE)
    part = {"partition_index": 0, "offset": -1}
    s.other(DELETE, 1, topics=[{"name": topic, "partitions": [part]}], timeout=5000)
    epoch_end(s, "epoch 0", topic, 0)
    epoch_end(s, "epoch 1", topic, 1)


@case(EPOCHS, EPOCH_VERSIONS)
def epochs_of_the_unknown(s: Script) -> None:
    topic = s.create()
    epoch_end(s, "topic", s.name("-absent"), 0)
    epoch_end(s, "partition", topic, 0, 5)
    epoch_end(s, "negative", topic, 0, -1)
    epoch_end(s, "invalid", "a b", 0)
    epoch_end(s, "unknown, future epoch", topic, 0, 5, current=9)
    s.ask("nothing", replica_id=-1, topics=[])


@case(EPOCHS, EPOCH_VERSIONS)
def epochs_together(s: Script) -> None:
    a, b = s.create("-a", partitions=2), s.create("-b")
    s.produce(a, THREE, partition=1)
    parts = [{"partition": at, "leader_epoch": 0} for at in (1, 0, 7)]
    topics = [{"topic": b, "partitions": parts[1:]}, {"topic": a, "partitions": parts}]
    s.ask("several", replica_id=-1, topics=topics)
    for replica in (-2, 9):
        epoch_end(s, f"replica {replica}", a, 0, replica=replica)


def deleted(s: Script, label: str, topic: str, offset: int, partition: int = 0) -> None:
    """Ask for the records below an offset to go."""
    asked = {"partition_index": partition, "offset": offset}
    s.ask(label, topics=[{"name": topic, "partitions": [asked]}], timeout=5000)


@case(DELETE, DELETE_VERSIONS)
def deleted_up_to(s: Script) -> None:
    topic = s.create()
    s.produce(topic, THREE, THREE)
    for offset in (0, 2, 1, 2, 4, 7, 100, -2, 6, -1):
        deleted(s, f"to {offset} ({len(s.answers)})", topic, offset)
    asked = [{"name": topic, "partitions": [{"partition_index": 0, "timestamp": -2}]}]
    s.check("earliest", LIST, 7, replica_id=-1, topics=asked)
    s.produce(topic, THREE)
    deleted(s, "after more", topic, 8)


@case(DELETE, DELETE_VERSIONS)
def deleted_from_nothing(s: Script) -> None:
    topic = s.create()
    for offset in (0, 1, -1):
        deleted(s, f"to {offset}", topic, offset)


@case(DELETE, DELETE_VERSIONS)
def deleted_unknown(s: Script) -> None:
    topic = s.create()
    deleted(s, "topic", s.name("-absent"), 0)
    deleted(s, "partition", topic, 0, 5)
    deleted(s, "negative", topic, 0, -1)
    deleted(s, "invalid", "a b", 0)
    deleted(s, "empty name", "", 0)
    deleted(s, "metadata", "__cluster_metadata", 0)
    s.ask("nothing", topics=[], timeout=1000)


@case(DELETE, DELETE_VERSIONS)
def deleted_by_policy(s: Script) -> None:
    compact = s.create("-compact", cleanup_policy="compact")
    both = s.create("-both", cleanup_policy="compact,delete")
    keyed = batch((b"k", b"v"))
    for topic in (compact, both):
        s.produce(topic, keyed)
        deleted(s, topic.rpartition("-")[2], topic, 1)


@case(DELETE, DELETE_VERSIONS)
def deleted_together(s: Script) -> None:
    a, b = s.create("-a", partitions=2), s.create("-b")
    s.produce(a, THREE)
    s.produce(b, THREE)
    parts = [{"partition_index": at, "offset": 1} for at in (1, 0, 7)]
    topics = [{"name": b, "partitions": parts[1:2]}, {"name": a, "partitions": parts}]
    s.ask("several", topics=topics, timeout=5000)
