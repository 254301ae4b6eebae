"""What the leader of a partition knows of one follower.

Counterpart: kafka.cluster.Replica and its ReplicaState.
"""

from __future__ import annotations

from minikafka.base.ids import NO_OFFSET, BrokerId, Offset

__all__ = ["FollowerProgress"]


class FollowerProgress:
    """How far one follower has come, from its own fetches.

    Attributes:
        log_end_offset: next offset the follower will write; `NO_OFFSET` before its first fetch
            in this leader epoch, so that a stale report never counts (reliability rule R6).
        log_start_offset: first offset the follower still holds; `NO_OFFSET` if unknown.
        last_caught_up_ms: monotonic time at which it last held all the leader had.
        heard: False from when it is taken out of the ISR until it fetches again.
    """

    __slots__ = (
        "_last_fetch_leader_end",
        "_last_fetch_ms",
        "broker_epoch",
        "broker_id",
        "heard",
        "last_caught_up_ms",
        "log_end_offset",
        "log_start_offset",
    )

    def __init__(self, broker_id: BrokerId, last_caught_up_ms: int) -> None:
        self.broker_id = broker_id
        self.broker_epoch = -1
        self.log_end_offset: Offset = NO_OFFSET
        self.log_start_offset: Offset = NO_OFFSET
        self.last_caught_up_ms = last_caught_up_ms
        self.heard = True
        self._last_fetch_leader_end: Offset = 0
        self._last_fetch_ms = 0

    def on_fetch(
        self,
        fetch_offset: Offset,
        log_start_offset: Offset,
        leader_log_end_offset: Offset,
        broker_epoch: int,
        now_ms: int,
    ) -> bool:
        """Note a fetch at `fetch_offset`, and say whether the end offset moved.

        A follower that now asks for what was the leader's end at its previous fetch was caught
        up at that moment: a busy leader is always a little ahead, and that is not lag.
        """
        if fetch_offset >= leader_log_end_offset:
            self.last_caught_up_ms = max(self.last_caught_up_ms, now_ms)
        elif fetch_offset >= self._last_fetch_leader_end and self._last_fetch_ms:
            self.last_caught_up_ms = max(self.last_caught_up_ms, self._last_fetch_ms)
        self.heard = True
        moved = fetch_offset != self.log_end_offset
        self.log_end_offset = fetch_offset
        self.log_start_offset = log_start_offset
        self.broker_epoch = broker_epoch
        self._last_fetch_leader_end = leader_log_end_offset
        self._last_fetch_ms = now_ms
        return moved
