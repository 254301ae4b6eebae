"""DescribeQuorum (api key 55).

Behaviour
    The leader of the metadata quorum, its epoch and high watermark, and how far every voter and
    observer is, as the leader knows it. Any broker is asked; the leader answers. Whoever asks
    for anything but partition 0 of the metadata log, alone and once, is refused all of it.

Versions
    0   KIP-595
    1   times of the last fetch and of having been caught up (KIP-836)
    2   directory ids, listeners, error messages (KIP-853)

Not done
    DIVERGENCE(quorum-addresses): the voters' listeners for clients.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC
from minikafka.broker.broker import Broker
from minikafka.broker.context import RequestContext
from minikafka.quorum.leading import FetcherState, ReplicaKey
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_quorum"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message, "topics": []}


@api(ApiKey.DESCRIBE_QUORUM, controller=True, on_error=_error_shape)
def describe_quorum(request: Any, context: RequestContext) -> Shape:
    """Say how the quorum stands."""
    asked = [
        (each.topic_name, [of.partition_index for of in each.partitions])
        for each in request.topics
    ]
    known = asked == [(CLUSTER_METADATA_TOPIC, [0])]
    broker = context.broker
    topics = [
        {
            "topic_name": name,
            "partitions": [
                _partition(broker) if known else _unknown(index) for index in indexes
            ],
        }
        for name, indexes in asked
    ]
    return {
        "error_code": ErrorCode.NONE,
        "error_message": "",
        "topics": topics,
        "nodes": _nodes(broker) if known else [],
    }


def _unknown(index: int) -> Shape:
    return {
        "partition_index": index,
        "error_code": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "error_message": "Only partition 0 of the metadata log is described, and asked for alone.",
    }


def _partition(broker: Broker) -> Shape:
    machine, clock = broker.quorum.machine, broker.clock
    leadership = machine.leadership
    if leadership is None:
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    now_ms, timestamp_ms = clock.monotonic_ms(), clock.wall_ms()
    own = FetcherState(
        machine.log.log_end_offset, now_ms, timestamp_ms, caught_up_timestamp_ms=timestamp_ms
    )
    return {
        "partition_index": 0,
        "error_code": ErrorCode.NONE,
        "error_message": "",
        "leader_id": machine.node_id,
        "leader_epoch": machine.epoch,
        "high_watermark": machine.high_watermark,
        "current_voters": [
            _replica(
                (voter.voter_id, voter.directory_id),
                own
                if voter.voter_id == machine.node_id
                else leadership.fetchers[voter.voter_id],
            )
            for voter in machine.voter_set
        ],
        "observers": [_replica(*each) for each in leadership.observers(now_ms)],
    }


def _replica(replica: ReplicaKey, state: FetcherState) -> Shape:
    return {
        "replica_id": replica[0],
        "replica_directory_id": replica[1],
        "log_end_offset": state.log_end_offset,
        "last_fetch_timestamp": state.fetch_timestamp_ms,
        "last_caught_up_timestamp": state.caught_up_timestamp_ms,
    }


def _nodes(broker: Broker) -> list[Shape]:
    """Return the voters that are registered, with the listener that clients know."""
    nodes: list[Shape] = []
    for voter in broker.quorum.machine.voters:
        found = broker.image.brokers.get(voter)
        if found is not None:
            listener = {"name": "PLAINTEXT", "host": found.host, "port": found.port}
            nodes.append({"node_id": voter, "listeners": [listener]})
    return nodes
