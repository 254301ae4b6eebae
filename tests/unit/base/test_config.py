"""Broker and topic configs: defaults, overrides, refusals."""

from __future__ import annotations

import dataclasses

import pytest

from minikafka.base.config import (
    BROKER_KEYS,
    TOPIC_KEYS,
    TOPIC_SYNONYMS,
    BrokerConfig,
    ConfigError,
    LogConfig,
)

_DAY_MS = 24 * 60 * 60 * 1000


def test_attributes_are_the_names_of_kafka_with_underscores() -> None:
    """Every typed attribute of a broker is a config of Kafka, and every topic config is one."""
    broker_names = {key.attribute for key in BROKER_KEYS.values()}
    topic_names = {key.attribute for key in TOPIC_KEYS.values() if not key.internal}
    attributes = {item.name for item in dataclasses.fields(BrokerConfig)} - {"explicit"}
    assert attributes <= broker_names
    assert {item.name for item in dataclasses.fields(LogConfig)} == topic_names


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("num_partitions", 1),
        ("default_replication_factor", 1),
        ("min_insync_replicas", 1),
        ("replica_lag_time_max_ms", 30_000),
        ("message_max_bytes", 1_048_588),
        ("auto_create_topics_enable", True),
        ("unclean_leader_election_enable", False),
        ("broker_rack", None),
        ("log_cleanup_policy", ("delete",)),
    ],
)
def test_defaults_are_those_of_kafka(attribute: str, value: object) -> None:
    """Nothing given, everything is as Apache Kafka has it."""
    assert getattr(BrokerConfig.parse(1), attribute) == value


def test_overrides_are_typed_and_kept_as_text() -> None:
    """Numbers and booleans may come as they are; what was given is known by its text."""
    config = BrokerConfig.parse(
        2, {"min.insync.replicas": 2, "auto.create.topics.enable": False, "broker.rack": "a"}
    )
    assert (config.node_id, config.min_insync_replicas, config.broker_rack) == (2, 2, "a")
    assert config.auto_create_topics_enable is False
    assert dict(config.explicit) == {
        "min.insync.replicas": "2",
        "auto.create.topics.enable": "false",
        "broker.rack": "a",
        "node.id": "2",
        "broker.id": "2",
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"min.insync": "1"},
            "Unknown broker config name: min.insync; did you mean min.insync.replicas?",
        ),
        (
            {"num.partitions": "0"},
            "Invalid value 0 for configuration num.partitions: Value must be at least 1",
        ),
        (
            {"num.partitions": "many"},
            "Invalid value many for configuration num.partitions: Not a number of type INT",
        ),
        ({"node.id": "7"}, "node.id is 7, but this is broker 1"),
        (
            {"log.retention.hours": "0"},
            "log.retention.hours must be -1 (unlimited) or at least 1",
        ),
        ({"log.roll.ms": "0"}, "log.roll.ms must be at least 1"),
    ],
)
def test_bad_overrides_are_refused_by_name(overrides: dict[str, str], message: str) -> None:
    """One line says which config is wrong, and why."""
    with pytest.raises(ConfigError) as raised:
        BrokerConfig.parse(1, overrides)
    assert str(raised.value) == message


def test_follower_must_not_wait_longer_than_the_lag_it_may_have() -> None:
    """A fetch that waits past replica.lag.time.max.ms would cost an idle follower its ISR."""
    with pytest.raises(ConfigError, match=r"^replica\.fetch\.wait\.max\.ms must not exceed"):
        BrokerConfig.parse(1, {"replica.lag.time.max.ms": 100})


def test_other_configs_are_read_by_name() -> None:
    """Configs without an attribute are there too, typed, given or default."""
    config = BrokerConfig.parse(1, {"num.io.threads": 3})
    assert config.value("num.io.threads") == 3
    assert config.value("log.cleaner.min.cleanable.ratio") == 0.5
    assert config.text("log.dirs") is None


def test_changed_copy_leaves_the_old_config_alone() -> None:
    """`with_overrides` adds to what was given before, in a new value."""
    old = BrokerConfig.parse(1, {"num.partitions": 3})
    new = old.with_overrides({"log.retention.ms": 5})
    assert (old.log_retention_ms, new.log_retention_ms, new.num_partitions) == (None, 5, 3)


@pytest.mark.parametrize(
    ("given", "retention_ms"),
    [
        ({}, 7 * _DAY_MS),
        ({"log.retention.hours": 24}, _DAY_MS),
        ({"log.retention.hours": 24, "log.retention.minutes": 1}, 60_000),
        ({"log.retention.minutes": 1, "log.retention.ms": 5}, 5),
        ({"log.retention.ms": -7}, -1),
        ({"log.retention.hours": -1}, -1),
    ],
)
def test_finest_unit_wins(given: dict[str, int], retention_ms: int) -> None:
    """log.retention.ms beats minutes beats hours; any negative number means no limit."""
    assert LogConfig.resolve(BrokerConfig.parse(1, given)).retention_ms == retention_ms


def test_topic_config_beats_broker_config() -> None:
    """What the topic sets counts, the rest comes from the broker."""
    broker = BrokerConfig.parse(
        1, {"min.insync.replicas": 2, "log.message.timestamp.type": "LogAppendTime"}
    )
    config = LogConfig.resolve(
        broker, {"min.insync.replicas": "3", "cleanup.policy": "compact"}
    )
    assert config.min_insync_replicas == 3
    assert (config.compacted, config.deleted, config.log_append_time) == (True, False, True)


def test_tests_can_have_small_segments() -> None:
    """internal.segment.bytes goes below the least segment.bytes, as in Kafka."""
    broker = BrokerConfig.parse(1)
    assert LogConfig.resolve(broker, {"internal.segment.bytes": "100"}).segment_bytes == 100
    with pytest.raises(ConfigError, match="must be at least 1048576"):
        LogConfig.resolve(broker, {"segment.bytes": "100"})


def test_unknown_topic_config_is_refused() -> None:
    """A broker config's name is no topic config."""
    with pytest.raises(ConfigError, match=r"^Unknown topic config name: log\.retention\.ms$"):
        LogConfig.resolve(BrokerConfig.parse(1), {"log.retention.ms": "5"})


def test_synonyms_have_the_default_of_their_topic_config() -> None:
    """A topic's default does not depend on whether one asks the broker or the topic."""
    broker = BrokerConfig.parse(1)
    for name in TOPIC_SYNONYMS:
        assert broker.topic_default(name) == TOPIC_KEYS[name].default, name
