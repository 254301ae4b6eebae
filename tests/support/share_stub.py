"""A broker with share groups, and what their members send to it, in any version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from tests.support.broker_stub import BrokerStub

__all__ = ["MEMBER", "acknowledge", "beat", "fetch", "join", "sharing"]

MEMBER = "AAAAAAAAAAAAAAAAAAAAAQ"
Ack = tuple[int, ...]
"""First and last offset, then a type for all or for each."""
Acks = Sequence[Ack]


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


async def fetch(
    stub: BrokerStub, epoch: int, member_id: str = MEMBER, acks: Acks = (), **more: Any
) -> Any:
    """Send ShareFetch for partition 0 of `t`, and let what it needs happen; wait for nothing."""
    fields = {
        "group_id": "g",
        "member_id": member_id,
        "share_session_epoch": epoch,
        "max_wait": 0,
        "min_bytes": 1,
        "max_bytes": 1_000_000,
        "max_records": 500,
        "batch_size": 500,
        "topics": _topics(stub, acks) if epoch == 0 or acks else [],
        "forgotten_topics_data": [],
        **more,
    }
    return await _carried_out(stub, 78, fields)


async def acknowledge(stub: BrokerStub, epoch: int, *acks: Ack, member_id: str = MEMBER) -> Any:
    """Send ShareAcknowledge for partition 0 of `t`."""
    fields = {
        "group_id": "g",
        "member_id": member_id,
        "share_session_epoch": epoch,
        "topics": _topics(stub, acks),
    }
    return await _carried_out(stub, 79, fields)


async def _carried_out(stub: BrokerStub, api_key: int, fields: dict[str, Any]) -> Any:
    """Return an answer; what the broker does in the background is done meanwhile."""
    asked = asyncio.get_running_loop().create_task(stub.ask(api_key, 1, **fields))
    while not asked.done():
        await asyncio.sleep(0)
        await stub.run_spawned()
    await stub.run_spawned()
    return await asked


def _topics(stub: BrokerStub, acks: Acks) -> list[dict[str, Any]]:
    batches = [
        {"first_offset": first, "last_offset": last, "acknowledge_types": types}
        for first, last, *types in acks
    ]
    partition = {"partition_index": 0, "acknowledgement_batches": batches}
    return [{"topic_id": stub.image.topics["t"].topic_id, "partitions": [partition]}]
