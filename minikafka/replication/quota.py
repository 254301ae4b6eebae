"""How much replication traffic of throttled replicas there is, held against a bound.

Pure: time comes in. A quota that throttles nothing costs one look at `active`.
Counterpart: kafka.server.ReplicationQuotaManager with SimpleRate and SampledStat. KIP-73.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from minikafka.base.ids import BrokerId

__all__ = ["ALL", "ReplicationQuota", "throttled_partitions"]

ALL: tuple[int, ...] = (-1,)
"""Every partition of a topic."""


def throttled_partitions(entries: Iterable[str], node_id: BrokerId) -> tuple[int, ...]:
    """Return the partitions of a topic that a broker throttles; `ALL` where all are.

    Args:
        entries: `*`, or `partition:broker` each.

    >>> throttled_partitions(["0:1", "0:2", "3:1"], 1)
    (0, 3)
    """
    found = []
    for entry in entries:
        if entry == "*":
            return ALL
        partition, _, broker = entry.partition(":")
        if int(broker) == node_id:
            found.append(int(partition))
    return tuple(found)


class ReplicationQuota:
    """The rate of one direction, leader or follower, on one broker.

    Args:
        sample_count: replication.quota.window.num.
        sample_ms: length of a sample, replication.quota.window.size.seconds.

    Attributes:
        active: something is throttled.
        bound: bytes per second; None is no bound.
    """

    __slots__ = ("_partitions", "_sample_count", "_sample_ms", "_samples", "active", "bound")

    def __init__(self, sample_count: int = 11, sample_ms: int = 1_000) -> None:
        self._sample_count = sample_count
        self._sample_ms = sample_ms
        # Start of each sample in monotonic milliseconds, and its bytes; oldest first.
        self._samples: deque[list[int]] = deque()
        self._partitions: dict[str, tuple[int, ...]] = {}
        self.active = False
        self.bound: int | None = None

    def throttle(self, topic: str, partitions: tuple[int, ...]) -> None:
        """Throttle these partitions of a topic from now on, and no others."""
        if partitions:
            self._partitions[topic] = partitions
        else:
            self._partitions.pop(topic, None)
        self.active = bool(self._partitions)

    def is_throttled(self, topic: str, index: int) -> bool:
        """Say whether a partition counts here."""
        partitions = self._partitions.get(topic)
        return partitions is not None and (partitions == ALL or index in partitions)

    def record(self, size: int, now_ms: int) -> None:
        """Count bytes of throttled partitions, of replicas in sync as well as of others."""
        samples = self._samples
        if not samples or now_ms - samples[-1][0] >= self._sample_ms:
            self._drop_old(now_ms)
            samples.append([now_ms, 0])
        samples[-1][1] += size

    def is_exceeded(self, now_ms: int) -> bool:
        """Say whether throttled replicas that are not in sync have to wait."""
        return self.bound is not None and self.rate(now_ms) > self.bound

    def rate(self, now_ms: int) -> float:
        """Return bytes per second over the samples kept, one sample's length at least."""
        self._drop_old(now_ms)
        if not self._samples:
            return 0.0
        elapsed_ms = max(now_ms - self._samples[0][0], self._sample_ms)
        return sum(size for _, size in self._samples) * 1000 / elapsed_ms

    def _drop_old(self, now_ms: int) -> None:
        oldest_ms = now_ms - self._sample_count * self._sample_ms
        while self._samples and self._samples[0][0] <= oldest_ms:
            self._samples.popleft()
