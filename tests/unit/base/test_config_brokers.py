"""The table of broker configs."""

from __future__ import annotations

import pytest

from minikafka.base.config_brokers import BROKER_KEYS
from minikafka.base.config_keys import ConfigKey, UpdateMode


@pytest.mark.parametrize("key", BROKER_KEYS.values(), ids=lambda key: key.name)
def test_default_passes_its_own_rule(key: ConfigKey) -> None:
    """No default is refused by the rule beside it."""
    if key.default:
        assert key.parse(key.default) == key.default_value()


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("node.id", UpdateMode.READ_ONLY),
        ("log.retention.ms", UpdateMode.CLUSTER_WIDE),
        ("listeners", UpdateMode.PER_BROKER),
    ],
)
def test_update_mode_says_who_may_change_a_config(name: str, mode: UpdateMode) -> None:
    """Some configs are fixed at start, some belong to one broker, some to all."""
    assert BROKER_KEYS[name].mode is mode
