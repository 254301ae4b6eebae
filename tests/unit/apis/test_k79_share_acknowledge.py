"""ShareAcknowledge: what is to become of records, without asking for more."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code
from tests.support.share_stub import acknowledge, fetch, join, sharing

OTHER = "AAAAAAAAAAAAAAAAAAAAAg"
ACCEPT, RELEASE, REJECT = 1, 2, 3


@pytest.mark.parametrize("kind", [ACCEPT, REJECT])
async def test_what_is_acknowledged_does_not_come_again(kind: int) -> None:
    """Accepted or rejected; and it is written down by the time of the answer."""
    stub = await sharing()
    await join(stub)
    await fetch(stub, 0)
    stub.append("t", 1, 2)
    await fetch(stub, 1)
    answer = await acknowledge(stub, 2, (0, 1, kind))
    [topic] = answer.responses
    assert [each.error_code for each in topic.partitions] == [0]
    for live in tuple(stub.shares._live.values()):
        live.drop()
    await fetch(stub, 0, OTHER)
    again = await fetch(stub, 1, OTHER, max_wait=0)
    assert again.responses == ()
    stub.close()


async def test_the_last_acknowledgement_ends_the_session() -> None:
    """With epoch -1 the rest of what the member held goes back."""
    stub = await sharing()
    await join(stub)
    await fetch(stub, 0)
    stub.append("t", 1, 2)
    await fetch(stub, 1)
    await acknowledge(stub, -1, (0, 0, ACCEPT))
    answer = await fetch(stub, 0, OTHER)
    [got] = answer.responses[0].partitions[0].acquired_records
    stub.close()
    assert (got.first_offset, got.delivery_count) == (1, 1)


async def test_sessions_go_on_in_order() -> None:
    """It begins none, and goes on with the epoch that is due."""
    stub = await sharing()
    await join(stub)
    await fetch(stub, 0)
    ack = (0, 0, ACCEPT)
    invalid = ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert code(await acknowledge(stub, 0, ack)) is invalid
    assert code(await acknowledge(stub, 7, ack)) is invalid
    missing = await acknowledge(stub, 1, ack, member_id=OTHER)
    stub.close()
    assert code(missing) is ErrorCode.SHARE_SESSION_NOT_FOUND


async def test_what_is_not_read_here_cannot_be_acknowledged() -> None:
    """As after the partition has got another leader."""
    stub = await sharing()
    await join(stub)
    await fetch(stub, 0)
    for live in tuple(stub.shares._live.values()):
        live.drop()
    answer = await acknowledge(stub, 1, (0, 0, ACCEPT))
    [found] = answer.responses[0].partitions
    stub.close()
    assert ErrorCode(int(found.error_code)) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
