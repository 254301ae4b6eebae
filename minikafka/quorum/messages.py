"""What the nodes of the quorum say to each other, as plain values.

Offsets are exclusive ends. Fetch has its own values in `wire.fetch`. Counterparts: the request
classes of KafkaRaftClient; KIP-595, KIP-996.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple

from minikafka.base.ids import ZERO_ID, BrokerId, Offset

__all__ = ["LogEnd", "VoteAnswer", "VoteRequest"]


class LogEnd(NamedTuple):
    """Where a log ends; of two, the larger one is as complete as the other or more so."""

    epoch: int  # of its last batch, -1 of an empty log
    offset: Offset


class VoteRequest(NamedTuple):
    """A node wants a vote, or with `pre_vote` wants to know whether it would get it.

    Args:
        epoch: in which the vote counts; of a pre-vote the one the asker is in.
        log_end: of the asker.
    """

    epoch: int
    candidate_id: BrokerId
    log_end: LogEnd
    pre_vote: bool = False
    candidate_directory_id: uuid.UUID = ZERO_ID


class VoteAnswer(NamedTuple):
    """The answer, and what the one that answers knows of the quorum."""

    epoch: int
    leader_id: BrokerId
    granted: bool
