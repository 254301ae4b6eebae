"""FetchSnapshot (api key 59), from a node whose log lacks what a snapshot of the leader's says.

Behaviour
    A piece of a snapshot from `position` on, and how long the whole is. SNAPSHOT_NOT_FOUND where
    a later one has replaced it: the next Fetch names that. The leader answers; the others say
    who that is.

Versions
    0   KIP-630
    1   directory id of the asker (KIP-853)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, ZERO_ID
from minikafka.broker.broker import Broker
from minikafka.broker.context import RequestContext
from minikafka.broker.quorum_messages import check_cluster
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import SnapshotId
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["fetch_snapshot"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "topics": []}


@api(ApiKey.FETCH_SNAPSHOT, on_error=_error_shape)
def fetch_snapshot(request: Any, context: RequestContext) -> Shape:
    """Send a piece of a snapshot."""
    check_cluster(request, context.broker.cluster_id)
    topics = [
        {
            "name": topic.name,
            "partitions": [
                _partition(context.broker, request, topic.name, asked)
                for asked in topic.partitions
            ],
        }
        for topic in request.topics
    ]
    return {"error_code": ErrorCode.NONE, "topics": topics}


def _partition(broker: Broker, request: Any, topic: str, asked: Any) -> Shape:
    machine = broker.quorum.machine
    snapshot = SnapshotId(asked.snapshot_id.end_offset, asked.snapshot_id.epoch)
    told: dict[str, object] = {
        "index": asked.partition,
        "error_code": ErrorCode.NONE,
        "snapshot_id": {"end_offset": snapshot.end_offset, "epoch": snapshot.epoch},
        "current_leader": {"leader_id": machine.leader_id, "leader_epoch": machine.epoch},
        "size": 0,
        "position": asked.position,
        "unaligned_records": b"",
    }
    try:
        if topic != CLUSTER_METADATA_TOPIC or asked.partition != 0:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        _check_leader(machine, asked.current_leader_epoch)
        piece = machine.snapshots.read(snapshot, asked.position, request.max_bytes)
        told["size"] = machine.snapshots.size(snapshot)
        told["unaligned_records"] = piece
        replica = (request.replica_id, optional(asked, "replica_directory_id", None) or ZERO_ID)
        clock = broker.clock
        machine.on_snapshot_fetch(replica, clock.monotonic_ms(), clock.wall_ms())
    except KafkaError as error:
        # DIVERGENCE(snapshot-refusals): Kafka fails as it writes this.
        told["error_code"] = error.code
    return told


def _check_leader(machine: QuorumMachine, epoch: int) -> None:
    if 0 <= epoch < machine.epoch:
        raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
    if epoch > machine.epoch:
        raise KafkaError(ErrorCode.UNKNOWN_LEADER_EPOCH)
    if not machine.is_leader:
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
