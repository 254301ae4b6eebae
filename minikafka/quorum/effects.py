"""What a quorum machine wants its driver to do or to know, as values.

In the order in which it happened. Who sends a message tells the machine of the answer, or that
there will be none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from minikafka.base.ids import BrokerId, Offset
from minikafka.quorum.messages import VoteRequest
from minikafka.quorum.snapshots import SnapshotId

__all__ = [
    "Effect",
    "HighWatermarkAdvanced",
    "LeaderElected",
    "LeaderFound",
    "LeaderLost",
    "SendBeginEpoch",
    "SendEndEpoch",
    "SendVote",
    "SnapshotInstalled",
]


@dataclass(frozen=True, slots=True)
class LeaderElected:
    """This node leads; its LeaderChange record lies at `epoch_start_offset`.

    What it decides is good once the high watermark has passed that record and the decision.
    """

    epoch: int
    epoch_start_offset: Offset


@dataclass(frozen=True, slots=True)
class LeaderFound:
    """Another node leads: fetch from it."""

    epoch: int
    leader_id: BrokerId


@dataclass(frozen=True, slots=True)
class LeaderLost:
    """No leader of `epoch` is known: stop acting as one, or fetching from one."""

    epoch: int


@dataclass(frozen=True, slots=True)
class HighWatermarkAdvanced:
    """All below `high_watermark` (exclusive) is committed and may be applied."""

    high_watermark: Offset


@dataclass(frozen=True, slots=True)
class SnapshotInstalled:
    """The log begins at the end of this snapshot now: what it says is what has been applied."""

    snapshot: SnapshotId


@dataclass(frozen=True, slots=True)
class SendVote:
    """Ask `target` for its vote; the answer goes to `on_vote_answer`."""

    target: BrokerId
    request: VoteRequest


@dataclass(frozen=True, slots=True)
class SendBeginEpoch:
    """Tell `target` that this node leads `epoch`; the answer goes to `on_leader`."""

    target: BrokerId
    epoch: int


@dataclass(frozen=True, slots=True)
class SendEndEpoch:
    """Tell `target` that this node leads `epoch` no longer, and who should follow it."""

    target: BrokerId
    epoch: int
    preferred: tuple[BrokerId, ...]


Effect: TypeAlias = (
    LeaderElected
    | LeaderFound
    | LeaderLost
    | HighWatermarkAdvanced
    | SnapshotInstalled
    | SendVote
    | SendBeginEpoch
    | SendEndEpoch
)
