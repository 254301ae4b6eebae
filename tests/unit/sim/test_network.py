"""Links, partitions and connections between hosts."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import pytest

from minikafka.sim.loop import SimLoop
from minikafka.sim.world import simulate


def value(main: Callable[[SimLoop], Awaitable[Any]], seed: int = 1) -> Any:
    """Return what a run returns, or raise what it raises."""

    async def entry() -> Any:
        return await main(cast("SimLoop", asyncio.get_running_loop()))

    outcome = simulate(entry, seed=seed)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


_kept: list[object] = []


@pytest.fixture(autouse=True)
def connections_kept() -> Iterator[None]:
    """Keep the connections of a run until it is over: nobody closes them in these tests."""
    yield
    _kept.clear()


async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the server, and keep the connection."""
    pair = await asyncio.open_connection("server", 5_000)
    _kept.append(pair)
    return pair


def serve(loop: SimLoop, name: str = "server", port: int = 5_000) -> list[tuple[float, object]]:
    """Start an echo server on a host; return what it sees, with the time."""
    seen: list[tuple[float, object]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                seen.append((loop.time(), data))
                writer.write(data)
            seen.append((loop.time(), "eof"))
            writer.close()
        except OSError as error:
            seen.append((loop.time(), type(error)))

    async def boot() -> None:
        server = await asyncio.start_server(handle, None, port)
        await server.serve_forever()

    loop.network.host(name).start(boot)
    return seen


async def on(loop: SimLoop, name: str, work: Awaitable[Any]) -> Any:
    """Return what a coroutine does on a host."""
    return await loop.network.host(name).spawn(cast("Any", work))


def test_latency_is_what_the_link_says() -> None:
    """A request and its answer cross the link once each."""

    async def main(loop: SimLoop) -> float:
        serve(loop)
        loop.network.set_link("client", "server", latency=(0.1, 0.1))

        async def ask() -> float:
            await asyncio.sleep(1)
            reader, writer = await dial()
            began = loop.time()
            writer.write(b"x")
            await reader.readexactly(1)
            return loop.time() - began

        return cast("float", await on(loop, "client", ask()))

    assert value(main) == pytest.approx(0.2, abs=0.001)


def test_bandwidth_is_shared_by_the_connections_of_a_link() -> None:
    """Two megabytes over one megabyte per second take two seconds, however many connections."""

    async def main(loop: SimLoop) -> float:
        serve(loop)
        loop.network.set_link("client", "server", bandwidth=1_000_000.0)

        async def send() -> None:
            reader, writer = await dial()
            writer.write(bytes(1_000_000))
            await reader.readexactly(1_000_000)

        async def both() -> float:
            await asyncio.sleep(1)
            began = loop.time()
            await asyncio.gather(send(), send())
            return loop.time() - began

        return cast("float", await on(loop, "client", both()))

    assert 2.0 <= value(main) < 3.0


def test_unknown_name_is_what_a_resolver_says() -> None:
    """A host that nobody mentioned does not resolve."""

    async def main(loop: SimLoop) -> None:
        await asyncio.open_connection("nowhere", 1)

    with pytest.raises(socket.gaierror):
        value(main)


def test_partition_holds_what_is_sent_until_the_heal() -> None:
    """Nothing arrives through a cut; a retransmission brings it after the heal, in order."""

    async def main(loop: SimLoop) -> list[tuple[float, object]]:
        seen = serve(loop)

        async def send() -> None:
            await asyncio.sleep(1)
            _, writer = await dial()
            loop.network.partition("client", "server")
            writer.write(b"one")
            await asyncio.sleep(5)
            writer.write(b"two")
            loop.network.heal()
            await asyncio.sleep(20)

        await on(loop, "client", send())
        return seen

    seen = value(main)
    assert b"".join(cast("bytes", data) for _, data in seen) == b"onetwo"
    assert 6.0 <= seen[0][0] < 12.0


def test_what_overtakes_a_lost_segment_waits_for_it() -> None:
    """The cut takes the first write only; the second is there before it has been sent again."""

    async def main(loop: SimLoop) -> list[tuple[float, object]]:
        async def send() -> None:
            await asyncio.sleep(1)
            _, writer = await dial()
            loop.network.set_link("client", "server", latency=(1.0, 1.0))
            for data, pause_s in ((b"one", 0.9), (b"two", 0.0)):
                writer.write(data)
                await asyncio.sleep(pause_s)
            loop.network.partition("client", "server")
            loop.at_ns(loop.now_ns + 200_000_000, loop.network.heal)
            await asyncio.sleep(20)

        seen = serve(loop)
        await on(loop, "client", send())
        return seen

    assert b"".join(cast("bytes", data) for _, data in value(main)) == b"onetwo"


def test_oneway_partition_lets_requests_in_and_no_answer_out() -> None:
    """The server hears and is not heard."""

    async def main(loop: SimLoop) -> tuple[list[tuple[float, object]], bool]:
        seen = serve(loop)

        async def ask() -> bool:
            await asyncio.sleep(1)
            reader, writer = await dial()
            loop.network.partition("server", "client", oneway=True)
            writer.write(b"x")
            try:
                async with asyncio.timeout(30):
                    await reader.read(1)
            except TimeoutError:
                return True
            return False

        return seen, await on(loop, "client", ask())

    seen, timed_out = value(main)
    assert [data for _, data in seen] == [b"x"]
    assert timed_out


def test_connecting_through_a_cut_is_retried_and_succeeds_after_the_heal() -> None:
    """SYNs are sent again after 1, 2, 4 ... seconds."""

    async def main(loop: SimLoop) -> float:
        serve(loop)
        loop.network.partition("client", "server")
        loop.at_ns(6_000_000_000, loop.network.heal)

        async def connect() -> float:
            await dial()
            return loop.time()

        return cast("float", await on(loop, "client", connect()))

    assert value(main) == pytest.approx(7.0, abs=0.1)


def test_connecting_to_silence_gives_up_after_two_minutes() -> None:
    """A machine without power answers no SYN: ETIMEDOUT after 127 s."""

    async def main(loop: SimLoop) -> float:
        serve(loop)
        loop.network.host("server").crash("power")

        async def connect() -> float:
            with pytest.raises(TimeoutError) as caught:
                await dial()
            assert caught.value.errno == errno.ETIMEDOUT
            return loop.time()

        return cast("float", await on(loop, "client", connect()))

    assert value(main) == pytest.approx(127, abs=1)


def test_killed_process_closes_its_connections_and_refuses_new_ones() -> None:
    """Its kernel lives on and says so at once."""

    async def main(loop: SimLoop) -> bytes:
        serve(loop)

        async def stay() -> bytes:
            await asyncio.sleep(1)
            reader, _ = await dial()
            loop.network.host("server").crash("kill")
            ended = await reader.read()
            with pytest.raises(ConnectionRefusedError):
                await dial()
            return ended

        return cast("bytes", await on(loop, "client", stay()))

    assert value(main) == b""


def test_connection_to_a_machine_that_lost_power_is_half_open() -> None:
    """Its peer believes in it until it hears from the restarted machine that there is none."""

    async def main(loop: SimLoop) -> tuple[bool, bool]:
        serve(loop)

        async def stay() -> tuple[bool, bool]:
            await asyncio.sleep(1)
            reader, writer = await dial()
            loop.network.host("server").crash("power")
            writer.write(b"x")
            await asyncio.sleep(30)
            before = writer.is_closing()
            loop.network.host("server").restart()
            await asyncio.sleep(120)
            return before, reader.at_eof() or writer.is_closing()

        return cast("tuple[bool, bool]", await on(loop, "client", stay()))

    assert value(main) == (False, True)


def test_sender_gives_up_after_a_quarter_of_an_hour() -> None:
    """What is never acknowledged ends in ETIMEDOUT at the sender, as tcp_retries2 has it."""

    async def main(loop: SimLoop) -> float:
        serve(loop)

        async def stay() -> float:
            await asyncio.sleep(1)
            reader, writer = await dial()
            loop.network.partition("client", "server")
            writer.write(b"x")
            with pytest.raises(TimeoutError):
                await reader.read(1)
            return loop.time()

        return cast("float", await on(loop, "client", stay()))

    assert 900 < value(main) < 1_100


def test_reset_ends_connections_at_both_ends() -> None:
    """A reset is seen by client and server, and counted."""

    async def main(loop: SimLoop) -> tuple[int, object]:
        seen = serve(loop)

        async def stay() -> int:
            await asyncio.sleep(1)
            reader, _ = await dial()
            await asyncio.sleep(1)
            count = loop.network.reset("server", "client")
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            return count

        return await on(loop, "client", stay()), seen[-1][1]

    assert value(main) == (1, ConnectionResetError)


def test_refusing_host_accepts_again_afterwards() -> None:
    """Connections are refused while a host refuses, and established ones live on."""

    async def main(loop: SimLoop) -> bytes:
        serve(loop)

        async def stay() -> bytes:
            await asyncio.sleep(1)
            reader, writer = await dial()
            loop.network.refuse("server")
            with pytest.raises(ConnectionRefusedError):
                await dial()
            writer.write(b"x")
            echoed = await reader.readexactly(1)
            loop.network.refuse("server", refuse=False)
            await dial()
            return echoed

        return cast("bytes", await on(loop, "client", stay()))

    assert value(main) == b"x"


def test_lossy_link_is_slow_and_loses_nothing() -> None:
    """A lost segment is retransmitted: it comes late, and in order."""

    async def main(loop: SimLoop) -> tuple[bytes, float]:
        seen = serve(loop)
        loop.network.set_link("client", "server", loss=0.3)

        async def send() -> None:
            await asyncio.sleep(1)
            _, writer = await dial()
            for number in range(100):
                writer.write(bytes([number]))
            await asyncio.sleep(60)

        await on(loop, "client", send())
        return b"".join(cast("bytes", data) for _, data in seen), seen[-1][0]

    data, at = value(main)
    assert data == bytes(range(100))
    assert at > 1.2


def test_paused_process_is_connected_to_and_answers_later() -> None:
    """Its kernel takes connections and data; the program sees them when it goes on."""

    async def main(loop: SimLoop) -> float:
        serve(loop)

        async def ask() -> float:
            await asyncio.sleep(1)
            loop.network.host("server").pause(20)
            reader, writer = await dial()
            assert loop.time() < 2
            writer.write(b"x")
            await reader.readexactly(1)
            return loop.time()

        return cast("float", await on(loop, "client", ask()))

    assert value(main) == pytest.approx(21, abs=0.1)


def test_cut_in_the_middle_of_a_stream_keeps_its_order() -> None:
    """What was on its way when the link was cut stays before what was sent after."""

    async def main(loop: SimLoop) -> bytes:
        seen = serve(loop)
        loop.network.set_link("client", "server", latency=(0.05, 0.05))

        async def send() -> None:
            await asyncio.sleep(1)
            _, writer = await dial()
            writer.write(b"one")
            await asyncio.sleep(0.02)
            loop.network.partition("client", "server")
            writer.write(b"two")
            await asyncio.sleep(3)
            loop.network.heal()
            await asyncio.sleep(20)

        await on(loop, "client", send())
        return b"".join(cast("bytes", data) for _, data in seen)

    assert value(main) == b"onetwo"
