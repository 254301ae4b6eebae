"""The configs that govern groups of the consumer protocol. Counterpart: GroupCoordinatorConfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from minikafka.base.config import BrokerConfig, ConfigError
from minikafka.base.config_groups import resolve_group_config

__all__ = ["ConsumerLimits", "GroupTimes"]

_CLASSES = {
    "org.apache.kafka.coordinator.group.assignor.UniformAssignor": "uniform",
    "org.apache.kafka.coordinator.group.assignor.RangeAssignor": "range",
}
_NAMES = ("uniform", "range")


class GroupTimes(NamedTuple):
    """How long a member may be silent, and how often it is to speak.

    Of a group of the consumer protocol; `share` says both of a share group.
    """

    session_timeout_ms: int
    heartbeat_interval_ms: int
    share: tuple[int, int] | None = None

    @classmethod
    def of(cls, broker: BrokerConfig, overrides: Mapping[str, str]) -> GroupTimes:
        """Return the times of a group that sets these configs itself."""
        values = resolve_group_config(broker, overrides)
        session_ms = values["consumer.session.timeout.ms"]
        interval_ms = values["consumer.heartbeat.interval.ms"]
        assert isinstance(session_ms, int) and isinstance(interval_ms, int)
        share_session_ms = values["share.session.timeout.ms"]
        share_interval_ms = values["share.heartbeat.interval.ms"]
        assert isinstance(share_session_ms, int) and isinstance(share_interval_ms, int)
        return cls(session_ms, interval_ms, (share_session_ms, share_interval_ms))


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """What `group.consumer.*` says.

    Attributes:
        assignors: by name; the first is taken where members name none.
        upgrades: a classic group may become one of the consumer protocol while it has members.
        downgrades: and back.
    """

    session_timeout_ms: int
    heartbeat_interval_ms: int
    max_size: int
    assignors: tuple[str, ...]
    upgrades: bool
    downgrades: bool
    regex_refresh_interval_ms: int

    @classmethod
    def of(cls, config: BrokerConfig) -> ConsumerLimits:
        """Return the limits of a broker.

        Raises:
            ConfigError: values that do not fit together, or an assignor that is not there.
        """
        policy = str(config.value("group.consumer.migration.policy")).lower()
        limits = cls(
            _int(config, "group.consumer.session.timeout.ms"),
            _int(config, "group.consumer.heartbeat.interval.ms"),
            _int(config, "group.consumer.max.size"),
            _assignors(config),
            policy in ("upgrade", "bidirectional"),
            policy in ("downgrade", "bidirectional"),
            _int(config, "group.consumer.regex.refresh.interval.ms"),
        )
        _check_between(config, "session.timeout.ms")
        _check_between(config, "heartbeat.interval.ms")
        if limits.heartbeat_interval_ms >= limits.session_timeout_ms:
            raise ConfigError(
                "group.consumer.heartbeat.interval.ms must be less than "
                "group.consumer.session.timeout.ms"
            )
        return limits


def _int(config: BrokerConfig, name: str) -> int:
    value = config.value(name)
    assert isinstance(value, int)
    return value


def _assignors(config: BrokerConfig) -> tuple[str, ...]:
    value = config.value("group.consumer.assignors")
    assert isinstance(value, tuple)
    names = tuple(_CLASSES.get(str(name), str(name)) for name in value)
    for name in names:
        if name not in _NAMES:
            raise ConfigError(
                f"group.consumer.assignors: {name} is not a server-side assignor; "
                "there are uniform and range"
            )
    if not names or len(set(names)) < len(names):
        raise ConfigError("group.consumer.assignors must name each assignor once")
    return names


def _check_between(config: BrokerConfig, name: str) -> None:
    key, lowest, highest = (f"group.consumer.{part}{name}" for part in ("", "min.", "max."))
    if _int(config, highest) < _int(config, lowest):
        raise ConfigError(f"{highest} must be greater than or equal to {lowest}")
    if _int(config, key) < _int(config, lowest):
        raise ConfigError(f"{key} must be greater than or equal to {lowest}")
    if _int(config, key) > _int(config, highest):
        raise ConfigError(f"{key} must be less than or equal to {highest}")
