"""ApiVersions (18, versions 0 to 4), and what is no proper request at all."""

from __future__ import annotations

import random
import struct
from typing import Any

from tests.conformance.case import Script, case
from tests.conformance.raw_client import build, encode_request, frame

KEY = 18
ALL = (0, 4)
# The APIs of this part of the work; what else a broker lists is compared when it is built.
SERVED = frozenset({0, 1, 2, 3, 10, 17, 18, 19, 20, 21, 22, 23, 32, 37, 43, 44, 60, 75})
REQUEST_LIMIT = 104_857_600


def header(key: int, version: int, client_id: bytes = b"\0\1c") -> bytes:
    """Return a request header of the kind without tagged fields."""
    return struct.pack(">hhi", key, version, 7) + client_id


def shortened(s: Script) -> None:
    """Keep of each answer the correlation id and the error code: the rest is compared elsewhere."""
    for label, recorded in s.answers.items():
        s.note(label, {name: value[:12] for name, value in recorded.items()})


@case(KEY, ALL)
def all_versions(s: Script) -> None:
    s.ask("all", client_software_name="conformance", client_software_version="1.0")
    keys = s.answers["all"]["api_keys"]
    s.answers["all"]["api_keys"] = {k: v for k, v in keys.items() if int(k) in SERVED}


@case(KEY, (3, 4))
def client_names(s: Script) -> None:
    for label, name, version in (
        ("empty", "", ""), ("empty version", "a", ""), ("dash first", "-a", "1"),
        ("dash last", "a-", "1"), ("dots", "a.b-c", "1.2-x"), ("space", "a b", "1"),
        ("one letter", "a", "1"), ("underscore", "a_b", "1"), ("letter", "ä", "1"),
    ):  # fmt: skip
        s.ask(label, client_software_name=name, client_software_version=version)
        answer = s.answers[label]
        s.note(label, {"error_code": answer["error_code"], "keys": bool(answer["api_keys"])})


@case(KEY, (0, 0))
def versions_of_the_future(s: Script) -> None:
    for version in (5, 99, 32767):
        flexible = header(KEY, version) + b"\0"
        s.ask_bytes(f"v{version}", frame(flexible + b"\2a\2b\0"))
        s.ask_bytes(f"v{version}, no body", frame(flexible))
        s.ask_bytes(f"v{version}, old header", frame(header(KEY, version)))
    s.ask_bytes("v-1", frame(header(KEY, -1)))


@case(KEY, (0, 0))
def versions_not_served(s: Script) -> None:
    for key, version in (
        (3, 14), (3, 99), (3, -1), (1, 3), (1, 19), (2, 0), (2, 99), (19, 1), (19, 8), (20, 0),
        (32, 0), (60, 3), (75, 1), (23, 1), (22, 6), (0, 14), (44, 2), (37, 4), (21, 3), (10, 7),
    ):  # fmt: skip
        s.ask_bytes(f"key {key} v{version}", frame(header(key, version) + bytes(60)))


@case(KEY, (0, 0))
def keys_not_served(s: Script) -> None:
    for key in (4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 93, 999, 32767, -1):
        s.ask_bytes(f"key {key}", frame(header(key, 0) + bytes(60)))


@case(KEY, (0, 0))
def truncated_bodies(s: Script) -> None:
    asked: dict[int, tuple[int, dict[str, Any]]] = {
        3: (1, {"topics": [{"name": "topic"}]}),
        19: (7, {"topics": [{"name": "topic", "num_partitions": 1}]}),
        2: (7, {"topics": [{"name": "t", "partitions": [{"partition_index": 1}]}]}),
        1: (12, {"topics": [{"topic": "t", "partitions": [{"partition": 1}]}]}),
        0: (9, {"topic_data": [{"name": "t", "partition_data": [{"records": b"x" * 70}]}]}),
        18: (3, {"client_software_name": "abc", "client_software_version": "1"}),
    }
    for key, (version, fields) in asked.items():
        whole = encode_request(build(key, version, **fields))
        for cut in (1, 4, 8):
            s.ask_bytes(f"key {key} less {cut}", frame(whole[:-cut]))


@case(KEY, (0, 0))
def headers(s: Script) -> None:
    s.ask_bytes("null client id", frame(header(KEY, 0, b"\xff\xff")))
    s.ask_bytes("empty client id", frame(header(KEY, 0, b"\0\0")))
    s.ask_bytes("client id too long", frame(header(KEY, 0, b"\x7f\xff")))
    s.ask_bytes("no client id", frame(header(KEY, 0, b"")))
    s.ask_bytes("cut after the key", frame(b"\0\x12"))
    s.ask_bytes("cut in the correlation id", frame(b"\0\x12\0\0\0"))
    s.ask_bytes("client id no utf-8", frame(header(KEY, 0, b"\0\2\xff\xfe")))
    shortened(s)


@case(KEY, (0, 0))
def strings_that_are_no_utf_8(s: Script) -> None:
    for label, name in (("bad", b"\xff\xfe"), ("cut", b"ab\xe2\x82")):
        body = struct.pack(">ih", 1, len(name)) + name + struct.pack(">i", 1000)
        s.ask_bytes(label, frame(header(20, 1) + body))


@case(KEY, (0, 0))
def bytes_behind_the_body(s: Script) -> None:
    s.ask_bytes("api versions", frame(header(KEY, 0) + b"zzz"))
    s.ask_bytes("describe cluster", frame(header(60, 0) + b"\0\0\0zzz"))
    shortened(s)


@case(KEY, (0, 0))
def array_lengths(s: Script) -> None:
    for label, length in (("most", 2**31 - 1), ("many", 1_000_000), ("minus three", -3)):
        body = header(19, 2) + struct.pack(">i", length)
        s.ask_bytes(label, frame(body))
    s.ask_bytes("compact, five bytes", frame(header(19, 5) + b"\0\xff\xff\xff\xff\x0f"))
    s.ask_bytes("varint without end", frame(header(19, 5) + b"\0" + b"\xff" * 12))


@case(KEY, (0, 0))
def frame_lengths(s: Script) -> None:
    for length in (0, -1, -(2**31), 2**31 - 1, REQUEST_LIMIT + 1, 1):
        s.ask_bytes(f"length {length}", struct.pack(">i", length) + b"\0" * 4)
    s.ask_bytes("half a frame", frame(bytes(100))[:20], half_close=True)
    s.ask_bytes("half a length", b"\0\0", half_close=True)


@case(KEY, (0, 0))
def garbage(s: Script) -> None:
    s.ask_bytes("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    s.ask_bytes("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64))
    for seed in range(8):
        noise = random.Random(seed).randbytes(1 << 12)
        s.ask_bytes(f"noise {seed}", noise)
        s.ask_bytes(f"framed noise {seed}", frame(noise))


@case(KEY, (0, 0))
def answers_come_in_order(s: Script) -> None:
    cluster = encode_request(build(60, 0), 1)
    versions = encode_request(build(KEY, 0), 2)
    with s.one_way() as client:
        client.write(frame(cluster) + frame(versions) + frame(cluster))
        order = [struct.unpack_from(">i", client.read())[0] for _ in range(4)]
    s.note("correlation ids", order)


@case(KEY, (0, 0))
def sasl_on_a_plain_listener(s: Script) -> None:
    s.ask_bytes("handshake", frame(header(17, 1) + b"\0\5PLAIN"))
    s.ask_bytes("handshake v0", frame(header(17, 0) + b"\0\5PLAIN"))


@case(KEY, (3, 4))
def tagged_fields_that_nobody_knows(s: Script) -> None:
    tag = b"\1\x63\3abc"
    names = b"\2a\2b"
    s.ask_bytes("in the header", frame(header(KEY, s.version) + tag + names + b"\0"))
    s.ask_bytes("in the body", frame(header(KEY, s.version) + b"\0" + names + tag))
    shortened(s)
