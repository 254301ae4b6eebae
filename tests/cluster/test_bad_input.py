"""What a broker does with requests that no honest client sends, over a real socket.

Each gets Kafka's error code or a closed connection; memory comes back; a well-behaved client
on a connection of its own notices nothing.
"""

from __future__ import annotations

import random
import struct
import uuid
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.batches import batch, message_set, spoilt_crc
from tests.conformance.raw_client import RawClient, decode_response, frame
from tests.support.process import needs_proc, resident_bytes, socket_count
from tests.support.raw_socket import (
    Bystander,
    closes,
    closes_unprompted,
    fetch,
    framed,
    header,
    leader_address,
    produce,
    touch,
)

if TYPE_CHECKING:
    from minikafka import Cluster

pytestmark = pytest.mark.kafka(brokers=3, topics={"honest": 1, "abused": 1})

NONE, OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, UNKNOWN_TOPIC_OR_PARTITION = 0, 1, 2, 3
MESSAGE_TOO_LARGE, UNSUPPORTED_VERSION, INVALID_RECORD, UNKNOWN_TOPIC_ID = 10, 35, 87, 100
PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS = 0, 1, 2, 3, 18
REQUEST_MAX_BYTES = 104_857_600
MIB = 1 << 20
ROUNDS = 12
CONNECTIONS = 3_000

RANDOM = random.Random(2026)
SPOILT = {
    "a version of Produce that is not served": framed(header(PRODUCE, 99, flexible=True)),
    "an API that does not exist": framed(header(999, 0)),
    "an API that only brokers with ZooKeeper had": framed(header(4, 0)),
    "an API of the brokers among themselves": framed(header(63, 1, flexible=True), bytes(22)),
    "an empty frame": frame(b""),
    "half a header": frame(header(METADATA, 1)[:6]),
    "a client id longer than the frame": frame(struct.pack(">hhih", METADATA, 1, 1, 400)),
    "an array longer than the frame": framed(header(METADATA, 1), struct.pack(">i", 1000)),
    "a negative length": struct.pack(">i", -1),
    "a frame above socket.request.max.bytes": struct.pack(">i", REQUEST_MAX_BYTES + 1),
    "random bytes in a frame": frame(RANDOM.randbytes(MIB)),
    "random bytes as Produce": framed(header(PRODUCE, 9, flexible=True), RANDOM.randbytes(MIB)),
    "random bytes as Fetch": framed(header(FETCH, 12, flexible=True), RANDOM.randbytes(MIB)),
    "random bytes as Metadata": framed(
        header(METADATA, 9, flexible=True), RANDOM.randbytes(MIB)
    ),
}


@pytest.fixture
def bystander(kafka: Cluster) -> Iterator[Bystander]:
    """A client that worked before the test, and is asked again after it."""
    with Bystander(leader_address(kafka, "honest"), "honest") as client:
        client.works()
        yield client
        client.works()


@pytest.fixture
def address(kafka: Cluster, bystander: Bystander) -> str:
    """The broker that the abuse goes to: the one that serves the bystander."""
    return leader_address(kafka, "honest")


@pytest.fixture
def client(address: str) -> Iterator[RawClient]:
    """A connection to it."""
    with RawClient.to(address, 5.0) as raw:
        yield raw


@pytest.mark.parametrize(
    ("topic", "partition", "records", "code"),
    [
        ("nowhere", 0, batch(b"x"), UNKNOWN_TOPIC_OR_PARTITION),
        ("honest", 7, batch(b"x"), UNKNOWN_TOPIC_OR_PARTITION),
        ("honest", -1, batch(b"x"), UNKNOWN_TOPIC_OR_PARTITION),
        ("honest", 0, spoilt_crc(batch(b"x")), CORRUPT_MESSAGE),
        ("honest", 0, batch(b"x" * (MIB + 100)), MESSAGE_TOO_LARGE),
        ("honest", 0, message_set(1, b"x"), INVALID_RECORD),
        ("honest", 0, message_set(0, b"x"), INVALID_RECORD),
        ("honest", 0, batch(b"x") + batch(b"y"), INVALID_RECORD),
    ],
    ids=[
        "unknown topic",
        "unknown partition",
        "negative partition",
        "corrupt CRC",
        "record too large",
        "message format v1",
        "message format v0",
        "two batches",
    ],
)
def test_bad_produce_gets_its_code_and_appends_nothing(
    client: RawClient,
    bystander: Bystander,
    topic: str,
    partition: int,
    records: bytes,
    code: int,
) -> None:
    """The partition's answer holds Kafka's code, and the next good record the next offset."""
    answer = produce(client, topic, partition, records)
    assert (int(answer.error_code), answer.base_offset) == (code, -1)
    bystander.works()


@pytest.mark.parametrize(
    ("topic", "partition", "offset", "code"),
    [
        ("nowhere", 0, 0, UNKNOWN_TOPIC_OR_PARTITION),
        ("honest", 7, 0, UNKNOWN_TOPIC_OR_PARTITION),
        ("honest", 0, 1_000, OFFSET_OUT_OF_RANGE),
        ("honest", 0, -1, OFFSET_OUT_OF_RANGE),
    ],
    ids=["unknown topic", "unknown partition", "offset beyond the end", "negative offset"],
)
def test_bad_fetch_gets_its_code(
    client: RawClient, topic: str, partition: int, offset: int, code: int
) -> None:
    """The partition's answer holds Kafka's code and no records."""
    answer = fetch(client, topic, partition, offset)
    assert (int(answer.error_code), bytes(answer.records or b"")) == (code, b"")


def test_bad_list_offsets_gets_its_code(client: RawClient) -> None:
    """A partition that does not exist is unknown to ListOffsets too."""
    wanted = {"partition_index": 7, "timestamp": -1, "current_leader_epoch": -1}
    topics = [{"name": "honest", "partitions": [wanted]}]
    answer = client.send(LIST_OFFSETS, 7, replica_id=-1, isolation_level=0, topics=topics)
    assert int(answer.topics[0].partitions[0].error_code) == UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize("api", [PRODUCE, FETCH])
def test_topic_id_that_nobody_has_is_unknown(client: RawClient, api: int) -> None:
    """Where topics go by id, a wrong id is UNKNOWN_TOPIC_ID (KIP-516)."""
    topic_id = uuid.UUID(int=0xBAD)
    code: Any
    if api == PRODUCE:
        data = [{"index": 0, "records": batch(b"x")}]
        topics = [{"topic_id": topic_id, "partition_data": data}]
        answer = client.send(PRODUCE, 13, acks=-1, timeout=5_000, topic_data=topics)
        code = answer.responses[0].partition_responses[0].error_code
    else:
        wanted = {"partition": 0, "current_leader_epoch": -1, "partition_max_bytes": MIB}
        topics = [{"topic_id": topic_id, "partitions": [wanted]}]
        answer = client.send(FETCH, 17, max_wait=0, session_epoch=-1, topics=topics)
        code = answer.responses[0].partitions[0].error_code
    assert int(code) == UNKNOWN_TOPIC_ID


def test_unknown_version_of_api_versions_is_answered_in_version_0(client: RawClient) -> None:
    """The answer says what is served, and the connection goes on (KIP-511)."""
    payload = client.exchange(header(API_VERSIONS, 99, flexible=True))
    answer = decode_response(API_VERSIONS, 0, payload)
    listed = [int(api.api_key) for api in answer.api_keys]
    assert (int(answer.error_code), API_VERSIONS in listed) == (UNSUPPORTED_VERSION, True)
    assert int(client.send(API_VERSIONS, 0).error_code) == NONE


@pytest.mark.parametrize("data", SPOILT.values(), ids=SPOILT.keys())
def test_spoilt_frame_closes_the_connection(address: str, data: bytes) -> None:
    """The broker gives no answer and closes, without waiting for more."""
    assert closes_unprompted(address, data)


@pytest.mark.parametrize("size", [0, 3, 4, 20, 99])
def test_truncated_frame_ends_with_its_connection(address: str, size: int) -> None:
    """A client that leaves in the middle of a frame is let go, unanswered."""
    assert closes(address, framed(header(METADATA, 1), bytes(100))[:size])


@pytest.mark.parametrize("seed", range(5))
def test_megabyte_of_random_bytes_closes_the_connection(address: str, seed: int) -> None:
    """Bytes that are no frames, the length included, never get an answer."""
    assert closes(address, random.Random(seed).randbytes(MIB))


@needs_proc
def test_bad_input_leaves_no_memory_and_no_socket_behind(
    kafka: Cluster, address: str, bystander: Bystander
) -> None:
    """After forty megabytes of it the process is as large as after the first."""

    def abuse() -> None:
        for data in SPOILT.values():
            assert closes_unprompted(address, data)
        # Announced but never sent: room for it must not stay taken.
        touch(address, struct.pack(">i", REQUEST_MAX_BYTES - 1) + b"begun").close()
        bystander.works()

    sockets = socket_count()
    abuse()
    before = resident_bytes()
    for _ in range(ROUNDS):
        abuse()
    kafka.wait_until(lambda: socket_count() == sockets)
    assert resident_bytes() - before < 8 * MIB


@needs_proc
@pytest.mark.slow
def test_thousands_of_half_open_connections_leave_nothing_behind(
    kafka: Cluster, address: str, bystander: Bystander
) -> None:
    """Clients that connect and say nothing, or three bytes, and close, reset or just stay.

    A bystander that waits for its answers every fifty connections also keeps the listener's
    queue from running over.
    """
    sockets = socket_count()

    def hurry(count: int) -> None:
        abandoned = deque([touch(address)], maxlen=100)
        for number in range(count):
            data = (b"", b"\0\0\1")[number % 2]
            touched = touch(address, data, reset=number % 3 == 0)
            if number % 5 == 0:
                if len(abandoned) == abandoned.maxlen:
                    abandoned[0].close()
                abandoned.append(touched)
            else:
                touched.close()
            if number % 50 == 0:
                bystander.works()
        for each in abandoned:
            each.close()
        kafka.wait_until(lambda: socket_count() == sockets)

    hurry(CONNECTIONS // 10)
    before = resident_bytes()
    hurry(CONNECTIONS)
    assert resident_bytes() - before < 5 * MIB
