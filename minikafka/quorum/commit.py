"""When a metadata batch is committed.

Pure. Counterpart: org.apache.kafka.raft.LeaderState.maybeUpdateHighWatermark. KIP-595.

Rules of this file
    Only voters count, the leader among them only if it is one.
    Only what is durable counts: a voter that loses power must still have it.
    Nothing is committed before a record of the leader's own epoch is: an older one may yet be
    overwritten though a majority holds it (Raft, 5.4.2; KAFKA-12619).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikafka.base.ids import BrokerId, Offset

__all__ = ["CommitTracker", "majority_count", "majority_end_offset"]


def majority_count(voters: Sequence[BrokerId]) -> int:
    """Return how many voters a majority has.

    >>> [majority_count(range(count)) for count in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return len(voters) // 2 + 1


def majority_end_offset(
    durable_end_offsets: Mapping[BrokerId, Offset], voters: Sequence[BrokerId]
) -> Offset:
    """Return the largest end offset (exclusive) that a majority of the voters holds durably.

    Voters of whom nothing is known hold nothing; others than voters do not count.

    >>> majority_end_offset({1: 9, 2: 7, 3: 4, 8: 9}, (1, 2, 3))
    7
    """
    ends = sorted((durable_end_offsets.get(voter, 0) for voter in voters), reverse=True)
    return ends[majority_count(voters) - 1]


class CommitTracker:
    """How far each voter has come, as the leader of one epoch knows it.

    Args:
        voters: of the quorum.
        epoch_start_offset: where the leader's LeaderChange record lies.
    """

    __slots__ = ("_durable_end_offsets", "epoch_start_offset", "voters")

    def __init__(self, voters: Sequence[BrokerId], epoch_start_offset: Offset) -> None:
        self.voters = tuple(voters)
        self.epoch_start_offset = epoch_start_offset
        self._durable_end_offsets: dict[BrokerId, Offset] = {}

    @property
    def durable_end_offsets(self) -> Mapping[BrokerId, Offset]:
        """Last known durable end offset (exclusive) of each replica heard of."""
        return self._durable_end_offsets

    def note(self, replica_id: BrokerId, durable_end_offset: Offset) -> None:
        """Note how much a replica holds, voter or not: it may become one.

        A voter may come back with less than before: its disk was replaced.
        """
        self._durable_end_offsets[replica_id] = durable_end_offset

    def forget(self, replica_id: BrokerId) -> None:
        """Know nothing of a replica any more: it has no vote, or another disk."""
        self._durable_end_offsets.pop(replica_id, None)

    def change_voters(self, voters: Sequence[BrokerId]) -> None:
        """Count other voters from now on."""
        self.voters = tuple(voters)

    def high_watermark(self, current: Offset) -> Offset:
        """Return the high watermark that follows from all noted, never below `current`."""
        end = majority_end_offset(self._durable_end_offsets, self.voters)
        return max(current, end) if end > self.epoch_start_offset else current
