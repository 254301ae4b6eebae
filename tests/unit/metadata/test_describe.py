"""Configs as DescribeConfigs shows them."""

from __future__ import annotations

from minikafka.base.config import BrokerConfig, ConfigType
from minikafka.metadata.commands import ConfigEntry, ConfigSynonym
from minikafka.metadata.describe import describe_all_brokers, describe_broker, describe_topic
from minikafka.metadata.image import BROKER_RESOURCE, TOPIC_RESOURCE, MetadataImage
from minikafka.metadata.records import ConfigChanged


def _image(static: dict[str, str], *changes: tuple[int, str, str, str]) -> MetadataImage:
    image = MetadataImage.empty(BrokerConfig.parse(1, static))
    records = [ConfigChanged(*change) for change in changes]
    return image.apply(records, len(records))[0]


def _named(entries: list[ConfigEntry], name: str) -> ConfigEntry:
    [entry] = [entry for entry in entries if entry.name == name]
    return entry


def test_topic_has_the_configs_of_kafka() -> None:
    """33 configs, none of them Kafka's internal one."""
    entries = describe_topic(_image({}), "t")
    assert len(entries) == 33
    assert not [entry.name for entry in entries if entry.name.startswith("internal")]


def test_broker_has_the_configs_of_kafka() -> None:
    """316 configs, as Apache Kafka 4.1.1 answers."""
    assert len(describe_broker(_image({}))) == 316


def test_sources_come_in_order_of_precedence() -> None:
    """Topic, then this broker, then all brokers, then the file, then the default."""
    image = _image(
        {"log.retention.ms": "1"},
        (BROKER_RESOURCE, "", "log.retention.ms", "2"),
        (BROKER_RESOURCE, "1", "log.retention.ms", "3"),
        (TOPIC_RESOURCE, "t", "retention.ms", "4"),
    )
    assert _named(describe_topic(image, "t"), "retention.ms") == ConfigEntry(
        name="retention.ms",
        value="4",
        read_only=False,
        config_source=1,
        is_sensitive=False,
        synonyms=(
            ConfigSynonym("retention.ms", "4", 1),
            ConfigSynonym("log.retention.ms", "3", 2),
            ConfigSynonym("log.retention.ms", "2", 3),
            ConfigSynonym("log.retention.ms", "1", 4),
            ConfigSynonym("log.retention.hours", "168", 5),
        ),
        config_type=ConfigType.LONG,
    )


def test_synonyms_begin_with_the_first_name() -> None:
    """A default in hours alone is no synonym of retention.ms: Kafka shows none."""
    entry = _named(describe_topic(_image({}), "t"), "retention.ms")
    assert (entry.value, entry.config_source, entry.synonyms) == ("604800000", 5, ())


def test_stronger_synonym_of_another_name_is_left_out() -> None:
    """Beside log.retention.ms, log.retention.hours is described by its own default only."""
    entries = describe_broker(_image({"log.retention.ms": "1"}))
    assert _named(entries, "log.retention.hours").synonyms == (
        ConfigSynonym("log.retention.hours", "168", 5),
    )


def test_static_config_is_marked_and_printed_as_read() -> None:
    """Spelling in the file does not show."""
    entry = _named(
        describe_broker(_image({"auto.create.topics.enable": " FALSE "})),
        "auto.create.topics.enable",
    )
    assert (entry.value, entry.config_source, entry.read_only) == ("false", 4, True)


def test_topic_config_is_printed_as_read() -> None:
    """Blanks around a value and case do not show, in the value and among its synonyms."""
    image = _image(
        {},
        (TOPIC_RESOURCE, "t", "cleanup.policy", "compact, delete"),
        (TOPIC_RESOURCE, "t", "preallocate", "TRUE"),
    )
    entries = describe_topic(image, "t")
    policy = _named(entries, "cleanup.policy")
    assert (policy.value, policy.synonyms[0].value) == ("compact,delete", "compact,delete")
    assert _named(entries, "preallocate").value == "true"


def test_node_id_stands_under_both_its_names() -> None:
    """Tools look for broker.id, KRaft has node.id."""
    entries = describe_broker(_image({}))
    for name in ("node.id", "broker.id"):
        assert (_named(entries, name).value, _named(entries, name).config_source) == ("1", 4)


def test_passwords_are_never_shown() -> None:
    """Neither as value nor among the synonyms."""
    entry = _named(describe_broker(_image({"sasl.jaas.config": "secret"})), "sasl.jaas.config")
    assert (entry.value, entry.is_sensitive) == (None, True)
    assert entry.synonyms == (ConfigSynonym("sasl.jaas.config", None, 4),)


def test_unknown_dynamic_config_is_treated_as_a_secret() -> None:
    """Nobody knows what a plug-in keeps there."""
    image = _image({}, (BROKER_RESOURCE, "1", "my.plugin.setting", "x"))
    entry = _named(describe_broker(image), "my.plugin.setting")
    assert (entry.value, entry.is_sensitive, entry.config_type) == (None, True, 0)


def test_default_of_all_brokers_lists_what_was_set() -> None:
    """Resource "" holds dynamic defaults and nothing else."""
    image = _image(
        {"log.retention.ms": "1"},
        (BROKER_RESOURCE, "", "log.retention.ms", "2"),
        (BROKER_RESOURCE, "1", "log.retention.ms", "3"),
    )
    [entry] = describe_all_brokers(image)
    assert (entry.name, entry.value, entry.config_source) == ("log.retention.ms", "2", 3)
    assert entry.synonyms == (ConfigSynonym("log.retention.ms", "2", 3),)


def test_internal_config_shows_only_when_set() -> None:
    """internal.segment.bytes is there for who uses it."""
    image = _image({}, (TOPIC_RESOURCE, "t", "internal.segment.bytes", "100"))
    assert _named(describe_topic(image, "t"), "internal.segment.bytes").value == "100"
