"""What coordinators know, over HTTP: members of groups, and transactional ids."""

from __future__ import annotations

from typing import Any

import aiokafka
import pytest

from minikafka.base.errors import ErrorCode
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey
from tests.cluster.test_http_api import fits
from tests.support.http_api import Api, serving

SHARE = {"group.share.enable": True, "share.coordinator.state.topic.num.partitions": 1}
ALL_OF_IT = [{"topic": "orders", "partitions": [0, 1]}]


async def join(api: Api, key: ApiKey, version: int, more: Shape) -> None:
    """Send heartbeats of a member until it is given something to read."""
    shape = {"group_id": "shop", "member_epoch": 0, "subscribed_topic_names": ["orders"]}
    find = build_request(
        ApiKey.FIND_COORDINATOR, 6, {"key_type": 0, "coordinator_keys": ["shop"]}
    )
    while True:
        await api.cluster.client().call(1, ApiKey.FIND_COORDINATOR, 6, find)
        request = build_request(key, version, {**shape, **more})
        answer: Any = await api.cluster.client().call(1, key, version, request)
        if answer.error_code == ErrorCode.NONE:
            if answer.assignment is not None and answer.assignment.topic_partitions:
                return
            shape["member_epoch"] = answer.member_epoch
            continue
        assert answer.error_code in (
            ErrorCode.NOT_COORDINATOR,
            ErrorCode.COORDINATOR_NOT_AVAILABLE,
            ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        )


async def test_members_of_a_classic_group_are_shown_with_what_they_read() -> None:
    """The assignment that its leader has sent around, in the client's own bytes."""
    async with serving(1) as api:
        await api.cluster.create_topic("orders", partitions=2)
        consumer = aiokafka.AIOKafkaConsumer(
            "orders",
            bootstrap_servers=api.cluster.bootstrap_servers,
            group_id="shop",
            client_id="till",
            group_instance_id="till-1",
        )
        async with consumer:
            (group,) = fits(await api.get("/v1/groups"), "groups")["groups"]
        (member,) = group["members"]
        assert member["member_id"].startswith("till-1")
        assert (member["client_id"], member["instance_id"]) == ("till", "till-1")
        assert member["client_host"] == "/127.0.0.1"
        assert member["assignment"] == ALL_OF_IT


@pytest.mark.parametrize(
    ("kind", "key", "version", "more"),
    [
        (
            "consumer",
            ApiKey.CONSUMER_GROUP_HEARTBEAT,
            1,
            {"rebalance_timeout": 60_000, "topic_partitions": []},
        ),
        ("share", ApiKey.SHARE_GROUP_HEARTBEAT, 1, {}),
    ],
)
async def test_members_of_newer_protocols_are_shown_alike(
    kind: str, key: ApiKey, version: int, more: Shape
) -> None:
    """One shape for the members of all three kinds of groups (KIP-848, KIP-932)."""
    async with serving(1, SHARE) as api:
        await api.cluster.create_topic("orders", partitions=2)
        member_id = "AAAAAAAAAAAAAAAAAAAAAQ"
        await join(api, key, version, {**more, "member_id": member_id})
        (group,) = fits(await api.get("/v1/groups"), "groups")["groups"]
        assert (group["type"], group["state"]) == (kind, "Stable")
        (member,) = group["members"]
        assert (member["member_id"], member["instance_id"]) == (member_id, None)
        assert member["assignment"] == ALL_OF_IT


async def test_transactions_are_shown_as_their_coordinator_sees_them() -> None:
    """Ongoing with what was written to, then complete with nothing of it."""
    async with serving(1) as api:
        await api.cluster.create_topic("orders", partitions=2)
        empty = fits(await api.get("/v1/transactions"), "transactions")
        assert empty == {"transactions": [], "unanswered": []}
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=api.cluster.bootstrap_servers,
            transactional_id="till",
            transaction_timeout_ms=20_000,
        )
        async with producer:
            (one,) = fits(await api.get("/v1/transactions"), "transactions")["transactions"]
            assert (one["transactional_id"], one["state"]) == ("till", "Empty")
            assert (one["start_time_ms"], one["partitions"]) == (None, [])
            await producer.begin_transaction()
            await producer.send_and_wait("orders", b"a", partition=1)
            (one,) = fits(await api.get("/v1/transactions"), "transactions")["transactions"]
            assert (one["state"], one["timeout_ms"]) == ("Ongoing", 20_000)
            assert one["start_time_ms"] > 0
            assert one["partitions"] == [{"topic": "orders", "partitions": [1]}]
            await producer.commit_transaction()
            (one,) = fits(await api.get("/v1/transactions"), "transactions")["transactions"]
        assert one["state"] in ("PrepareCommit", "CompleteCommit")
        assert one["coordinator"] == 1


async def test_transactions_of_a_broker_that_stands_still_are_missing() -> None:
    """It is named, and not waited for."""
    async with serving(1) as api:
        api.cluster.pause(1)
        answer = fits(await api.get("/v1/transactions"), "transactions")
        assert answer == {"transactions": [], "unanswered": [1]}
        api.cluster.resume(1)
