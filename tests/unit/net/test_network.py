"""The network of one cluster: which way a channel goes, and what is said about links."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.net.channel import ChannelClosed, MemoryChannel, TcpChannel
from minikafka.net.network import Network
from minikafka.wire.fetch import FetchRequest
from minikafka.wire.versions import ApiKey
from tests.unit.net.answerers import VERSION, ends


@pytest.mark.parametrize(
    ("transport", "target", "kind"),
    [
        ("memory", 2, MemoryChannel),
        ("memory", 1, MemoryChannel),
        ("tcp", 2, TcpChannel),
        ("tcp", 1, MemoryChannel),
    ],
)
async def test_channel_goes_by_the_transport_but_to_oneself_by_memory(
    transport: str, target: int, kind: type
) -> None:
    """A broker needs no socket to reach itself."""
    network = Network(asyncio.get_running_loop(), transport)  # type: ignore[arg-type]
    channel = network.channel(1, target, 100)
    assert type(channel) is kind
    assert (channel.source, channel.target) == (1, target)
    channel.close()


@pytest.mark.parametrize("transport", ["memory", "tcp"])
async def test_broker_that_is_forgotten_is_refused(transport: str) -> None:
    """Also on a channel that reached it before; known again, it is reached again."""
    async with ends(transport) as pair:  # type: ignore[arg-type]
        pair.ask(1)
        await pair.until(1)
        pair.network.unregister(2)
        unknown = pair.network.channel(1, 2, 1_000)
        unknown.request(ApiKey.FETCH, VERSION, FetchRequest()).on_done(pair._note)
        await pair.until(1, ChannelClosed.__name__)
        unknown.close()
        pair.network.register(2, pair.answerer, "127.0.0.1", pair.server.port)
        pair.ask(2)
        await pair.until(1, ChannelClosed.__name__, 2)


async def test_forgetting_who_was_never_there_is_nothing() -> None:
    """A node that failed to start is stopped like any other."""
    Network(asyncio.get_running_loop()).unregister(7)


async def test_links_are_cut_and_healed_through_it() -> None:
    """One way or both, and all of them whole again with one word."""
    network = Network(asyncio.get_running_loop())
    cut = network.links.is_cut
    network.partition([1], [2], oneway=True)
    network.partition([2], [3])
    assert [cut(1, 2), cut(2, 1), cut(2, 3), cut(3, 2)] == [True, False, True, True]
    network.heal()
    assert not any((cut(1, 2), cut(2, 3), cut(3, 2)))


async def test_latency_delays_both_ways() -> None:
    """A request takes the link twice; healed, it takes no time."""
    async with ends("memory") as pair:
        loop = asyncio.get_running_loop()
        pair.network.set_link(1, 2, latency=0.02)
        started = loop.time()
        pair.ask(1)
        await pair.until(1)
        assert loop.time() - started >= 0.039
        pair.network.heal()
        pair.ask(2)
        await pair.turns()
        assert pair.answers == [1, 2]


async def test_address_is_learnt_where_nobody_has_given_one() -> None:
    """From metadata: the newest registration counts; what was registered here comes first."""
    network = Network(asyncio.get_running_loop(), "tcp", {1: ("given", 1)})
    network.learn(1, 9, "told", 2)
    network.learn(2, 9, "new", 3)
    network.learn(2, 8, "old", 4)
    assert [network._address(broker) for broker in (1, 2, 3)] == [
        ("given", 1),
        ("new", 3),
        None,
    ]
    network.learn(2, 9, "moved", 5)
    assert network._address(2) == ("moved", 5)
