"""Produce (api key 0), versions 3 to 13: what is refused, and versions 0 to 2."""

from __future__ import annotations

import struct
from uuid import UUID

from tests.conformance.batches import batch, message_set, patched, spoilt_crc
from tests.conformance.case import Script, case
from tests.conformance.cases.groups import coordinator
from tests.conformance.cases.produce import ALL, KEY, THREE, ask, stored, topic_data
from tests.conformance.raw_client import ConnectionClosedError, frame

MAGIC_AT = 16
LENGTH_AT = 8
ATTRIBUTES_AT = 21


@case(KEY, ALL)
def unknown_partitions(s: Script) -> None:
    topic = s.create()
    ask(s, "beyond the last", topic, THREE, 1)
    ask(s, "negative", topic, THREE, -1)
    ask(s, "unknown and corrupt", topic, spoilt_crc(THREE), 1)


@case(KEY, (3, 12))
def unknown_topics(s: Script) -> None:
    ask(s, "unknown", s.name(), THREE)
    ask(s, "invalid", "a b", THREE)
    ask(s, "empty name", "", THREE)
    ask(s, "metadata", "__cluster_metadata", THREE)


@case(KEY, (3, 12))
def brokers_own_topic(s: Script) -> None:
    coordinator(s)
    ask(s, "not for clients", "__consumer_offsets", THREE)
    ask(s, "beyond the last", "__consumer_offsets", THREE, 99)


@case(KEY, (13, 13))
def unknown_topic_ids(s: Script) -> None:
    topic = s.create()
    for label, topic_id in (("unknown", UUID(int=9)), ("zero", None)):
        data = {"topic_id": topic_id, "partition_data": [{"index": 0, "records": THREE}]}
        s.ask(label, acks=-1, timeout=5000, topic_data=[data])
        s.ask(f"{label} and known", acks=-1, timeout=5000,
              topic_data=[data, topic_data(s, topic, (0, THREE))])  # fmt: skip


@case(KEY, ALL)
def corrupt_batches(s: Script) -> None:
    topic = s.create()
    ask(s, "crc", topic, spoilt_crc(THREE))
    ask(s, "truncated", topic, THREE[:-5])
    ask(s, "only a prefix", topic, THREE[:10])
    ask(s, "only a header", topic, THREE[:61])
    ask(s, "empty", topic, b"")
    ask(s, "junk behind", topic, THREE + b"xyz")
    ask(s, "junk", topic, b"\xff" * 80)
    ask(s, "zeros", topic, bytes(80))
    ask(
        s, "length negative", topic, patched(THREE, LENGTH_AT, struct.pack(">i", -1), crc=False)
    )
    ask(s, "length small", topic, patched(THREE, LENGTH_AT, struct.pack(">i", 3), crc=False))
    stored(s, "stored", topic)


@case(KEY, ALL)
def null_records(s: Script) -> None:
    s.patience_s = 0.5
    ask(s, "null", s.create(), None)


@case(KEY, ALL)
def formats_of_old(s: Script) -> None:
    topic = s.create()
    ask(s, "magic 0", topic, message_set(0, b"x"))
    ask(s, "magic 1", topic, message_set(1, b"x", b"y"))
    ask(s, "magic 3", topic, patched(THREE, MAGIC_AT, b"\x03"))
    ask(s, "magic -1", topic, patched(THREE, MAGIC_AT, b"\xff"))
    stored(s, "nothing stored", topic)


@case(KEY, ALL)
def several_batches(s: Script) -> None:
    topic = s.create()
    ask(s, "two", topic, THREE + THREE)
    ask(s, "second corrupt", topic, THREE + spoilt_crc(THREE))
    stored(s, "nothing stored", topic)


@case(KEY, ALL)
def too_large(s: Script) -> None:
    topic = s.create()
    ask(s, "over the default", topic, batch(b"x" * 1_048_600))
    small = s.create("-small", max_message_bytes="100")
    ask(s, "over the topic's", small, batch(b"x" * 90))
    exact = batch(b"x" * 31)
    s.note("size", len(exact))
    ask(s, "just fits", small, batch(b"x" * (31 + 100 - len(exact))))
    ask(s, "one too many", small, batch(b"x" * (32 + 100 - len(exact))))
    ask(s, "too large and corrupt", small, spoilt_crc(batch(b"x" * 90)))
    stored(s, "stored", small)


@case(KEY, ALL)
def invalid_acks(s: Script) -> None:
    topic = s.create()
    for acks in (2, -2, 32767):
        ask(s, f"acks {acks}", topic, THREE, acks=acks)
    ask(s, "acks 2, unknown topic", s.name("-absent"), THREE, acks=2)


@case(KEY, ALL)
def invalid_headers(s: Script) -> None:
    topic = s.create()
    ask(s, "no records", topic, batch(count=0))
    ask(s, "count high", topic, batch(b"x", b"y", count=3))
    ask(s, "count low", topic, batch(b"x", b"y", count=1))
    ask(s, "last delta", topic, batch(b"x", b"y", last_offset_delta=5))
    ask(s, "both high", topic, batch(b"x", b"y", count=3, last_offset_delta=2))
    ask(s, "base offset", topic, batch(b"x", base_offset=7))
    ask(s, "codec 5", topic, batch(b"x", attributes=5))
    ask(s, "control", topic, batch(b"x", attributes=0x20))
    ask(s, "producer without epoch", topic, batch(b"x", producer=(5, -1, -1)))
    ask(s, "producer without sequence", topic, batch(b"x", producer=(5, 0, -1)))
    stored(s, "stored", topic)


@case(KEY, ALL)
def undecodable_records(s: Script) -> None:
    topic = s.create()
    ask(s, "not gzip", topic, patched(THREE, ATTRIBUTES_AT, struct.pack(">h", 1)))
    ask(s, "not snappy", topic, patched(THREE, ATTRIBUTES_AT, struct.pack(">h", 2)))
    ask(s, "not lz4", topic, patched(THREE, ATTRIBUTES_AT, struct.pack(">h", 3)))
    ask(s, "record length", topic, patched(THREE, 61, b"\x7f"))
    stored(s, "nothing stored", topic)


@case(KEY, ALL)
def transactional(s: Script) -> None:
    topic = s.create()
    records = batch(b"x", attributes=0x10, producer=(7, 0, 0))
    ask(s, "no transactional id", topic, records)


@case(KEY, ALL)
def no_acknowledgement_closes(s: Script) -> None:
    topic = s.create()
    for label, name, records in (
        ("corrupt", topic, spoilt_crc(THREE)), ("unknown topic", s.name("-absent"), THREE),
    ):  # fmt: skip
        data = [topic_data(s, name, (0, records))]
        with s.one_way(acks=0, timeout=1000, topic_data=data) as client:
            try:
                s.note(label, type(client.send(18, 0)).__name__)
            except ConnectionClosedError:
                s.note(label, "closed")


@case(KEY, (3, 3))
def versions_no_longer_served(s: Script) -> None:
    name = s.create().encode()
    for version in (0, 1, 2):
        body = struct.pack(">hhihs", KEY, version, 1, 1, b"c") + struct.pack(">hi", 1, 1000)
        body += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iii", 1, 0, len(THREE))
        s.ask_bytes(f"v{version}", frame(body + THREE))
