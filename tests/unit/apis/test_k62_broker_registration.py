"""BrokerRegistration: one process takes a broker id."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import CLUSTER_ID, BrokerStub, code, registered

LISTENERS = [{"name": "PLAINTEXT", "host": "h", "port": 9, "security_protocol": 0}]
FOR_BROKERS = {"name": "REPLICATION", "host": "b", "port": 8, "security_protocol": 0}


async def register(stub: BrokerStub, version: int = 4, **more: Any) -> tuple[ErrorCode, int]:
    """Return code and broker epoch."""
    fields = {
        "broker_id": 4,
        "cluster_id": CLUSTER_ID,
        "incarnation_id": uuid.UUID(int=7),
        "listeners": LISTENERS,
        "rack": "r1",
        **more,
    }
    answer = await stub.ask(62, version, **fields)
    stub.close()
    return code(answer), answer.broker_epoch


@pytest.mark.parametrize("version", registered(62))
async def test_new_broker_is_fenced_with_an_epoch_of_its_own(version: int) -> None:
    """The registration holds address and rack, and its number grows with the metadata."""
    stub = BrokerStub()
    error, broker_epoch = await register(stub, version)
    broker = stub.image.brokers[4]
    assert (error, broker.broker_epoch) == (ErrorCode.NONE, broker_epoch)
    assert (broker.host, broker.port, broker.rack, broker.fenced) == ("h", 9, "r1", True)
    assert broker_epoch > max(stub.image.brokers[each].broker_epoch for each in (1, 2, 3))


@pytest.mark.parametrize(
    ("version", "clean", "elr"),
    [(4, True, (3,)), (3, True, (3,)), (4, False, ()), (2, True, ())],
)
async def test_only_the_epoch_of_the_last_registration_proves_a_clean_shutdown(
    version: int, clean: bool, elr: tuple[int, ...]
) -> None:
    """KIP-966: else the broker is in no ISR and no ELR when it is answered; before version 3, too."""
    stub = BrokerStub()
    await stub.create("t", [[1, 3]], min_insync_replicas="2")
    former = stub.image.brokers[3].broker_epoch
    stub.fence(3)
    more = {"previous_broker_epoch": former if clean else former - 1} if version >= 3 else {}
    error, _ = await register(stub, version, broker_id=3, **more)
    state = stub.image.topics["t"].partitions[0]
    assert (error, state.isr, state.elr) == (ErrorCode.NONE, (1,), elr)


@pytest.mark.parametrize(
    ("more", "want"),
    [
        ({"cluster_id": "other"}, ErrorCode.INCONSISTENT_CLUSTER_ID),
        ({"listeners": []}, ErrorCode.INVALID_REGISTRATION),
        ({"listeners": [FOR_BROKERS]}, ErrorCode.INVALID_REGISTRATION),
        ({"broker_id": 2}, ErrorCode.DUPLICATE_BROKER_REGISTRATION),
    ],
)
async def test_wrong_registration_is_refused(more: dict[str, Any], want: ErrorCode) -> None:
    """Another cluster, no address, an id in use: no broker epoch is given."""
    stub = BrokerStub()
    before = stub.image
    assert await register(stub, **more) == (want, -1)
    assert stub.image is before


@pytest.mark.parametrize("listeners", [[FOR_BROKERS, *LISTENERS], [*LISTENERS, FOR_BROKERS]])
async def test_clients_are_never_told_the_listener_for_brokers(
    listeners: list[dict[str, object]],
) -> None:
    """It is told apart by its name, wherever it stands; Metadata shows the other one."""
    stub = BrokerStub()
    fields = {"broker_id": 4, "cluster_id": CLUSTER_ID, "incarnation_id": uuid.UUID(int=7)}
    registration = await stub.ask(62, 4, **fields, listeners=listeners, rack=None)
    beat = {"broker_epoch": registration.broker_epoch, "current_metadata_offset": 1_000}
    await stub.ask(63, 1, broker_id=4, **beat, want_fence=False, want_shut_down=False)
    broker = stub.image.brokers[4]
    assert (broker.host, broker.port, broker.fenced) == ("h", 9, False)
    assert (broker.broker_host, broker.broker_port) == ("b", 8)
    shown = await stub.ask(3, 12, topics=[])
    stub.close()
    assert [(each.host, each.port) for each in shown.brokers if each.node_id == 4] == [("h", 9)]
