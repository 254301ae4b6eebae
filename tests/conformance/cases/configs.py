"""DescribeConfigs (api key 32, versions 1 to 4) and IncrementalAlterConfigs (44, 0 to 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.conformance.case import Script, case

DESCRIBE = 32
ALTER = 44
DESCRIBE_VERSIONS = (1, 4)
ALTER_VERSIONS = (0, 1)
TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)
# Values of a broker that speak of its machine or of how the comparison starts it.
OF_THIS_BROKER = frozenset(
    {
        "advertised.listeners", "broker.id", "controller.listener.names",
        "controller.quorum.bootstrap.servers", "controller.quorum.voters",
        "group.consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms",
        "group.initial.rebalance.delay.ms", "listener.security.protocol.map", "listeners",
        "log.dir", "log.dirs", "offsets.topic.replication.factor", "process.roles",
        "share.coordinator.state.topic.min.isr",
        "share.coordinator.state.topic.replication.factor",
        "transaction.state.log.min.isr", "transaction.state.log.replication.factor",
    }
)  # fmt: skip
# Handled by most clients and user interfaces; asked by name.
COMMON_BROKER_KEYS = (
    "auto.create.topics.enable", "compression.type", "default.replication.factor",
    "delete.topic.enable", "log.cleanup.policy", "log.message.timestamp.type",
    "log.retention.bytes", "log.retention.hours", "log.retention.minutes", "log.retention.ms",
    "log.roll.hours", "log.segment.bytes", "message.max.bytes", "min.insync.replicas",
    "node.id", "num.partitions", "replica.lag.time.max.ms", "unclean.leader.election.enable",
)  # fmt: skip

Change = tuple[str, int, str | None]


def resource(kind: int, name: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """Return one resource of a DescribeConfigs request."""
    return {"resource_type": kind, "resource_name": name, "configuration_keys": keys}


def described(s: Script, label: str, *resources: dict[str, Any], more: bool = False) -> None:
    """Ask for configs; `more` asks for synonyms and documentation too."""
    s.ask(label, resources=resources, include_synonyms=more, include_documentation=more)


def checked(s: Script, label: str, kind: int, name: str, *keys: str) -> None:
    """Record what DescribeConfigs now says."""
    asked = [resource(kind, name, keys)]
    s.check(label, DESCRIBE, 4, resources=asked, include_synonyms=True)


def settle(s: Script, topic: str, key: str, value: str) -> None:
    """Wait until the broker has applied a topic config."""

    def applied() -> bool:
        answer = s.other(DESCRIBE, 1, resources=[resource(TOPIC, topic, [key])])
        return bool(answer.results[0].configs[0].value == value)

    s.wait(applied, f"{key} does not become {value}")


@case(DESCRIBE, DESCRIBE_VERSIONS)
def fresh_topic(s: Script) -> None:
    topic = s.create()
    described(s, "plain", resource(TOPIC, topic))
    described(s, "more", resource(TOPIC, topic), more=True)


@case(DESCRIBE, DESCRIBE_VERSIONS)
def topic_with_its_own_values(s: Script) -> None:
    topic = s.create(
        retention_ms="1000", cleanup_policy="compact,delete", min_insync_replicas="2"
    )
    described(s, "plain", resource(TOPIC, topic))
    described(s, "more", resource(TOPIC, topic), more=True)


@case(DESCRIBE, DESCRIBE_VERSIONS)
def chosen_keys(s: Script) -> None:
    topic = s.create()
    described(s, "two", resource(TOPIC, topic, ["retention.ms", "cleanup.policy"]))
    described(s, "unknown key", resource(TOPIC, topic, ["nope"]))
    described(s, "known and unknown", resource(TOPIC, topic, ["nope", "retention.ms"]))
    described(s, "key twice", resource(TOPIC, topic, ["retention.ms", "retention.ms"]))
    described(s, "empty list", resource(TOPIC, topic, []))


@case(DESCRIBE, DESCRIBE_VERSIONS)
def refused_resources(s: Script) -> None:
    for label, kind, name in (
        ("unknown topic", TOPIC, s.name()), ("bad topic name", TOPIC, "a b"),
        ("empty topic name", TOPIC, ""), ("other broker", BROKER, "9"),
        ("no number", BROKER, "x"), ("unknown type", 99, "x"), ("type zero", 0, "x"),
    ):  # fmt: skip
        described(s, label, resource(kind, name))


@case(DESCRIBE, DESCRIBE_VERSIONS)
def several_resources(s: Script) -> None:
    keys = ["retention.ms"]
    a, b = s.create("-a"), s.create("-b")
    asked = [resource(TOPIC, b, keys), resource(TOPIC, s.name("-absent"), keys)]
    described(s, "three", *asked, resource(TOPIC, a, keys))
    described(s, "same twice", resource(TOPIC, a, keys), resource(TOPIC, a, keys))
    described(s, "none")


@case(DESCRIBE, DESCRIBE_VERSIONS)
def broker_keys(s: Script) -> None:
    described(s, "plain", resource(BROKER, "1", COMMON_BROKER_KEYS))
    described(s, "more", resource(BROKER, "1", COMMON_BROKER_KEYS), more=True)
    described(s, "default", resource(BROKER, ""))


@case(DESCRIBE, DESCRIBE_VERSIONS)
def whole_broker(s: Script) -> None:
    described(s, "all", resource(BROKER, "1"))
    configs = s.answers["all"]["results"]["1"]["configs"]
    for name in OF_THIS_BROKER & configs.keys():
        configs[name]["value"] = "<of this broker>"
        configs[name]["config_source"] = "<of this broker>"


def altered(
    s: Script,
    label: str,
    *resources: tuple[int, str, list[Change]],
    validate_only: bool = False,
) -> None:
    """Ask for changes: (type, name, [(config, operation, value)])."""
    asked = [
        {
            "resource_type": kind,
            "resource_name": name,
            "configs": [{"name": n, "config_operation": o, "value": v} for n, o, v in changes],
        }
        for kind, name, changes in resources
    ]
    s.ask(label, resources=asked, validate_only=validate_only)


@case(ALTER, ALTER_VERSIONS)
def set_and_delete(s: Script) -> None:
    topic = s.create()
    altered(s, "set", (TOPIC, topic, [("retention.ms", SET, "777")]))
    settle(s, topic, "retention.ms", "777")
    checked(s, "is set", TOPIC, topic, "retention.ms")
    altered(s, "delete", (TOPIC, topic, [("retention.ms", DELETE, None)]))
    settle(s, topic, "retention.ms", "604800000")
    checked(s, "is default", TOPIC, topic, "retention.ms")
    altered(s, "delete absent", (TOPIC, topic, [("retention.ms", DELETE, None)]))
    altered(s, "delete with value", (TOPIC, topic, [("retention.ms", DELETE, "5")]))


@case(ALTER, ALTER_VERSIONS)
def lists(s: Script) -> None:
    topic = s.create()
    altered(s, "append", (TOPIC, topic, [("cleanup.policy", APPEND, "compact")]))
    settle(s, topic, "cleanup.policy", "delete,compact")
    checked(s, "is appended", TOPIC, topic, "cleanup.policy")
    altered(s, "append again", (TOPIC, topic, [("cleanup.policy", APPEND, "compact")]))
    altered(s, "subtract", (TOPIC, topic, [("cleanup.policy", SUBTRACT, "delete")]))
    settle(s, topic, "cleanup.policy", "compact")
    checked(s, "is subtracted", TOPIC, topic, "cleanup.policy")
    altered(s, "subtract absent", (TOPIC, topic, [("cleanup.policy", SUBTRACT, "delete")]))
    altered(s, "append bad", (TOPIC, topic, [("cleanup.policy", APPEND, "maybe")]))
    altered(s, "no list", (TOPIC, topic, [("retention.ms", APPEND, "5")]))
    altered(s, "null", (TOPIC, topic, [("cleanup.policy", APPEND, None)]))


@case(ALTER, ALTER_VERSIONS)
def refused_values(s: Script) -> None:
    topic = s.create()
    for name, value in (
        ("nope", "5"), ("retention.ms", "abc"), ("retention.ms", None), ("retention.ms", "-2"),
        ("min.insync.replicas", "0"), ("cleanup.policy", "maybe"), ("", "5"),
        ("compression.type", "brotli"), ("max.message.bytes", "-1"),
    ):  # fmt: skip
        altered(s, f"{name}={value}", (TOPIC, topic, [(name, SET, value)]))
    altered(s, "unknown operation", (TOPIC, topic, [("retention.ms", 9, "5")]))
    good_and_bad: list[Change] = [("retention.ms", SET, "5"), ("nope", SET, "5")]
    altered(s, "good and bad", (TOPIC, topic, good_and_bad))
    checked(s, "unchanged", TOPIC, topic, "retention.ms")


@case(ALTER, ALTER_VERSIONS)
def refused_topics(s: Script) -> None:
    change: list[Change] = [("retention.ms", SET, "5")]
    altered(s, "unknown topic", (TOPIC, s.name(), change))
    altered(s, "bad name", (TOPIC, "a b", change))
    altered(s, "empty name", (TOPIC, "", change))
    altered(s, "unknown type", (99, "x", change))
    altered(s, "type zero", (0, "x", change))


@case(ALTER, ALTER_VERSIONS)
def duplicates(s: Script) -> None:
    topic = s.create()
    twice: list[Change] = [("retention.ms", SET, "5"), ("retention.ms", SET, "6")]
    altered(s, "key twice", (TOPIC, topic, twice))
    one: list[Change] = [("retention.ms", SET, "5")]
    altered(s, "resource twice", (TOPIC, topic, one), (TOPIC, topic, one))
    other = s.create("-b")
    altered(s, "and a good one", (TOPIC, topic, one), (TOPIC, topic, one), (TOPIC, other, one))
    altered(s, "no changes", (TOPIC, topic, []))
    altered(s, "no resources")


@case(ALTER, ALTER_VERSIONS)
def several_altered(s: Script) -> None:
    good: list[Change] = [("retention.ms", SET, "5")]
    bad: list[Change] = [("nope", SET, "5")]
    altered(s, "mixed", (TOPIC, s.create("-a"), good), (TOPIC, s.create("-b"), bad))


@case(ALTER, ALTER_VERSIONS)
def validate_only(s: Script) -> None:
    topic = s.create()
    change: list[Change] = [("retention.ms", SET, "5")]
    altered(s, "good", (TOPIC, topic, change), validate_only=True)
    altered(s, "bad", (TOPIC, topic, [("nope", SET, "5")]), validate_only=True)
    checked(s, "unchanged", TOPIC, topic, "retention.ms")


@case(ALTER, ALTER_VERSIONS)
def brokers(s: Script) -> None:
    change: list[Change] = [("log.retention.ms", SET, "86400000")]
    altered(s, "other broker", (BROKER, "9", change))
    altered(s, "no number", (BROKER, "x", change))
    altered(s, "read-only", (BROKER, "1", [("node.id", SET, "7")]))
    altered(s, "bad value", (BROKER, "1", [("log.retention.ms", SET, "abc")]))
    altered(s, "validated", (BROKER, "1", change), validate_only=True)


@case(ALTER, ALTER_VERSIONS)
def min_isr_of_brokers(s: Script) -> None:
    name = "min.insync.replicas"
    altered(s, "one broker", (BROKER, "1", [(name, SET, "2")]))
    altered(s, "delete of one", (BROKER, "1", [(name, DELETE, None)]))
    altered(s, "delete of all", (BROKER, "", [(name, DELETE, None)]))
    altered(s, "bad value of all", (BROKER, "", [(name, SET, "0")]))
    altered(s, "all", (BROKER, "", [(name, SET, "1")]))
    checked(s, "broker shows", BROKER, "1", name)


@case(ALTER, ALTER_VERSIONS)
def broker_defaults_reach_topics(s: Script) -> None:
    topic = s.create()
    altered(s, "default", (BROKER, "", [("log.retention.ms", SET, "86400000")]))
    settle(s, topic, "retention.ms", "86400000")
    checked(s, "topic follows", TOPIC, topic, "retention.ms")
    checked(s, "broker shows", BROKER, "1", "log.retention.ms")
    altered(s, "this broker", (BROKER, "1", [("log.retention.ms", SET, "86400001")]))
    settle(s, topic, "retention.ms", "86400001")
    checked(s, "topic follows the broker", TOPIC, topic, "retention.ms")
    altered(s, "undo", (BROKER, "1", [("log.retention.ms", DELETE, None)]))
    altered(s, "undo default", (BROKER, "", [("log.retention.ms", DELETE, None)]))
    settle(s, topic, "retention.ms", "604800000")


GROUP = 32
GROUP_CONFIGS = (
    ("consumer.session.timeout.ms", "50000"),
    ("consumer.heartbeat.interval.ms", "7000"),
    ("streams.num.standby.replicas", "1"),
)


@case(DESCRIBE, (1, 4))
def group_configs(s: Script) -> None:
    group = s.name("-g")
    described(s, "untouched", resource(GROUP, group), more=True)
    described(s, "named", resource(GROUP, group, ["consumer.session.timeout.ms", "odd"]))
    described(s, "no name", resource(GROUP, ""))
    changes = [
        {"name": name, "config_operation": SET, "value": value} for name, value in GROUP_CONFIGS
    ]
    asked = {"resource_type": GROUP, "resource_name": group, "configs": changes}
    s.other(ALTER, 1, resources=[asked], validate_only=False)

    def applied() -> bool:
        answer = s.other(DESCRIBE, 1, resources=[resource(GROUP, group, [GROUP_CONFIGS[0][0]])])
        return bool(answer.results[0].configs[0].value == GROUP_CONFIGS[0][1])

    s.wait(applied, "not applied")
    described(s, "set", resource(GROUP, group), more=True)


@case(ALTER, ALTER_VERSIONS)
def altered_group_configs(s: Script) -> None:
    group = s.name("-g")
    for label, name, operation, value in (
        ("set", "consumer.session.timeout.ms", SET, "50000"),
        ("short", "consumer.session.timeout.ms", SET, "44999"),
        ("long", "consumer.session.timeout.ms", SET, "60001"),
        ("often", "consumer.heartbeat.interval.ms", SET, "4999"),
        ("seldom", "consumer.heartbeat.interval.ms", SET, "15001"),
        ("zero", "consumer.heartbeat.interval.ms", SET, "0"),
        ("no number", "consumer.heartbeat.interval.ms", SET, "x"),
        ("odd", "odd.name", SET, "1"),
        ("lock", "share.record.lock.duration.ms", SET, "14999"),
        ("reset", "share.auto.offset.reset", SET, "by_duration:PT1H"),
        ("odd reset", "share.auto.offset.reset", SET, "never"),
        ("isolation", "share.isolation.level", SET, "odd"),
        ("standbys", "streams.num.standby.replicas", SET, "3"),
        ("append", "consumer.heartbeat.interval.ms", APPEND, "1"),
        ("delete", "consumer.session.timeout.ms", DELETE, None),
    ):
        altered(s, label, (GROUP, group, [(name, operation, value)]))
    altered(s, "no group", (GROUP, "", [("consumer.session.timeout.ms", SET, "50000")]))
    altered(
        s,
        "twice",
        (GROUP, group, [("consumer.session.timeout.ms", SET, "50000")]),
        (GROUP, group, [("consumer.session.timeout.ms", SET, "50000")]),
    )
