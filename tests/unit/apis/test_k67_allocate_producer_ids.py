"""AllocateProducerIds: blocks that never overlap."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def test_blocks_follow_each_other() -> None:
    """No producer id is in two blocks, whichever broker asks."""
    stub = BrokerStub()
    blocks = []
    for broker_id in (1, 2):
        epoch = stub.image.brokers[broker_id].broker_epoch
        answer = await stub.ask(67, 0, broker_id=broker_id, broker_epoch=epoch)
        assert code(answer) == ErrorCode.NONE
        blocks.append((answer.producer_id_start, answer.producer_id_len))
    stub.close()
    assert blocks == [(0, 1000), (1000, 1000)]


async def test_stale_broker_epoch_gets_no_block() -> None:
    """Only the broker that is registered is given ids."""
    stub = BrokerStub()
    answer = await stub.ask(67, 0, broker_id=1, broker_epoch=999)
    stub.close()
    assert (code(answer), answer.producer_id_len) == (ErrorCode.STALE_BROKER_EPOCH, 0)
