"""UnregisterBroker: an id becomes free."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def test_unregistered_broker_is_gone_from_isr_and_metadata() -> None:
    """It stays a replica of what it held; a second time it is not registered."""
    stub = BrokerStub()
    await stub.create("t", [[3, 1]])
    first = await stub.ask(64, 0, broker_id=3)
    again = await stub.ask(64, 0, broker_id=3)
    stub.close()
    assert code(first) is ErrorCode.NONE
    assert code(again) is ErrorCode.BROKER_ID_NOT_REGISTERED
    assert again.error_message == "Broker ID 3 is not currently registered"
    state = stub.image.topics["t"].partitions[0]
    assert (state.replicas, state.isr, state.leader) == ((3, 1), (1,), 1)
    assert sorted(stub.image.brokers) == [1, 2]
