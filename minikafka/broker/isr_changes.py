"""Asking the controller for another ISR, one request per partition at a time.

The ISR changes only when the controller's record comes back through the metadata log
(KIP-497). Counterparts: kafka.server.AlterPartitionManager, kafka.cluster.Partition.

Rules of this file
    A wish that may have been granted stays pending until the record says what became of it:
    whom the controller may have made electable, the watermark waits for.
    It is given up only where the controller says that it was not granted and never will be.
    Where no answer says anything, the same is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from minikafka.base.clock import Clock
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.observer import BrokerObserver
from minikafka.broker.partition import Partition
from minikafka.net.channel import ChannelClosed
from minikafka.replication.leader import IsrWish, PartitionLeader
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

__all__ = ["IsrChanges"]

logger = logging.getLogger(__name__)
VERSION = 3
RETRY_MS = 50

_NOT_GRANTED = frozenset({ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.INELIGIBLE_REPLICA})
"""The controller knew this very state of the partition, and has not changed it."""
_AWAIT_RECORD = frozenset(
    {
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.INVALID_UPDATE_VERSION,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.NEW_LEADER_ELECTED,
    }
)
"""The controller is ahead of this broker: a record on its way says more than the answer."""


class IsrChanges:
    """Sends AlterPartition for the partitions this broker leads.

    Args:
        send: sends one request to the active controller.
        broker_epoch: this broker's registration; -1 before it has one.
        call_later: calls a function after so many seconds, as an event loop does.
        observer: looks on, for checks.
    """

    def __init__(
        self,
        node_id: int,
        clock: Clock,
        *,
        send: Callable[[ApiKey, int, object], Deferred[Any]],
        broker_epoch: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
        observer: BrokerObserver | None = None,
    ) -> None:
        self._node_id = node_id
        self._clock = clock
        self._send = send
        self._broker_epoch = broker_epoch
        self._call_later = call_later
        self._observer = observer
        self._retries: dict[TopicPartition, asyncio.TimerHandle] = {}
        self._closed = False

    def close(self) -> None:
        """Ask for nothing more."""
        self._closed = True
        for retry in self._retries.values():
            retry.cancel()
        self._retries.clear()

    def consider(self, partition: Partition) -> None:
        """Ask for the ISR the leader wishes for, if it wishes for another one."""
        leader = partition.leader
        if leader is None or self._broker_epoch() < 0:
            return
        now_ms = self._clock.monotonic_ms()
        wish = leader.isr_wish(now_ms)
        if self._observer is not None:
            self._observer.isr_considered(partition, leader, wish, now_ms)
        if wish is None:
            return
        try:
            self._ask(partition, leader, wish)
        except KafkaError as error:
            # Never sent: nothing is pending, and the next fetch or check wishes again.
            logger.debug("%s: an ISR is not asked for: %s", leader.log.partition, error)
            return
        leader.pending_isr = wish.isr

    def _ask(self, partition: Partition, leader: PartitionLeader, wish: IsrWish) -> None:
        request = self._request(partition, wish)
        answer = self._send(ApiKey.ALTER_PARTITION, VERSION, request)
        answer.on_done(lambda done: self._answered(partition, leader, wish, done))

    def _request(self, partition: Partition, wish: IsrWish) -> object:
        members = [
            {
                "broker_id": broker_id,
                "broker_epoch": self._broker_epoch() if broker_id == self._node_id else epoch,
            }
            for broker_id, epoch in zip(wish.isr, wish.broker_epochs, strict=True)
        ]
        asked = {
            "partition_index": partition.topic_partition.partition,
            "leader_epoch": wish.leader_epoch,
            "new_isr_with_epochs": members,
            "leader_recovery_state": 0,
            "partition_epoch": wish.partition_epoch,
        }
        return build_request(
            ApiKey.ALTER_PARTITION,
            VERSION,
            {
                "broker_id": self._node_id,
                "broker_epoch": self._broker_epoch(),
                "topics": [{"topic_id": partition.topic_id, "partitions": [asked]}],
            },
        )

    def _answered(
        self,
        partition: Partition,
        leader: PartitionLeader,
        wish: IsrWish,
        done: Deferred[Any],
    ) -> None:
        """Give the wish up, await its record, or ask again."""
        code = _code(done)
        if code in _AWAIT_RECORD or not _is_pending(partition, leader, wish):
            return
        logger.debug("%s: no other ISR yet: %s", leader.log.partition, code.name)
        if code in _NOT_GRANTED:
            leader.pending_isr = None
        else:
            self._ask_later(partition, leader, wish)

    def _ask_later(self, partition: Partition, leader: PartitionLeader, wish: IsrWish) -> None:
        if self._closed:
            return
        name = partition.topic_partition
        old = self._retries.pop(name, None)
        if old is not None:
            old.cancel()

        def again() -> None:
            self._retries.pop(name, None)
            if _is_pending(partition, leader, wish):
                try:
                    self._ask(partition, leader, wish)
                except KafkaError:
                    self._ask_later(partition, leader, wish)

        self._retries[name] = self._call_later(RETRY_MS / 1000, again)


def _is_pending(partition: Partition, leader: PartitionLeader, wish: IsrWish) -> bool:
    """Say whether no record has yet answered a wish."""
    return (
        partition.leader is leader
        and leader.pending_isr is not None
        and leader.partition_epoch == wish.partition_epoch
    )


def _code(done: Deferred[Any]) -> ErrorCode:
    """Return what the controller says of the one partition it was asked about."""
    try:
        response = done.result()
    except ChannelClosed:
        return ErrorCode.NETWORK_EXCEPTION
    except KafkaError as error:
        return error.code
    code = ErrorCode(int(response.error_code.value))
    for topic in response.topics:
        for told in topic.partitions:
            code = ErrorCode(int(told.error_code.value)) if told.error_code else code
    return code
