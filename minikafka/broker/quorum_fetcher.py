"""Following the metadata log: one Fetch at a time, without a session, from the quorum's leader.

The same Fetch as for any partition. A voter's next fetch says that what it got is durable; an
answer comes also for a watermark that is news (KIP-1166), or metadata would wait until the next
record. Counterpart: KafkaRaftClient's own fetches.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.base.deferred import Deferred
from minikafka.base.errors import KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID, BrokerId
from minikafka.log.partition_log import PartitionLog
from minikafka.net.channel import ChannelClosed
from minikafka.wire.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchTopic,
)
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["QuorumFetcher"]

logger = logging.getLogger(__name__)
FETCH_VERSION = 18
# Fixed in Kafka, too.
FETCH_WAIT_MAX_MS = 500
FETCH_BYTES_MAX = 8 << 20


class QuorumFetcher:
    """Fetches from one node at a time.

    Args:
        log: this broker's copy.
        on_answer: called with (node asked, epoch asked in, what it told).
        on_failed: called after the pause that follows a failure; asks again by `follow`.
    """

    def __init__(
        self,
        broker: Broker,
        log: PartitionLog,
        *,
        on_answer: Callable[[BrokerId, int, FetchPartitionResponse], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._log = log
        self._on_answer = on_answer
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        # Counts changes of mind: an answer to an earlier one does not count (R17).
        self._number = 0
        self._asked: tuple[BrokerId, int] | None = None
        self._pause: asyncio.TimerHandle | None = None

    def follow(self, target: BrokerId, epoch: int) -> None:
        """Fetch from `target` in quorum `epoch`; no effect where that is under way."""
        if self._asked != (target, epoch):
            self.stop()
            self._asked = (target, epoch)
            self._ask(target, epoch)

    def go_on(self) -> None:
        """Send the next fetch to the same node."""
        assert self._asked is not None
        self._ask(*self._asked)

    def stop(self) -> None:
        """Fetch from nobody; what is under way does not count."""
        self._number += 1
        self._asked = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _ask(self, target: BrokerId, epoch: int) -> None:
        broker, log = self._broker, self._log
        wanted = FetchPartition(
            0,
            epoch,
            log.log_end_offset,
            log.last_epoch,
            log.log_start_offset,
            FETCH_BYTES_MAX,
            high_watermark=log.high_watermark,
        )
        request = FetchRequest(
            replica_id=broker.node_id,
            replica_epoch=broker.lifecycle.broker_epoch,
            max_wait_ms=FETCH_WAIT_MAX_MS,
            min_bytes=1,
            max_bytes=FETCH_BYTES_MAX,
            topics=[FetchTopic(CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID, [wanted])],
            cluster_id=broker.cluster_id,
        )
        timeout_ms = FETCH_WAIT_MAX_MS + broker.config.controller_quorum_request_timeout_ms
        channel = broker.channel_to(target, "quorum-fetch", timeout_ms)
        number = self._number
        answer = channel.request(ApiKey.FETCH, FETCH_VERSION, request)
        answer.on_done(lambda done: self._answered(number, done))

    def _answered(self, number: int, done: Deferred[Any]) -> None:
        if number != self._number or self._asked is None:
            return
        try:
            response = done.result()
            told = response.topics[0].partitions[0]
        except (ChannelClosed, KafkaError, IndexError) as error:
            logger.debug("broker %d: quorum fetch: %s", self._broker.node_id, error)
            self.retry()
            return
        self._on_answer(*self._asked, told)

    def retry(self) -> None:
        """Call `on_failed` after controller.quorum.retry.backoff.ms."""
        backoff_ms = self._broker.config.controller_quorum_retry_backoff_ms
        self.stop()
        self._pause = self._loop.call_later(backoff_ms / 1000, self._after_pause)

    def _after_pause(self) -> None:
        self._pause = None
        self._on_failed()
