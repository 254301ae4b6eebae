"""Asking the controller for another ISR, one request per partition at a time.

The ISR changes only when the controller's record comes back through the metadata log
(KIP-497). Counterpart: kafka.server.AlterPartitionManager.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from minikafka.base.clock import Clock
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.partition import Partition
from minikafka.net.channel import ChannelClosed
from minikafka.replication.leader import IsrWish, PartitionLeader
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

__all__ = ["IsrChanges"]

logger = logging.getLogger(__name__)
VERSION = 3


class IsrChanges:
    """Sends AlterPartition for the partitions this broker leads.

    Args:
        send: sends one request to the active controller.
        broker_epoch: this broker's registration; -1 before it has one.
    """

    def __init__(
        self,
        node_id: int,
        clock: Clock,
        *,
        send: Callable[[ApiKey, int, object], Deferred[Any]],
        broker_epoch: Callable[[], int],
    ) -> None:
        self._node_id = node_id
        self._clock = clock
        self._send = send
        self._broker_epoch = broker_epoch

    def consider(self, partition: Partition) -> None:
        """Ask for the ISR the leader wishes for, if it wishes for another one."""
        leader = partition.leader
        if leader is None or self._broker_epoch() < 0:
            return
        wish = leader.isr_wish(self._clock.monotonic_ms())
        if wish is None:
            return
        request = self._request(partition, wish)
        try:
            answer = self._send(ApiKey.ALTER_PARTITION, VERSION, request)
        except KafkaError as error:
            logger.debug("%s: an ISR is not asked for: %s", leader.log.partition, error)
            return
        leader.pending_isr = wish.isr
        answer.on_done(lambda done: self._answered(partition, leader, done))

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
        self, partition: Partition, leader: PartitionLeader, done: Deferred[Any]
    ) -> None:
        """Give the wish up where it was refused; the next fetch or check makes another."""
        code = ErrorCode.NONE
        try:
            response = done.result()
            code = ErrorCode(int(response.error_code.value))
            for topic in response.topics:
                for told in topic.partitions:
                    code = ErrorCode(int(told.error_code.value)) if told.error_code else code
        except (ChannelClosed, KafkaError) as error:
            code = error.code if isinstance(error, KafkaError) else ErrorCode.NETWORK_EXCEPTION
        if code != ErrorCode.NONE and partition.leader is leader:
            logger.debug(
                "%s: the controller refused an ISR: %s", leader.log.partition, code.name
            )
            leader.pending_isr = None
