"""`minikafka topics`, `produce` and `consume` against a cluster, over TCP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minikafka import Cluster, Record
from minikafka.cli import main


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three brokers for the tests of this file; each makes its own topics."""
    with Cluster(brokers=3) as fresh:
        yield fresh


@pytest.fixture
def cli(
    cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """A command line run against the cluster: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "-b", cluster.bootstrap_servers])
        sys.stdout.flush()
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Sets what is read from stdin."""
    opened = []

    def give(data: bytes) -> None:
        path = tmp_path / "stdin"
        path.write_bytes(data)
        file = path.open()
        opened.append(file)
        monkeypatch.setattr(sys, "stdin", file)

    yield give
    for file in opened:
        file.close()


def test_topic_is_created_listed_described_and_deleted(
    cli: Callable[..., tuple[int, str, str]],
) -> None:
    """Piped output is plain lines, one for each topic or partition."""
    arguments = ("-p", "2", "-r", "3", "--config", "retention.ms=5000")
    assert cli("topics", "create", "tools.life", *arguments) == (0, "", "")
    assert "tools.life" in cli("topics", "list")[1].splitlines()
    code, out, _ = cli("topics", "describe", "tools.life")
    head, *rows = out.splitlines()
    assert code == 0
    assert head.startswith("tools.life id=")
    assert "partitions=2 replication_factor=3" in head
    assert "retention.ms=5000" in head
    assert [row.split(" leader=")[0] for row in rows] == [
        "tools.life partition=0",
        "tools.life partition=1",
    ]
    assert cli("topics", "delete", "tools.life") == (0, "", "")
    assert "tools.life" not in cli("topics", "list")[1].splitlines()


def test_refusal_is_one_line_with_kafkas_name(cli: Callable[..., tuple[int, str, str]]) -> None:
    """What the cluster refuses ends with exit code 1."""
    code, out, err = cli("topics", "delete", "tools.missing")
    assert (code, out) == (1, "")
    assert err.startswith("minikafka topics delete: UNKNOWN_TOPIC_OR_PARTITION")
    assert err.count("\n") == 1


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_lines_in_are_lines_out(
    compression: str,
    cluster: Cluster,
    cli: Callable[..., tuple[int, str, str]],
    stdin: Callable[[bytes], None],
) -> None:
    """Ten thousand lines come back, in order, with every codec."""
    topic = f"tools.lines.{compression}"
    cluster.create_topic(topic)
    lines = "".join(f"line {number}\n" for number in range(10_000))
    stdin(lines.encode())
    assert cli("produce", topic, "--compression", compression) == (0, "", "")
    assert cli("consume", topic, "--from-beginning", "--exit-at-end") == (0, lines, "")


def test_keys_and_headers_arrive_and_a_key_has_one_partition(
    cluster: Cluster,
    cli: Callable[..., tuple[int, str, str]],
    stdin: Callable[[bytes], None],
) -> None:
    """A record has the key before the separator; equal keys share a partition."""
    cluster.create_topic("tools.keys", partitions=4)
    stdin(b"".join(b"key%d:%d\n" % (number % 8, number) for number in range(80)))
    code, _, _ = cli("produce", "tools.keys", "--key-separator", ":", "--header", "from=test")
    records = cluster.records("tools.keys")
    assert code == 0
    assert sorted(int(record.value or b"-1") for record in records) == list(range(80))
    assert {record.headers for record in records} == {(("from", b"test"),)}
    places = {(record.key, record.partition) for record in records}
    assert len(places) == 8
    assert len({partition for _, partition in places}) > 1


def test_consume_stops_after_so_many_and_shows_all_of_a_record(
    cluster: Cluster, cli: Callable[..., tuple[int, str, str]]
) -> None:
    """`--max-messages` counts records; JSON lines hold every field."""
    cluster.create_topic("tools.json", partitions=2)
    given = Record("", 0, 0, 1_234, b"k", None, (("h", b"v"),))
    cluster.client().produce("tools.json", 1, [given, b"second"])
    code, out, _ = cli("consume", "tools.json", "--from-beginning", "-n", "1", "-f", "json")
    assert code == 0
    assert json.loads(out) == {
        "topic": "tools.json",
        "partition": 1,
        "offset": 0,
        "timestamp_ms": 1_234,
        "key": "k",
        "value": None,
        "headers": [["h", "v"]],
    }


def test_consume_begins_at_the_end_unless_told(
    cluster: Cluster, cli: Callable[..., tuple[int, str, str]]
) -> None:
    """Without `--from-beginning`, what is there already is not printed."""
    cluster.create_topic("tools.latest")
    cluster.client().produce("tools.latest", 0, [b"old"])
    assert cli("consume", "tools.latest", "--exit-at-end") == (0, "", "")


def test_partition_that_is_not_there_is_said(
    cluster: Cluster,
    cli: Callable[..., tuple[int, str, str]],
    stdin: Callable[[bytes], None],
) -> None:
    """A partition number beyond the topic's is refused, not waited for."""
    cluster.create_topic("tools.partitions", partitions=2)
    code, _, err = cli("consume", "tools.partitions", "--partition", "2", "--exit-at-end")
    assert code == 1
    assert "has 2 partitions" in err
    stdin(b"x\n")
    code, _, err = cli("produce", "tools.partitions", "--partition", "2")
    assert code == 1
    assert "has 2 partitions" in err


@pytest.mark.parametrize("how", ["signal", "closed pipe"])
def test_endless_consume_ends_without_a_word(how: str, cluster: Cluster) -> None:
    """Ctrl-C, or a reader that has seen enough, ends it with exit code 0 and no traceback."""
    topic = f"tools.endless.{how.partition(' ')[0]}"
    cluster.create_topic(topic)
    client = cluster.client()
    client.produce(topic, 0, [b"first"])
    arguments = ["consume", topic, "--from-beginning", "-b", cluster.bootstrap_servers]
    with subprocess.Popen(
        [sys.executable, "-m", "minikafka", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"first\n"
        if how == "signal":
            process.send_signal(signal.SIGINT)
        else:
            process.stdout.close()
            client.produce(topic, 0, [b"second"])
        assert process.stderr.read() == b""
        assert process.wait(timeout=10) == 0
