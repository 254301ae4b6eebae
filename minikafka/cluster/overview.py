"""A cluster at one moment, as a whole: brokers, topics, partitions, replicas.

Plain frozen values, read at one turn of the loop without a request, and there also while no
broker is up. Must not know who looks. Kafka counterpart: none; nearest is what
org.apache.kafka.clients.admin.Admin describes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from minikafka.cluster.observe import ClusterView, partition_state
from minikafka.cluster.partition_state import PartitionState
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.names import is_internal_topic

__all__ = ["BrokerCondition", "BrokerState", "Overview", "TopicState", "overview"]

BrokerCondition: TypeAlias = Literal["up", "paused", "down"]


@dataclass(frozen=True, slots=True)
class BrokerState:
    """One broker of the cluster.

    Args:
        fenced: what the controller says of it; None while it is not registered.
        host, port, rack: as registered; None while it is not.
    """

    id: int
    condition: BrokerCondition
    fenced: bool | None
    host: str | None
    port: int | None
    rack: str | None


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic.

    Args:
        topic_id: as text.
        config: what was given for it; the rest is the broker's default.
        partitions: by number.
        log_bytes: by number of the partition, of each replica that is up: size of its log.
    """

    name: str
    topic_id: str
    internal: bool
    config: Mapping[str, str]
    partitions: tuple[PartitionState, ...]
    log_bytes: tuple[Mapping[int, int], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole.

    Args:
        controller: None while there is none.
        metadata_offset: of the newest applied metadata; -1 while no broker is up.
        brokers: all, up or not, ascending by id.
        topics: by name, ascending; none are known while no broker is up.
        timestamp_ms: when this was so, by the brokers' clock; milliseconds since 1970.
    """

    cluster_id: str
    controller: int | None
    metadata_offset: int
    brokers: tuple[BrokerState, ...]
    topics: Mapping[str, TopicState]
    timestamp_ms: int


def overview(
    view: ClusterView, cluster_id: str, brokers: Iterable[int], timestamp_ms: int
) -> Overview:
    """Return the cluster as it is now."""
    image = view.image() if view.nodes else None
    names = () if image is None else sorted(image.topics)
    return Overview(
        cluster_id=cluster_id,
        controller=view.controller(),
        metadata_offset=-1 if image is None else image.offset,
        brokers=tuple(_broker(view, image, broker) for broker in sorted(brokers)),
        topics={name: _topic(view, image, name) for name in names if image is not None},
        timestamp_ms=timestamp_ms,
    )


def _broker(view: ClusterView, image: MetadataImage | None, broker: int) -> BrokerState:
    node = view.nodes.get(broker)
    condition: BrokerCondition = "down"
    if node is not None:
        condition = "paused" if node.paused else "up"
    registered = None if image is None else image.brokers.get(broker)
    if registered is None:
        return BrokerState(broker, condition, None, None, None, None)
    return BrokerState(
        broker,
        condition,
        registered.fenced,
        registered.host,
        registered.port,
        registered.rack,
    )


def _topic(view: ClusterView, image: MetadataImage, name: str) -> TopicState:
    # The image is looked up once, and each log once: there may be thousands of partitions.
    states, log_bytes = [], []
    for number, partition in enumerate(image.topics[name].partitions):
        logs = view.logs(name, number)
        states.append(partition_state(name, number, partition, logs))
        log_bytes.append({broker: log.size_bytes for broker, log in logs.items()})
    return TopicState(
        name=name,
        topic_id=str(image.topics[name].topic_id),
        internal=is_internal_topic(name),
        config=dict(sorted(image.topic_overrides(name).items())),
        partitions=tuple(states),
        log_bytes=tuple(log_bytes),
    )
