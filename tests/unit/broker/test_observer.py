"""Who looks on hears what a broker applies, leads and answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from minikafka import AsyncCluster
from minikafka.base.clock import LoopClock
from minikafka.base.seeds import Seeds
from minikafka.broker.observer import BrokerObserver
from minikafka.cluster.hosting import LocalHosting, Place
from minikafka.net.network import Network
from minikafka.wire.codec import encode_request
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

HOST = "127.0.0.1"


class Listener:
    """Notes what it hears; `of` returns what was said of one kind."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *told: self.heard.append((name, told))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """Return what was said of one kind, in order."""
        return [told for kind, told in self.heard if kind == name]

    def answers(self, key: ApiKey) -> list[tuple[Any, bool]]:
        """Return responses and whether a broker asked, of one API."""
        return [(told[4], told[5]) for told in self.of("answered") if told[1] == key]


class Watched(LocalHosting):
    """The default hosting, with a listener at each broker."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop.time, lambda: 1_000)
        super().__init__(Network(loop, "tcp"), clock, HOST, HOST, 0, Seeds(1))
        self.listeners: dict[int, Listener] = {}

    def place(self, broker: int) -> Place:
        """Return the usual place."""
        listener: Any = self.listeners.setdefault(broker, Listener())
        observer: BrokerObserver = listener
        return replace(super().place(broker), observer=observer)


async def test_broker_is_heard_from_its_start_on() -> None:
    """First its metadata log is opened, then it has started; then metadata, in order."""
    hosting = Watched()
    async with AsyncCluster(1, hosting=hosting) as cluster:
        await cluster.create_topic("orders")
        broker = cluster._nodes[1].broker
    listener = hosting.listeners[1]
    assert [kind for kind, _ in listener.heard[:2]] == ["opened", "started"]
    assert listener.of("started") == [(broker,)]
    offsets = [image.offset for _, image, _ in listener.of("applied")]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == broker.image.offset


async def test_leadership_is_heard_once_for_each_epoch() -> None:
    """The controller's of the metadata log, and the leader's of a partition."""
    hosting = Watched()
    async with AsyncCluster(2, hosting=hosting) as cluster:
        await cluster.create_topic("orders", partitions=4)
        led: dict[int, list[str]] = {}
        for number, listener in hosting.listeners.items():
            led[number] = [str(told[1].topic_partition) for told in listener.of("led")]
        leaders = [cluster.leader("orders", index) for index in range(4)]
        for number in (1, 2):
            own = {f"orders-{index}" for index in range(4) if leaders[index] == number}
            assert set(led[number]) - {"__cluster_metadata-0"} == own
        assert led[1][0] == "__cluster_metadata-0"
        assert len(led[1]) + len(led[2]) == 5


async def test_answers_are_heard_whoever_asked() -> None:
    """A client behind a socket, one in this process, another broker; acks=0 gets None."""
    hosting = Watched()
    async with AsyncCluster(2, hosting=hosting, seed=0) as cluster:
        await cluster.create_topic("orders", config={"message.timestamp.type": "LogAppendTime"})
        leader = cluster.leader("orders", 0)
        assert leader is not None
        listener = hosting.listeners[leader]
        for acks in (-1, 0):
            await cluster.client().produce("orders", 0, [b"a"], acks=acks)
        (whole, by_broker), (nothing, _) = listener.answers(ApiKey.PRODUCE)
        assert (whole.topics[0].partitions[0].base_offset, by_broker) == (0, False)
        assert nothing is None
        assert any(by_broker for _, by_broker in listener.answers(ApiKey.FETCH))
        port = cluster._nodes[leader].port
        reader, writer = await asyncio.open_connection(HOST, port)
        request = build_request(ApiKey.FIND_COORDINATOR, 4, {"coordinator_keys": ["g"]})
        writer.writelines(encode_request(ApiKey.FIND_COORDINATOR, 4, 7, "c", request))
        await reader.readexactly(8)
        ((_, by_broker),) = listener.answers(ApiKey.FIND_COORDINATOR)
        assert by_broker is False
        writer.close()
        await writer.wait_closed()
