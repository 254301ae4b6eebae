"""One partition of `__consumer_offsets` that this broker leads, and the groups it holds.

Counterpart: the CoordinatorRuntime of GroupCoordinatorService. KIP-848.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

from minikafka.base.deferred import Deferred
from minikafka.broker.coordinator_partition import Codec, CoordinatorPartition
from minikafka.broker.partition import Partition
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.groups.commands import Command, Decision, Moment
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.records import (
    GroupRecord,
    OffsetCommitted,
    PendingOffset,
    TransactionEnded,
    decode_record,
    encode_record,
)
from minikafka.records.batch import TRANSACTIONAL_BIT, Batch
from minikafka.records.markers import decode_marker

__all__ = ["GroupObserver", "GroupPartition"]

_CODEC = Codec(encode_record, decode_record)


class GroupObserver(Protocol):
    """Told of what group coordinators do, for checks; must not change anything."""

    def commanded(self, groups: GroupPartition, command: Command, now: Moment) -> None:
        """Hear of a command that a group coordinator has not refused, before it is carried out."""
        ...

    def coordinated(
        self,
        groups: GroupPartition,
        decision: Decision[Any] | None,
        answer: Deferred[Any] | None,
    ) -> None:
        """Hear that a coordinator has decided something, and whether it has answered already.

        None where it has only heard from its log: what was written is committed, or all is read.
        """
        ...


class GroupPartition(CoordinatorPartition[GroupCoordinator]):
    """The coordinator of one partition's groups; see `CoordinatorPartition`.

    Args:
        observer: looks on.
    """

    __slots__ = ("_observer",)

    def __init__(
        self,
        partition: Partition,
        coordinator: GroupCoordinator,
        replicas: ReplicaManager,
        *,
        commit_timeout_ms: int,
        observer: GroupObserver | None = None,
    ) -> None:
        self._observer = observer
        if observer is not None:
            coordinator.hear = partial(observer.commanded, self)
        super().__init__(
            partition, coordinator, _CODEC, replicas, commit_timeout_ms=commit_timeout_ms
        )

    def _coordinated(
        self, decision: Decision[Any] | None, answer: Deferred[Any] | None
    ) -> None:
        if self._observer is not None:
            self._observer.coordinated(self, decision, answer)

    def _read(self, batch: Batch) -> list[GroupRecord]:
        """Read markers, too, and know the offsets of transactions."""
        if batch.is_control:
            marker = decode_marker(batch)
            if marker is None:
                return []
            return [TransactionEnded(batch.producer_id, marker.committed)]
        records: list[GroupRecord] = super()._read(batch)
        if not batch.attributes & TRANSACTIONAL_BIT:
            return records
        return [
            PendingOffset(batch.producer_id, each)
            if isinstance(each, OffsetCommitted)
            else each
            for each in records
        ]
