"""The dispatcher: what reaches a handler, and what is turned away before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from minikafka.apis.dispatch import Dispatcher
from minikafka.apis.registry import CloseConnection
from minikafka.net.connection import Connection, Slot
from minikafka.wire.codec import encode_request
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import SERVED, ApiKey
from tests.support.broker_stub import BrokerStub

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

BETWEEN_BROKERS = [key for key, row in SERVED.items() if row.internal]


class OneSlot:
    """A connection with room for one answer; says what became of it."""

    def __init__(self) -> None:
        self.number = 1
        self.peer_host = "10.0.0.1"
        self.closed = False
        self.outcome = "waiting"

    def answered(self) -> None:
        """Hear that the slot has its answer."""
        self.outcome = "answered"

    def close(self) -> None:
        """Hear that the slot is not going to have one."""
        self.outcome = "closed"


@pytest.mark.parametrize("api_key", BETWEEN_BROKERS)
@pytest.mark.parametrize(("from_broker", "closed"), [(False, True), (True, False)])
async def test_frames_between_brokers_are_closed_to_clients(
    api_key: int, from_broker: bool, closed: bool
) -> None:
    """Only the listener of the brokers takes them; Kafka's is that of the controller."""
    stub = BrokerStub()
    version = SERVED[api_key].max
    buffers = encode_request(api_key, version, 7, "c", build_request(api_key, version, {}))
    frame = memoryview(bytearray(b"".join(buffers)[4:]))
    connection = cast("Connection", OneSlot())
    dispatcher = Dispatcher(cast("Broker", stub))
    dispatcher.on_frame(frame, connection, Slot(connection), from_broker=from_broker)
    stub.close()
    assert (cast("OneSlot", connection).outcome == "closed") is closed


@pytest.mark.parametrize("api_key", BETWEEN_BROKERS)
async def test_objects_between_brokers_are_refused_to_clients(api_key: int) -> None:
    """A client in this process may do no more than one behind a socket."""
    stub = BrokerStub()
    request = build_request(api_key, SERVED[api_key].max, {})
    dispatcher = Dispatcher(cast("Broker", stub))
    refused = dispatcher.call(api_key, SERVED[api_key].max, request, client_id="c")
    with pytest.raises(CloseConnection):
        refused.result()
    asked = dispatcher.call(
        api_key, SERVED[api_key].max, request, client_id="broker-2", from_broker=True
    )
    stub.close()
    if asked.done:
        asked.result()  # answered at once; raises where it was refused


@pytest.mark.parametrize("closed", [False, True])
async def test_answer_to_who_has_gone_is_not_heard_of(closed: bool) -> None:
    """It does not leave: to who looks on it would count as told."""
    stub = BrokerStub()
    heard: list[int] = []
    observer = SimpleNamespace(answered=lambda broker, key, *rest: heard.append(key))
    setattr(stub, "observer", observer)  # noqa: B010 - the stub has none
    version = SERVED[ApiKey.API_VERSIONS].max
    request = build_request(ApiKey.API_VERSIONS, version, {})
    buffers = encode_request(ApiKey.API_VERSIONS, version, 7, "c", request)
    frame = memoryview(bytearray(b"".join(buffers)[4:]))
    end = OneSlot()
    end.closed = closed
    connection = cast("Connection", end)
    dispatcher = Dispatcher(cast("Broker", stub))
    dispatcher.on_frame(frame, connection, Slot(connection), from_broker=False)
    stub.close()
    outcome = "waiting" if closed else "answered"
    assert (heard, end.outcome) == ([] if closed else [ApiKey.API_VERSIONS], outcome)
