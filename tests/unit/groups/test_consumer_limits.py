"""What `group.consumer.*` says, and what does not fit together."""

from __future__ import annotations

import pytest

from minikafka.base.config import BrokerConfig, ConfigError
from minikafka.groups.consumer_limits import ConsumerLimits


def limits(**config: str | int) -> ConsumerLimits:
    """Return the limits of a broker; underscores are dots."""
    given = {
        f"group.consumer.{name.replace('_', '.')}": value for name, value in config.items()
    }
    return ConsumerLimits.of(BrokerConfig.parse(1, given))


def test_defaults_are_kafkas() -> None:
    """Of Apache Kafka 4.1."""
    assert limits() == ConsumerLimits(
        session_timeout_ms=45_000,
        heartbeat_interval_ms=5_000,
        max_size=2**31 - 1,
        assignors=("uniform", "range"),
        upgrades=True,
        downgrades=True,
        regex_refresh_interval_ms=600_000,
    )


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        ("disabled", (False, False)),
        ("UPGRADE", (True, False)),
        ("Downgrade", (False, True)),
        ("bidirectional", (True, True)),
    ],
)
def test_policy_is_read_in_any_case(policy: str, want: tuple[bool, bool]) -> None:
    """Up, down, both, none."""
    found = limits(migration_policy=policy)
    assert (found.upgrades, found.downgrades) == want


def test_assignors_keep_their_order() -> None:
    """The first is the default; classes go by Kafka's names."""
    path = "org.apache.kafka.coordinator.group.assignor.RangeAssignor"
    assert limits(assignors=f"{path},uniform").assignors == ("range", "uniform")


@pytest.mark.parametrize(
    "config",
    [
        {"session_timeout_ms": 44_999},
        {"session_timeout_ms": 60_001},
        {"heartbeat_interval_ms": 4_999},
        {"heartbeat_interval_ms": 15_001},
        {"min_session_timeout_ms": 60_001},
        {"min_session_timeout_ms": 1, "session_timeout_ms": 5_000},
        {"assignors": "mine"},
        {"assignors": "range,range"},
    ],
)
def test_what_does_not_fit_is_refused(config: dict[str, str | int]) -> None:
    """Kafka does not start either."""
    with pytest.raises(ConfigError):
        limits(**config)
