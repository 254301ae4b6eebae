"""One broker with its listeners: it starts, answers, and leaves nothing."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.base.clock import LoopClock
from minikafka.base.config import BrokerConfig
from minikafka.base.seeds import Seeds
from minikafka.cluster.hosting import Place
from minikafka.cluster.node import Node
from minikafka.log.storage import MemoryStorage
from minikafka.net.network import Network, Transport
from minikafka.quorum.voters import static_voters

HOST = "127.0.0.1"
API_VERSIONS_V0 = b"\0\x12\0\0\0\0\0\x07\xff\xff"
ALTER_PARTITION_V3 = b"\0\x38\0\x03\0\0\0\x07\xff\xff\0"


def node(transport: Transport = "memory", port: int = 0) -> Node:
    """Return broker 1, alone in its cluster."""
    loop = asyncio.get_running_loop()
    return Node(
        1,
        BrokerConfig.parse(1),
        cluster_id="AAAAAAAAAAAAAAAAAAAAAQ",
        voters=static_voters((1,)),
        seeds=Seeds("node"),
        place=Place(
            host=HOST,
            advertised_host=HOST,
            port=port,
            network=Network(loop, transport),
            storage=MemoryStorage(),
            clock=LoopClock(loop.time, lambda: 1_700_000_000_000),
        ),
    )


async def ask(port: int, body: bytes) -> bytes:
    """Send one frame and return the answer's correlation id, or nothing if it was closed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(len(body).to_bytes(4) + body)
    answer = await reader.read(8)
    writer.close()
    await writer.wait_closed()
    return answer[4:]


async def test_started_node_answers_and_is_unfenced() -> None:
    """The port is the bound one, and the broker registers by itself."""
    broker = node()
    await broker.start()
    await broker.ready(asyncio.get_running_loop().time() + 10)
    assert broker.port > 0
    assert await ask(broker.port, API_VERSIONS_V0) == b"\0\0\0\x07"
    assert broker.broker.image.is_active(1)
    await broker.stop()
    with pytest.raises(ConnectionRefusedError):
        await ask(broker.port, API_VERSIONS_V0)


@pytest.mark.parametrize("transport", ["memory", "tcp"])
async def test_clients_cannot_say_what_only_brokers_say(transport: Transport) -> None:
    """A request between brokers closes a client's connection."""
    broker = node(transport)
    await broker.start()
    await broker.ready(asyncio.get_running_loop().time() + 10)
    assert await ask(broker.port, ALTER_PARTITION_V3) == b""
    assert await ask(broker.port, API_VERSIONS_V0) == b"\0\0\0\x07"
    await broker.stop()


async def test_not_ready_in_time_is_an_error() -> None:
    """A deadline that has passed is not waited for."""
    broker = node()
    await broker.start()
    with pytest.raises(TimeoutError, match="broker 1"):
        await broker.ready(asyncio.get_running_loop().time() - 1)
    await broker.stop()


async def test_taken_port_leaves_nothing_behind() -> None:
    """`stop` clears up what had come up, and may be called without a start, too."""
    first = node()
    await first.start()
    await first.ready(asyncio.get_running_loop().time() + 10)
    second = node(port=first.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
    await first.stop()
    await node().stop()


async def test_clients_are_refused_until_the_broker_is_unfenced() -> None:
    """Before, it could only say that it knows nothing; the port is its own already."""
    broker = node()
    await broker.start()
    with pytest.raises(ConnectionRefusedError):
        await ask(broker.port, API_VERSIONS_V0)
    await broker.ready(asyncio.get_running_loop().time() + 10)
    assert await ask(broker.port, API_VERSIONS_V0) == b"\0\0\0\x07"
    await broker.stop()


async def test_broker_that_cannot_let_clients_in_says_so() -> None:
    """Somebody else may come to listen on the port between its start and its registration."""
    loop = asyncio.get_running_loop()
    told: list[str] = []
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))
    first, second = node(), None
    await first.start()
    second = node(port=first.port)
    await second.start()
    await first.ready(loop.time() + 10)
    with pytest.raises(OSError, match="in use"):
        await second.ready(loop.time() + 10)
    await second.stop()
    await first.stop()
    assert told == ["broker 1 lets no clients in"]


async def test_parts_are_there_only_after_the_start() -> None:
    """Asking for them earlier is a mistake that says so."""
    broker = node()
    with pytest.raises(AssertionError, match="not started"):
        _ = broker.broker
    with pytest.raises(AssertionError, match="not started"):
        _ = broker.dispatcher
