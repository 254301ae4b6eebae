"""One broker by itself: what follows from its options, and how it ends when its disk fails."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minikafka.cluster.standalone import StandaloneBroker, StandaloneOptions, cluster_id_of
from tests.support.processes import HOST, free_ports


def alone(**more: Any) -> StandaloneOptions:
    """Return the options of a voter that is the whole cluster."""
    (port,) = free_ports(1)
    return StandaloneOptions(1, {1: (HOST, port)}, (HOST, 0), **more)


def test_cluster_id_follows_from_the_voters_alone() -> None:
    """Processes that are given the same list agree on it, in whatever order it is."""
    first = cluster_id_of({1: ("a", 1), 2: ("b", 2)})
    assert first == cluster_id_of({2: ("b", 2), 1: ("a", 1)})
    assert first != cluster_id_of({1: ("a", 1), 2: ("b", 3)})
    assert len(first) == 22


@pytest.mark.parametrize(
    ("node_id", "broker_listen", "told"),
    [
        (1, None, ("voter", 9193)),
        (1, ("0.0.0.0", 9193), ("voter", 9193)),
        (5, None, ("10.0.0.5", 0)),
        (5, ("10.0.0.6", 7), ("10.0.0.6", 0)),
        (5, ("0.0.0.0", 7), (socket.gethostname(), 0)),
    ],
)
async def test_brokers_are_told_an_address_they_can_reach(
    node_id: int, broker_listen: tuple[str, int] | None, told: tuple[str, int]
) -> None:
    """That of the list for a voter; else where it listens, by name where that is everywhere."""
    options = StandaloneOptions(
        node_id, {1: ("voter", 9193)}, ("10.0.0.5", 0), broker_listen=broker_listen
    )
    broker = StandaloneBroker(options)
    assert broker.node._place.advertised_to_brokers == told
    await broker.stop()


async def test_every_start_is_another_incarnation(tmp_path: Path) -> None:
    """Over the same directory, in the same cluster, where it finds what it had (KIP-631)."""
    options = alone(data=tmp_path)
    seen = []
    for _ in range(2):
        broker = StandaloneBroker(options)
        await broker.start()
        await broker.ready()
        image = broker.node.broker.image
        seen.append(
            (image.brokers[1].incarnation_id, image.offset, broker.node.broker.cluster_id)
        )
        await broker.stop()
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] < seen[1][1]
    assert seen[0][2] == seen[1][2] == cluster_id_of(options.voters)


async def test_what_keeps_a_broker_out_is_told() -> None:
    """The controller's refusal, for as long as it is refused."""
    voter = StandaloneBroker(alone(cluster_id="one"))
    await voter.start()
    await voter.ready()
    config = {
        "initial.broker.registration.timeout.ms": "200",
        "broker.heartbeat.interval.ms": "20",
    }
    options = replace(voter.options, node_id=2, cluster_id="two", config=config)
    stranger = StandaloneBroker(options)
    await stranger.start()
    deadline = asyncio.get_running_loop().time() + 10
    while "INCONSISTENT_CLUSTER_ID" not in stranger.why:
        assert asyncio.get_running_loop().time() < deadline, stranger.why
        with pytest.raises(TimeoutError, match=r"not registered within 0\.2 s"):
            await stranger.ready()
    await stranger.stop()
    await voter.stop()


async def test_disk_that_fails_is_heard_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first failure is told, and nothing more is written."""
    broker = StandaloneBroker(alone(data=tmp_path))
    await broker.start()
    await broker.ready()
    assert broker._directory is not None

    def full(name: str, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(broker._directory.storage, "append", full)
    await broker.stop()
    with pytest.raises(OSError, match="No space"):
        broker.failed.result()
