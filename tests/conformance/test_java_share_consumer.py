"""Java's KafkaShareConsumer of the release that we follow, against brokers of ours (KIP-932)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from minikafka import Cluster
from tests.clients.test_groups import until
from tests.clients.test_share_groups import FAILOVER, LIMIT, QUICK, produce, shares
from tests.conformance.kafka import fetch_jars, missing_tools

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.time_limit(120),
    pytest.mark.skipif(missing_tools() is not None, reason=f"{missing_tools()} is missing"),
]
PROGRAM = Path(__file__).with_name("ShareMember.java")
JVM = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class JavaMember:
    """A process that runs `ShareMember.java`; `got` is read from what it prints."""

    def __init__(self, bootstrap_servers: str, output: Path) -> None:
        self._output = output
        self._log = output.with_suffix(".log")
        with output.open("wb") as out, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("java", *JVM, "-cp", f"{fetch_jars()}/*", str(PROGRAM)),
                    *(bootstrap_servers, "orders"),
                ],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
            )

    @property
    def got(self) -> list[tuple[int, int]]:
        """Offset and delivery of each record, in order."""
        lines = [line.split() for line in self._output.read_text().splitlines()]
        assert self._process.poll() is None, self._log.read_text()
        assert not [line for line in lines if line[0] == "failed"], lines
        return [(int(offset), int(delivery)) for _, offset, delivery in lines]

    def stop(self) -> None:
        """End it in good order, or at all."""
        try:
            self._process.communicate(b"\n", timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def running(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Cluster, list[JavaMember]]]:
    """Return three brokers and two members that have begun to read; the test's own config."""
    with ExitStack() as stack:
        config: dict[str, Any] = {**QUICK, **getattr(request, "param", {})}
        kafka = stack.enter_context(Cluster(brokers=3, config=config))
        kafka.create_topic("orders", partitions=1, replication_factor=3)
        members = []
        for number in range(2):
            member = JavaMember(kafka.bootstrap_servers, tmp_path / f"member-{number}")
            stack.callback(member.stop)
            members.append(member)
        until(lambda: _all_read(kafka, 2), "they do not begin to read", timeout=60)
        yield kafka, members


def _all_read(kafka: Cluster, count: int) -> bool:
    found = shares(kafka)
    live = list(found._live.values())
    loaded = bool(live) and all(each.share is not None for each in live)
    return loaded and len(found.sessions) == count


def _offsets(members: list[JavaMember]) -> list[int]:
    return sorted(offset for member in members for offset, _ in member.got)


def test_two_members_share_a_partition_and_say_what_becomes_of_records(
    running: tuple[Cluster, list[JavaMember]],
) -> None:
    """Accepted and rejected records come once, a released one as often as may be."""
    kafka, members = running
    produce(kafka, *[f"{each}" for each in range(10)], "release", "reject", "last")
    want = sorted([*range(13), *[10] * (LIMIT - 1)])
    until(lambda: len(_offsets(members)) >= len(want), "a record is missing")
    produce(kafka, "after")
    until(lambda: 13 in _offsets(members), "they do not go on")
    assert _offsets(members) == [*want, 13]
    deliveries = [count for member in members for offset, count in member.got if offset == 10]
    assert sorted(deliveries) == list(range(1, LIMIT + 1))


def test_a_lock_that_ends_gives_the_record_to_the_other(
    running: tuple[Cluster, list[JavaMember]],
) -> None:
    """Who holds it says nothing, and the second delivery is the last: then it is done."""
    kafka, members = running
    produce(kafka, "hold")
    until(lambda: len(_offsets(members)) == LIMIT, "it does not come to the other")
    assert sorted(count for member in members for _, count in member.got) == [1, 2]
    assert all(len(member.got) == 1 for member in members)


@pytest.mark.parametrize("running", [FAILOVER], indirect=True)
def test_nothing_acknowledged_comes_again_when_the_leader_dies(
    running: tuple[Cluster, list[JavaMember]],
) -> None:
    """The next leader goes on where the former was, and so do the members."""
    kafka, members = running
    produce(kafka, *[f"{each}" for each in range(6)])
    until(lambda: _offsets(members) == list(range(6)), "a record is missing")
    until(lambda: _is_done(kafka, 6), "it is not acknowledged")
    leader = kafka.leader("orders", 0)
    assert leader is not None
    kafka.broker(leader).crash()
    kafka.wait_until(lambda: kafka.leader("orders", 0) not in (leader, None))
    produce(kafka, "after")
    until(lambda: 6 in _offsets(members), "they do not go on")
    assert _offsets(members) == list(range(7))


def _is_done(kafka: Cluster, end: int) -> bool:
    return all(live.share.start_offset == end for live in shares(kafka)._live.values())
