"""What a node of the quorum must not forget: its epoch, its vote, the leader it knew.

Counterpart: org.apache.kafka.raft.FileQuorumStateStore, with its file name and fields. KIP-595,
KIP-853.
"""

from __future__ import annotations

import json
import uuid
from typing import NamedTuple

from minikafka.base.ids import NO_LEADER, ZERO_ID, BrokerId, parse_short_id, short_id
from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from minikafka.log.storage import Storage

__all__ = ["ElectionState", "QuorumStateStore"]

_FILE = "quorum-state"
_DATA_VERSION = 1


class ElectionState(NamedTuple):
    """State of one quorum epoch; ids are -1 for nobody."""

    epoch: int = 0
    voted_id: BrokerId = NO_LEADER
    leader_id: BrokerId = NO_LEADER
    voted_directory_id: uuid.UUID = ZERO_ID


class QuorumStateStore:
    """The durable election state of one node.

    Args:
        storage: of the node.
        directory: of the metadata log.
    """

    __slots__ = ("_name", "_storage")

    def __init__(self, storage: Storage, directory: str) -> None:
        self._storage = storage
        self._name = f"{directory}/{_FILE}"

    def read(self) -> ElectionState:
        """Return the state last written, that of epoch 0 on a new disk."""
        text = read_checkpoint(self._storage, self._name)
        if text is None:
            return ElectionState()
        fields = json.loads(text)
        return ElectionState(
            fields["leaderEpoch"],
            fields["votedId"],
            fields["leaderId"],
            parse_short_id(fields.get("votedDirectoryId", short_id(ZERO_ID))),
        )

    def write(self, state: ElectionState) -> None:
        """Store the state; it is durable on return, so it may be acted upon."""
        fields = {
            "leaderId": state.leader_id,
            "leaderEpoch": state.epoch,
            "votedId": state.voted_id,
            "votedDirectoryId": short_id(state.voted_directory_id),
            "data_version": _DATA_VERSION,
        }
        write_checkpoint(self._storage, self._name, json.dumps(fields))
