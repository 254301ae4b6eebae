"""Following the metadata log: one Fetch at a time, without a session, from the quorum's leader.

The same Fetch as for any partition. A voter's next fetch says that what it got is durable; an
answer comes also for a watermark that is news (KIP-1166), or metadata would wait until the next
record. Who is sent to a snapshot fetches that, piece by piece, and then goes on (KIP-630).
Counterpart: KafkaRaftClient's own fetches.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.base.deferred import Deferred
from minikafka.base.errors import KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID, BrokerId
from minikafka.broker.quorum_messages import (
    FETCH_SNAPSHOT_VERSION,
    fetch_snapshot_request,
    snapshot_piece,
)
from minikafka.net.channel import ChannelClosed
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import SnapshotId
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


class QuorumFetcher:
    """Fetches from one node at a time.

    Args:
        machine: this broker's node of the quorum.
        on_answer: called with (node asked, epoch asked in, what it told).
        on_piece: called for each piece of a snapshot with the epoch it was asked in.
        on_snapshot: called with a whole one.
        on_failed: called after the pause that follows a failure; asks again by `follow`.
    """

    def __init__(
        self,
        broker: Broker,
        machine: QuorumMachine,
        *,
        on_answer: Callable[[BrokerId, int, FetchPartitionResponse], None],
        on_piece: Callable[[int], None],
        on_snapshot: Callable[[SnapshotId, bytes], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._machine = machine
        self._on_answer = on_answer
        self._on_piece = on_piece
        self._on_snapshot = on_snapshot
        self._piece_bytes = broker.config.internal_metadata_max_fetch_size_in_bytes
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
        broker, machine, log = self._broker, self._machine, self._machine.log
        wanted = FetchPartition(
            0,
            epoch,
            log.log_end_offset,
            machine.last_epoch,
            log.log_start_offset,
            self._piece_bytes,
            machine.directory_id,
            log.high_watermark,
        )
        request = FetchRequest(
            replica_id=broker.node_id,
            replica_epoch=broker.lifecycle.broker_epoch,
            max_wait_ms=FETCH_WAIT_MAX_MS,
            min_bytes=1,
            max_bytes=self._piece_bytes,
            topics=[FetchTopic(CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID, [wanted])],
            cluster_id=broker.cluster_id,
        )
        timeout_ms = FETCH_WAIT_MAX_MS + broker.config.controller_quorum_request_timeout_ms
        channel = broker.channel_to(target, "quorum-fetch", timeout_ms)
        number = self._number
        answer = channel.request(ApiKey.FETCH, FETCH_VERSION, request)
        answer.on_done(lambda done: self._answered(number, done))

    def fetch_snapshot(self, snapshot: SnapshotId) -> None:
        """Fetch a snapshot from the same node, before anything else."""
        self._ask_piece(snapshot, bytearray())

    def _ask_piece(self, snapshot: SnapshotId, data: bytearray) -> None:
        assert self._asked is not None
        broker, machine = self._broker, self._machine
        target, epoch = self._asked
        request = fetch_snapshot_request(
            broker.cluster_id,
            (machine.node_id, machine.directory_id),
            epoch,
            snapshot,
            len(data),
            self._piece_bytes,
        )
        timeout_ms = FETCH_WAIT_MAX_MS + broker.config.controller_quorum_request_timeout_ms
        channel = broker.channel_to(target, "quorum-fetch", timeout_ms)
        number = self._number
        answer = channel.request(ApiKey.FETCH_SNAPSHOT, FETCH_SNAPSHOT_VERSION, request)
        answer.on_done(lambda done: self._piece_came(number, snapshot, data, done))

    def _piece_came(
        self, number: int, snapshot: SnapshotId, data: bytearray, done: Deferred[Any]
    ) -> None:
        if number != self._number or self._asked is None:
            return
        try:
            told = snapshot_piece(done.result())
        except (ChannelClosed, KafkaError) as error:
            logger.debug("broker %d: quorum snapshot: %s", self._broker.node_id, error)
            self.retry()
            return
        self._on_piece(self._asked[1])
        data += told.unaligned_records or b""
        if number != self._number:
            return
        if len(data) < told.size and told.unaligned_records:
            self._ask_piece(snapshot, data)
        else:
            self._on_snapshot(snapshot, bytes(data))

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
