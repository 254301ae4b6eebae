"""Configs of share groups that do not fit together."""

from __future__ import annotations

import pytest

from minikafka.base.config import BrokerConfig, ConfigError
from minikafka.groups.share_limits import ShareGroupLimits


def test_defaults_are_kafkas() -> None:
    """Nine heartbeats to a session, as in Kafka 4.1."""
    limits = ShareGroupLimits.of(BrokerConfig.parse(1, {}))
    assert (limits.session_timeout_ms, limits.heartbeat_interval_ms) == (45_000, 5_000)
    assert limits.max_size == 200


@pytest.mark.parametrize(
    "config",
    [
        {"group.share.session.timeout.ms": 44_999},
        {"group.share.heartbeat.interval.ms": 15_001},
        {"group.share.record.lock.duration.ms": 14_999},
        {"group.share.max.session.timeout.ms": 44_999},
        {"group.share.min.session.timeout.ms": 1_000, "group.share.session.timeout.ms": 5_000},
        {"group.share.assignors": "range"},
    ],
)
def test_what_does_not_fit_together_is_refused(config: dict[str, str | int]) -> None:
    """A broker does not start with it, as in Kafka."""
    with pytest.raises(ConfigError):
        ShareGroupLimits.of(BrokerConfig.parse(1, config))
