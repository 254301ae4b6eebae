"""What can be done to a cluster: topics come and go, brokers and links break and mend.

One change of brokers at a time. None has a time limit here: half a start would leave half a
broker. A change that was begun goes on when its client has gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.http.call import Call
from minikafka.http.refusal import CONFLICT, NOT_FOUND, TOO_LATE, Refusal
from minikafka.http.views import get_broker, topic_shape

__all__ = [
    "crash_broker",
    "create_topic",
    "cut_links",
    "delete_topic",
    "heal_links",
    "isolate_broker",
    "pause_broker",
    "power_off_broker",
    "resume_broker",
    "start_broker",
    "stop_broker",
]


async def create_topic(call: Call) -> dict[str, Any]:
    """Create a topic, and return once each partition has its leader."""
    body = call.body
    try:
        await call.cluster.create_topic(
            body["name"],
            partitions=body["partitions"],
            replication_factor=body["replication_factor"],
            config=body["config"],
        )
    except TimeoutError:
        message = "the topic is recorded, but not known everywhere yet"
        raise Refusal(TOO_LATE, ErrorCode.REQUEST_TIMED_OUT, message) from None
    topic = call.cluster.overview().topics.get(body["name"])
    if topic is None:
        message = "the topic was created, and has been deleted again"
        raise Refusal(CONFLICT, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)
    return topic_shape(topic)


async def delete_topic(call: Call) -> dict[str, Any]:
    """Delete a topic, and return once no broker that is up knows it."""
    try:
        await call.cluster.delete_topic(call.given["topic"])
    except TimeoutError:
        message = "the deletion is recorded, but not known everywhere yet"
        raise Refusal(TOO_LATE, ErrorCode.REQUEST_TIMED_OUT, message) from None
    return {}


async def stop_broker(call: Call) -> dict[str, Any]:
    """Let a broker shut down in good order."""
    return await _change(call, call.cluster.stop)


async def crash_broker(call: Call) -> dict[str, Any]:
    """Let a broker's process die; what it wrote stays."""
    return await _change(call, call.cluster.crash)


async def power_off_broker(call: Call) -> dict[str, Any]:
    """Let a broker's machine go dark; what it has not flushed is gone."""
    return await _change(call, lambda broker: call.cluster.crash(broker, "power"))


async def start_broker(call: Call) -> dict[str, Any]:
    """Start a broker that is down, over what its storage has kept."""
    try:
        return await _change(call, call.cluster.restart)
    except OSError as error:
        message = f"it cannot listen: {error.strerror or type(error).__name__}"
        raise Refusal(CONFLICT, ErrorCode.BROKER_NOT_AVAILABLE, message) from error


async def pause_broker(call: Call) -> dict[str, Any]:
    """Let a broker stand still."""
    return await _change(call, _at_once(call.cluster.pause))


async def resume_broker(call: Call) -> dict[str, Any]:
    """Let a broker that stands still go on; waits for no other change, which may wait for it."""
    await _carry_out(call, _at_once(call.cluster.resume))
    return await get_broker(call)


async def isolate_broker(call: Call) -> dict[str, Any]:
    """Cut a broker off all others; its clients still reach it."""
    shape = await _change(call, _at_once(call.cluster.isolate))
    others = [each for each in call.cluster.brokers if each != call.given["broker"]]
    call.desk.feed.cut([call.given["broker"]], others, oneway=False)
    return shape


async def cut_links(call: Call) -> dict[str, Any]:
    """Cut the links between brokers."""
    body = call.body
    known = call.cluster.brokers
    unknown = [each for each in (*body["a"], *body["b"]) if each not in known]
    if unknown:
        message = f"there is no broker {unknown[0]}"
        raise Refusal(NOT_FOUND, ErrorCode.BROKER_ID_NOT_REGISTERED, message)
    call.cluster.network.partition(body["a"], body["b"], oneway=body["oneway"])
    call.desk.feed.cut(body["a"], body["b"], oneway=body["oneway"])
    return {}


async def heal_links(call: Call) -> dict[str, Any]:
    """Make all links perfect again."""
    call.cluster.network.heal()
    call.desk.feed.healed()
    return {}


async def _change(call: Call, work: Callable[[int], Awaitable[None]]) -> dict[str, Any]:
    async with call.desk.turn:
        await _carry_out(call, work)
    return await get_broker(call)


async def _carry_out(call: Call, work: Callable[[int], Awaitable[None]]) -> None:
    broker = call.given["broker"]
    if broker not in call.cluster.brokers:
        message = f"there is no broker {broker}"
        raise Refusal(NOT_FOUND, ErrorCode.BROKER_ID_NOT_REGISTERED, message)
    down = _is_down(call, broker)
    try:
        await work(broker)
    except RuntimeError as error:
        # It is not in the state that this can be done to: down, or up already.
        up_already = ErrorCode.DUPLICATE_BROKER_REGISTRATION
        code = ErrorCode.BROKER_NOT_AVAILABLE if down else up_already
        raise Refusal(CONFLICT, code, str(error)) from error


def _is_down(call: Call, broker: int) -> bool:
    states = call.cluster.overview().brokers
    return any(each.id == broker and each.condition == "down" for each in states)


def _at_once(act: Callable[[int], None]) -> Callable[[int], Awaitable[None]]:
    async def work(broker: int) -> None:
        act(broker)

    return work
