"""Ten thousand records over six partitions, and what must be true after they were produced.

Shared by the tests of every client. Knows Kafka's record batch format and the cluster's
public face; nothing of any client.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from minikafka import Cluster

__all__ = [
    "CODECS",
    "PARTITIONS",
    "RECORDS",
    "check_replicas",
    "expected_by_partition",
    "stored_codecs",
    "value_of",
]

RECORDS: Final = 10_000
PARTITIONS: Final = 6
BROKERS: Final = (1, 2, 3)
CODECS: Final = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

# Of a batch's header: length, attributes (their lowest three bits are the codec), count.
BATCH_HEADER: Final = struct.Struct(">8x i 9x h 34x i")
PREFIX_BYTES: Final = 12
FEW: Final = 10


def value_of(number: int) -> bytes:
    """Return the value of a record; alike enough that every codec makes a batch smaller."""
    return b"record %05d of ten thousand" % number


def expected_by_partition() -> dict[int, list[bytes]]:
    """Return the values of each partition in order: record `i` goes to partition `i mod 6`."""
    return {
        partition: [value_of(number) for number in range(partition, RECORDS, PARTITIONS)]
        for partition in range(PARTITIONS)
    }


def stored_codecs(log: bytes) -> set[int]:
    """Return the codecs of the batches in a log, of a few records none counted.

    Clients send a batch as it is when compressing would make it larger.
    """
    found = set()
    position = 0
    while position < len(log):
        length, attributes, count = BATCH_HEADER.unpack_from(log, position)
        if count > FEW:
            found.add(attributes & 7)
        position += PREFIX_BYTES + length
    return found


def check_replicas(cluster: Cluster, topic: str, codec: str) -> None:
    """Fail unless every partition's replicas agree in every byte and hold the codec.

    A follower learns the high watermark with its next fetch, so that is waited for.
    """
    for partition in range(PARTITIONS):
        logs = [cluster.log_bytes(broker, topic, partition) for broker in BROKERS]
        assert logs[0], f"{topic}-{partition} is empty"
        assert logs[1:] == logs[:1] * 2
        assert stored_codecs(logs[0]) == {CODECS[codec]}
        cluster.wait_until(partial(_settled, cluster, topic, partition))


def _settled(cluster: Cluster, topic: str, partition: int) -> bool:
    states = cluster.describe(topic, partition).replica_states
    offsets = {(state.log_end_offset, state.high_watermark) for state in states.values()}
    count = len(range(partition, RECORDS, PARTITIONS))
    return len(states) == len(BROKERS) and offsets == {(count, count)}
