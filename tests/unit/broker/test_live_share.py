"""A share-partition at its leader: what it has written down before it goes, and who comes after."""

from __future__ import annotations

import asyncio
from typing import Any

from minikafka.shares.records import ShareKey
from minikafka.shares.share_partition import AcknowledgementBatch
from tests.support.broker_stub import BrokerStub
from tests.support.share_stub import MEMBER, fetch, join, sharing


class SlowPersister:
    """Lets writes wait until they may go on; reads are at once.

    Attributes:
        wanted: whether the last write was wanted still when it went on.
    """

    def __init__(self, stub: BrokerStub) -> None:
        self.began, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.wanted: bool | None = None
        self._real: Any = stub.persister
        stub.persister = self  # type: ignore[assignment]  # stands for it

    async def read(self, *arguments: Any) -> Any:
        """Return what is known."""
        return await self._real.read(*arguments)

    async def write(self, *arguments: Any) -> None:
        """Write when it may."""
        self.began.set()
        await self.may_go_on.wait()
        self.wanted = arguments[-1]()
        await self._real.write(*arguments)


async def holding() -> tuple[BrokerStub, SlowPersister, ShareKey]:
    """Return a broker where a member holds offset 0 of two, and a persister that waits."""
    stub = await sharing()
    await join(stub)
    await fetch(stub, 0)
    stub.append("t", 1)
    await fetch(stub, 1)
    [key] = stub.shares._live
    return stub, SlowPersister(stub), key


async def test_what_was_sent_before_it_went_is_known_to_the_next() -> None:
    """What a member is told to be done is not given to anybody after that."""
    stub, persister, key = await holding()
    answer = stub.shares.acknowledge(key, MEMBER, [AcknowledgementBatch(0, 0, (1,))])
    running = asyncio.get_running_loop().create_task(stub.run_spawned())
    await persister.began.wait()
    former = stub.shares.find(key)
    assert former is not None
    former.drop()
    live = stub.shares.open(key, "t")
    loading = asyncio.get_running_loop().create_task(stub.run_spawned())
    for _ in range(9):
        await asyncio.sleep(0)
    assert former.is_writing
    assert live.share is None
    persister.may_go_on.set()
    await running
    await loading
    answer.result()
    stub.close()
    assert not former.is_writing
    assert persister.wanted is False
    assert live.share is not None
    assert live.share.start_offset == 1


async def test_who_comes_after_one_that_never_began_waits_as_that_one_did() -> None:
    """What was sent long ago is still on its way, and would come after what it has read."""
    stub, persister, key = await holding()
    stub.shares.acknowledge(key, MEMBER, [AcknowledgementBatch(0, 0, (1,))])
    running = [asyncio.get_running_loop().create_task(stub.run_spawned())]
    await persister.began.wait()
    for _ in range(2):
        live = stub.shares.find(key)
        assert live is not None
        live.drop()
        live = stub.shares.open(key, "t")
        running.append(asyncio.get_running_loop().create_task(stub.run_spawned()))
    for _ in range(9):
        await asyncio.sleep(0)
    assert live.share is None
    persister.may_go_on.set()
    for each in running:
        await each
    stub.close()
    assert live.share is not None
    assert live.share.start_offset == 1
    assert stub.shares._ending == {}


async def test_who_follows_at_once_where_nothing_is_on_its_way() -> None:
    """It has nothing to wait for; the group begins at the end, as nothing is written down yet."""
    stub, _, key = await holding()
    former = stub.shares.find(key)
    assert former is not None
    former.drop()
    live = stub.shares.open(key, "t")
    await stub.run_spawned()
    stub.close()
    assert live.share is not None
    assert (live.share.start_offset, live.error) == (1, None)
