"""How Java hashes a text, by which Kafka spreads groups and partitions. Counterpart: String.hashCode."""

from __future__ import annotations

__all__ = ["java_hash"]


def java_hash(text: str) -> int:
    """Return what Java's String.hashCode gives, by which Kafka spreads groups.

    >>> java_hash("group")
    98629247
    >>> java_hash("my-consumer-group")
    1513705513
    """
    value = 0
    data = text.encode("utf-16-be", "surrogatepass")
    for position in range(0, len(data), 2):
        value = (value * 31 + (data[position] << 8) + data[position + 1]) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
