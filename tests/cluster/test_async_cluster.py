"""A cluster in the running loop: topics, records, replicas, cuts; and nothing left of it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from minikafka import AsyncCluster, ConfigError, ErrorCode, KafkaError, Record
from minikafka.wire.codec import encode_request
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey


async def test_record_produced_with_acks_all_is_on_every_replica() -> None:
    """Once acks=all has answered, each follower holds the same bytes, and consumers see it."""
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic("orders")
        result = await cluster.client().produce("orders", 0, [b"a", (b"key", None)])
        assert result.base_offset == 0
        assert [(record.key, record.value) for record in cluster.records("orders")] == [
            (None, b"a"),
            (b"key", None),
        ]
        logs = [cluster.log_bytes(broker, "orders", 0) for broker in cluster.brokers]
        assert logs[0] == logs[1] == logs[2]
        assert len(logs[0]) > 0


async def test_followers_learn_the_high_watermark() -> None:
    """Every replica comes to hold the leader's high watermark without another produce."""
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic("orders")
        await cluster.client().produce("orders", 0, [b"a", b"b"])

        def all_know() -> bool:
            states = cluster.describe("orders", 0).replica_states
            return [state.high_watermark for state in states.values()] == [2, 2, 2]

        await cluster.wait_until(all_know)


async def test_client_reads_back_what_it_wrote() -> None:
    """Fetch begins at the offset asked for and tells the leader's offsets."""
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic("orders", partitions=2)
        client = cluster.client()
        given = Record("any", 9, 99, 1_234, b"k", b"v", (("h", b"x"), ("n", None)))
        await client.produce("orders", 1, [b"first", given])
        result = await client.fetch("orders", 1, 1)
        assert result.records == [
            Record("orders", 1, 1, 1_234, b"k", b"v", (("h", b"x"), ("n", None)))
        ]
        assert (result.high_watermark, result.log_start_offset) == (2, 0)


async def test_offsets_are_found_by_place_and_by_time() -> None:
    """-2 is the earliest, -1 the latest offset; a time finds the first record not older."""
    async with AsyncCluster(brokers=1) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        stamped = [Record("", 0, 0, time, None, b"v") for time in (1_000, 2_000, 3_000)]
        await client.produce("orders", 0, stamped)
        assert (await client.list_offsets("orders", 0, -2)).offset == 0
        assert (await client.list_offsets("orders", 0)).offset == 3
        found = await client.list_offsets("orders", 0, 1_500)
        assert (found.offset, found.timestamp_ms) == (1, 2_000)
        assert (await client.list_offsets("orders", 0, 9_000)).offset == -1


async def test_producer_ids_are_never_given_twice() -> None:
    """Each call gets an id of its own."""
    async with AsyncCluster(brokers=1) as cluster:
        client = cluster.client()
        given = [(await client.init_producer_id()).producer_id for _ in range(3)]
        assert len(set(given)) == 3


async def test_record_is_not_visible_while_followers_are_cut_off() -> None:
    """An acks=1 record waits for the ISR before any consumer sees it; a heal brings it out."""
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        leader = cluster.leader("orders", 0)
        assert leader is not None
        others = set(cluster.brokers) - {leader}
        cluster.network.partition({leader}, others)
        await client.produce("orders", 0, [b"a"], acks=1)
        assert cluster.records("orders") == []
        assert (await client.fetch("orders", 0, 0, max_wait_ms=20)).records == []
        with pytest.raises(KafkaError) as refused:
            await client.produce("orders", 0, [b"b"], timeout_ms=50)
        assert refused.value.code == ErrorCode.REQUEST_TIMED_OUT
        cluster.network.heal()
        await cluster.wait_until(lambda: len(cluster.records("orders")) == 2)


async def test_replication_runs_over_tcp_as_well() -> None:
    """With transport tcp the brokers reach each other by Kafka's own bytes."""
    async with AsyncCluster(brokers=3, transport="tcp") as cluster:
        await cluster.create_topic("orders")
        await cluster.client().produce("orders", 0, [b"a"])
        logs = [cluster.log_bytes(broker, "orders", 0) for broker in cluster.brokers]
        assert logs[0] == logs[1] == logs[2]


async def test_brokers_on_tcp_do_not_talk_where_clients_do() -> None:
    """A client's heartbeat in a broker's name is turned away, and the brokers' own arrive."""
    async with AsyncCluster(brokers=2, transport="tcp") as cluster:
        host, port = cluster.bootstrap_servers.split(",")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        heartbeat = {"broker_id": 2, "broker_epoch": 9, "current_metadata_offset": 99}
        request = build_request(ApiKey.BROKER_HEARTBEAT, 1, heartbeat)
        writer.writelines(encode_request(ApiKey.BROKER_HEARTBEAT, 1, 7, "c", request))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_replicas_are_three_unless_said() -> None:
    """None takes three replicas, or as many as there are brokers, or the config's number."""
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic("default")
        await cluster.create_topic("one", replication_factor=1)
        assert sorted(cluster.describe("default", 0).replicas) == [1, 2, 3]
        assert len(cluster.describe("one", 0).replicas) == 1
    async with AsyncCluster(brokers=3, config={"default.replication.factor": 2}) as cluster:
        await cluster.create_topic("configured")
        assert len(cluster.describe("configured", 0).replicas) == 2


async def test_topic_is_refused_with_kafkas_code() -> None:
    """What the controller refuses is raised with the code it answered."""
    async with AsyncCluster(brokers=1) as cluster:
        await cluster.create_topic("orders")
        refused = {}
        for name, arguments in {
            "orders": {},
            "bad name": {},
            "none": {"partitions": 0},
            "many": {"replication_factor": 2},
            "config": {"config": {"no.such.config": 1}},
        }.items():
            with pytest.raises(KafkaError) as error:
                await cluster.create_topic(name, **arguments)  # type: ignore[arg-type]
            refused[name] = error.value.code.name
        assert refused == {
            "orders": "TOPIC_ALREADY_EXISTS",
            "bad name": "INVALID_TOPIC_EXCEPTION",
            "none": "INVALID_PARTITIONS",
            "many": "INVALID_REPLICATION_FACTOR",
            "config": "INVALID_CONFIG",
        }


async def test_deleted_topic_is_gone_everywhere() -> None:
    """After delete_topic no broker knows it, and it can be made anew, empty."""
    async with AsyncCluster(brokers=3) as cluster:
        await cluster.create_topic("orders")
        await cluster.client().produce("orders", 0, [b"a"])
        await cluster.delete_topic("orders")
        with pytest.raises(KafkaError, match="UNKNOWN_TOPIC_OR_PARTITION"):
            cluster.leader("orders", 0)
        await cluster.create_topic("orders")
        assert cluster.records("orders") == []


async def test_failed_wait_shows_the_partitions() -> None:
    """The message of a wait that failed has every broker and partition."""
    async with AsyncCluster(brokers=2) as cluster:
        await cluster.create_topic("orders")
        with pytest.raises(TimeoutError) as failed:
            await cluster.wait_until(lambda: False, timeout=0.01)
        assert "orders-0: leader=b" in str(failed.value)
        assert "broker 2: applied" in str(failed.value)


def bound(port: int) -> socket.socket:
    """Return a socket that listens on `port`, as a broker's does."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def free_port_before_a_taken_one() -> tuple[int, socket.socket]:
    """Return a free port and a listener on the next one."""
    while True:
        taken = bound(0)
        port = int(taken.getsockname()[1]) - 1
        try:
            bound(port).close()
        except OSError:
            taken.close()
            continue
        return port, taken


async def test_port_in_use_leaves_nothing_running() -> None:
    """Start raises the socket's error, and what had come up is gone."""
    port, taken = free_port_before_a_taken_one()
    cluster = AsyncCluster(brokers=2, port=port)
    with taken, pytest.raises(OSError, match="in use"):
        await cluster.start()
    assert len(asyncio.all_tasks()) == 1
    bound(port).close()


async def test_closed_cluster_refuses_connections() -> None:
    """After close no broker listens on its port."""
    async with AsyncCluster(brokers=2) as cluster:
        addresses = cluster.bootstrap_servers.split(",")
    assert len(addresses) == 2
    for address in addresses:
        host, port = address.split(":")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, int(port))


async def test_same_seed_gives_the_same_placement() -> None:
    """Leaders are drawn from the seed."""
    drawn = []
    for _ in range(2):
        async with AsyncCluster(brokers=3, seed=7) as cluster:
            await cluster.create_topic("orders", partitions=6)
            drawn.append([cluster.describe("orders", number).replicas for number in range(6)])
    assert drawn[0] == drawn[1]


def test_bad_arguments_are_refused_before_anything_starts() -> None:
    """Unknown configs, no brokers, too few racks and ports out of range are errors at once."""
    with pytest.raises(ConfigError, match=r"no\.such\.config"):
        AsyncCluster(config={"no.such.config": 1})
    with pytest.raises(ValueError, match="at least one broker"):
        AsyncCluster(brokers=0)
    with pytest.raises(ValueError, match="1 racks for 3 brokers"):
        AsyncCluster(racks=["a"])
    with pytest.raises(ValueError, match="do not fit"):
        AsyncCluster(port=65_535)


async def test_client_is_told_what_is_wrong_by_code() -> None:
    """Unknown partitions and offsets beyond the end raise Kafka's codes."""
    async with AsyncCluster(brokers=1) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        with pytest.raises(KafkaError, match="UNKNOWN_TOPIC_OR_PARTITION"):
            await client.produce("orders", 1, [b"a"])
        with pytest.raises(KafkaError, match="OFFSET_OUT_OF_RANGE"):
            await client.fetch("orders", 0, 5)
        with pytest.raises(KafkaError, match="INVALID_REQUIRED_ACKS"):
            await client.produce("orders", 0, [b"a"], acks=2)
        with pytest.raises(ValueError, match="at least one record"):
            await client.produce("orders", 0, [])


async def test_only_a_seed_makes_two_clusters_alike() -> None:
    """A topic's id tells it from its namesake in another cluster, unless the seed is the same."""

    async def topic_id(seed: int | None) -> object:
        async with AsyncCluster(brokers=1, seed=seed) as cluster:
            await cluster.create_topic("orders")
            return next(iter(cluster._view.image().topics.values())).topic_id

    assert await topic_id(None) != await topic_id(None)
    assert await topic_id(7) == await topic_id(7)
