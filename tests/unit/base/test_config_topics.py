"""The table of topic configs and of the broker configs behind them."""

from __future__ import annotations

from minikafka.base.config_brokers import BROKER_KEYS
from minikafka.base.config_topics import TOPIC_KEYS, TOPIC_SYNONYMS


def test_synonyms_exist_on_both_sides() -> None:
    """Each synonym joins a topic config to broker configs of the same kind of value."""
    for name, synonyms in TOPIC_SYNONYMS.items():
        for synonym in synonyms:
            same_type = BROKER_KEYS[synonym.name].type == TOPIC_KEYS[name].type
            assert same_type or synonym.factor > 1, (name, synonym)


def test_only_replication_throttles_and_tiering_have_no_broker_config() -> None:
    """All other topic configs can be set for all topics of a broker."""
    assert sorted(name for name in TOPIC_KEYS if name not in TOPIC_SYNONYMS) == [
        "follower.replication.throttled.replicas",
        "internal.segment.bytes",
        "leader.replication.throttled.replicas",
        "remote.log.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
    ]
