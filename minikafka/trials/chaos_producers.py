"""Kinds of faults of idempotent producers: requests and answers that get lost in a pipeline.

aiokafka sends one batch of a partition at a time; Kafka's own client sends five. The names are
those of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.client import Client, ProduceResult, ProducerIdResult
from minikafka.cluster.partition_state import Record

if TYPE_CHECKING:
    from minikafka.trials.simulation import Simulation

__all__ = ["PRODUCER_KINDS", "pipelined_producer"]

PIPELINED = "pipelined"
IN_FLIGHT = 5
"""Batches on the way at once: as many as a log knows again (max.in.flight.requests)."""
_ANSWER_S = 2.5
_TIMEOUT_MS = 2_000
_LOST = 0.3
"""How often a request, or its answer, does not arrive."""
_BUMPS = 0.2
_ATTEMPTS = 6
BRIEF = {"retention.ms": 2_000, "segment.ms": 500}
"""Where retention is looked at often enough, the log forgets producers that still write."""


@dataclass
class _Sent:
    """One batch; `offset` once it was acknowledged."""

    epoch: int
    sequence: int
    records: tuple[Record, ...]
    offset: int | None = None


class _Pipeline:
    """An idempotent producer with several batches on the way to one partition."""

    def __init__(
        self, simulation: Simulation, client: Client, identity: ProducerIdResult, draws: Random
    ) -> None:
        self._loop = simulation.loop
        self._client = client
        self._producer_id = identity.producer_id
        self._epoch = identity.producer_epoch
        self._draws = draws
        self._next = 0
        self._done: list[_Sent] = []

    async def round(self) -> None:
        """Send some batches, until all are acknowledged or it has been tried often enough.

        Raises:
            KafkaError: OUT_OF_ORDER_SEQUENCE_NUMBER where that cannot pass.
        """
        window = [self._made() for _ in range(self._draws.randint(2, IN_FLIGHT))]
        for _ in range(_ATTEMPTS):
            left = [sent for sent in window if sent.offset is None]
            if not left:
                break
            await self._send_all(left)
        else:
            raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "never acknowledged")
        self._done = [*self._done, *window][-IN_FLIGHT:]
        if self._draws.random() < _LOST:
            # An answer that was thought lost: the batch comes once more.
            await self._send_all([self._done[self._draws.randrange(len(self._done))]])
        if self._draws.random() < _BUMPS:
            # As Kafka's client does where it cannot tell what became of a batch (KIP-360).
            self._epoch, self._next = self._epoch + 1, 0

    def _made(self) -> _Sent:
        count = self._draws.randint(1, 3)
        now_timestamp_ms = self._loop.wall_ns() // 1_000_000
        values = [b"%d-%d" % (self._producer_id, self._next + at) for at in range(count)]
        records = tuple(
            Record(PIPELINED, 0, -1, now_timestamp_ms, None, value) for value in values
        )
        sent = _Sent(self._epoch, self._next, records)
        self._next += count
        return sent

    async def _send_all(self, batches: list[_Sent]) -> None:
        """Send batches at once, in their order; some get lost on the way, or their answers do."""
        loop = asyncio.get_running_loop()
        on_the_way = [
            (sent, loop.create_task(self._send(sent)))
            for sent in batches
            if self._draws.random() >= _LOST / 2
        ]
        for sent, task in on_the_way:
            try:
                offset = await task
            except (KafkaError, TimeoutError):
                continue
            if self._draws.random() >= _LOST:
                sent.offset = offset

    async def _send(self, sent: _Sent) -> int:
        result: Coroutine[Any, Any, ProduceResult] = self._client.produce(
            PIPELINED,
            0,
            sent.records,
            producer_id=self._producer_id,
            producer_epoch=sent.epoch,
            base_sequence=sent.sequence,
            timeout_ms=_TIMEOUT_MS,
        )
        async with asyncio.timeout(_ANSWER_S):
            return (await result).base_offset


async def pipelined_producer(simulation: Simulation, draws: Random) -> None:
    """Let an idempotent producer send some rounds of batches, and lose some of them."""
    cluster, image = simulation.cluster, simulation.invariants.ghost.image
    simulation.faults += 1
    try:
        if image is not None and PIPELINED not in image.topics:
            await cluster.create_topic(PIPELINED, config=BRIEF)
        client = cluster.client()
        pipeline = _Pipeline(simulation, client, await client.init_producer_id(), draws)
        for _ in range(draws.randint(3, 8)):
            await pipeline.round()
    except (KafkaError, TimeoutError):
        return


PRODUCER_KINDS = (pipelined_producer,)
"""Every kind of this file, in a fixed order."""
