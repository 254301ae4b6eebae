"""The configs of one group of Apache Kafka 4.1: names, types, defaults, valid values.

A table, as `config_brokers`; what a group does not set itself its broker's config says. Those of
streams groups are known, and govern nothing here: DIVERGENCE(configs-without-effect).
Counterpart: org.apache.kafka.coordinator.group.GroupConfig; KIP-848, KIP-932.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from minikafka.base.config import BrokerConfig
from minikafka.base.config_keys import ConfigError, ConfigValue, read_table

__all__ = ["GROUP_KEYS", "GROUP_SYNONYMS", "resolve_group_config"]

_TABLE = """
consumer.session.timeout.ms INT 45000 C 1..
consumer.heartbeat.interval.ms INT 5000 C 1..
share.session.timeout.ms INT 45000 C 1..
share.heartbeat.interval.ms INT 5000 C 1..
share.record.lock.duration.ms INT 30000 C 1000..
share.auto.offset.reset STRING latest C
share.isolation.level STRING read_uncommitted C in:read_committed,read_uncommitted
streams.session.timeout.ms INT 45000 C 1..
streams.heartbeat.interval.ms INT 5000 C 1..
streams.num.standby.replicas INT 0 C 0..
"""

GROUP_KEYS = read_table(_TABLE)
"""Group configs in Kafka's order."""

_OFFSET_RESETS = ("latest", "earliest")
_OWN = ("share.auto.offset.reset", "share.isolation.level")
GROUP_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {name: f"group.{name}" for name in GROUP_KEYS if name not in _OWN}
)
"""Group config to the broker config that is its default; those not here have none."""


def resolve_group_config(
    broker: BrokerConfig, overrides: Mapping[str, str]
) -> Mapping[str, ConfigValue]:
    """Return the values of all configs of a group that sets these itself.

    Raises:
        ConfigError: a name that is no group config, a value it refuses, or two that contradict.
    """
    for name in overrides:
        if name not in GROUP_KEYS:
            raise ConfigError(f"Unknown group config name: {name}")
    values: dict[str, ConfigValue] = {}
    for name, key in GROUP_KEYS.items():
        given = overrides.get(name)
        synonym = GROUP_SYNONYMS.get(name)
        default = key.default if synonym is None else broker.text(synonym)
        values[name] = key.parse(default if given is None else given)
    _check_offset_reset(str(values["share.auto.offset.reset"]))
    for kind in ("consumer", "share", "streams"):
        _check_times(broker, kind, values)
    _check_bounds(broker, "share.record.lock.duration.ms", values)
    most = broker.value("group.streams.max.standby.replicas")
    if _int(values["streams.num.standby.replicas"]) > _int(most):
        raise ConfigError(
            "streams.num.standby.replicas must be less than or equal to "
            "group.streams.max.standby.replicas"
        )
    return MappingProxyType(values)


def _check_offset_reset(value: str) -> None:
    if value not in _OFFSET_RESETS and not value.startswith("by_duration:P"):
        raise ConfigError(
            f"Invalid value {value} for configuration share.auto.offset.reset: Invalid value "
            f"`{value}` for configuration share.auto.offset.reset. The value must be either "
            "'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."
        )


def _check_times(broker: BrokerConfig, kind: str, values: Mapping[str, ConfigValue]) -> None:
    interval, session = f"{kind}.heartbeat.interval.ms", f"{kind}.session.timeout.ms"
    _check_bounds(broker, interval, values)
    _check_bounds(broker, session, values)
    if _int(values[session]) <= _int(values[interval]):
        raise ConfigError(f"{session} must be greater than {interval}")


def _check_bounds(broker: BrokerConfig, name: str, values: Mapping[str, ConfigValue]) -> None:
    kind, _, rest = name.partition(".")
    lowest, highest = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest}"
    if _int(values[name]) < _int(broker.value(lowest)):
        raise ConfigError(f"{name} must be greater than or equal to {lowest}")
    if _int(values[name]) > _int(broker.value(highest)):
        raise ConfigError(f"{name} must be less than or equal to {highest}")


def _int(value: ConfigValue) -> int:
    assert isinstance(value, int)
    return value
