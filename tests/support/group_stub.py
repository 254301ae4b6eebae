"""A broker that coordinates every group, and what consumers send to it, in any version."""

from __future__ import annotations

import asyncio
from typing import Any

from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from tests.support.broker_stub import BrokerStub

__all__ = ["coordinating", "joining", "stable", "synced"]

REQUEST = {
    "group_id": "g",
    "session_timeout": 10_000,
    "rebalance_timeout": 10_000,
    "member_id": "",
    "protocol_type": "consumer",
    "protocols": [{"name": "range", "metadata": b"\0\0\0\0\0\0"}],
}


async def coordinating(replicas: tuple[int, ...] = (1,), **config: Any) -> BrokerStub:
    """Return broker 1, which leads `__consumer_offsets`, and topic `t` with two partitions."""
    stub = BrokerStub(config={"group.initial.rebalance.delay.ms": 0, **config})
    await stub.create(OFFSETS_TOPIC, [list(replicas)])
    await stub.create("t", [[1], [1]])
    return stub


def joining(stub: BrokerStub, version: int, **fields: Any) -> asyncio.Task[Any]:
    """Send JoinGroup; rebalance timeouts are for versions that have them."""
    wanted = {**REQUEST, **fields}
    if version == 0:
        wanted.pop("rebalance_timeout")
    return asyncio.get_running_loop().create_task(stub.ask(11, version, **wanted))


async def synced(stub: BrokerStub, version: int, joined: Any, **fields: Any) -> Any:
    """Send SyncGroup for who has joined; the leader gives everybody its own id."""
    wanted: dict[str, Any] = {
        "group_id": "g",
        "generation_id": joined.generation_id,
        "member_id": joined.member_id,
        "assignments": [
            {"member_id": each.member_id, "assignment": each.member_id.encode()}
            for each in joined.members
        ],
        **fields,
    }
    if version >= 5:
        wanted = {"protocol_type": "consumer", "protocol_name": "range", **wanted}
    return await stub.ask(14, version, **wanted)


async def stable(stub: BrokerStub) -> Any:
    """Return what the only member of a stable group g was told."""
    joined = await joining(stub, 3)
    await synced(stub, 3, joined)
    return joined
