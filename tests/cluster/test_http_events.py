"""Server-sent events: what happens to a cluster, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from minikafka.http import feed
from minikafka.http.changes import Event
from minikafka.http.feed import Listener
from minikafka.http.limits import Limits
from tests.support.http_api import serving

FAST = {"broker.session.timeout.ms": 600, "broker.heartbeat.interval.ms": 100}


async def events(response: Any) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield kind and data of each event; their numbers are checked."""
    number, kind = 0, ""
    async for line in response.content:
        name, _, text = line.decode("utf-8").rstrip("\n").partition(": ")
        if name == "id":
            number += 1
            assert int(text) == number
        elif name == "event":
            kind = text
        elif name == "data":
            yield kind, json.loads(text)


async def wait_for(
    stream: AsyncIterator[tuple[str, dict[str, Any]]], kind: str, **wanted: object
) -> dict[str, Any]:
    """Return the first event of that kind with those data."""
    async for found, data in stream:
        if found == kind and all(data[name] == value for name, value in wanted.items()):
            return data
    raise AssertionError("the stream has ended")


async def test_election_is_told_as_it_happens() -> None:
    """Hello, the topic, its watermark; then the broker, the new leader and the smaller ISR."""
    async with serving(3, FAST) as api, api.session.get("/v1/events") as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        stream = events(response)
        hello = await wait_for(stream, "hello")
        assert [each["id"] for each in hello["brokers"]] == [1, 2, 3]
        await api.cluster.create_topic("orders")
        await wait_for(stream, "topic_created", topic="orders")
        leader = (await wait_for(stream, "leader"))["leader"]
        await api.cluster.client().produce("orders", 0, [b"a"])
        await wait_for(stream, "watermark", high_watermark=1)
        await api.post(f"/v1/brokers/{leader}/crash")
        await wait_for(stream, "broker", id=leader, state="down")
        elected = await wait_for(stream, "leader", previous=leader)
        assert elected["leader"] != leader
        await api.post("/v1/network/heal")
        assert (await wait_for(stream, "heal"))["time_ms"] >= elected["time_ms"]


async def test_offsets_of_all_replicas_are_told_instead_of_watermarks() -> None:
    """To those who ask: first where all stand, then what has moved; others hear of neither."""
    async with serving(3) as api:
        await api.cluster.create_topic("orders")
        async with (
            api.session.get("/v1/events?offsets=true") as one,
            api.session.get("/v1/events") as other,
        ):
            moving, plain = events(one), events(other)
            assert [(await anext(moving))[0] for _ in range(2)] == ["hello", "offsets"]
            assert (await anext(plain))[0] == "hello"
            await api.cluster.client().produce("orders", 0, [b"a"])
            kind, data = await anext(moving)
            assert (kind, [*data["topics"]]) == ("offsets", ["orders"])
            assert (await anext(plain))[0] == "watermark"


async def test_links_that_are_cut_already_are_told_first() -> None:
    """From and to, each once, until they are healed."""
    async with serving(3) as api:
        for body in ({"a": [1], "b": [2, 3], "oneway": True}, {"a": [1], "b": [2]}):
            await api.post("/v1/network/partition", body)
        for want in ([[1, 2], [1, 3], [2, 1]], []):
            async with api.session.get("/v1/events") as response:
                assert (await wait_for(events(response), "hello"))["cuts"] == want
            await api.post("/v1/network/heal")


async def test_listeners_are_counted() -> None:
    """One too many is told so; one that left makes room."""
    async with serving(limits=Limits(listeners=1)) as api:
        async with api.session.get("/v1/events") as first:
            await wait_for(events(first), "hello")
            refused = await api.get("/v1/events")
            assert refused.error == (503, "THROTTLING_QUOTA_EXCEEDED")
            first.close()
        desk = api.server._desk
        assert desk is not None
        await api.post("/v1/network/heal")  # it is noticed by what is sent to it
        await api.post("/v1/network/heal")
        await api.cluster.wait_until(_has_room(desk.feed))
        async with api.session.get("/v1/events") as second:
            await wait_for(events(second), "hello")


def _has_room(told: feed.Feed) -> Callable[[], bool]:
    def look() -> bool:
        told.healed()
        return not told.full

    return look


async def test_listener_that_does_not_keep_up_is_let_go() -> None:
    """What waits for it has a bound; the end comes after what it was told."""
    listener = Listener(Event("hello", {}))
    for number in range(feed.QUEUE_EVENTS_MAX + 5):
        listener.tell(Event("n", {"number": number}))
    assert listener.gone
    assert len(await listener.take(1)) == feed.QUEUE_EVENTS_MAX
    assert await listener.take(1) == []
    assert await listener.take(1) == []
