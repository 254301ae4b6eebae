"""What members of the consumer protocol send to a broker, in any version."""

from __future__ import annotations

from typing import Any

from tests.support.broker_stub import BrokerStub

__all__ = ["beat", "join", "owned"]


async def beat(stub: BrokerStub, version: int, member_id: str, epoch: int, **more: Any) -> Any:
    """Send ConsumerGroupHeartbeat for group `g`."""
    fields = {
        "group_id": "g",
        "member_id": member_id,
        "member_epoch": epoch,
        "topic_partitions": None,
        **more,
    }
    return await stub.ask(68, version, **fields)


async def join(stub: BrokerStub, version: int, member_id: str, **more: Any) -> Any:
    """Join group `g`, subscribed to `t`."""
    wanted = {
        "rebalance_timeout": 10_000,
        "subscribed_topic_names": ("t",),
        "topic_partitions": (),
        **more,
    }
    return await beat(stub, version, member_id, 0, **wanted)


def owned(stub: BrokerStub, *numbers: int, topic: str = "t") -> tuple[dict[str, Any], ...]:
    """Return what a member says that it has of a topic."""
    return ({"topic_id": stub.image.topics[topic].topic_id, "partitions": numbers},)
