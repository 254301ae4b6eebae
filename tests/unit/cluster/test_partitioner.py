"""Keys go where Kafka's own producers send them."""

from __future__ import annotations

import pytest

from minikafka.cluster.partitioner import murmur2, partition_for_key

# Input and signed result, as asserted by Kafka's own clients.
KNOWN = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), KNOWN.items())
def test_hash_is_the_one_of_the_java_client(key: bytes, signed: int) -> None:
    """The 32-bit hash equals Java's, read as unsigned."""
    assert murmur2(key) == signed % (1 << 32)


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_every_key_has_a_partition_of_the_topic(partitions: int) -> None:
    """The partition is below the count, also where the hash has its sign bit set."""
    chosen = {partition_for_key(b"%d" % number, partitions) for number in range(200)}
    assert chosen == set(range(partitions))
