"""Following: one fetcher per leader broker, one incremental session, answers drive requests.

The same Fetch API as consumers use, over whatever channel there is. A fetch that waits at the
leader is overtaken by the next one as soon as there is something new to ask for, so a new
partition is followed at once. Counterpart: ReplicaFetcherThread, RemoteLeaderEndPoint.

Rules of this file
    Only the answer to the last fetch counts. A log is cut before a watermark is taken over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from minikafka.base.config import BrokerConfig
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId, TopicPartition
from minikafka.broker.fetch_sessions import next_epoch
from minikafka.broker.followed import Followed, asked_topics, forgotten_topics, is_other
from minikafka.broker.partition import Partition
from minikafka.broker.received import received_batches
from minikafka.net.channel import Channel, ChannelClosed
from minikafka.net.turns import Turns
from minikafka.records.batch import Batch
from minikafka.replication.follower import PartitionFollower
from minikafka.replication.quota import ReplicationQuota
from minikafka.wire.fetch import FetchPartitionResponse, FetchRequest, FetchResponse
from minikafka.wire.versions import ApiKey

__all__ = ["ReplicaFetcher"]

logger = logging.getLogger(__name__)
FETCH_VERSION = 17
IN_FLIGHT_MAX = 2
_SESSION_ERRORS = (
    ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    ErrorCode.INVALID_FETCH_SESSION_EPOCH,
    ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
)


class ReplicaFetcher:
    """Keeps the followers of one leader broker going.

    Args:
        broker_epoch: read at each request; the leader checks it before it grows the ISR.
        on_change: called after an answer that brought records or a higher watermark.
        quota: of throttled replicas; one that is behind is not asked for while it is exceeded.
        now_ms: monotonic, for the quota.
    """

    def __init__(
        self,
        node_id: int,
        leader_id: int,
        channel: Channel,
        config: BrokerConfig,
        loop: asyncio.AbstractEventLoop,
        turns: Turns,
        *,
        broker_epoch: Callable[[], int],
        on_change: Callable[[], None],
        quota: ReplicationQuota | None = None,
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self.leader_id = leader_id
        self._node_id = node_id
        self._channel = channel
        self._config = config
        self._loop = loop
        self._turns = turns
        self._broker_epoch = broker_epoch
        self._on_change = on_change
        self._quota = ReplicationQuota() if quota is None else quota
        self._now_ms = now_ms
        self._followed: dict[tuple[str, int], Followed] = {}
        self._names: dict[TopicId, str] = {}
        self._changed: dict[TopicPartition, None] = {}
        # By id: a topic made anew under its name is asked for while the old one is forgotten.
        self._forgotten: dict[tuple[TopicId, int], str] = {}
        self._retries: dict[TopicPartition, asyncio.TimerHandle] = {}
        self._restart: asyncio.TimerHandle | None = None
        self._session_id = 0
        self._session_epoch = 0
        # The leader had no room for a session: each fetch asks for everything then, and waits.
        self._sessionless = False
        self._sent = 0
        self._in_flight = 0
        self._send_scheduled = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._followed)

    def add(self, partition: Partition) -> None:
        """Follow `partition`, whose `follower` names our leader; again after a new epoch."""
        name = partition.topic_partition
        self._cancel_retry(name)
        self._forgotten.pop((partition.topic_id, name.partition), None)
        self._names[partition.topic_id] = name.topic
        self._followed[name] = Followed(partition, self._sent + 1)
        quota = self._quota
        if quota.active and quota.is_throttled(*name) and quota.is_exceeded(self._now_ms()):
            self._back_off(partition)
            return
        self._changed[name] = None
        self._send_soon()

    def remove(self, topic_partition: TopicPartition) -> None:
        """Follow it no longer, if it was followed."""
        self._cancel_retry(topic_partition)
        followed = self._followed.pop(topic_partition, None)
        self._changed.pop(topic_partition, None)
        if followed is not None:
            self._forget(followed.partition)
            self._send_soon()

    def _forget(self, partition: Partition) -> None:
        topic, index = partition.topic_partition
        self._forgotten[partition.topic_id, index] = topic

    def close(self) -> None:
        """Stop fetching; the channel is closed with it."""
        self._closed = True
        for topic_partition in tuple(self._retries):
            self._cancel_retry(topic_partition)
        if self._restart is not None:
            self._restart.cancel()
        self._followed.clear()
        self._channel.close()

    # asking

    def _send_soon(self) -> None:
        """Send once for all partitions that one applied change brings."""
        if not self._send_scheduled and not self._closed:
            self._send_scheduled = True
            self._turns.soon(self._scheduled_send)

    def _scheduled_send(self) -> None:
        self._send_scheduled = False
        if self._closed or self._restart is not None:
            return
        if self._in_flight == 0 or (
            self._session_id
            and self._in_flight < IN_FLIGHT_MAX
            and (self._changed or self._forgotten)
        ):
            self._send()

    def _send(self) -> None:
        full = self._session_id == 0
        topics = asked_topics(
            self._followed,
            self._all_names() if full else self._changed,
            self._config.replica_fetch_max_bytes,
        )
        if full and not topics:
            # Nothing is followed, or all of it waits for its retry.
            return
        forgotten = forgotten_topics(self._forgotten) if self._forgotten and not full else []
        self._changed.clear()
        self._forgotten.clear()
        config = self._config
        request = FetchRequest(
            replica_id=self._node_id,
            replica_epoch=self._broker_epoch(),
            # The first answer opens the session; it must not wait.
            max_wait_ms=(
                0 if full and not self._sessionless else config.replica_fetch_wait_max_ms
            ),
            min_bytes=config.replica_fetch_min_bytes,
            max_bytes=config.replica_fetch_response_max_bytes,
            session_id=self._session_id,
            session_epoch=self._session_epoch,
            topics=topics,
            forgotten=forgotten,
        )
        self._session_epoch = next_epoch(self._session_epoch)
        self._sent += 1
        self._in_flight += 1
        number = self._sent
        answer = self._channel.request(ApiKey.FETCH, FETCH_VERSION, request)
        answer.on_done(lambda done: self._on_answer(number, done))

    def _all_names(self) -> list[TopicPartition]:
        names = [followed.partition.topic_partition for followed in self._followed.values()]
        return [name for name in names if name not in self._retries]

    # hearing

    def _on_answer(self, number: int, done: Deferred[Any]) -> None:
        self._in_flight -= 1
        if self._closed:
            return
        try:
            response: FetchResponse = done.result()
        except (ChannelClosed, KafkaError) as error:
            logger.debug("broker %d: fetch from %d: %s", self._node_id, self.leader_id, error)
            self._start_over(self._config.replica_fetch_backoff_ms)
            return
        if response.error_code:
            # The session is gone or disagrees with us: begin another one at once.
            gone = response.error_code in _SESSION_ERRORS
            self._start_over(0 if gone else self._config.replica_fetch_backoff_ms)
            return
        # None now: there was no room for one, or it has ended with its last partition.
        self._sessionless = not response.session_id and not self._session_id
        if not response.session_id:
            self._session_epoch = 0
        self._session_id = response.session_id
        if response.topics and self._take(response, number):
            self._on_change()
        self._scheduled_send()

    def _take(self, response: FetchResponse, number: int) -> bool:
        """Take what the answer to a request says; say whether it brought anything."""
        changed = False
        for topic in response.topics:
            name = topic.name
            if name is None and topic.topic_id is not None:
                name = self._names.get(topic.topic_id)
            for told in topic.partitions:
                followed = None if name is None else self._followed.get((name, told.index))
                if followed is None or (
                    topic.topic_id is not followed.partition.topic_id
                    and is_other(followed.partition, topic.topic_id)
                ):
                    continue
                if number < followed.valid_from:
                    self._ask_for_all(followed)
                elif self._on_partition(followed, told):
                    changed = True
        return changed

    def _on_partition(self, followed: Followed, told: FetchPartitionResponse) -> bool:
        """Take what the leader says of one partition; say whether it brought anything."""
        partition = followed.partition
        follower = partition.follower
        if follower is None or follower.leader_id != self.leader_id:
            return False
        if told.error_code or told.diverging_epoch is not None:
            self._on_trouble(followed, follower, told)
            return False
        log = follower.log
        start, end, watermark = log.log_start_offset, log.log_end_offset, log.high_watermark
        try:
            batches = received_batches(told)
        except KafkaError as error:
            logger.warning("broker %d: %s: %s", self._node_id, log.partition, error)
            self._back_off(partition)
            return False
        follower.on_records(batches, told.high_watermark, told.log_start_offset)
        if self._quota.active and self._is_held(partition, batches, told.high_watermark):
            self._back_off(partition)
        elif log.log_end_offset != end or log.log_start_offset != start:
            self._changed[partition.topic_partition] = None
        elif batches:
            # None of them can be taken yet, and the leader's session takes them for told.
            self._back_off(partition)
        moved = log.high_watermark != watermark
        if moved and partition.high_watermark_moved.watchers:
            # Consumers wait here, too (KIP-392).
            partition.high_watermark_moved.wake()
        return moved or log.log_end_offset != end

    def _is_held(
        self, partition: Partition, batches: Sequence[Batch], high_watermark: int
    ) -> bool:
        """Count what came, and say whether the rest of it has to wait (KIP-73)."""
        topic, index = partition.topic_partition
        quota, now_ms = self._quota, self._now_ms()
        if not quota.is_throttled(topic, index):
            return False
        size = sum(batch.size for batch in batches)
        if size:
            quota.record(size, now_ms)
        return partition.log.log_end_offset < high_watermark and quota.is_exceeded(now_ms)

    def _on_trouble(
        self, followed: Followed, follower: PartitionFollower, told: FetchPartitionResponse
    ) -> None:
        if not told.error_code and told.diverging_epoch is not None:
            committed = follower.log.high_watermark
            follower.on_divergence(*told.diverging_epoch)
            followed.partition.records_lost += committed - follower.log.high_watermark
            self._ask_anew(followed)
            return
        if told.error_code == ErrorCode.OFFSET_OUT_OF_RANGE and follower.on_out_of_range(
            told.log_start_offset
        ):
            self._ask_anew(followed)
            return
        logger.debug("broker %d: %s: error %d", self._node_id, follower.log, told.error_code)
        self._back_off(followed.partition)

    def _back_off(self, partition: Partition) -> None:
        """Leave a partition alone for replica.fetch.backoff.ms."""
        name = partition.topic_partition
        self._forget(partition)
        self._changed.pop(name, None)
        self._cancel_retry(name)
        self._retries[name] = self._loop.call_later(
            self._config.replica_fetch_backoff_ms / 1000, self._retry, name
        )

    def _ask_anew(self, followed: Followed) -> None:
        followed.valid_from = self._sent + 1
        self._changed[followed.partition.topic_partition] = None

    def _ask_for_all(self, followed: Followed) -> None:
        """Let the leader tell again what it has told in an answer that came too late to count.

        Its session names only news; forgotten and asked for again, everything is.
        """
        name = followed.partition.topic_partition
        if name not in self._retries:
            self._forget(followed.partition)
            self._changed[name] = None

    def _retry(self, name: TopicPartition) -> None:
        self._retries.pop(name, None)
        followed = self._followed.get(name)
        if followed is not None:
            self.add(followed.partition)

    def _cancel_retry(self, name: TopicPartition) -> None:
        handle = self._retries.pop(name, None)
        if handle is not None:
            handle.cancel()

    def _start_over(self, delay_ms: int) -> None:
        """Begin a new session, after `delay_ms`; what is still in flight will not count."""
        self._session_id = 0
        self._session_epoch = 0
        for followed in self._followed.values():
            followed.valid_from = self._sent + 1
        if self._restart is None:
            self._restart = self._loop.call_later(delay_ms / 1000, self._on_restart)

    def _on_restart(self) -> None:
        self._restart = None
        if not self._closed:
            self._scheduled_send()
