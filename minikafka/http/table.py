"""Every route of the API: the one table behind routing, checks and description."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.http import actions, partition_records, structs, views
from minikafka.http.call import Call
from minikafka.http.feed import Listener
from minikafka.http.fields import Flag, Member
from minikafka.http.openapi import describe_api
from minikafka.http.refusal import Refusal
from minikafka.http.routes import Route

__all__ = ["ROUTES", "get_events", "get_openapi"]

_PARTITION = "/v1/topics/{topic}/partitions/{partition}/records"


async def get_openapi(call: Call) -> dict[str, Any]:
    """Return the description of all routes."""
    return describe_api(call.desk.routes)


async def get_events(call: Call) -> Listener:
    """Return a listener, whose events are sent as they come."""
    if call.desk.feed.full:
        message = "too many listen already"
        raise Refusal(503, ErrorCode.THROTTLING_QUOTA_EXCEEDED, message)
    return call.desk.feed.listen(offsets=call.given["offsets"])


def _action(name: str, about: str, handler: Any) -> Route:
    return Route(
        "POST",
        f"/v1/brokers/{{broker}}/{name}",
        f"{name.replace('-', '_')}_broker",
        about,
        handler,
        answer=structs.BROKER_STATE,
        refusals=(404, 409),
        seconds=None,
    )


_READING = (
    Route("GET", "/v1/cluster", "cluster", "The cluster in a few numbers.", views.get_cluster,
          structs.CLUSTER),
    Route("GET", "/v1/brokers", "brokers", "All brokers, up or not.", views.get_brokers,
          structs.BROKERS),
    Route("GET", "/v1/brokers/{broker}", "broker", "One broker.", views.get_broker,
          structs.BROKER_STATE, refusals=(404,)),
    Route("GET", "/v1/topics", "topics", "The topics, by name.", views.get_topics,
          structs.TOPICS,
          parameters={"internal": Member(Flag(), "Also Kafka's own.", default=False)}),
    Route("GET", "/v1/topics/{topic}", "topic", "A topic, its partitions and their replicas.",
          views.get_topic, structs.TOPIC, refusals=(404,)),
    Route("GET", "/v1/groups", "groups", "Groups of all kinds: members, offsets, lag.",
          views.get_groups, structs.GROUPS),
    Route("GET", "/v1/transactions", "transactions", "Transactional ids and their state.",
          views.get_transactions, structs.TRANSACTIONS),
    Route("GET", "/v1/events", "events", "What happens, as server-sent events: first hello, "
          "then leader, isr, replicas, watermark or offsets, broker, controller, topic_created, "
          "topic_deleted, partition and heal.", get_events, kind="events",
          parameters={"offsets": Member(Flag(), "Instead of each watermark: where all replicas "
                                        "stand that have moved, in one event.", default=False)}),
    Route("GET", "/v1/openapi.json", "openapi", "This description.", get_openapi),
    Route("GET", "/metrics", "metrics", "State in numbers, for Prometheus.", views.get_metrics,
          kind="text"),
)  # fmt: skip

_CHANGING = (
    Route("POST", "/v1/topics", "create_topic", "Create a topic; it has its leaders then.",
          actions.create_topic, structs.TOPIC, status=201, body=structs.NEW_TOPIC,
          refusals=(409, 504), seconds=None),
    Route("DELETE", "/v1/topics/{topic}", "delete_topic", "Delete a topic and its records.",
          actions.delete_topic, structs.DONE, refusals=(404, 504), seconds=None),
    _action("stop", "Shut a broker down in good order.", actions.stop_broker),
    _action("crash", "Kill a broker's process; what it wrote stays.", actions.crash_broker),
    _action("power-off", "Take a broker's power; what it has not flushed is gone.",
            actions.power_off_broker),
    _action("start", "Start a broker that is down.", actions.start_broker),
    _action("pause", "Let a broker stand still.", actions.pause_broker),
    _action("resume", "Let a broker that stands still go on.", actions.resume_broker),
    _action("isolate", "Cut a broker off all others, though not off its clients.",
            actions.isolate_broker),
    Route("POST", "/v1/network/partition", "partition_network", "Cut links between brokers.",
          actions.cut_links, structs.DONE, body=structs.CUT, refusals=(404,)),
    Route("POST", "/v1/network/heal", "heal_network", "Make all links perfect again.",
          actions.heal_links, structs.DONE),
)  # fmt: skip

_RECORDS = (
    Route("POST", "/v1/producers", "init_producer", "A producer id that nobody else has.",
          partition_records.init_producer, structs.PRODUCER),
    Route("POST", _PARTITION, "produce", "Append records as one batch.",
          partition_records.append_records, structs.APPENDED, body=structs.NEW_RECORDS,
          refusals=(404, 409, 504), seconds=None),
    Route("GET", _PARTITION, "fetch", "Records from an offset on; waits where there are none.",
          partition_records.read_records, structs.FETCHED,
          parameters=structs.FETCH_PARAMETERS, refusals=(404, 504), seconds=None),
)  # fmt: skip

ROUTES = (*_READING, *_CHANGING, *_RECORDS)
"""All of them, in the order in which they are described."""
