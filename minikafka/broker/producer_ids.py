"""Producer ids, taken from the controller in blocks. KIP-730. Counterpart: ProducerIdManager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ProducerId
from minikafka.broker.purgatory import settled
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["ProducerIds"]


class ProducerIds:
    """What is left of this broker's block; one request for the next is under way at a time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._next = 0
        self._end = 0
        self._refill: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []

    async def next(self) -> ProducerId:
        """Return an id of this broker's block, with a new block where it is used up.

        Raises:
            KafkaError: what the controller answers, or that it cannot be reached.
        """
        while self._next >= self._end:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            if self._refill is None:
                self._refill = self._broker.work.spawn(self._allocate())
                self._refill.on_done(self._refilled)
            await settled(waiter)
        self._next += 1
        return self._next - 1

    def _refilled(self, done: Deferred[None]) -> None:
        self._refill = None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            try:
                done.result()
            except Exception as error:  # noqa: BLE001 - each waiter raises it
                waiter.fail(error)
            else:
                waiter.set(None)

    async def _allocate(self) -> None:
        broker = self._broker
        request = build_request(
            ApiKey.ALLOCATE_PRODUCER_IDS,
            0,
            {"broker_id": broker.node_id, "broker_epoch": broker.lifecycle.broker_epoch},
        )
        response = await broker.forward(ApiKey.ALLOCATE_PRODUCER_IDS, 0, request)
        code = ErrorCode(int(response.error_code.value))
        if code != ErrorCode.NONE:
            raise KafkaError(code)
        self._next = int(response.producer_id_start)
        self._end = self._next + int(response.producer_id_len)
