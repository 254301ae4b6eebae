"""Produce (api key 0), versions 3 to 13: what is taken."""

from __future__ import annotations

from typing import Any

from tests.conformance.batches import FIRST_TIMESTAMP, batch
from tests.conformance.case import Script, case

KEY = 0
ALL = (3, 13)
THREE = batch(b"a", b"b", b"c")


def topic_data(s: Script, topic: str, *partitions: tuple[int, bytes | None]) -> dict[str, Any]:
    """Return one topic of a Produce request: by name, and by id from version 13 on."""
    data = [{"index": index, "records": records} for index, records in partitions]
    return {"name": topic, "topic_id": s.id(topic), "partition_data": data}


def ask(
    s: Script,
    label: str,
    topic: str,
    records: bytes | None,
    partition: int = 0,
    acks: int = -1,
    transactional_id: str | None = None,
) -> None:
    """Produce to one partition."""
    s.ask(
        label,
        acks=acks,
        timeout=5000,
        transactional_id=transactional_id,
        topic_data=[topic_data(s, topic, (partition, records))],
    )


def stored(s: Script, label: str, topic: str, partition: int = 0, offset: int = 0) -> None:
    """Record what a consumer now reads."""
    asked = {"partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
    s.check(
        label, 1, 12, replica_id=-1, max_wait=100, min_bytes=1,
        topics=[{"topic": topic, "partitions": [asked]}],
    )  # fmt: skip


@case(KEY, ALL)
def three_records(s: Script) -> None:
    topic = s.create(partitions=2)
    for label, acks in (("all", -1), ("leader", 1)):
        ask(s, label, topic, THREE, 1, acks)
    stored(s, "stored", topic, 1)


@case(KEY, ALL)
def codecs(s: Script) -> None:
    topic = s.create()
    for codec, name in enumerate(("none", "gzip", "snappy", "lz4")):
        ask(s, name, topic, batch(b"x" * 100, b"y", codec=codec))
    if s.version >= 7:
        ask(s, "zstd", topic, batch(b"x" * 100, b"y", codec=4))
    stored(s, "stored", topic)


@case(KEY, ALL)
def zstd_before_it_was_known(s: Script) -> None:
    topic = s.create()
    ask(s, "zstd", topic, batch(b"x" * 100, codec=4))


@case(KEY, ALL)
def keys_headers_and_nulls(s: Script) -> None:
    topic = s.create()
    odd = batch((b"k", b"v"), (None, None), (b"", b""), headers=[(b"h", None), (b"h", b"1")])
    ask(s, "odd", topic, odd)
    stored(s, "stored", topic)


@case(KEY, ALL)
def several_partitions(s: Script) -> None:
    a, b = s.create("-a", partitions=2), s.create("-b")
    data = [
        topic_data(s, b, (0, THREE)),
        topic_data(s, a, (1, THREE), (0, THREE), (7, THREE)),
    ]
    s.ask("mixed", acks=-1, timeout=5000, topic_data=data)
    s.ask("nothing", acks=-1, timeout=5000, topic_data=[])
    s.ask("no partitions", acks=-1, timeout=5000, topic_data=[topic_data(s, a)])


@case(KEY, ALL)
def same_partition_twice(s: Script) -> None:
    topic = s.create(partitions=2)
    twice = [topic_data(s, topic, (0, THREE), (0, THREE))]
    s.ask("in one topic", acks=-1, timeout=5000, topic_data=twice)
    split = [topic_data(s, topic, (0, THREE)), topic_data(s, topic, (1, THREE))]
    s.ask("topic twice", acks=-1, timeout=5000, topic_data=split)
    stored(s, "stored", topic)


@case(KEY, ALL)
def no_acknowledgement(s: Script) -> None:
    topic = s.create()
    data = [topic_data(s, topic, (0, THREE))]
    with s.one_way(acks=0, timeout=1000, topic_data=data) as client:
        s.note("next answer", type(client.send(18, 0)).__name__)
    stored(s, "stored", topic)


@case(KEY, ALL)
def log_append_time(s: Script) -> None:
    topic = s.create(message_timestamp_type="LogAppendTime")
    ask(s, "appended", topic, THREE)
    ask(s, "far future", topic, batch(b"a", timestamps=[FIRST_TIMESTAMP * 2]))
    stored(s, "stored", topic)


@case(KEY, ALL)
def timestamps(s: Script) -> None:
    topic = s.create()
    ask(s, "none", topic, batch(b"a", timestamps=[-1]))
    ask(s, "zero", topic, batch(b"a", timestamps=[0]))
    ask(s, "falling", topic, batch(b"a", b"b", timestamps=[FIRST_TIMESTAMP, 5]))
    ask(s, "far future", topic, batch(b"a", b"b", timestamps=[5, FIRST_TIMESTAMP * 2]))
    stored(s, "stored", topic)


@case(KEY, ALL)
def timestamp_bounds(s: Script) -> None:
    before = s.create("-before", message_timestamp_before_max_ms="1000")
    after = s.create("-after", message_timestamp_after_max_ms="1000")
    ask(s, "too old", before, THREE)
    ask(s, "old enough", after, THREE)
    ask(s, "too new", after, batch(b"a", timestamps=[FIRST_TIMESTAMP * 2]))


@case(KEY, ALL)
def compacted_topic(s: Script) -> None:
    topic = s.create(cleanup_policy="compact")
    ask(s, "with keys", topic, batch((b"k", b"1"), (b"k", None)))
    ask(s, "without", topic, THREE)
    ask(s, "one without", topic, batch((b"k", b"1"), b"2", (b"", b"3")))
    ask(s, "compressed, one without", topic, batch((b"k", b"1"), b"2", codec=1))
    both = s.create("-both", cleanup_policy="compact,delete")
    ask(s, "policy of both", both, THREE)
    stored(s, "stored", topic)


@case(KEY, ALL)
def fewer_in_sync_than_configured(s: Script) -> None:
    topic = s.create(min_insync_replicas="2")
    ask(s, "all", topic, THREE)
    ask(s, "leader", topic, THREE, acks=1)


@case(KEY, ALL)
def compression_of_the_topic(s: Script) -> None:
    for codec in ("gzip", "uncompressed"):
        topic = s.create(f"-{codec}", compression_type=codec)
        ask(s, codec, topic, batch(b"x" * 100, codec=0 if codec == "gzip" else 1))
        asked = {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1 << 20}
        answer = s.other(
            1, 12, replica_id=-1, max_wait=0, min_bytes=1,
            topics=[{"topic": topic, "partitions": [asked]}],
        )  # fmt: skip
        records = bytes(answer.responses[0].partitions[0].records)
        s.note(f"{codec} as stored", records[22] & 7)


@case(KEY, ALL)
def leader_epoch_and_offset_are_the_brokers(s: Script) -> None:
    topic = s.create()
    ask(s, "first", topic, THREE)
    ask(s, "epoch in the batch", topic, batch(b"a", leader_epoch=5))
    ask(s, "log append time bit", topic, batch(b"a", attributes=0x08))
    ask(s, "unused attribute bit", topic, batch(b"a", attributes=0x80))
    stored(s, "stored", topic)


@case(KEY, ALL)
def idempotent_in_order(s: Script) -> None:
    topic = s.create()
    for sequence in (0, 1, 2):
        ask(s, f"sequence {sequence}", topic, batch(b"a", producer=(4001, 0, sequence)))
    stored(s, "stored", topic)


@case(KEY, ALL)
def idempotent_out_of_order(s: Script) -> None:
    topic = s.create()
    for label, producer in (
        ("first", (4002, 0, 0)), ("again", (4002, 0, 0)), ("gap", (4002, 0, 5)),
        ("next", (4002, 0, 1)), ("newer epoch", (4002, 1, 0)), ("older epoch", (4002, 0, 2)),
        ("newer epoch, not zero", (4002, 2, 3)), ("unknown, not zero", (4003, 0, 9)),
    ):  # fmt: skip
        ask(s, label, topic, batch(b"a", producer=producer))
    stored(s, "stored", topic)


@case(KEY, ALL)
def idempotent_again(s: Script) -> None:
    topic = s.create()
    for sequence in (0, 2, 4, 6, 8, 10):
        ask(s, f"{sequence}", topic, batch(b"a", b"b", producer=(4004, 3, sequence)))
    for sequence in (10, 8, 2, 0, 12):
        ask(s, f"{sequence} again", topic, batch(b"a", b"b", producer=(4004, 3, sequence)))
    ask(s, "half of one", topic, batch(b"a", producer=(4004, 3, 12)))
    ask(s, "more than one", topic, batch(b"a", b"b", b"c", producer=(4004, 3, 12)))
    ask(s, "without waiting", topic, batch(b"a", b"b", producer=(4004, 3, 12)), acks=1)
    stored(s, "stored", topic)


@case(KEY, ALL)
def sequences_that_wrap(s: Script) -> None:
    topic = s.create()
    for label, sequence in (
        ("near the end", 2**31 - 3), ("over it", 2**31 - 1), ("over it again", 2**31 - 1),
        ("next", 1), ("zero", 0),
    ):  # fmt: skip
        ask(s, label, topic, batch(b"a", b"b", producer=(4005, 0, sequence)))
    stored(s, "stored", topic)


@case(KEY, ALL)
def idempotent_after_deletion(s: Script) -> None:
    topic = s.create()
    ask(s, "first", topic, batch(b"a", producer=(4006, 1, 0)))
    asked = {"partition_index": 0, "offset": 1}
    topics = [{"name": topic, "partitions": [asked]}]
    s.check("deleted", 21, 2, topics=topics, timeout=5000)
    for label, producer in (
        ("again", (4006, 1, 0)), ("gap", (4006, 1, 4)), ("older epoch", (4006, 0, 0)),
        ("next", (4006, 1, 1)),
    ):  # fmt: skip
        ask(s, label, topic, batch(b"a", producer=producer))


@case(KEY, ALL)
def idempotent_with_log_append_time(s: Script) -> None:
    topic = s.create(message_timestamp_type="LogAppendTime")
    for label in ("first", "again"):
        ask(s, label, topic, batch(b"a", producer=(4007, 0, 0)))
