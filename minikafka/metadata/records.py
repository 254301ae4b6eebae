"""The records of the metadata log: one change of the cluster's state each, and their bytes.

A record says what is so from its offset on; nothing else changes the cluster's metadata. Bytes
are a msgpack array `[type, version, field, ...]`, so a reader can refuse what it does not know.
Knows neither the image it changes nor the log it lies in.
Counterpart: the generated classes of org.apache.kafka.common.metadata; KIP-500, KIP-631.

DIVERGENCE(metadata-record-bytes): Kafka frames generated messages; the metadata log here is
read by our brokers only.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeAlias

import msgpack

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import BrokerId, LeaderEpoch, ProducerId, TopicId, uuid_of

__all__ = [
    "BrokerFenced",
    "BrokerRegistered",
    "BrokerShuttingDown",
    "BrokerUnfenced",
    "BrokerUnregistered",
    "ConfigChanged",
    "MetadataRecord",
    "PartitionChanged",
    "PartitionCreated",
    "ProducerIdsAllocated",
    "TopicCreated",
    "TopicRemoved",
    "decode_record",
    "encode_record",
]

VERSION = 0


@dataclass(frozen=True, slots=True)
class BrokerRegistered:
    """A broker took its id; replaces any earlier registration of that id.

    `broker_epoch` numbers the registration: the offset of this record, so it only grows.
    `broker_host` and `broker_port` are where brokers reach it; empty and 0 where it does not say.
    """

    broker_id: BrokerId
    broker_epoch: int
    incarnation_id: uuid.UUID
    host: str
    port: int
    rack: str | None
    fenced: bool
    broker_host: str = ""
    broker_port: int = 0


@dataclass(frozen=True, slots=True)
class BrokerFenced:
    """The broker is out: no leader, in no ISR of more than itself, not shown to clients."""

    broker_id: BrokerId
    broker_epoch: int


@dataclass(frozen=True, slots=True)
class BrokerUnfenced:
    """The broker is in: it may lead, join ISRs and be given new partitions."""

    broker_id: BrokerId
    broker_epoch: int


@dataclass(frozen=True, slots=True)
class BrokerShuttingDown:
    """The broker is on its way out in good order: it hands its leaderships over (KIP-841)."""

    broker_id: BrokerId
    broker_epoch: int


@dataclass(frozen=True, slots=True)
class BrokerUnregistered:
    """The broker id is free."""

    broker_id: BrokerId
    broker_epoch: int


@dataclass(frozen=True, slots=True)
class TopicCreated:
    """A topic exists, as yet without partitions."""

    topic: str
    topic_id: TopicId


@dataclass(frozen=True, slots=True)
class TopicRemoved:
    """A topic is gone, with its partitions and configs."""

    topic_id: TopicId


@dataclass(frozen=True, slots=True)
class PartitionCreated:
    """A partition exists; partitions of a topic appear in order, from 0 without gaps.

    What `PartitionChanged` says besides is said here in snapshots only, of partitions that have
    changed since.
    """

    topic_id: TopicId
    partition: int
    replicas: tuple[BrokerId, ...]
    isr: tuple[BrokerId, ...]
    leader: BrokerId
    leader_epoch: LeaderEpoch
    partition_epoch: int
    elr: tuple[BrokerId, ...] = ()
    recovering: bool = False
    last_known_elr: tuple[BrokerId, ...] = ()
    adding: tuple[BrokerId, ...] = ()
    removing: tuple[BrokerId, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionChanged:
    """The whole new state of a partition; one partition epoch further.

    `leader` is NO_LEADER where none may lead. `recovering` marks a leader elected from outside
    the ISR, until it says it has recovered (KIP-704). `replicas` empty keeps those there are.
    The eligible and last known leader replicas are KIP-966's; `adding` and `removing` are the
    part of a reassignment still to be done (KIP-455).
    """

    topic_id: TopicId
    partition: int
    isr: tuple[BrokerId, ...]
    leader: BrokerId
    leader_epoch: LeaderEpoch
    partition_epoch: int
    recovering: bool = False
    replicas: tuple[BrokerId, ...] = ()
    elr: tuple[BrokerId, ...] = ()
    last_known_elr: tuple[BrokerId, ...] = ()
    adding: tuple[BrokerId, ...] = ()
    removing: tuple[BrokerId, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """One config of one resource is set, or back to its default when `value` is None.

    `resource_type` is Kafka's: 2 topic, 4 broker. Broker name "" is the default of all brokers.
    """

    resource_type: int
    resource_name: str
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class ProducerIdsAllocated:
    """All producer ids below `next_producer_id` are given away (KIP-730)."""

    broker_id: BrokerId
    broker_epoch: int
    next_producer_id: ProducerId


MetadataRecord: TypeAlias = (
    BrokerRegistered
    | BrokerFenced
    | BrokerUnfenced
    | BrokerShuttingDown
    | BrokerUnregistered
    | TopicCreated
    | TopicRemoved
    | PartitionCreated
    | PartitionChanged
    | ConfigChanged
    | ProducerIdsAllocated
)

# The position in this list is the type number in the log: append only.
_TYPES: list[type[MetadataRecord]] = [
    BrokerRegistered,
    BrokerFenced,
    BrokerUnfenced,
    BrokerShuttingDown,
    BrokerUnregistered,
    TopicCreated,
    TopicRemoved,
    PartitionCreated,
    PartitionChanged,
    ConfigChanged,
    ProducerIdsAllocated,
]


def _getter(record_type: type[MetadataRecord]) -> Callable[[Any], Any]:
    names = [item.name for item in fields(record_type)]
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda record: (get(record),)


_ENCODERS = {
    record_type: (number, _getter(record_type)) for number, record_type in enumerate(_TYPES)
}
_UUID_FIELDS = {
    record_type: tuple(
        index
        for index, item in enumerate(fields(record_type))
        if item.name in ("topic_id", "incarnation_id")
    )
    for record_type in _TYPES
}


def encode_record(record: MetadataRecord) -> bytes:
    """Return the bytes of `record`; equal records have equal bytes."""
    number, get = _ENCODERS[type(record)]
    values = [item.bytes if type(item) is uuid.UUID else item for item in get(record)]
    data: bytes = msgpack.packb([number, VERSION, *values])
    return data


def decode_record(data: bytes | memoryview) -> MetadataRecord:
    """Return the record with these bytes.

    Raises:
        BrokerBug: the bytes are no metadata record, or of a type or version not known here.
    """
    try:
        number, version, *values = msgpack.unpackb(data, use_list=False)
        if version != VERSION:
            raise BrokerBug(f"metadata record of version {version}")
        record_type = _TYPES[number]
        for index in _UUID_FIELDS[record_type]:
            values[index] = uuid_of(values[index])
        record: MetadataRecord = record_type(*values)
        return record
    except (ValueError, TypeError, IndexError, msgpack.UnpackException) as error:
        raise BrokerBug(f"not a metadata record: {bytes(data[:40])!r}") from error
