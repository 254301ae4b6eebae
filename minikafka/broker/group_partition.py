"""One partition of `__consumer_offsets` that this broker leads, and the groups it holds.

Counterpart: the CoordinatorRuntime of GroupCoordinatorService. KIP-848.
"""

from __future__ import annotations

from minikafka.broker.coordinator_partition import Codec, CoordinatorPartition
from minikafka.broker.partition import Partition
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.records import decode_record, encode_record

__all__ = ["GroupPartition"]

_CODEC = Codec(encode_record, decode_record)


class GroupPartition(CoordinatorPartition[GroupCoordinator]):
    """The coordinator of one partition's groups; see `CoordinatorPartition`."""

    __slots__ = ()

    def __init__(
        self,
        partition: Partition,
        coordinator: GroupCoordinator,
        replicas: ReplicaManager,
        *,
        commit_timeout_ms: int,
    ) -> None:
        super().__init__(
            partition, coordinator, _CODEC, replicas, commit_timeout_ms=commit_timeout_ms
        )
