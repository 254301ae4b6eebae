"""RemoteCluster: any Kafka cluster, over TCP, as the command line sees it.

Finds brokers and leaders by Metadata, keeps one connection per broker, sends each request to
whom it concerns. Retries nothing by itself: `refresh` and ask again. Counterpart: the Java
AdminClient and the fetch and send paths of its consumer and producer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.connection import Connection, ConnectionLost
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = [
    "RemoteBroker",
    "RemoteCluster",
    "RemotePartition",
    "RemoteTopic",
    "TopicConfig",
    "check",
    "parse_bootstrap_servers",
]

CLIENT_ID = "minikafka"
REQUEST_TIMEOUT_S = 30.0
_TIMEOUT_MS = 30_000
_TOPIC_RESOURCE = 2
_DEFAULT_CONFIG_SOURCE = 5


@dataclass(frozen=True, slots=True)
class RemoteBroker:
    """A broker as advertised."""

    broker_id: int
    host: str
    port: int
    rack: str | None


@dataclass(frozen=True, slots=True)
class RemotePartition:
    """A partition as Metadata tells it; `leader` is -1 while there is none."""

    number: int
    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offline: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RemoteTopic:
    """A topic as Metadata tells it; `error` says why it has no partitions."""

    name: str
    topic_id: str | None
    is_internal: bool
    error: ErrorCode
    partitions: tuple[RemotePartition, ...]


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """One config of a topic; `given` where someone set it, for the topic or the brokers."""

    name: str
    value: str | None
    given: bool


def check(code: int, message: str | None = None) -> None:
    """Raise what a response's error code says, unless it says there is none."""
    if code != ErrorCode.NONE:
        raise KafkaError(code, message)


def parse_bootstrap_servers(text: str) -> list[tuple[str, int]]:
    """Return the (host, port) pairs of `host:port,host:port`; the port defaults to 9092.

    Raises:
        ValueError: no address, or a port that is none.
    """
    addresses = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        host, colon, port = item.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = item, "9092"
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError(f"{item!r} is no host:port")
        addresses.append((host.strip("[]"), int(port)))
    if not addresses:
        raise ValueError("no bootstrap server given")
    return addresses


class RemoteCluster:
    """Made by `connect`; closed by `close`.

    Args:
        brokers: the brokers last advertised, by id.
        controller: id of the broker that takes admin requests, -1 where none is known.
    """

    def __init__(self, bootstrap: list[tuple[str, int]], timeout_s: float) -> None:
        self.brokers: dict[int, RemoteBroker] = {}
        self.controller = -1
        self._bootstrap = bootstrap
        self._timeout_s = timeout_s
        self._connections: dict[int, Connection] = {}

    @classmethod
    async def connect(
        cls, bootstrap_servers: str, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> RemoteCluster:
        """Return a cluster whose brokers are known.

        Raises:
            ConnectionLost: none of the bootstrap servers answers.
            ValueError: what was given are no addresses.
        """
        cluster = cls(parse_bootstrap_servers(bootstrap_servers), timeout_s)
        try:
            await cluster.topics([])
        except BaseException:
            await cluster.close()
            raise
        return cluster

    async def close(self) -> None:
        """No connection is left."""
        while self._connections:
            _, connection = self._connections.popitem()
            await connection.close()

    async def topics(
        self, names: Iterable[str] | None = None, *, create: bool = False
    ) -> dict[str, RemoteTopic]:
        """Return the named topics, or all, and learn the brokers anew.

        Args:
            names: None is all topics, an empty list none.
            create: let the broker create what is missing, where it is set to.
        """
        wanted = None if names is None else [{"name": name, "topic_id": None} for name in names]
        shape: Shape = {"topics": wanted, "allow_auto_topic_creation": create}
        answer = await self._ask_anyone(ApiKey.METADATA, shape)
        self.controller = int(answer.controller_id)
        self.brokers = {
            int(each.node_id): RemoteBroker(each.node_id, each.host, each.port, each.rack)
            for each in answer.brokers
        }
        return {topic.name: _remote_topic(topic) for topic in answer.topics}

    async def topic(self, name: str, *, create: bool = False) -> RemoteTopic:
        """Return one topic.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, ...
        """
        found = (await self.topics([name], create=create))[name]
        check(found.error, f"topic {name!r}")
        return found

    async def create_topic(
        self, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]
    ) -> None:
        """The topic is recorded; -1 means the broker's default.

        Raises:
            KafkaError: TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, ...
        """
        topic: Shape = {
            "name": name,
            "num_partitions": partitions,
            "replication_factor": replication_factor,
            "assignments": [],
            "configs": [{"name": key, "value": value} for key, value in config.items()],
        }
        shape: Shape = {"topics": [topic], "timeout": _TIMEOUT_MS, "validate_only": False}
        answer = await (await self._controller()).ask(ApiKey.CREATE_TOPICS, shape)
        for result in answer.topics:
            check(result.error_code, optional(result, "error_message", None))

    async def delete_topic(self, name: str) -> None:
        """The topic is recorded as gone.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED.
        """
        shape: Shape = {
            "topics": [{"name": name, "topic_id": None}],
            "topic_names": [name],
            "timeout": _TIMEOUT_MS,
        }
        answer = await (await self._controller()).ask(ApiKey.DELETE_TOPICS, shape)
        for result in answer.responses:
            check(result.error_code, optional(result, "error_message", None))

    async def topic_configs(self, name: str) -> list[TopicConfig]:
        """Return the configs of a topic, by name."""
        resource: Shape = {
            "resource_type": _TOPIC_RESOURCE,
            "resource_name": name,
            "configuration_keys": None,
        }
        answer = await self._ask_anyone(ApiKey.DESCRIBE_CONFIGS, {"resources": [resource]})
        result = answer.results[0]
        check(result.error_code, result.error_message)
        configs = [
            TopicConfig(each.name, each.value, each.config_source != _DEFAULT_CONFIG_SOURCE)
            for each in result.configs
        ]
        return sorted(configs, key=lambda config: config.name)

    async def list_offsets(
        self, topic: str, leader: int, partitions: Sequence[int], timestamp: int, isolation: int
    ) -> dict[int, int]:
        """Return an offset by time (-1 latest, -2 earliest) for partitions of one leader."""
        wanted = [
            {"partition_index": number, "current_leader_epoch": -1, "timestamp": timestamp}
            for number in partitions
        ]
        shape: Shape = {
            "replica_id": -1,
            "isolation_level": isolation,
            "topics": [{"name": topic, "partitions": wanted}],
        }
        answer = await (await self.connection(leader)).ask(ApiKey.LIST_OFFSETS, shape)
        offsets = {}
        for result in answer.topics[0].partitions:
            check(result.error_code)
            offsets[int(result.partition_index)] = int(result.offset)
        return offsets

    async def connection(self, broker_id: int) -> Connection:
        """Return the connection to a broker, made on first use.

        Raises:
            KafkaError: LEADER_NOT_AVAILABLE for a broker that is not advertised, such as -1.
            ConnectionLost: it does not answer.
        """
        known = self._connections.get(broker_id)
        if known is not None:
            return known
        broker = self.brokers.get(broker_id)
        if broker is None:
            raise KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, "a partition has no leader")
        made = await Connection.open(broker.host, broker.port, CLIENT_ID, self._timeout_s)
        # Two callers may have opened one each meanwhile; the first stays.
        if broker_id in self._connections:
            await made.close()
            return self._connections[broker_id]
        self._connections[broker_id] = made
        return made

    async def forget(self, broker_id: int) -> None:
        """Close the connection to a broker; the next use makes a new one."""
        connection = self._connections.pop(broker_id, None)
        if connection is not None:
            await connection.close()

    async def _controller(self) -> Connection:
        if self.controller in self.brokers:
            return await self.connection(self.controller)
        return await self.connection(min(self.brokers, default=-1))

    async def _ask_anyone(self, key: ApiKey, shape: Shape) -> Any:
        """Return the answer of the first broker that gives one."""
        failure: ConnectionLost | None = None
        for broker_id in [*self._connections, *sorted(self.brokers)]:
            try:
                return await (await self.connection(broker_id)).ask(key, shape)
            except ConnectionLost as error:
                failure = error
                await self.forget(broker_id)
        for host, port in self._bootstrap:
            try:
                connection = await Connection.open(host, port, CLIENT_ID, self._timeout_s)
            except ConnectionLost as error:
                failure = error
                continue
            try:
                return await connection.ask(key, shape)
            except ConnectionLost as error:
                failure = error
            finally:
                await connection.close()
        assert failure is not None
        raise failure


def _remote_topic(topic: Any) -> RemoteTopic:
    topic_id = optional(topic, "topic_id", None)
    partitions = [
        RemotePartition(
            number=int(each.partition_index),
            leader=int(each.leader_id),
            leader_epoch=int(optional(each, "leader_epoch", -1)),
            replicas=tuple(each.replica_nodes),
            isr=tuple(each.isr_nodes),
            offline=tuple(optional(each, "offline_replicas", ())),
        )
        for each in topic.partitions
    ]
    return RemoteTopic(
        name=topic.name,
        topic_id=None if topic_id is None else str(topic_id),
        is_internal=bool(topic.is_internal),
        error=ErrorCode(topic.error_code),
        partitions=tuple(sorted(partitions, key=lambda each: each.number)),
    )
