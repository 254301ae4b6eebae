"""What a quorum machine wants its driver to know, as values.

In the order in which it happened; nothing in them asks for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from minikafka.base.ids import BrokerId, Offset

__all__ = ["Effect", "HighWatermarkAdvanced", "LeaderElected", "LeaderFound", "LeaderLost"]


@dataclass(frozen=True, slots=True)
class LeaderElected:
    """This node leads; its LeaderChange record lies at `epoch_start_offset`.

    The node may act as controller once the high watermark has passed that record and all
    below it is applied.
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


Effect: TypeAlias = LeaderElected | LeaderFound | LeaderLost | HighWatermarkAdvanced
