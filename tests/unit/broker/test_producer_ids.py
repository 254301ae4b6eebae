"""Blocks of producer ids: one request at a time, and what its failure means to who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.producer_ids import ProducerIds
from minikafka.wire.shapes import build_response
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

BLOCK = 3
BROKER_EPOCH = 9


class Source:
    """A broker whose controller gives blocks of three, and what it was asked."""

    def __init__(self) -> None:
        self.node_id = 2
        self.lifecycle = SimpleNamespace(broker_epoch=BROKER_EPOCH)
        self.asked: list[tuple[int, int]] = []
        self.failures: list[KafkaError | ErrorCode] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.work = self  # as a broker has it
        self.ids = ProducerIds(cast("Broker", self))

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        """Run a coroutine as the broker does."""
        answer: Deferred[Any] = Deferred()

        async def run() -> None:
            try:
                answer.set(await coroutine)
            except KafkaError as error:
                answer.fail(error)

        self.tasks.append(asyncio.get_running_loop().create_task(run()))
        return answer

    async def forward(self, api_key: int, version: int, request: Any) -> Any:
        """Answer for the controller."""
        assert api_key == ApiKey.ALLOCATE_PRODUCER_IDS
        self.asked.append((request.broker_id, request.broker_epoch))
        await asyncio.sleep(0)
        start = 1_000 * len(self.asked)
        shape = {"error_code": 0, "producer_id_start": start, "producer_id_len": BLOCK}
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, KafkaError):
                raise failure
            shape = {"error_code": failure}
        return build_response(ApiKey.ALLOCATE_PRODUCER_IDS, version, shape)


async def test_block_is_used_up_before_the_next_is_asked_for() -> None:
    """Ids go up through a block; the request names this broker and its registration."""
    source = Source()
    given = [await source.ids.next() for _ in range(BLOCK + 1)]
    assert given == [1_000, 1_001, 1_002, 2_000]
    assert source.asked == [(2, BROKER_EPOCH)] * 2


async def test_those_who_ask_together_share_blocks() -> None:
    """More than a block holds: everybody gets an id, none twice, with as few requests as can be."""
    source = Source()
    given = await asyncio.gather(*(source.ids.next() for _ in range(2 * BLOCK + 1)))
    assert sorted(given) == [1_000, 1_001, 1_002, 2_000, 2_001, 2_002, 3_000]
    assert len(source.asked) == 3


@pytest.mark.parametrize(
    "failure",
    [KafkaError(ErrorCode.REQUEST_TIMED_OUT), ErrorCode.STALE_BROKER_EPOCH],
    ids=["not reached", "refused"],
)
async def test_failure_reaches_all_who_wait_and_nobody_later(
    failure: KafkaError | ErrorCode,
) -> None:
    """Its code is raised to each of them; the next one asks again."""
    source = Source()
    source.failures.append(failure)
    results = await asyncio.gather(
        *(source.ids.next() for _ in range(3)), return_exceptions=True
    )
    code = failure.code if isinstance(failure, KafkaError) else failure
    assert [getattr(result, "code", None) for result in results] == [code] * 3
    assert await source.ids.next() == 2_000
