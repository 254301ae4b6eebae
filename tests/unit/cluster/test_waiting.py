"""Waiting for a condition: woken by changes, given up with the state shown."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.cluster.waiting import Changes


async def test_condition_that_holds_needs_no_change() -> None:
    """A predicate that is true is not waited for."""
    await Changes().wait_until(lambda: True, 0.0, lambda: "unused")


async def test_change_wakes_the_waiter_in_the_same_turn() -> None:
    """After a change the predicate is asked again without any time passing."""
    changes, seen = Changes(), [False]
    loop = asyncio.get_running_loop()
    task = loop.create_task(changes.wait_until(lambda: seen[0], 5.0, lambda: "unused"))
    await asyncio.sleep(0)
    seen[0] = True
    changes.note()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert task.done()
    await task


async def test_condition_that_no_broker_reports_is_seen_too() -> None:
    """A predicate may ask about a client: it is asked again without any change."""
    seen: list[int] = []
    asyncio.get_running_loop().call_soon(seen.append, 1)
    await Changes().wait_until(lambda: bool(seen), 5.0, lambda: "unused")


async def test_failure_shows_how_the_cluster_stands() -> None:
    """The message of a wait that failed has the limit and the state."""
    with pytest.raises(TimeoutError, match=r"within 0\.02 s(.|\n)*leader=none"):
        await Changes().wait_until(lambda: False, 0.02, lambda: "orders-0: leader=none")


async def test_cancelled_waiter_is_forgotten() -> None:
    """Cancelling a wait leaves nothing for the next change to wake."""
    changes = Changes()
    task = asyncio.get_running_loop().create_task(changes.wait(5.0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert changes.waiting == 0
