"""The HTTP API in virtual time: of a simulated cluster, asked by a program on another machine."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from minikafka.http.server import HttpServer
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation

CONFIG = {"broker.session.timeout.ms": 2_000, "broker.heartbeat.interval.ms": 500}
RECORDS = "/v1/topics/orders/partitions/0/records"
TOKEN = {"Authorization": "Bearer s3cret"}


async def scenario(s: Simulation) -> list[Any]:
    """Write and read over HTTP, wait for a record, and see an election in the events."""

    async def serve() -> None:
        async with HttpServer(
            s.cluster, host="http", port=8080, token="s3cret", hosts=("http",)
        ):
            await asyncio.Event().wait()

    async def ask() -> list[Any]:
        seen: list[Any] = []
        async with aiohttp.ClientSession("http://http:8080", headers=TOKEN) as session:
            async with session.post("/v1/topics", json={"name": "orders"}) as answer:
                leader = (await answer.json())["partitions"][0]["leader"]
            body = {"records": [{"value": "a"}]}
            async with session.post(RECORDS, json=body) as answer:
                seen.append((await answer.json())["base_offset"])
            async with session.get("/v1/events") as events:
                await events.content.readline()
                s.broker(leader).crash()
                async for line in events.content:
                    if line == b"event: leader\n":
                        break
            seen.append(s.cluster.leader("orders", 0) != leader)
            async with session.get(f"{RECORDS}?offset=0") as answer:
                seen += [record["value"] for record in (await answer.json())["records"]]
        return seen

    serving = s.host("http").spawn(serve())
    await s.sleep(1)
    seen = await s.host("shop").spawn(ask())
    serving.cancel()
    return seen


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_api_of_a_simulated_cluster_answers_and_replays() -> None:
    """It is one more program there: same seed, same trace."""
    first, second = (run(scenario, seed=5, config=CONFIG, keep_trace=False) for _ in range(2))
    assert first.error is None, first.text()
    assert first.value == [0, True, "a"]
    assert first.hash == second.hash
