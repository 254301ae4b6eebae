"""What can be asked of the controller, and what it answers, as plain values.

No wire types: handlers translate. A refusal of one topic, partition or resource stands in its
result as `error` and `message`; what refuses the whole request is raised as KafkaError.
Counterpart: the request and response classes that QuorumController takes; here without versions.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import ZERO_ID, BrokerId, LeaderEpoch, ProducerId, TopicId
from minikafka.metadata.records import MetadataRecord

__all__ = [
    "AllocateProducerIds",
    "AlterConfigs",
    "AlterPartition",
    "ConfigEntry",
    "ConfigOp",
    "ConfigResource",
    "ConfigSynonym",
    "CreatePartitions",
    "CreateTopics",
    "Decision",
    "DeleteTopics",
    "DeletedTopic",
    "ElectLeaders",
    "ElectionResult",
    "ElectionType",
    "Heartbeat",
    "HeartbeatResult",
    "IsrChange",
    "IsrChangeResult",
    "NewPartitions",
    "NewPartitionsResult",
    "NewTopic",
    "NewTopicResult",
    "OpType",
    "ProducerIdBlock",
    "RegisterBroker",
    "Registration",
    "ResourceResult",
    "TopicRef",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """Records to append, all in one batch, and the answer that holds once they are committed.

    No records: nothing changes, and the answer holds at once.
    """

    records: tuple[MetadataRecord, ...]
    result: T


# --- brokers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterBroker:
    """A broker process wants its id. `incarnation_id` is new for each start of a process.

    Clients reach it at `host` and `port`; brokers at `broker_host`, where it says so.

    `previous_broker_epoch` is that of the registration in which the broker last shut down
    cleanly, -1 where it did not (KIP-966).
    """

    broker_id: BrokerId
    incarnation_id: uuid.UUID
    host: str
    port: int
    rack: str | None = None
    broker_host: str = ""
    broker_port: int = 0
    previous_broker_epoch: int = -1


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration is made; its number goes into every later request of the broker."""

    broker_epoch: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A broker is alive. `current_metadata_offset` is the last one applied (inclusive)."""

    broker_id: BrokerId
    broker_epoch: int
    current_metadata_offset: int
    want_fence: bool = False
    want_shut_down: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatResult:
    """How the controller sees the broker from now on."""

    is_caught_up: bool
    is_fenced: bool
    should_shut_down: bool


# --- topics ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to create. -1 takes the default; `assignments` are (partition, brokers) pairs."""

    name: str
    num_partitions: int = -1
    replication_factor: int = -1
    assignments: tuple[tuple[int, tuple[BrokerId, ...]], ...] = ()
    configs: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class CreateTopics:
    """Topics to create together; with `validate_only` nothing is created."""

    topics: tuple[NewTopic, ...]
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class ConfigSynonym:
    """Where a config's value comes or would come from; `source` as in `ConfigEntry`."""

    name: str
    value: str | None
    source: int


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """One config as DescribeConfigs shows it (KIP-133, KIP-226, KIP-569).

    `config_source`: 1 topic, 2 this broker (dynamic), 3 all brokers (dynamic), 4 static file,
    5 default. `value` is None where it is null or secret. `config_type` is a ConfigType.
    """

    name: str
    value: str | None
    read_only: bool
    config_source: int
    is_sensitive: bool
    synonyms: tuple[ConfigSynonym, ...]
    config_type: int
    documentation: str | None = None


@dataclass(frozen=True, slots=True)
class NewTopicResult:
    """What became of one topic; configs are sorted by name and empty on error."""

    name: str
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None
    topic_id: TopicId = ZERO_ID
    num_partitions: int = -1
    replication_factor: int = -1
    configs: tuple[ConfigEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicRef:
    """A topic by name or by id; exactly one should be given."""

    name: str | None = None
    topic_id: TopicId = ZERO_ID


@dataclass(frozen=True, slots=True)
class DeleteTopics:
    """Topics to delete."""

    topics: tuple[TopicRef, ...]


@dataclass(frozen=True, slots=True)
class DeletedTopic:
    """What became of one topic; `name` is None where only an unknown id was given."""

    name: str | None
    topic_id: TopicId = ZERO_ID
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


@dataclass(frozen=True, slots=True)
class NewPartitions:
    """Raise a topic's partition count to `count`; `assignments` are for the new ones only."""

    name: str
    count: int
    assignments: tuple[tuple[BrokerId, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class CreatePartitions:
    """Partitions to add; with `validate_only` none is added."""

    topics: tuple[NewPartitions, ...]
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class NewPartitionsResult:
    """What became of one topic."""

    name: str
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


# --- configs -----------------------------------------------------------------------------


class OpType(IntEnum):
    """What to do with one config (KIP-339)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class ConfigOp:
    """One change of one config; `op` is an OpType, or a number that no client should send."""

    name: str
    op: int
    value: str | None


@dataclass(frozen=True, slots=True)
class ConfigResource:
    """The changes of one resource: all happen or none. `resource_type` is Kafka's number."""

    resource_type: int
    name: str
    ops: tuple[ConfigOp, ...]


@dataclass(frozen=True, slots=True)
class AlterConfigs:
    """Incremental changes of configs; with `validate_only` none happens."""

    resources: tuple[ConfigResource, ...]
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class ResourceResult:
    """What became of one resource."""

    resource_type: int
    name: str
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


# --- partitions --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IsrChange:
    """A leader proposes the ISR of one partition it leads.

    `new_isr` pairs each broker id with the broker epoch that the leader knows of it, -1 when
    unknown (KIP-903). Both epochs are those of the leader's own image.
    """

    topic_id: TopicId
    partition: int
    leader_epoch: LeaderEpoch
    partition_epoch: int
    new_isr: tuple[tuple[BrokerId, int], ...]
    recovering: bool = False


@dataclass(frozen=True, slots=True)
class AlterPartition:
    """ISR changes of one leader (KIP-497)."""

    broker_id: BrokerId
    broker_epoch: int
    changes: tuple[IsrChange, ...]


@dataclass(frozen=True, slots=True)
class IsrChangeResult:
    """The partition's state after the change, or why there is none."""

    topic_id: TopicId
    partition: int
    error: ErrorCode = ErrorCode.NONE
    leader: BrokerId = -1
    leader_epoch: LeaderEpoch = -1
    isr: tuple[BrokerId, ...] = ()
    recovering: bool = False
    partition_epoch: int = -1


class ElectionType(IntEnum):
    """Which leader is wanted (KIP-460)."""

    PREFERRED = 0
    UNCLEAN = 1


@dataclass(frozen=True, slots=True)
class ElectLeaders:
    """Elections to hold; `partitions` of (topic, number), None for all there are.

    `election_type` is an ElectionType, or a number that no client should send.
    """

    election_type: int
    partitions: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True, slots=True)
class ElectionResult:
    """What became of one partition's election."""

    topic: str
    partition: int
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


# --- producer ids ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllocateProducerIds:
    """A broker wants producer ids of its own (KIP-730)."""

    broker_id: BrokerId
    broker_epoch: int


@dataclass(frozen=True, slots=True)
class ProducerIdBlock:
    """Producer ids `first` to `first + count - 1`, given to nobody else."""

    first: ProducerId
    count: int
