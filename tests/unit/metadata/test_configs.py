"""Changing dynamic configs."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.metadata.commands import (
    AlterConfigs,
    ConfigOp,
    ConfigResource,
    NewTopic,
    OpType,
    ResourceResult,
)
from minikafka.metadata.configs import Refusal, preprocess
from minikafka.metadata.image import BROKER_RESOURCE, TOPIC_RESOURCE
from tests.unit.metadata.clusters import Cluster


def _cluster() -> Cluster:
    cluster = Cluster(2)
    cluster.create(NewTopic("t", 1, 1))
    return cluster


def _topic(*ops: ConfigOp, name: str = "t") -> ConfigResource:
    return ConfigResource(TOPIC_RESOURCE, name, ops)


def _broker(*ops: ConfigOp, name: str = "1") -> ConfigResource:
    return ConfigResource(BROKER_RESOURCE, name, ops)


def _set(name: str, value: str | None) -> ConfigOp:
    return ConfigOp(name, OpType.SET, value)


def _alter(
    cluster: Cluster, *resources: ConfigResource, validate_only: bool = False
) -> list[ResourceResult]:
    command = AlterConfigs(resources, validate_only)
    return list(cluster.carry_out(cluster.controller.alter_configs(command)))


def test_set_and_delete_change_one_config_each() -> None:
    """What is deleted is the default again."""
    cluster = _cluster()
    _alter(cluster, _topic(_set("retention.ms", "5"), _set("segment.ms", "9")))
    assert cluster.image.topic_config("t").retention_ms == 5
    _alter(cluster, _topic(ConfigOp("retention.ms", OpType.DELETE, None)))
    assert dict(cluster.image.topic_overrides("t")) == {"segment.ms": "9"}


def test_append_and_subtract_work_on_the_elements_of_a_list() -> None:
    """They start from the default, and an element is in a list once."""
    cluster = _cluster()
    _alter(cluster, _topic(ConfigOp("cleanup.policy", OpType.APPEND, "compact,delete")))
    assert cluster.image.topic_config("t").cleanup_policy == ("delete", "compact")
    _alter(cluster, _topic(ConfigOp("cleanup.policy", OpType.SUBTRACT, "delete")))
    assert cluster.image.topic_config("t").cleanup_policy == ("compact",)


def test_unchanged_topic_config_is_not_written() -> None:
    """Setting what is set already costs no record."""
    cluster = _cluster()
    _alter(cluster, _topic(_set("retention.ms", "5")))
    count = len(cluster.records)
    _alter(cluster, _topic(_set("retention.ms", "5")))
    assert len(cluster.records) == count


def test_validation_alone_changes_nothing() -> None:
    """With validate_only the answer is the same, the image untouched."""
    cluster = _cluster()
    [result] = _alter(cluster, _topic(_set("retention.ms", "5")), validate_only=True)
    assert result.error is ErrorCode.NONE
    assert cluster.image.configs == Cluster(0).image.configs


@pytest.mark.parametrize(
    ("resource", "error", "message"),
    [
        (
            _topic(_set("nope", "1")),
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: nope",
        ),
        (
            _topic(_set("min.insync.replicas", "0")),
            ErrorCode.INVALID_CONFIG,
            "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1",
        ),
        (
            _topic(_set("min.compaction.lag.ms", "9"), _set("max.compaction.lag.ms", "5")),
            ErrorCode.INVALID_CONFIG,
            "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (5)",
        ),
        (
            _topic(_set("remote.storage.enable", "true")),
            ErrorCode.INVALID_CONFIG,
            (
                "Tiered Storage functionality is disabled in the broker. "
                "Topic cannot be configured with remote log storage."
            ),
        ),
        (
            _topic(ConfigOp("retention.ms", OpType.APPEND, "5")),
            ErrorCode.INVALID_CONFIG,
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (
            _topic(_set("retention.ms", None)),
            ErrorCode.INVALID_REQUEST,
            "Null value not supported for : retention.ms",
        ),
        (
            _topic(_set("retention.ms", "1"), _set("retention.ms", "2")),
            ErrorCode.INVALID_REQUEST,
            "Error due to duplicate config keys",
        ),
        (_topic(ConfigOp("retention.ms", 9, "1")), ErrorCode.UNKNOWN_SERVER_ERROR, None),
        (
            _topic(_set("retention.ms", "1"), name="x"),
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            "The topic 'x' does not exist.",
        ),
        (
            _topic(_set("retention.ms", "1"), name=""),
            ErrorCode.INVALID_REQUEST,
            "Default topic resources are not allowed.",
        ),
        (
            ConfigResource(99, "x", ()),
            ErrorCode.INVALID_REQUEST,
            "Unknown resource type 99",
        ),
        (
            _broker(_set("node.id", "3")),
            ErrorCode.INVALID_REQUEST,
            "Cannot update these configs dynamically: Set(node.id)",
        ),
        (
            _broker(_set("log.retention.ms", "x")),
            ErrorCode.INVALID_REQUEST,
            "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
        ),
        (
            _broker(_set("listeners", "PLAINTEXT://:1"), name=""),
            ErrorCode.INVALID_REQUEST,
            (
                "Cannot update these configs at default cluster level, broker id must be specified: "
                "Set(listeners)"
            ),
        ),
        (
            _broker(_set("ssl.keystore.location", "/x")),
            ErrorCode.INVALID_REQUEST,
            (
                "These security configs can be dynamically updated only per-listener using the "
                "listener prefix: Set(ssl.keystore.location)"
            ),
        ),
        (
            _broker(ConfigOp("log.retention.ms", OpType.SUBTRACT, "5")),
            ErrorCode.INVALID_CONFIG,
            "Config value append is not allowed for config key: log.retention.ms",
        ),
        (
            _broker(_set("log.retention.ms", "5"), name="x"),
            ErrorCode.INVALID_REQUEST,
            "Node id must be an integer, but it is: x",
        ),
    ],
)
def test_bad_change_is_refused_whole_and_alone(
    resource: ConfigResource, error: ErrorCode, message: str | None
) -> None:
    """Nothing of the resource changes, the next resource of the request does."""
    cluster = _cluster()
    good = _broker(_set("log.retention.ms", "5"), name="2")
    refused, accepted = _alter(cluster, resource, good)
    assert (refused.error, refused.message) == (error, message)
    assert accepted.error is ErrorCode.NONE
    changed = cluster.image.configs.keys() - Cluster(0).image.configs.keys()
    assert changed == {(BROKER_RESOURCE, "2")}


def test_resource_given_twice_is_refused_twice() -> None:
    """Each appearance gets its refusal."""
    cluster = _cluster()
    results = _alter(
        cluster, _topic(_set("retention.ms", "1")), _topic(_set("segment.ms", "2"))
    )
    assert [result.message for result in results] == [
        "Each resource must appear at most once."
    ] * 2
    assert cluster.image.configs == Cluster(0).image.configs


def test_broker_config_is_written_again_though_unchanged() -> None:
    """Kafka lets brokers reload files behind a config that way."""
    cluster = _cluster()
    for _ in range(2):
        _alter(cluster, _broker(_set("log.retention.ms", "5")))
    assert cluster.records[-1] == cluster.records[-2]


def test_unknown_broker_configs_are_accepted() -> None:
    """A plug-in may know the name."""
    cluster = _cluster()
    [result] = _alter(cluster, _broker(_set("my.plugin.setting", "x")))
    assert result.error is ErrorCode.NONE
    assert cluster.image.broker_overrides(1)["my.plugin.setting"] == "x"


@pytest.mark.parametrize(
    ("name", "op"),
    [
        ("1", _set("min.insync.replicas", "2")),
        ("1", ConfigOp("min.insync.replicas", OpType.DELETE, None)),
        ("", ConfigOp("min.insync.replicas", OpType.DELETE, None)),
    ],
)
def test_all_brokers_have_one_and_the_same_min_isr(name: str, op: ConfigOp) -> None:
    """No broker gets a value of its own, and the value of all is never gone (KIP-966)."""
    cluster = _cluster()
    [refused] = _alter(cluster, _broker(_set("log.retention.ms", "5"), op, name=name))
    assert refused.error is ErrorCode.INVALID_CONFIG
    assert cluster.image.configs == Cluster(0).image.configs


def test_min_isr_of_the_cluster_can_be_changed() -> None:
    """Topics without a value of their own follow."""
    cluster = _cluster()
    [result] = _alter(cluster, _broker(_set("min.insync.replicas", "2"), name=""))
    assert result.error is ErrorCode.NONE
    assert cluster.image.topic_config("t").min_insync_replicas == 2


def test_receiving_broker_takes_changes_of_itself_and_of_all_only() -> None:
    """Kafka routes changes of a broker to that broker, and refuses them elsewhere."""
    resources = [_broker(name="1"), _broker(name="2"), _broker(name="")]
    assert preprocess(_cluster().image, resources, receiver=2) == [
        Refusal(
            ErrorCode.INVALID_REQUEST,
            "Unexpected broker id, expected 2, but received 1",
        ),
        None,
        None,
    ]
