"""Messages of the quorum as requests of Kafka's protocol, to be sent and taken apart again.

Each concerns one partition, that of the metadata log. Counterpart: org.apache.kafka.raft.RaftUtil.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, NO_LEADER, ZERO_ID, BrokerId
from minikafka.quorum.epochs import EpochKeeper
from minikafka.quorum.leading import ReplicaKey
from minikafka.quorum.messages import LogEnd, VoteAnswer, VoteRequest
from minikafka.quorum.snapshots import SnapshotId
from minikafka.quorum.voters import Voter
from minikafka.wire.shapes import Shape, build_request, optional
from minikafka.wire.versions import ApiKey

__all__ = [
    "BEGIN_EPOCH_VERSION",
    "END_EPOCH_VERSION",
    "FETCH_SNAPSHOT_VERSION",
    "VOTE_VERSION",
    "begin_epoch_request",
    "check_cluster",
    "end_epoch_request",
    "fetch_snapshot_request",
    "is_meant_for",
    "leader_told",
    "only_partition",
    "quorum_response",
    "snapshot_piece",
    "vote_answer",
    "vote_asked",
    "vote_request",
]

VOTE_VERSION = 2
BEGIN_EPOCH_VERSION = 1
END_EPOCH_VERSION = 1
FETCH_SNAPSHOT_VERSION = 1
_PARTITION = 0


def vote_request(cluster_id: str, voter: Voter, request: VoteRequest) -> Any:
    """Return the Vote request for one voter."""
    asked = {
        "partition_index": _PARTITION,
        "replica_epoch": request.epoch,
        "replica_id": request.candidate_id,
        "replica_directory_id": request.candidate_directory_id,
        "voter_directory_id": voter.directory_id,
        # Kafka says 0 for the epoch of an empty log.
        "last_offset_epoch": max(0, request.log_end.epoch),
        "last_offset": request.log_end.offset,
        "pre_vote": request.pre_vote,
    }
    shape = {"cluster_id": cluster_id, "voter_id": voter.voter_id, "topics": _topics(asked)}
    return build_request(ApiKey.VOTE, VOTE_VERSION, shape)


def vote_asked(partition: Any) -> VoteRequest:
    """Return what the partition of a Vote request says, of any version."""
    epoch = partition.last_offset_epoch if partition.last_offset else -1
    return VoteRequest(
        partition.replica_epoch,
        partition.replica_id,
        LogEnd(epoch, partition.last_offset),
        optional(partition, "pre_vote", False),
        optional(partition, "replica_directory_id", None) or ZERO_ID,
    )


def vote_answer(response: Any) -> VoteAnswer:
    """Return the answer of a Vote response; raises KafkaError where it refuses as a whole.

    Who is behind is told so: a node that has lost its vote hears of its successors nowhere else.
    """
    told = only_partition(response, also=(ErrorCode.FENCED_LEADER_EPOCH,))
    return VoteAnswer(told.leader_epoch, told.leader_id, bool(told.vote_granted))


def begin_epoch_request(cluster_id: str, voter: Voter, leader: BrokerId, epoch: int) -> Any:
    """Return the BeginQuorumEpoch request for one voter."""
    asked = {
        "partition_index": _PARTITION,
        "voter_directory_id": voter.directory_id,
        "leader_id": leader,
        "leader_epoch": epoch,
    }
    shape = {
        "cluster_id": cluster_id,
        "voter_id": voter.voter_id,
        "topics": _topics(asked),
        "leader_endpoints": [],
    }
    return build_request(ApiKey.BEGIN_QUORUM_EPOCH, BEGIN_EPOCH_VERSION, shape)


def end_epoch_request(
    cluster_id: str, leader: BrokerId, epoch: int, preferred: Sequence[Voter]
) -> Any:
    """Return the EndQuorumEpoch request, the same for every voter."""
    asked = {
        "partition_index": _PARTITION,
        "leader_id": leader,
        "leader_epoch": epoch,
        "preferred_candidates": [
            {"candidate_id": voter.voter_id, "candidate_directory_id": voter.directory_id}
            for voter in preferred
        ],
    }
    shape = {"cluster_id": cluster_id, "topics": _topics(asked), "leader_endpoints": []}
    return build_request(ApiKey.END_QUORUM_EPOCH, END_EPOCH_VERSION, shape)


def fetch_snapshot_request(
    cluster_id: str,
    replica: ReplicaKey,
    epoch: int,
    snapshot: SnapshotId,
    position: int,
    max_bytes: int,
) -> Any:
    """Return the FetchSnapshot request for the piece from `position` on."""
    asked = {
        "partition": _PARTITION,
        "current_leader_epoch": epoch,
        "snapshot_id": {"end_offset": snapshot.end_offset, "epoch": snapshot.epoch},
        "position": position,
        "replica_directory_id": replica[1],
    }
    shape = {
        "cluster_id": cluster_id,
        "replica_id": replica[0],
        "max_bytes": max_bytes,
        "topics": [{"name": CLUSTER_METADATA_TOPIC, "partitions": [asked]}],
    }
    return build_request(ApiKey.FETCH_SNAPSHOT, FETCH_SNAPSHOT_VERSION, shape)


def snapshot_piece(response: Any) -> Any:
    """Return the partition of a FetchSnapshot response; raises KafkaError where it refuses."""
    if response.error_code.value:
        raise KafkaError(ErrorCode(int(response.error_code.value)))
    if len(response.topics) != 1 or len(response.topics[0].partitions) != 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "the quorum has one partition")
    partition = response.topics[0].partitions[0]
    if partition.error_code.value:
        raise KafkaError(ErrorCode(int(partition.error_code.value)))
    return partition


def leader_told(response: Any) -> tuple[BrokerId, int]:
    """Return the leader and epoch that an answer to Begin- or EndQuorumEpoch names."""
    told = only_partition(response, also=(ErrorCode.FENCED_LEADER_EPOCH,))
    return told.leader_id, told.leader_epoch


def only_partition(message: Any, *, also: tuple[ErrorCode, ...] = ()) -> Any:
    """Return the partition of the metadata log in a request or a response.

    Raises:
        KafkaError: the response refuses, but for codes of the partition in `also`;
            INVALID_REQUEST where the message is about something else.
    """
    code = getattr(message, "error_code", None)
    if code is not None and code.value:
        raise KafkaError(ErrorCode(int(code.value)))
    if len(message.topics) != 1 or len(message.topics[0].partitions) != 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "the quorum has one partition")
    topic, partition = message.topics[0], message.topics[0].partitions[0]
    if topic.topic_name != CLUSTER_METADATA_TOPIC or partition.partition_index != _PARTITION:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "the quorum is that of the metadata log")
    code = getattr(partition, "error_code", None)
    if code is not None and code.value and ErrorCode(int(code.value)) not in also:
        raise KafkaError(ErrorCode(int(code.value)))
    return partition


def check_cluster(request: Any, cluster_id: str) -> None:
    """Raise KafkaError INCONSISTENT_CLUSTER_ID for another cluster's request; null is any's."""
    if request.cluster_id not in (None, cluster_id):
        raise KafkaError(
            ErrorCode.INCONSISTENT_CLUSTER_ID, "The request is for another cluster."
        )


def is_meant_for(request: Any, partition: Any, machine: EpochKeeper) -> bool:
    """Say whether a request names this voter with the disk it has, or none (KIP-853)."""
    voter_id = optional(request, "voter_id", NO_LEADER)
    directory_id = optional(partition, "voter_directory_id", None) or ZERO_ID
    own = (machine.node_id, machine.directory_id)
    return voter_id == NO_LEADER or Voter(voter_id, directory_id).is_same(*own)


def quorum_response(
    epoch: int, leader: BrokerId = NO_LEADER, error: ErrorCode = ErrorCode.NONE, **more: object
) -> Shape:
    """Return the shape of any answer of the quorum: who leads which epoch, and `more`."""
    told = {
        "partition_index": _PARTITION,
        "error_code": error,
        "leader_id": leader,
        "leader_epoch": epoch,
        **more,
    }
    return {"error_code": ErrorCode.NONE, "topics": _topics(told)}


def _topics(partition: Shape) -> list[Shape]:
    return [{"topic_name": CLUSTER_METADATA_TOPIC, "partitions": [partition]}]
