"""What a cluster shows of its partitions: plain frozen values.

Knows nothing of brokers and logs; `observe.py` fills these in. End offsets are exclusive, as
everywhere. Kafka counterpart: org.apache.kafka.clients.admin.TopicDescription and
org.apache.kafka.clients.consumer.ConsumerRecord.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PartitionState", "Record", "ReplicaState"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a consumer would see it.

    Args:
        timestamp_ms: milliseconds since 1970; -1 where the producer gave none.
        key: None means the record has no key; an empty key is `b""`.
        value: None is a tombstone.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """How far one replica of a partition has come.

    Args:
        high_watermark: what this replica knows of it; a follower learns it one fetch late.
    """

    log_start_offset: int
    log_end_offset: int
    high_watermark: int
    last_stable_offset: int


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One partition: what the controller decided, and where its replicas stand.

    Args:
        leader: None while there is none.
        partition_epoch: counts changes of this partition's leader or ISR (KIP-497).
        replicas: in order of preference; the first is the preferred leader.
        elr: eligible leader replicas (KIP-966).
        replica_states: by broker id, ascending; only brokers that are up and host the log.
    """

    topic: str
    partition: int
    leader: int | None
    leader_epoch: int
    partition_epoch: int
    replicas: tuple[int, ...]
    isr: frozenset[int]
    elr: tuple[int, ...]
    replica_states: Mapping[int, ReplicaState]

    def __str__(self) -> str:
        leader = "none" if self.leader is None else f"b{self.leader}"
        isr = ",".join(str(broker) for broker in sorted(self.isr))
        replicas = ",".join(str(broker) for broker in self.replicas)
        logs = " ".join(
            f"b{broker}[{state.log_start_offset},{state.log_end_offset}) hw={state.high_watermark}"
            for broker, state in self.replica_states.items()
        )
        return (
            f"{self.topic}-{self.partition}: leader={leader} epoch={self.leader_epoch} "
            f"replicas={replicas} isr={isr} {logs}"
        ).rstrip()
