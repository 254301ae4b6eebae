"""The configs that govern membership of share groups. Counterpart: GroupCoordinatorConfig."""

from __future__ import annotations

from dataclasses import dataclass

from minikafka.base.config import BrokerConfig, ConfigError

__all__ = ["ShareGroupLimits"]


@dataclass(frozen=True, slots=True)
class ShareGroupLimits:
    """What `group.share.*` says of members.

    Attributes:
        retry_ms: how long state may take to begin before that is asked for again.
    """

    session_timeout_ms: int
    heartbeat_interval_ms: int
    max_size: int
    retry_ms: int

    @classmethod
    def of(cls, config: BrokerConfig) -> ShareGroupLimits:
        """Return the limits of a broker.

        Raises:
            ConfigError: values that do not fit together, or an assignor that is not there.
        """
        for name in ("session.timeout.ms", "heartbeat.interval.ms", "record.lock.duration.ms"):
            _check_between(config, name)
        limits = cls(
            config.whole("group.share.session.timeout.ms"),
            config.whole("group.share.heartbeat.interval.ms"),
            config.whole("group.share.max.size"),
            2 * config.offsets_commit_timeout_ms,
        )
        if limits.heartbeat_interval_ms >= limits.session_timeout_ms:
            raise ConfigError(
                "group.share.heartbeat.interval.ms must be less than "
                "group.share.session.timeout.ms"
            )
        if config.value("group.share.assignors") not in (("simple",), (_SIMPLE_CLASS,)):
            raise ConfigError("group.share.assignors: there is simple, and no other")
        return limits


_SIMPLE_CLASS = "org.apache.kafka.coordinator.group.assignor.SimpleAssignor"


def _check_between(config: BrokerConfig, name: str) -> None:
    key, lowest, highest = (f"group.share.{part}{name}" for part in ("", "min.", "max."))
    if config.whole(highest) < config.whole(lowest):
        raise ConfigError(f"{highest} must be greater than or equal to {lowest}")
    if not config.whole(lowest) <= config.whole(key) <= config.whole(highest):
        raise ConfigError(f"{key} must be between {lowest} and {highest}")
