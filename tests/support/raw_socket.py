"""Connections that misbehave, and one that does not.

Builds on the raw client of the conformance tests, so that good requests are encoded by kio.
Knows the protocol and an address; nothing of the brokers behind it.
"""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tests.conformance.batches import batch
from tests.conformance.raw_client import ConnectionClosedError, RawClient, frame

if TYPE_CHECKING:
    from minikafka import Cluster

__all__ = ["Bystander", "closes", "fetch", "header", "leader_address", "produce", "touch"]

PRODUCE, FETCH = 0, 1
PATIENCE_S = 5.0
# SO_LINGER switched on with no time: closing sends RST instead of FIN.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def leader_address(cluster: Cluster, topic: str, partition: int = 0) -> str:
    """Return host:port of the leader; the bootstrap line names the brokers in order of id."""
    leader = cluster.leader(topic, partition)
    assert leader is not None
    return cluster.bootstrap_servers.split(",")[leader - 1]


def header(api_key: int, api_version: int, *, flexible: bool = False) -> bytes:
    """Return a request header without a client id, of version 1, or 2 where flexible."""
    return struct.pack(">hhih", api_key, api_version, 1, -1) + (b"\0" if flexible else b"")


def closes(address: str, data: bytes) -> bool:
    """Say whether the server ends the connection, unanswered, on these bytes.

    The bytes are all there is: the client's side is closed behind them.
    """
    with RawClient.to(address, PATIENCE_S) as client:
        try:
            client.write(data)
            client.half_close()
            client.read()
        except ConnectionClosedError:
            return True
    return False


def closes_unprompted(address: str, data: bytes) -> bool:
    """Say whether the server ends the connection on these bytes while more could come.

    Raises:
        NoAnswerError: it did not, and gave no answer either.
    """
    with RawClient.to(address, PATIENCE_S) as client:
        try:
            client.write(data)
            client.read()
        except ConnectionClosedError:
            return True
    return False


def touch(address: str, data: bytes = b"", *, reset: bool = False) -> socket.socket:
    """Connect, send a few bytes, and return the socket for the caller to close or to forget."""
    host, _, port = address.rpartition(":")
    touched = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    if data:
        touched.sendall(data)
    if reset:
        touched.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    return touched


def produce(client: RawClient, topic: str, partition: int, records: bytes | None) -> Any:
    """Send Produce v9 with acks=all for one partition and return that partition's answer."""
    answer = client.send(
        PRODUCE,
        9,
        acks=-1,
        timeout=5_000,
        topic_data=[
            {"name": topic, "partition_data": [{"index": partition, "records": records}]}
        ],
    )
    return answer.responses[0].partition_responses[0]


def fetch(client: RawClient, topic: str, partition: int, offset: int) -> Any:
    """Send Fetch v12, which waits for nothing, and return that partition's answer."""
    wanted = {"partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
    wanted["current_leader_epoch"] = -1
    answer = client.send(
        FETCH,
        12,
        max_wait=0,
        min_bytes=0,
        max_bytes=1 << 20,
        session_epoch=-1,
        topics=[{"topic": topic, "partitions": [wanted]}],
    )
    return answer.responses[0].partitions[0]


class Bystander:
    """A well-behaved client: one connection, open through everything that others do.

    Args:
        address: host:port of the leader of partition 0 of the topic.
        topic: nobody else may write to its partition 0.
    """

    def __init__(self, address: str, topic: str) -> None:
        self._client = RawClient.to(address, PATIENCE_S)
        self._topic = topic
        self._offset = 0

    def works(self) -> None:
        """Fail unless one more record is written at the next offset and read back alike."""
        value = b"undisturbed %d" % self._offset
        written = produce(self._client, self._topic, 0, batch(value))
        assert (int(written.error_code), written.base_offset) == (0, self._offset)
        read = fetch(self._client, self._topic, 0, self._offset)
        assert int(read.error_code) == 0
        assert value in bytes(read.records)
        self._offset += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()


def framed(*parts: bytes) -> bytes:
    """Return the parts as one payload behind its length."""
    return frame(b"".join(parts))
