"""A run as a whole: what comes of it, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any, cast

import pytest

from minikafka.sim.loop import SimLoop
from minikafka.sim.world import simulate


class Client:
    """Like many: it knows who waits for it, and complains when it is let go of unclosed."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiter.add_done_callback(self._hear)

    def _hear(self, waiter: asyncio.Future[None]) -> None: ...


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_clients_are_gone_with_the_run(crash: bool, fails: bool) -> None:
    """Else they would complain in the middle of whatever comes next."""
    left: list[weakref.ref[Any]] = []

    async def application() -> None:
        client = Client()
        left.append(weakref.ref(client))
        try:
            await client.waiter
        finally:
            # Ending it makes something due: for the others, too.
            asyncio.get_running_loop().call_soon(client._hear, client.waiter)

    async def main() -> None:
        loop = cast("SimLoop", asyncio.get_running_loop())
        host = loop.network.host("app")
        for _ in range(3):
            host.spawn(application())
        await asyncio.sleep(1)
        if crash:
            host.crash()
        if fails:
            raise ValueError("no more")

    assert gc.isenabled()
    outcome = simulate(main, seed=1)
    gc.disable()
    try:
        assert (outcome.error is not None) == fails
        assert [client() for client in left] == [None] * 3
    finally:
        gc.enable()
