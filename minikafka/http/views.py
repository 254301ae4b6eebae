"""What can be seen: cluster, brokers, topics, and the numbers for Prometheus."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.cluster.overview import Overview, TopicState
from minikafka.cluster.partition_state import PartitionState
from minikafka.http.call import Call
from minikafka.http.groups import groups_of
from minikafka.http.metrics import metrics_text
from minikafka.http.refusal import NOT_FOUND, UNAVAILABLE, Refusal
from minikafka.http.transactions import transactions_of

__all__ = [
    "get_broker",
    "get_brokers",
    "get_cluster",
    "get_groups",
    "get_metrics",
    "get_topic",
    "get_topics",
    "get_transactions",
    "topic_shape",
]


async def get_cluster(call: Call) -> dict[str, Any]:
    """Return the cluster in a few numbers."""
    state = call.cluster.overview()
    partitions = [each for topic in state.topics.values() for each in topic.partitions]
    return {
        "cluster_id": state.cluster_id,
        "bootstrap_servers": call.cluster.bootstrap_servers,
        "controller": state.controller,
        "metadata_offset": state.metadata_offset,
        "brokers": [each.id for each in state.brokers],
        "brokers_up": [each.id for each in state.brokers if each.condition == "up"],
        "topics": len(state.topics),
        "partitions": len(partitions),
        "leaderless_partitions": sum(each.leader is None for each in partitions),
        "under_replicated_partitions": sum(
            len(each.isr) < len(each.replicas) for each in partitions
        ),
    }


async def get_brokers(call: Call) -> dict[str, Any]:
    """Return all brokers."""
    return {"brokers": _brokers(call.cluster.overview())}


async def get_broker(call: Call) -> dict[str, Any]:
    """Return one broker."""
    wanted = call.given["broker"]
    for shape in _brokers(call.cluster.overview()):
        if shape["id"] == wanted:
            return shape
    message = f"there is no broker {wanted}"
    raise Refusal(NOT_FOUND, ErrorCode.BROKER_ID_NOT_REGISTERED, message)


async def get_topics(call: Call) -> dict[str, Any]:
    """Return all topics."""
    state = _known(call.cluster.overview())
    return {
        "topics": [
            {
                "name": topic.name,
                "topic_id": topic.topic_id,
                "internal": topic.internal,
                "partitions": len(topic.partitions),
                "replication_factor": max(
                    (len(each.replicas) for each in topic.partitions), default=0
                ),
            }
            for topic in state.topics.values()
            if call.given["internal"] or not topic.internal
        ]
    }


async def get_topic(call: Call) -> dict[str, Any]:
    """Return one topic, with its partitions and their replicas."""
    name = call.given["topic"]
    topic = _known(call.cluster.overview()).topics.get(name)
    if topic is None:
        message = f"there is no topic {name!a}"
        raise Refusal(NOT_FOUND, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)
    return topic_shape(topic)


async def get_groups(call: Call) -> dict[str, Any]:
    """Return the groups of all kinds, with members, committed offsets and lag."""
    found, unanswered = await groups_of(call.cluster)
    return {"groups": found, "unanswered": unanswered}


async def get_transactions(call: Call) -> dict[str, Any]:
    """Return the transactional ids, as their coordinators see them."""
    found, unanswered = await transactions_of(call.cluster)
    return {"transactions": found, "unanswered": unanswered}


async def get_metrics(call: Call) -> tuple[str, str]:
    """Return content type and text of what Prometheus scrapes."""
    found, _ = await groups_of(call.cluster, members=False)
    text = metrics_text(call.cluster.overview(), found, call.desk.answered)
    return "text/plain; version=0.0.4; charset=utf-8", text


def topic_shape(topic: TopicState) -> dict[str, Any]:
    """Return a topic as it is answered."""
    return {
        "name": topic.name,
        "topic_id": topic.topic_id,
        "internal": topic.internal,
        "config": dict(topic.config),
        "partitions": [_partition(topic, each) for each in topic.partitions],
    }


def _known(state: Overview) -> Overview:
    """Return the overview where it can know of topics."""
    if state.metadata_offset < 0:
        message = "no broker is running"
        raise Refusal(UNAVAILABLE, ErrorCode.BROKER_NOT_AVAILABLE, message)
    return state


def _brokers(state: Overview) -> list[dict[str, Any]]:
    leaders = [each.leader for topic in state.topics.values() for each in topic.partitions]
    return [
        {
            "id": each.id,
            "state": each.condition,
            "fenced": each.fenced,
            "controller": each.id == state.controller,
            "host": each.host,
            "port": each.port,
            "rack": each.rack,
            "leads": leaders.count(each.id),
        }
        for each in state.brokers
    ]


def _partition(topic: TopicState, state: PartitionState) -> dict[str, Any]:
    log_bytes = topic.log_bytes[state.partition]
    return {
        "partition": state.partition,
        "leader": state.leader,
        "leader_epoch": state.leader_epoch,
        "partition_epoch": state.partition_epoch,
        "replicas": list(state.replicas),
        "isr": sorted(state.isr),
        "elr": list(state.elr),
        "logs": [
            {
                "broker": broker,
                "log_start_offset": replica.log_start_offset,
                "log_end_offset": replica.log_end_offset,
                "high_watermark": replica.high_watermark,
                "last_stable_offset": replica.last_stable_offset,
                "log_bytes": log_bytes.get(broker, 0),
            }
            for broker, replica in state.replica_states.items()
        ],
    }
