"""Which partition a record goes to, as Kafka's own producer chooses it.

Same key, same partition as from the Java clients. Counterpart: BuiltInPartitioner,
org.apache.kafka.common.utils.Utils.murmur2; KIP-480 (records without a key stick together).
"""

from __future__ import annotations

__all__ = ["murmur2", "partition_for_key"]

_SEED = 0x9747B28C
_M = 0x5BD1E995
_R = 24
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit murmur2 hash, not negative.

    >>> murmur2(b"foobar") - (1 << 32)  # as Java prints it
    -790332482
    """
    length = len(data)
    whole = length - length % 4
    value = _SEED ^ length
    for start in range(0, whole, 4):
        block = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        block = (block ^ (block >> _R)) * _M & _MASK
        value = (value * _M & _MASK) ^ block
    if whole < length:
        value = (value ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    value = (value ^ (value >> 13)) * _M & _MASK
    return value ^ (value >> 15)


def partition_for_key(key: bytes, partitions: int) -> int:
    """Return the partition of a key; `partitions` is the topic's count, not only of live ones."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
