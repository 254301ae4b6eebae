"""aiohttp runs unmodified: server and client, HTTP and WebSocket, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import aiohttp
from aiohttp import web

from minikafka.sim.loop import SimLoop
from minikafka.sim.world import Outcome, simulate


async def hello(request: web.Request) -> web.Response:
    """Answer after a second, with the length of what was posted."""
    body = await request.read()
    await asyncio.sleep(1)
    return web.json_response({"length": len(body), "name": request.match_info["name"]})


async def chat(request: web.Request) -> web.WebSocketResponse:
    """Echo every message in capitals."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(str(message.data).upper())
    return socket


async def serve() -> None:
    """Serve on port 8080 for ever."""
    app = web.Application()
    app.router.add_post("/hello/{name}", hello)
    app.router.add_get("/chat", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "server", 8080).start()
    await asyncio.Event().wait()


async def talk() -> list[Any]:
    """Post a large body, then speak over a WebSocket."""
    await asyncio.sleep(1)
    async with aiohttp.ClientSession("http://server:8080") as session:
        async with session.post("/hello/kafka", data=bytes(300_000)) as response:
            answer = await response.json()
        async with session.ws_connect("/chat") as socket:
            await socket.send_str("quiet")
            echoed = await socket.receive_str()
    return [answer, echoed, response.headers["Date"]]


def run(seed: int) -> Outcome:
    """Run both on hosts of their own."""

    async def main() -> Any:
        network = cast("SimLoop", asyncio.get_running_loop()).network
        network.host("server").start(serve)
        return await network.host("client").spawn(talk())

    return simulate(main, seed=seed)


def test_server_and_client_talk() -> None:
    """A post of 300 kB and a WebSocket, at a virtual date."""
    outcome = run(1)
    assert outcome.error is None, outcome.error
    assert outcome.value[:2] == [{"length": 300_000, "name": "kafka"}, "QUIET"]
    assert outcome.value[2].startswith("Wed, 01 Jan 2025")


def test_same_seed_is_the_same_conversation() -> None:
    """Masks of the WebSocket and the date in headers come from the seed, too."""
    assert run(3).hash == run(3).hash
    assert run(3).hash != run(4).hash
