"""Configs of one group."""

from __future__ import annotations

import pytest

from minikafka.base.config import BROKER_KEYS, BrokerConfig, ConfigError
from minikafka.base.config_groups import GROUP_KEYS, GROUP_SYNONYMS, resolve_group_config

BROKER = BrokerConfig.parse(1, {})


def test_defaults_are_those_of_the_broker() -> None:
    """Where it has any; and Kafka's are the same for both."""
    values = resolve_group_config(BROKER, {})
    assert list(values) == list(GROUP_KEYS)
    for name, synonym in GROUP_SYNONYMS.items():
        assert BROKER_KEYS[synonym].default == GROUP_KEYS[name].default
    longer = BrokerConfig.parse(1, {"group.consumer.session.timeout.ms": 50_000})
    assert resolve_group_config(longer, {})["consumer.session.timeout.ms"] == 50_000


def test_a_groups_own_values_win() -> None:
    """Within the bounds that the broker sets."""
    own = {
        "consumer.session.timeout.ms": "50000",
        "share.auto.offset.reset": "by_duration:PT1H",
    }
    values = resolve_group_config(BROKER, own)
    assert values["consumer.session.timeout.ms"] == 50_000
    assert values["consumer.heartbeat.interval.ms"] == 5_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("odd", "1"),
        ("consumer.session.timeout.ms", "x"),
        ("consumer.session.timeout.ms", "44999"),
        ("consumer.session.timeout.ms", "60001"),
        ("consumer.heartbeat.interval.ms", "4999"),
        ("consumer.heartbeat.interval.ms", "15001"),
        ("share.record.lock.duration.ms", "14999"),
        ("share.auto.offset.reset", "never"),
        ("share.isolation.level", "odd"),
        ("streams.num.standby.replicas", "3"),
    ],
)
def test_what_a_group_may_not_have_is_refused(name: str, value: str) -> None:
    """Names, types, bounds."""
    with pytest.raises(ConfigError):
        resolve_group_config(BROKER, {name: value})


def test_session_must_be_longer_than_the_interval() -> None:
    """Else each member would be out before it can speak."""
    wide = BrokerConfig.parse(1, {"group.consumer.min.session.timeout.ms": 1})
    with pytest.raises(ConfigError):
        resolve_group_config(wide, {"consumer.session.timeout.ms": "5000"})
