"""What a broker and a topic are configured to do, as frozen typed values.

Attribute names are Kafka's names with dots turned to underscores, units as in Kafka. Every
value comes from the tables of `config_brokers` and `config_topics`, so no default stands twice.
Knows nothing of where a value came from but for one thing: which were given explicitly
(DescribeConfigs shows it). Counterpart: kafka.server.KafkaConfig, LogConfig; KIP-226.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from minikafka.base.config_brokers import BROKER_KEYS
from minikafka.base.config_keys import (
    ConfigError,
    ConfigKey,
    ConfigType,
    ConfigValue,
    UpdateMode,
)
from minikafka.base.config_topics import TOPIC_KEYS, TOPIC_SYNONYMS, Synonym

__all__ = [
    "BROKER_KEYS",
    "TOPIC_KEYS",
    "TOPIC_SYNONYMS",
    "BrokerConfig",
    "ConfigError",
    "ConfigKey",
    "ConfigType",
    "ConfigValue",
    "LogConfig",
    "Synonym",
    "UpdateMode",
    "config_text",
]


def config_text(value: str | int | float | bool) -> str:
    """Return a config value as the text that Kafka would read: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """The configs of one broker that govern what it does; `value` reads any other.

    Made by `parse`. `explicit` holds the text of what was given rather than defaulted, by
    Kafka's names; `with_overrides` makes a changed copy, e.g. for dynamic configs (KIP-226).
    """

    # DIVERGENCE(configs-without-effect): many of these govern parts that are not there.
    node_id: int
    # listeners, placement and liveness
    broker_rack: str | None
    listeners: str
    advertised_listeners: str | None
    controller_quorum_voters: tuple[str, ...]
    broker_heartbeat_interval_ms: int
    broker_session_timeout_ms: int
    initial_broker_registration_timeout_ms: int
    controlled_shutdown_enable: bool
    # topics
    num_partitions: int
    default_replication_factor: int
    min_insync_replicas: int
    auto_create_topics_enable: bool
    delete_topic_enable: bool
    unclean_leader_election_enable: bool
    auto_leader_rebalance_enable: bool
    leader_imbalance_check_interval_seconds: int
    unclean_leader_election_interval_ms: int
    # requests
    request_timeout_ms: int
    message_max_bytes: int
    fetch_max_bytes: int
    max_incremental_fetch_session_cache_slots: int
    max_request_partition_size_limit: int
    queued_max_requests: int
    socket_request_max_bytes: int
    socket_send_buffer_bytes: int
    socket_receive_buffer_bytes: int
    socket_listen_backlog_size: int
    connections_max_idle_ms: int
    max_connections: int
    max_connections_per_ip: int
    # replication
    num_replica_fetchers: int
    replica_lag_time_max_ms: int
    replica_fetch_max_bytes: int
    replica_fetch_min_bytes: int
    replica_fetch_wait_max_ms: int
    replica_fetch_backoff_ms: int
    replica_fetch_response_max_bytes: int
    replica_socket_timeout_ms: int
    replica_high_watermark_checkpoint_interval_ms: int
    # logs
    compression_type: str
    log_cleaner_backoff_ms: int
    log_cleaner_enable: bool
    log_cleanup_policy: tuple[str, ...]
    log_flush_interval_messages: int
    log_message_timestamp_type: str
    log_message_timestamp_before_max_ms: int
    log_message_timestamp_after_max_ms: int
    log_retention_bytes: int
    log_retention_check_interval_ms: int
    log_retention_hours: int
    log_retention_minutes: int | None
    log_retention_ms: int | None
    log_roll_hours: int
    log_roll_ms: int | None
    log_segment_bytes: int
    log_segment_delete_delay_ms: int
    # quorum
    controller_quorum_append_linger_ms: int
    controller_quorum_election_backoff_max_ms: int
    controller_quorum_election_timeout_ms: int
    controller_quorum_fetch_timeout_ms: int
    controller_quorum_request_timeout_ms: int
    controller_quorum_retry_backoff_ms: int
    internal_metadata_max_fetch_size_in_bytes: int
    metadata_log_max_record_bytes_between_snapshots: int
    metadata_log_max_snapshot_interval_ms: int
    metadata_log_segment_bytes: int
    metadata_log_segment_ms: int
    metadata_max_idle_interval_ms: int
    metadata_max_retention_bytes: int
    metadata_max_retention_ms: int
    # producers, groups, transactions
    producer_id_expiration_ms: int
    producer_id_expiration_check_interval_ms: int
    transactional_id_expiration_ms: int
    transaction_max_timeout_ms: int
    offsets_topic_num_partitions: int
    offsets_topic_replication_factor: int
    offsets_topic_segment_bytes: int
    offsets_commit_timeout_ms: int
    offsets_retention_minutes: int
    offsets_retention_check_interval_ms: int
    offset_metadata_max_bytes: int
    transaction_state_log_num_partitions: int
    transaction_state_log_replication_factor: int
    group_initial_rebalance_delay_ms: int
    group_min_session_timeout_ms: int
    group_max_session_timeout_ms: int
    group_max_size: int

    explicit: Mapping[str, str] = field(repr=False, hash=False)

    @classmethod
    def parse(
        cls, node_id: int, overrides: Mapping[str, str | int | float | bool] | None = None
    ) -> BrokerConfig:
        """Return the config of broker `node_id` with Kafka's defaults where not overridden.

        Raises:
            ConfigError: a name that Kafka 4.1 does not know, or a value it refuses.
        """
        explicit = {name: config_text(value) for name, value in (overrides or {}).items()}
        for name in ("node.id", "broker.id"):
            if explicit.setdefault(name, str(node_id)) != str(node_id):
                raise ConfigError(f"{name} is {explicit[name]}, but this is broker {node_id}")
        return cls._of(explicit)

    @classmethod
    def _of(cls, explicit: Mapping[str, str]) -> BrokerConfig:
        values: dict[str, Any] = dict(_BROKER_DEFAULTS)
        for name, text in explicit.items():
            key = BROKER_KEYS.get(name)
            if key is None:
                raise ConfigError(_unknown(name))
            value = key.parse(text)
            if key.attribute in values:
                values[key.attribute] = value
        config = cls(explicit=MappingProxyType(dict(explicit)), **values)
        config._check_together()
        return config

    def with_overrides(self, overrides: Mapping[str, str | int | float | bool]) -> BrokerConfig:
        """Return a copy in which `overrides` count as given; raises ConfigError as `parse`."""
        changed = {name: config_text(value) for name, value in overrides.items()}
        return self._of({**self.explicit, **changed}) if changed else self

    def text(self, name: str) -> str | None:
        """Return the text of any config of Kafka 4.1, given or default; None where null."""
        given = self.explicit.get(name)
        return BROKER_KEYS[name].default if given is None else given

    def value(self, name: str) -> ConfigValue:
        """Return the typed value of any config of Kafka 4.1, by Kafka's name."""
        return BROKER_KEYS[name].parse(self.text(name))

    def whole(self, name: str) -> int:
        """Return the value of a config that is a whole number and has a default."""
        value = self.value(name)
        assert isinstance(value, int)
        return value

    @property
    def log_directory(self) -> str:
        """The first of log.dirs, else log.dir; a name only, logs are in memory."""
        return (self.text("log.dirs") or self.text("log.dir") or "").split(",")[0].strip()

    def topic_default(self, name: str) -> str | None:
        """Return the text that topic config `name` has when the topic does not set it.

        The first broker config that is not null wins, e.g. log.retention.ms, then
        log.retention.minutes, then log.retention.hours, all in milliseconds.
        """
        for synonym in TOPIC_SYNONYMS.get(name, ()):
            text = self.text(synonym.name)
            if text is not None:
                unlimited = name == "retention.ms" and int(text) < 0
                return "-1" if unlimited else _scaled(text, synonym.factor)
        return TOPIC_KEYS[name].default

    def _check_together(self) -> None:
        """Hold the rules that bind two keys, or one in a way its type does not say."""
        if self.replica_fetch_wait_max_ms > self.replica_lag_time_max_ms:
            raise ConfigError(
                "replica.fetch.wait.max.ms must not exceed replica.lag.time.max.ms: "
                "an idle follower would fall out of the ISR"
            )
        if self.replica_fetch_wait_max_ms > self.replica_socket_timeout_ms:
            raise ConfigError(
                "replica.fetch.wait.max.ms must not exceed replica.socket.timeout.ms: "
                "an idle fetch would time out"
            )
        if self.log_roll_ms is not None and self.log_roll_ms < 1:
            raise ConfigError("log.roll.ms must be at least 1")
        for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours"):
            if self.value(name) == 0:
                raise ConfigError(f"{name} must be -1 (unlimited) or at least 1")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """The configs of one topic, all of them; made by `resolve`.

    `retention_ms` and `retention_bytes` are negative for "no limit". `segment_bytes` already
    honours internal.segment.bytes, which tests use to get small segments.
    """

    segment_bytes: int
    segment_ms: int
    segment_jitter_ms: int
    segment_index_bytes: int
    flush_messages: int
    flush_ms: int
    retention_bytes: int
    retention_ms: int
    max_message_bytes: int
    index_interval_bytes: int
    delete_retention_ms: int
    min_compaction_lag_ms: int
    max_compaction_lag_ms: int
    file_delete_delay_ms: int
    min_cleanable_dirty_ratio: float
    cleanup_policy: tuple[str, ...]
    unclean_leader_election_enable: bool
    min_insync_replicas: int
    compression_type: str
    compression_gzip_level: int
    compression_lz4_level: int
    compression_zstd_level: int
    preallocate: bool
    message_timestamp_type: str
    message_timestamp_before_max_ms: int
    message_timestamp_after_max_ms: int
    leader_replication_throttled_replicas: tuple[str, ...]
    follower_replication_throttled_replicas: tuple[str, ...]
    remote_storage_enable: bool
    local_retention_ms: int
    local_retention_bytes: int
    remote_log_copy_disable: bool
    remote_log_delete_on_disable: bool

    @classmethod
    def resolve(
        cls, broker: BrokerConfig, topic_overrides: Mapping[str, str] | None = None
    ) -> LogConfig:
        """Return the topic's own values where it has any, else what the broker gives.

        Raises:
            ConfigError: a name that is no topic config, or a value it refuses.
        """
        overrides = topic_overrides or {}
        for name in overrides:
            if name not in TOPIC_KEYS:
                raise ConfigError(f"Unknown topic config name: {name}")
        values: dict[str, Any] = {}
        for name, key in TOPIC_KEYS.items():
            given = overrides.get(name)
            values[key.attribute] = key.parse(
                broker.topic_default(name) if given is None else given
            )
        small_segment = values.pop("internal_segment_bytes")
        if small_segment is not None:
            values["segment_bytes"] = small_segment
        return cls(**values)

    @property
    def compacted(self) -> bool:
        """True when the newest record of each key is kept (cleanup.policy has `compact`)."""
        return "compact" in self.cleanup_policy

    @property
    def max_segment_ms(self) -> int:
        """For how long one segment is written to: what compaction waits for ends sooner."""
        if self.compacted:
            return min(self.segment_ms, self.max_compaction_lag_ms)
        return self.segment_ms

    @property
    def deleted(self) -> bool:
        """True when old segments are dropped (cleanup.policy has `delete`)."""
        return "delete" in self.cleanup_policy

    @property
    def log_append_time(self) -> bool:
        """True when the broker's clock stamps the records (KIP-32)."""
        return self.message_timestamp_type == "LogAppendTime"


def _scaled(text: str, factor: int) -> str:
    """Multiply a number in text form."""
    return text if factor == 1 else str(int(text) * factor)


def _unknown(name: str) -> str:
    from difflib import get_close_matches  # only on the way to an error

    near = get_close_matches(name, BROKER_KEYS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"Unknown broker config name: {name}{hint}"


_BROKER_DEFAULTS = {
    key.attribute: key.default_value()
    for key in BROKER_KEYS.values()
    if key.attribute in {item.name for item in fields(BrokerConfig)}
}
