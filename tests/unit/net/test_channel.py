"""Channels between brokers: the same behaviour over objects and over TCP.

Every test runs over both, so that what holds for replication over the one holds for the other.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.net.channel import ChannelClosed
from minikafka.net.network import Network, Transport
from minikafka.net.server import Server
from minikafka.wire.fetch import FetchRequest
from minikafka.wire.versions import ApiKey
from tests.unit.net.answerers import VERSION, Answerer, ends

both = pytest.mark.parametrize("transport", ["memory", "tcp"])


@both
async def test_answers_come_to_their_requests_in_order(transport: Transport) -> None:
    """A hundred at once, each with its own answer; the far end knows who asks."""
    async with ends(transport) as pair:
        for number in range(1, 101):
            pair.ask(number)
        await pair.until(*range(1, 101))
        assert pair.answerer.asked == list(range(1, 101))
        assert pair.answerer.clients[0] == "broker-1"


@both
async def test_answers_keep_request_order_whatever_finishes_first(
    transport: Transport,
) -> None:
    """A later answer waits for the earlier one, as on a connection."""
    async with ends(transport) as pair:
        pair.answerer.holding = True
        for number in (1, 2, 3):
            pair.ask(number)
        await pair.asked(3)
        pair.answerer.release(3)
        pair.answerer.release(2)
        await pair.turns()
        assert pair.answers == []
        pair.answerer.release(1)
        await pair.until(1, 2, 3)


@both
async def test_answer_never_comes_inside_the_request(transport: Transport) -> None:
    """Who asks can put its books in order first."""
    async with ends(transport) as pair:
        assert not pair.ask(1).done
        await pair.until(1)


@both
async def test_timeout_fails_all_that_is_outstanding(transport: Transport) -> None:
    """What waits behind the late one fails with it; the next request starts afresh."""
    async with ends(transport, timeout_ms=40) as pair:
        pair.answerer.holding = True
        for number in (1, 2, 3):
            pair.ask(number)
        await pair.until(*["ChannelClosed"] * 3)
        pair.answerer.holding = False
        pair.ask(4)
        await pair.until(*["ChannelClosed"] * 3, 4)


@both
async def test_no_timeout_for_what_is_answered(transport: Transport) -> None:
    """An answered request's deadline says nothing about the one behind it."""
    async with ends(transport, timeout_ms=60) as pair:
        for number in range(1, 9):
            pair.ask(number)
            await pair.until(*range(1, number + 1))
            await pair.turns()


@both
async def test_answer_from_before_a_reset_is_not_taken_for_a_new_one(
    transport: Transport,
) -> None:
    """Each request fails or is answered once, by what was answered to it."""
    async with ends(transport) as pair:
        pair.answerer.holding = True
        pair.ask(1)
        await pair.asked(1)
        pair.channel.reset("for the test")
        pair.ask(2)
        await pair.asked(2)
        pair.answerer.release(1)
        await pair.turns()
        assert pair.answers == ["ChannelClosed"]
        pair.answerer.release(2)
        await pair.until("ChannelClosed", 2)


@both
async def test_unknown_broker_refuses_until_it_is_there(transport: Transport) -> None:
    """Refused at once, not by a timeout; registered later, it answers."""
    async with ends(transport, registered=False) as pair:
        pair.ask(1)
        pair.ask(2)
        await pair.until("ChannelClosed", "ChannelClosed")
        pair.network.register(2, pair.answerer, "127.0.0.1", pair.server.port)
        pair.ask(3)
        await pair.until("ChannelClosed", "ChannelClosed", 3)
        pair.network.unregister(2)
        pair.channel.reset("for the test")
        pair.ask(4)
        await pair.until("ChannelClosed", "ChannelClosed", 3, "ChannelClosed")


@both
async def test_closed_channel_takes_nothing_more(transport: Transport) -> None:
    """What is outstanding fails, and what comes later fails at once."""
    async with ends(transport) as pair:
        pair.answerer.holding = True
        pair.ask(1)
        await pair.asked(1)
        pair.channel.close()
        assert pair.answers == ["ChannelClosed"]
        assert pair.ask(2).done
        assert pair.answers == ["ChannelClosed"] * 2


@both
async def test_cut_holds_requests_and_heal_delivers_them_in_order(
    transport: Transport,
) -> None:
    """Nothing arrives during the cut; everything after it, as if nothing had been."""
    async with ends(transport) as pair:
        pair.ask(1)
        await pair.until(1)
        pair.network.partition([1], [2])
        pair.ask(2)
        pair.ask(3)
        await pair.turns()
        assert pair.answerer.asked == [1]
        pair.network.heal()
        await pair.until(1, 2, 3)


@both
async def test_oneway_cut_of_the_way_back_holds_answers(transport: Transport) -> None:
    """The request is carried out, and nobody hears of it until the heal."""
    async with ends(transport) as pair:
        pair.network.partition([2], [1], oneway=True)
        pair.ask(1)
        await pair.asked(1)
        await pair.turns()
        assert pair.answers == []
        pair.network.heal()
        await pair.until(1)


@both
async def test_request_given_up_during_a_cut_is_not_sent_by_the_heal(
    transport: Transport,
) -> None:
    """Its connection is gone; only what was asked since is carried out."""
    async with ends(transport, timeout_ms=300) as pair:
        pair.ask(1)
        await pair.until(1)
        pair.network.partition([1], [2])
        pair.ask(2)
        pair.channel.reset("for the test")
        await pair.until(1, "ChannelClosed")
        pair.ask(3)
        pair.network.heal()
        await pair.until(1, "ChannelClosed", 3)
        assert pair.answerer.asked == [1, 3]


@both
async def test_latency_counts_both_ways(transport: Transport) -> None:
    """A round trip takes at least twice the latency of the link."""
    async with ends(transport) as pair:
        pair.network.set_link(1, 2, latency=0.02)
        loop = asyncio.get_running_loop()
        start = loop.time()
        pair.ask(1)
        await pair.until(1)
        assert loop.time() - start >= 0.04


@both
async def test_who_hears_of_a_failure_may_ask_again_at_once(transport: Transport) -> None:
    """A request from inside the failure belongs to the next connection."""
    async with ends(transport) as pair:
        pair.answerer.holding = True
        first = pair.channel.request(ApiKey.FETCH, VERSION, FetchRequest(max_wait_ms=1))

        def again(done: Deferred[Any]) -> None:
            with pytest.raises(ChannelClosed):
                done.result()
            pair.ask(2)

        first.on_done(again)
        await pair.asked(1)
        pair.answerer.holding = False
        pair.channel.reset("for the test")
        await pair.until(2)


@both
async def test_one_timer_watches_whoever_asks_again_at_each_timeout(
    transport: Transport,
) -> None:
    """A request from inside a timeout must not be watched twice, then four times, ..."""
    async with ends(transport, timeout_ms=10) as pair:
        pair.answerer.holding = True
        loop = asyncio.get_running_loop()
        armed: list[asyncio.TimerHandle] = []

        def again(done: Deferred[Any]) -> None:
            with pytest.raises(ChannelClosed):
                done.result()
            if len(armed) < 4:
                ask()

        def ask() -> None:
            request = FetchRequest(max_wait_ms=1)
            pair.channel.request(ApiKey.FETCH, VERSION, request).on_done(again)

        call_at = loop.call_at

        def counting(when: float, callback: Any, *args: Any, **kwargs: Any) -> Any:
            handle = call_at(when, callback, *args, **kwargs)
            if callback == pair.channel._on_watchdog:
                armed.append(handle)
            return handle

        pair.channel._loop = cast("Any", Watched(loop, counting))
        ask()
        for _ in range(2_000):
            if len(armed) >= 4 and not pair.channel._pending:
                break
            await asyncio.sleep(0.001)
        assert len(armed) == 4


class Watched:
    """A loop whose `call_at` somebody else looks at."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call_at: Any) -> None:
        self._real_loop = loop
        self.call_at = call_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real_loop, name)


async def test_connection_that_is_lost_before_we_have_it_fails_at_once() -> None:
    """Its `connection_lost` came too early to be heard, and no timeout is waited for."""
    async with ends("tcp", timeout_ms=60_000) as pair:
        loop = asyncio.get_running_loop()

        class Losing(Watched):
            async def create_connection(self, factory: Any, *address: Any) -> Any:
                transport, protocol = await loop.create_connection(factory, *address)
                transport.abort()
                await asyncio.sleep(0)
                return transport, protocol

        pair.channel._loop = cast("Any", Losing(loop, loop.call_at))
        pair.ask(1)
        await pair.until("ChannelClosed")
        pair.channel._loop = loop
        pair.ask(2)
        await pair.until("ChannelClosed", 2)


@both
async def test_broker_reaches_itself_without_a_socket(transport: Transport) -> None:
    """Whatever the transport: the answer comes though no address is known."""
    network = Network(asyncio.get_running_loop(), transport)
    answerer = Answerer()
    network.register(1, answerer, "nowhere.invalid", 1)
    channel = network.channel(1, 1, 5_000)
    answer = channel.request(ApiKey.FETCH, VERSION, FetchRequest(max_wait_ms=7))
    for _ in range(10):
        await asyncio.sleep(0)
    assert answer.result().session_id == 7
    channel.close()


@both
async def test_handler_that_closes_the_connection_fails_what_waits_on_it(
    transport: Transport,
) -> None:
    """Nobody is left without an answer, and the next request connects anew."""
    async with ends(transport) as pair:
        pair.ask(1)
        await pair.until(1)
        pair.answerer.closes_at = 2
        pair.ask(2)
        pair.ask(3)
        await pair.until(1, "ChannelClosed", "ChannelClosed")
        pair.ask(4)
        await pair.until(1, "ChannelClosed", "ChannelClosed", 4)


async def test_refusal_of_a_handler_is_an_error_of_the_object_channel() -> None:
    """In one process a KafkaError arrives as itself."""
    async with ends("memory") as pair:
        pair.answerer.holding = True
        answer = pair.ask(1)
        await pair.asked(1)
        pair.answerer.held[1].fail(KafkaError(ErrorCode.NOT_CONTROLLER))
        await pair.until("KafkaError")
        with pytest.raises(KafkaError, match="NOT_CONTROLLER"):
            answer.result()


async def test_connection_closed_by_the_far_end_fails_what_waits_on_it() -> None:
    """And the next request connects anew."""
    async with ends("tcp") as pair:
        pair.answerer.holding = True
        pair.ask(1)
        await pair.asked(1)
        await pair.server.stop()
        await pair.until("ChannelClosed")
        again = Server(pair.answerer, 1 << 20, pair.network.turns)
        await again.start("127.0.0.1", 0)
        pair.network.register(2, pair.answerer, "127.0.0.1", again.port)
        pair.answerer.holding = False
        pair.ask(2)
        await pair.until("ChannelClosed", 2)
        pair.channel.close()
        await again.stop()


async def test_request_fails_on_a_connection_that_is_about_to_be_lost() -> None:
    """The end of the stream was read, and we are told of it in a later turn."""
    async with ends("tcp", timeout_ms=60_000) as pair:
        pair.ask(1)
        await pair.until(1)
        transport = pair.channel._transport
        wrong: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: wrong.append(told))

        def writelines(buffers: object) -> None:
            # As CPython 3.13 does, which takes that for a mistake.
            raise TypeError("'NoneType' object is not callable")

        transport.writelines = writelines
        pair.ask(2)
        transport.close()
        await pair.until(1, "ChannelClosed")
        assert wrong == []


@pytest.mark.parametrize(
    "answer",
    [
        bytes(4),
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"\0\0\0\x01x",
        b"\0\0\0\x04\0\0\0\x63",
        b"\0\0\0\x08\0\0\0\x01\xff\xff\xff\xff",
    ],
    ids=["empty", "negative", "huge", "shorter than its number", "of nobody", "malformed"],
)
async def test_malformed_answer_closes_the_connection(answer: bytes) -> None:
    """What cannot be an answer fails the requests at once; no timeout is waited for."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(answer)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    network = Network(asyncio.get_running_loop(), "tcp")
    network.register(2, Answerer(), "127.0.0.1", server.sockets[0].getsockname()[1])
    channel = network.channel(1, 2, 60_000)
    asked = channel.request(ApiKey.FETCH, VERSION, FetchRequest())
    for _ in range(2_000):
        if asked.done:
            break
        await asyncio.sleep(0.001)
    with pytest.raises(ChannelClosed):
        asked.result()
    channel.close()
    server.close()
    await server.wait_closed()
