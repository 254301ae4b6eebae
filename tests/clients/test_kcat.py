"""kcat (Debian's package, an old librdkafka) produces and consumes, unmodified."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.support.workload import (
    CODECS,
    PARTITIONS,
    RECORDS,
    expected_by_partition,
    value_of,
)

pytestmark = [
    pytest.mark.client,
    pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed"),
]


def kcat(bootstrap_servers: str, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run kcat to its end and return what it printed."""
    done = subprocess.run(
        ["kcat", "-b", bootstrap_servers, *arguments],
        input=stdin,
        capture_output=True,
        timeout=15,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def produce(bootstrap_servers: str, topic: str, codec: str) -> None:
    """Produce all records with acks=all, one run of kcat per partition."""
    options = ["-P", "-t", topic, "-z", codec, "-X", "acks=all"]
    for partition in range(PARTITIONS):
        numbers = range(partition, RECORDS, PARTITIONS)
        lines = b"".join(value_of(number) + b"\n" for number in numbers)
        kcat(bootstrap_servers, *options, "-p", str(partition), stdin=lines)


def read(bootstrap_servers: str, topic: str) -> dict[int, list[bytes]]:
    """Return the values of each partition in the order they came, up to the known end."""
    out = kcat(
        bootstrap_servers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", r"%p %s\n"
    )
    values: dict[int, list[bytes]] = {partition: [] for partition in range(PARTITIONS)}
    for line in out.splitlines():
        partition, _, value = line.partition(b" ")
        values[int(partition)].append(value)
    return values


def test_kcat_lists_three_brokers(bootstrap_servers: str) -> None:
    """The client sees every broker at the address that the cluster gives out."""
    lines = kcat(bootstrap_servers, "-L").decode().splitlines()
    brokers = [line.split() for line in lines if line.startswith("  broker ")]
    by_id = sorted((int(words[1]), words[3]) for words in brokers)
    assert [address for _, address in by_id] == bootstrap_servers.split(",")


@pytest.mark.parametrize("codec", CODECS)
def test_kcat_reads_back_exactly_what_it_produced(
    bootstrap_servers: str, topic: str, codec: str, replicas_agree: Callable[[str], None]
) -> None:
    """All records come back once, in order per partition, and lie alike on all replicas.

    That the codec was stored matters here: librdkafka 2.0 sends gzip, snappy and lz4
    uncompressed to a broker that does not list Produce from version 0 on.
    """
    produce(bootstrap_servers, topic, codec)
    assert read(bootstrap_servers, topic) == expected_by_partition()
    replicas_agree(codec)
