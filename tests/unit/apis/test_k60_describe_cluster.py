"""DescribeCluster: who lives, and where a client may ask for it."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import CLUSTER_ID, BrokerStub, code


async def test_live_brokers_are_described_and_fenced_ones_on_request() -> None:
    """Fenced brokers are listed from version 2 on, for those who ask."""
    stub = BrokerStub()
    stub.fence(2)
    usual = await stub.ask(60, 2)
    full = await stub.ask(60, 2, include_fenced_brokers=True)
    stub.close()
    assert [(b.broker_id, b.host, b.port) for b in usual.brokers] == [
        (1, "host1", 9001),
        (3, "host3", 9003),
    ]
    assert [(b.broker_id, b.is_fenced) for b in full.brokers] == [
        (1, False),
        (2, True),
        (3, False),
    ]
    assert (usual.cluster_id, usual.controller_id) == (CLUSTER_ID, 1)


@pytest.mark.parametrize(("asked", "want"), [(False, -(2**31)), (True, 8096)])
async def test_authorized_operations_are_told_when_asked_for(asked: bool, want: int) -> None:
    """Without an authorizer everything is allowed; unasked the field says so."""
    stub = BrokerStub()
    answer = await stub.ask(60, 0, include_cluster_authorized_operations=asked)
    stub.close()
    assert answer.cluster_authorized_operations == want


@pytest.mark.parametrize(
    ("endpoint_type", "want"),
    [(2, ErrorCode.MISMATCHED_ENDPOINT_TYPE), (3, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)],
)
async def test_other_endpoints_than_brokers_are_refused(
    endpoint_type: int, want: ErrorCode
) -> None:
    """Who wants controllers has come to the wrong listener, and learns nothing of the cluster."""
    stub = BrokerStub()
    answer = await stub.ask(60, 1, endpoint_type=endpoint_type)
    stub.close()
    assert (code(answer), answer.cluster_id, answer.brokers) == (want, "", ())
    assert answer.error_message
