"""Keeps the logs of a broker small: retention, compaction, and producers that are gone.

Does the work bit by bit, so that requests get their turn in between.
Counterparts: LogManager.cleanupLogs, LogCleaner, UnifiedLog.removeExpiredProducers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from minikafka.base.clock import Clock
from minikafka.base.config import BrokerConfig
from minikafka.base.errors import KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.partition import Partition
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.log.compaction import Backlog, Compaction, backlog
from minikafka.log.partition_log import PartitionLog
from minikafka.log.retention import apply_retention
from minikafka.metadata.states import MetadataDelta

__all__ = ["LogCleaner"]

logger = logging.getLogger(__name__)

_TURN_BYTES = 65_536
"""How much of a log is looked at in one turn: some milliseconds' worth."""


class LogCleaner:
    """Cleans the logs of one broker.

    Args:
        config: returns the broker's config as it is now; some of it changes (KIP-226).
        keep_going: runs a coroutine, of which it is told the name, until the broker stops.
    """

    def __init__(
        self,
        replicas: ReplicaManager,
        config: Callable[[], BrokerConfig],
        clock: Clock,
        keep_going: Callable[[str, Coroutine[Any, Any, None]], None],
    ) -> None:
        self._replicas = replicas
        self._config = config
        self._clock = clock
        self._keep_going = keep_going
        self._running = False
        self._uncleanable: dict[TopicPartition, PartitionLog] = {}

    def run_retention(self) -> None:
        """Apply retention.ms and retention.bytes to what this broker leads."""
        now_timestamp_ms = self._clock.wall_ms()
        for partition in self._replicas:
            if partition.leader is not None:
                before = partition.log.log_start_offset
                if apply_retention(partition.log, now_timestamp_ms) > before:
                    # News to followers, who else would keep what is gone here.
                    partition.wake_all()

    def expire_producers(self) -> None:
        """Forget the producers that have written nothing for `producer.id.expiration.ms`."""
        now_timestamp_ms = self._clock.wall_ms()
        expiration_ms = self._config().producer_id_expiration_ms
        for partition in self._replicas:
            partition.log.producers.remove_expired(now_timestamp_ms, expiration_ms)

    def watch(self, delta: MetadataDelta) -> None:
        """Begin to compact, once there is a compacted topic; nothing runs before."""
        if self._running or not self._config().log_cleaner_enable:
            return
        if delta.partitions_changed or delta.configs_changed:
            self._running = any(each.log.config.compacted for each in self._replicas)
            if self._running:
                self._keep_going("log cleaner", self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._config().log_cleaner_backoff_ms / 1000)
            while (chosen := self._dirtiest()) is not None and await self._compact(*chosen):
                continue

    async def compact(self, partition: Partition) -> None:
        """Compact one log now, however little there is to gain; all but what may yet change."""
        log = partition.log
        if log.high_watermark == log.log_end_offset:
            log.roll()
        done = False
        while not done:
            done = await self._compact(log, backlog(log, self._clock.wall_ms()))

    def _dirtiest(self) -> tuple[PartitionLog, Backlog] | None:
        """Return the log that most of is to be looked at, None while none has enough."""
        now_timestamp_ms = self._clock.wall_ms()
        due: list[tuple[PartitionLog, Backlog]] = []
        for partition in self._replicas:
            log = partition.log
            if not log.config.compacted or self._uncleanable.get(log.partition) is log:
                continue
            found = backlog(log, now_timestamp_ms)
            if found.is_due(log.config.min_cleanable_dirty_ratio):
                due.append((log, found))
        return max(due, key=lambda each: each[1].ratio, default=None)

    async def _compact(self, log: PartitionLog, found: Backlog) -> bool:
        """Compact a log; False where a truncation or retention has changed it meanwhile."""
        expiry_ms = self._config().producer_id_expiration_ms
        compaction = Compaction(log, found, self._clock.wall_ms(), expiry_ms)
        looked_at = 0
        try:
            for size in compaction.steps():
                looked_at += size
                if looked_at >= _TURN_BYTES:
                    looked_at = 0
                    await asyncio.sleep(0)
        except KafkaError as error:
            # Its records cannot be read, or the disk has failed: nothing gets better by itself.
            logger.warning("%s is not compacted any more: %s", log.partition, error)
            self._uncleanable[log.partition] = log
            return True
        return log.compacted_to >= compaction.end
