"""The HTTP API of a running cluster: state, topics, records, brokers, in both media."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiokafka
import pytest

from minikafka import AsyncCluster
from minikafka.http.fields import Struct
from minikafka.http.table import ROUTES
from tests.support.http_api import Answer, Api, api_of, serving

RECORDS = "/v1/topics/orders/partitions/0/records"
FAST = {"broker.session.timeout.ms": 600, "broker.heartbeat.interval.ms": 100}


def fits(answer: Answer, route_name: str) -> Any:
    """Return the value of an answer, which is what the description says."""
    (route,) = [each for each in ROUTES if each.name == route_name]
    assert answer.status == route.status, answer.value
    assert isinstance(route.answer, Struct)
    route.answer.read(answer.value, "the answer")
    assert set(answer.value) == set(route.answer.members)
    return answer.value


async def test_state_is_shown_as_described() -> None:
    """Cluster, brokers, topics, one topic: leaders, ISR, and where each replica stands."""
    async with serving(3) as api:
        made = fits(
            await api.post(
                "/v1/topics",
                {"name": "orders", "partitions": 2, "config": {"min.insync.replicas": 2}},
            ),
            "create_topic",
        )
        assert made["config"] == {"min.insync.replicas": "2"}
        await api.post(RECORDS, {"records": [{"value": "a"}]})
        cluster = fits(await api.get("/v1/cluster"), "cluster")
        assert cluster["bootstrap_servers"] == api.cluster.bootstrap_servers
        assert (cluster["brokers_up"], cluster["partitions"]) == ([1, 2, 3], 2)
        brokers = fits(await api.get("/v1/brokers"), "brokers")["brokers"]
        assert [each["state"] for each in brokers] == ["up"] * 3
        assert sum(each["leads"] for each in brokers) == 2
        assert fits(await api.get("/v1/brokers/2"), "broker") == brokers[1]
        (line,) = fits(await api.get("/v1/topics"), "topics")["topics"]
        assert (line["name"], line["replication_factor"]) == ("orders", 3)
        partition = fits(await api.get("/v1/topics/orders"), "topic")["partitions"][0]
        assert partition["leader"] == api.cluster.leader("orders", 0)
        assert partition["isr"] == [1, 2, 3]
        logs = [(log["broker"], log["log_end_offset"]) for log in partition["logs"]]
        assert logs == [(1, 1), (2, 1), (3, 1)]
        assert all(log["log_bytes"] > 60 for log in partition["logs"])


async def test_topic_is_created_once_and_deleted_once() -> None:
    """A second time is a conflict, and then it is not there."""
    async with serving() as api:
        topic = {"name": "orders", "replication_factor": None}
        assert (await api.post("/v1/topics", topic)).status == 201
        assert (await api.post("/v1/topics", topic)).error == (409, "TOPIC_ALREADY_EXISTS")
        assert (await api.ask("DELETE", "/v1/topics/orders")).value == {}
        want = (404, "UNKNOWN_TOPIC_OR_PARTITION")
        assert (await api.ask("DELETE", "/v1/topics/orders")).error == want
        assert (await api.get("/v1/topics/orders")).error == want
        assert (await api.get(f"{RECORDS}?offset=0")).error == want


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ({"name": "a b"}, "INVALID_TOPIC_EXCEPTION"),
        ({"name": "a", "config": {"no.such": "1"}}, "INVALID_CONFIG"),
        ({"name": "a", "replication_factor": 9}, "INVALID_REPLICATION_FACTOR"),
        ({"name": "a", "partitions": 0}, "INVALID_REQUEST"),
        ({"name": "a", "partition": 1}, "INVALID_REQUEST"),
        ({}, "INVALID_REQUEST"),
    ],
)
async def test_topic_that_kafka_refuses_is_refused_by_its_name(
    topic: dict[str, Any], name: str
) -> None:
    """The controller's own error, or one of the API where it never gets there."""
    async with serving() as api:
        assert (await api.post("/v1/topics", topic)).error == (400, name)


async def test_records_come_back_as_they_were_sent_in_json() -> None:
    """Text as text, other bytes as base64, null as null; headers in order, each time it is there."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        sent = [
            {
                "key": "k",
                "value": {"base64": "/w=="},
                "headers": [{"key": "h", "value": "1"}, {"key": "h", "value": None}],
                "timestamp_ms": 1_234,
            },
            {"key": None, "value": None, "headers": [], "timestamp_ms": 5_678},
        ]
        done = fits(await api.post(RECORDS, {"records": sent}), "produce")
        assert done == {"base_offset": 0, "log_append_time_ms": -1, "log_start_offset": 0}
        read = fits(await api.get(f"{RECORDS}?offset=0"), "fetch")
        assert read["records"] == [{"offset": n, **each} for n, each in enumerate(sent)]
        assert (read["high_watermark"], read["next_offset"]) == (2, 2)
        rest = (await api.get(f"{RECORDS}?offset=1&isolation=read_committed")).value
        assert [each["offset"] for each in rest["records"]] == [1]


async def test_records_come_back_as_they_were_sent_in_messagepack() -> None:
    """Bytes are bytes there, also those that are text."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        records = [{"key": b"k", "value": b"\xff", "headers": [{"key": "h", "value": b"1"}]}]
        answer = await api.post_packed(RECORDS, {"records": records})
        assert answer.headers["Content-Type"] == "application/msgpack"
        assert answer.value["base_offset"] == 0
        headers = {"Accept": "application/msgpack"}
        (record,) = (await api.get(f"{RECORDS}?offset=0", headers=headers)).value["records"]
        assert (record["key"], record["value"]) == (b"k", b"\xff")
        assert record["headers"] == [{"key": "h", "value": b"1"}]


async def test_what_http_writes_a_kafka_client_reads() -> None:
    """It is the same log."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        await api.post(RECORDS, {"records": [{"key": "k", "value": "v"}]})
        consumer = aiokafka.AIOKafkaConsumer(
            "orders",
            bootstrap_servers=api.cluster.bootstrap_servers,
            auto_offset_reset="earliest",
        )
        async with consumer:
            record = await consumer.getone()
        assert (record.key, record.value) == (b"k", b"v")


async def test_fetch_waits_for_a_record_and_is_woken_by_it() -> None:
    """A long poll on the end of the log is answered by the next produce."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        await api.cluster.client().produce("orders", 0, [b"early"])
        loop = asyncio.get_running_loop()
        polling = loop.create_task(api.get(f"{RECORDS}?offset=1&max_wait_ms=60000"))
        answer = await api.post(RECORDS, {"records": [{"value": "late"}]})
        assert answer.value["base_offset"] == 1
        assert [each["value"] for each in (await polling).value["records"]] == ["late"]


async def test_fetch_behind_the_end_is_out_of_range() -> None:
    """By Kafka's name, as everything that a broker refuses."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        answer = await api.get(f"{RECORDS}?offset=7&max_wait_ms=0")
        assert answer.error == (400, "OFFSET_OUT_OF_RANGE")


async def test_producer_numbers_go_into_the_batch_as_they_are() -> None:
    """Id, epoch and sequence of an idempotent producer lie in the log."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        producer = fits(await api.post("/v1/producers"), "init_producer")
        other = fits(await api.post("/v1/producers"), "init_producer")
        assert producer["producer_id"] != other["producer_id"]
        await api.post(RECORDS, {"records": [{"value": "a"}], "base_sequence": 0, **producer})
        header = api.cluster.log_bytes(1, "orders", 0)
        # Fixed places in the header of a batch, version 2.
        assert int.from_bytes(header[43:51], "big") == producer["producer_id"]
        assert int.from_bytes(header[51:53], "big") == producer["producer_epoch"]
        assert int.from_bytes(header[53:57], "big") == 0


async def test_too_few_in_sync_replicas_refuse_acks_all_by_name() -> None:
    """503 and NOT_ENOUGH_REPLICAS: it may be tried again."""
    async with serving(3, FAST) as api:
        await api.cluster.create_topic("orders", config={"min.insync.replicas": 3})
        leader = api.cluster.leader("orders", 0)
        follower = next(each for each in (1, 2, 3) if each != leader)
        await api.post(f"/v1/brokers/{follower}/crash")
        await api.cluster.wait_until(lambda: follower not in api.cluster.isr("orders", 0))
        body = {"records": [{"value": "a"}]}
        assert (await api.post(RECORDS, body)).error == (503, "NOT_ENOUGH_REPLICAS")
        assert (await api.post(RECORDS, {**body, "acks": 1})).value["base_offset"] == 0


async def test_acks_0_is_answered_without_an_offset() -> None:
    """Nobody knows it."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        body = {"records": [{"value": "a"}], "acks": 0}
        assert (await api.post(RECORDS, body)).value["base_offset"] == -1


async def test_acks_0_that_is_refused_is_no_matter_of_trying_again() -> None:
    """Clients find their connection closed, and do not send it again: 409, without a reason."""
    async with serving() as api:
        await api.cluster.create_topic("orders", config={"max.message.bytes": 100})
        body = {"records": [{"value": "a" * 200}], "acks": 0}
        assert (await api.post(RECORDS, body)).error == (409, "NETWORK_EXCEPTION")
        assert (await api.post(RECORDS, {**body, "acks": 1})).error == (
            413,
            "MESSAGE_TOO_LARGE",
        )


async def broker_state(api: Api, broker: int) -> str:
    """Return what the API says of a broker."""
    state: str = (await api.get(f"/v1/brokers/{broker}")).value["state"]
    return state


@pytest.mark.parametrize(
    ("way_out", "down", "way_in"),
    [
        ("crash", "down", "start"),
        ("power-off", "down", "start"),
        ("stop", "down", "start"),
        ("pause", "paused", "resume"),
    ],
)
async def test_broker_breaks_and_mends(way_out: str, down: str, way_in: str) -> None:
    """Its state is answered, and another broker leads meanwhile."""
    async with serving(3, FAST) as api:
        await api.cluster.create_topic("orders")
        leader = api.cluster.leader("orders", 0)
        assert leader is not None
        broken = fits(await api.post(f"/v1/brokers/{leader}/{way_out}"), _action(way_out))
        assert broken["state"] == down == await broker_state(api, leader)
        await api.cluster.wait_until(
            lambda: api.cluster.leader("orders", 0) not in (None, leader)
        )
        if way_in == "start":
            again = await api.post(f"/v1/brokers/{leader}/{way_out}")
            assert again.error == (409, "BROKER_NOT_AVAILABLE")
        fits(await api.post(f"/v1/brokers/{leader}/{way_in}"), _action(way_in))
        assert await broker_state(api, leader) == "up"
        await api.cluster.wait_until(lambda: leader in api.cluster.isr("orders", 0))


def _action(name: str) -> str:
    return f"{name.replace('-', '_')}_broker"


async def test_broker_that_is_up_is_not_started_and_an_unknown_one_not_found() -> None:
    """Two starts at a time are one start and one conflict."""
    async with serving(2) as api:
        assert (await api.post("/v1/brokers/9/crash")).error == (
            404,
            "BROKER_ID_NOT_REGISTERED",
        )
        await api.post("/v1/brokers/2/crash")
        both = await asyncio.gather(*(api.post("/v1/brokers/2/start") for _ in range(2)))
        assert sorted(each.status for each in both) == [200, 409]


async def test_cluster_without_a_running_broker_is_still_shown() -> None:
    """What needs a broker is 503; what does not is answered."""
    async with serving(1) as api:
        await api.post("/v1/brokers/1/crash")
        assert (await api.get("/v1/cluster")).value["brokers_up"] == []
        want = (503, "BROKER_NOT_AVAILABLE")
        assert (await api.get("/v1/topics")).error == want
        assert (await api.get("/v1/topics/orders")).error == want
        assert (await api.post("/v1/producers")).error == want
        assert (await api.post("/v1/topics", {"name": "orders"})).error == want
        assert (await api.get("/v1/groups")).value == {"groups": [], "unanswered": []}
        assert "minikafka_metadata_offset -1" in (await api.get("/metrics")).value


async def test_links_are_cut_and_healed() -> None:
    """A broker that is cut off leaves the ISR, and comes back after the heal."""
    config = {**FAST, "replica.lag.time.max.ms": 500}
    async with serving(3, config) as api:
        await api.cluster.create_topic("orders")
        leader = api.cluster.leader("orders", 0)
        assert leader is not None
        await api.post(f"/v1/brokers/{leader}/isolate")
        await api.cluster.wait_until(
            lambda: api.cluster.leader("orders", 0) not in (None, leader)
        )
        assert (await api.post("/v1/network/heal")).value == {}
        await api.cluster.wait_until(lambda: leader in api.cluster.isr("orders", 0))
        unknown = await api.post("/v1/network/partition", {"a": [1], "b": [7]})
        assert unknown.error == (404, "BROKER_ID_NOT_REGISTERED")
        fine = await api.post("/v1/network/partition", {"a": [1], "b": [2], "oneway": True})
        assert fine.value == {}


async def test_paused_leader_is_not_waited_for_without_end() -> None:
    """504 and REQUEST_TIMED_OUT once the time given is over, and a little more."""
    async with serving(1) as api:
        await api.cluster.create_topic("orders")
        api.cluster.pause(1)
        body = {"records": [{"value": "a"}], "timeout_ms": 0}
        assert (await api.post(RECORDS, body)).error == (504, "REQUEST_TIMED_OUT")
        assert (await api.get("/v1/groups")).value["unanswered"] == [1]
        api.cluster.resume(1)


async def test_groups_show_their_offsets_and_lag() -> None:
    """A consumer that has committed two of three records lags by one."""
    async with serving(1) as api:
        await api.cluster.create_topic("orders")
        await api.cluster.client().produce("orders", 0, [b"a", b"b", b"c"])
        consumer = aiokafka.AIOKafkaConsumer(
            "orders",
            bootstrap_servers=api.cluster.bootstrap_servers,
            group_id="shop",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        async with consumer:
            for _ in range(2):
                record = await consumer.getone()
            place = aiokafka.TopicPartition("orders", 0)
            await consumer.commit({place: record.offset + 1})
            (group,) = fits(await api.get("/v1/groups"), "groups")["groups"]
        assert (group["group_id"], group["type"], group["state"]) == (
            "shop",
            "classic",
            "Stable",
        )
        (offset,) = group["offsets"]
        assert (offset["committed_offset"], offset["high_watermark"]) == (2, 3)
        assert offset["lag"] == 1
        metrics = (await api.get("/metrics")).value
        assert 'minikafka_group_lag{group="shop",topic="orders",partition="0"} 1' in metrics


async def test_description_is_served_and_is_that_of_the_routes() -> None:
    """The same document that the tests look at."""
    async with serving() as api:
        answer = await api.get("/v1/openapi.json")
        assert len(answer.value["paths"]) == len({each.path for each in ROUTES})
        assert json.loads(answer.body)["openapi"] == "3.1.0"


async def test_two_servers_may_serve_one_cluster() -> None:
    """None is the cluster's own, and none is left when it ends."""
    async with AsyncCluster(1) as cluster, api_of(cluster) as one:
        async with api_of(cluster) as two:
            assert one.server.port != two.server.port
            assert (await two.get("/v1/cluster")).status == 200
        assert (await one.get("/v1/cluster")).status == 200
