"""Sends the markers that decided transactions owe, until all are written; then says so.

One task for each decision: it asks the leaders of its partitions, whoever they are by then, and
again after a pause those that could not. It ends with its coordinator: the next one begins anew.
Counterpart: TransactionMarkerChannelManager. KIP-98.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId, LeaderEpoch, TopicPartition
from minikafka.broker.coordinator_partition import CoordinatorPartition
from minikafka.broker.purgatory import settled
from minikafka.net.channel import ChannelClosed
from minikafka.transactions.coordinator import TransactionCoordinator
from minikafka.transactions.markers import MarkerOutcome, MarkersOwed, by_leader, outcome_of
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["MarkerSender"]

_MARKERS_VERSION = 1
_PAUSE_MS, _PAUSE_MAX_MS = 50, 1_000


class MarkerSender:
    """The markers of all coordinators of one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def send(
        self,
        coordinated: CoordinatorPartition[TransactionCoordinator],
        owed: MarkersOwed,
        coordinator_epoch: LeaderEpoch,
    ) -> None:
        """Begin with what is owed; returns at once."""
        self._broker.work.keep_going(
            "markers", self._finish(coordinated, owed, coordinator_epoch)
        )

    async def _finish(
        self,
        coordinated: CoordinatorPartition[TransactionCoordinator],
        owed: MarkersOwed,
        coordinator_epoch: LeaderEpoch,
    ) -> None:
        """All markers are written, and the coordinator has noted it; or it is none any more."""
        left = owed.partitions
        pause_ms = _PAUSE_MS
        while left:
            asked, gone = by_leader(left, self._leader_of)
            outcomes = dict.fromkeys(gone, MarkerOutcome.NEEDLESS)
            answers = [
                (partitions, self._ask(leader, owed, partitions, coordinator_epoch))
                for leader, partitions in asked.items()
            ]
            for partitions, answer in answers:
                outcomes.update(await _outcomes(partitions, answer))
            if coordinated.closed or MarkerOutcome.FENCED in outcomes.values():
                return
            left = tuple(
                each
                for each in left
                if outcomes.get(each, MarkerOutcome.AGAIN) is MarkerOutcome.AGAIN
            )
            if left:
                pause_ms = await self._pause(pause_ms)
        while not await _completed(coordinated, owed):
            pause_ms = await self._pause(pause_ms)

    def _leader_of(self, partition: TopicPartition) -> BrokerId | None:
        # Who was elected to coordinate has applied all metadata that its predecessor had: a
        # partition that it does not know was deleted, and is not one that is still to come.
        state = self._broker.image.partition(partition)
        return None if state is None else state.leader

    def _ask(
        self,
        leader: BrokerId,
        owed: MarkersOwed,
        partitions: Sequence[TopicPartition],
        coordinator_epoch: LeaderEpoch,
    ) -> Deferred[Any]:
        topics: dict[str, list[int]] = {}
        for topic, index in partitions:
            topics.setdefault(topic, []).append(index)
        marker = {
            "producer_id": owed.producer_id,
            "producer_epoch": owed.producer_epoch,
            "transaction_result": owed.committed,
            "topics": [
                {"name": name, "partition_indexes": indexes} for name, indexes in topics.items()
            ],
            "coordinator_epoch": coordinator_epoch,
        }
        request = build_request(
            ApiKey.WRITE_TXN_MARKERS, _MARKERS_VERSION, {"markers": [marker]}
        )
        channel = self._broker.channel_to(leader, "markers", self._timeout_ms)
        return channel.request(ApiKey.WRITE_TXN_MARKERS, _MARKERS_VERSION, request)

    @property
    def _timeout_ms(self) -> int:
        return self._broker.config.request_timeout_ms

    async def _pause(self, pause_ms: int) -> int:
        """Wait, and return how long to wait the next time."""
        broker = self._broker
        deadline_ms = broker.clock.monotonic_ms() + pause_ms
        await settled(broker.purgatory.wait(lambda: False, (), deadline_ms))
        return min(2 * pause_ms, _PAUSE_MAX_MS)


async def _outcomes(
    partitions: Sequence[TopicPartition], answer: Deferred[Any]
) -> dict[TopicPartition, MarkerOutcome]:
    try:
        response = await settled(answer)
    except (ChannelClosed, KafkaError):
        return dict.fromkeys(partitions, MarkerOutcome.AGAIN)
    return {
        TopicPartition(topic.name, each.partition_index): outcome_of(
            ErrorCode(int(each.error_code))
        )
        for marker in response.markers
        for topic in marker.topics
        for each in topic.partitions
    }


async def _completed(
    coordinated: CoordinatorPartition[TransactionCoordinator], owed: MarkersOwed
) -> bool:
    """Have it noted that all is done; False where that is to be tried again."""
    try:
        await settled(coordinated.write(lambda machine, now: machine.complete(owed, now)))
    except KafkaError as error:
        return error.code is ErrorCode.NOT_COORDINATOR
    return True
