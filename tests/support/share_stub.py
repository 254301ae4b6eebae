"""A broker with share groups, and what their members send to it, in any version."""

from __future__ import annotations

import asyncio
from typing import Any

from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from tests.support.broker_stub import BrokerStub

__all__ = ["MEMBER", "beat", "join", "sharing"]

MEMBER = "AAAAAAAAAAAAAAAAAAAAAQ"


async def sharing(partitions: int = 1, **config: Any) -> BrokerStub:
    """Return broker 1, which leads everything, with topic `t`."""
    stub = BrokerStub(config={"group.share.enable": True, **config})
    await stub.create(OFFSETS_TOPIC, [[1]])
    await stub.create(SHARE_STATE_TOPIC, [[1]])
    await stub.create("t", [[1]] * partitions)
    return stub


async def beat(
    stub: BrokerStub, version: int, epoch: int, member_id: str = MEMBER, **more: Any
) -> Any:
    """Send ShareGroupHeartbeat for group `g`, and let what follows from it happen."""
    fields = {"group_id": "g", "member_id": member_id, "member_epoch": epoch, **more}
    answer = await stub.ask(76, version, **fields)
    await stub.run_spawned()
    return answer


async def join(stub: BrokerStub, member_id: str = MEMBER, version: int = 1) -> Any:
    """Join group `g`, and be assigned what there is; return the last answer."""
    answer = await beat(stub, version, 0, member_id, subscribed_topic_names=("t",))
    await asyncio.sleep(0)
    return await beat(stub, version, answer.member_epoch, member_id)
