"""Configs as DescribeConfigs shows them: the value in force, and where it comes from.

Pure: an image in, entries out, in the order of Kafka's definitions. Which of them a client
asked for is the handler's business.
Counterpart: kafka.server.ConfigHelper, KafkaConfigSchema; KIP-133, KIP-226, KIP-569.

DIVERGENCE(config-documentation): entries carry no documentation text.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikafka.base.config import (
    BROKER_KEYS,
    TOPIC_KEYS,
    TOPIC_SYNONYMS,
    ConfigKey,
    ConfigType,
    ConfigValue,
    UpdateMode,
)
from minikafka.base.config_groups import GROUP_KEYS, GROUP_SYNONYMS
from minikafka.base.ids import BrokerId
from minikafka.metadata.commands import ConfigEntry, ConfigSynonym
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import BROKER_RESOURCE, GROUP_RESOURCE

__all__ = [
    "DEFAULT_SOURCE",
    "STATIC_SOURCE",
    "TOPIC_SOURCE",
    "describe_all_brokers",
    "describe_broker",
    "describe_group",
    "describe_topic",
    "effective_topic_configs",
]

TOPIC_SOURCE = 1
DYNAMIC_BROKER_SOURCE = 2
DYNAMIC_DEFAULT_SOURCE = 3
STATIC_SOURCE = 4
DEFAULT_SOURCE = 5
GROUP_SOURCE = 8

# Broker configs that mean the same in different units: the first one set wins.
_FAMILIES = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)
_FAMILY = {name: family for family in _FAMILIES for name in family} | {
    "log.flush.interval.ms": ("log.flush.interval.ms", "log.flush.scheduler.interval.ms")
}


class _Sources:
    """The layers of config that one broker sees, strongest first."""

    def __init__(self, image: MetadataImage, broker_id: BrokerId) -> None:
        static = image.static_config
        own = image.configs.get((BROKER_RESOURCE, str(broker_id)), {})
        default = image.configs.get((BROKER_RESOURCE, ""), {})
        self.dynamic = {**default, **own}
        self._layers: tuple[tuple[int, Mapping[str, str]], ...] = (
            (DYNAMIC_BROKER_SOURCE, own),
            (DYNAMIC_DEFAULT_SOURCE, default),
            (STATIC_SOURCE, static.explicit),
        )

    def synonyms(self, name: str, *, sensitive: bool = False) -> list[ConfigSynonym]:
        """Return what gives broker config `name` its value, in order of precedence."""
        family = _FAMILY.get(name, (name,))
        found = [
            ConfigSynonym(member, None if sensitive else layer[member], source)
            for source, layer in self._layers
            for member in family
            if member in layer
        ]
        for member in family:
            key = BROKER_KEYS.get(member)
            if key is not None and key.default is not None:
                value = None if sensitive else key.default
                found.append(ConfigSynonym(member, value, DEFAULT_SOURCE))
        # Kafka shows nothing before the first synonym that has the config's own name.
        for index, synonym in enumerate(found):
            if synonym.name == name:
                return found[index:]
        return []


def describe_topic(image: MetadataImage, name: str) -> list[ConfigEntry]:
    """Return the configs of an existing topic as its broker (`image.static_config`) sees them."""
    return effective_topic_configs(image, image.topic_overrides(name))


def effective_topic_configs(
    image: MetadataImage, overrides: Mapping[str, str], *, as_written: bool = False
) -> list[ConfigEntry]:
    """Return the configs that a topic with these overrides has; overrides are valid.

    Args:
        as_written: show overrides letter by letter, which is how CreateTopics answers;
            DescribeConfigs shows what was read from them.
    """
    broker = image.broker_config()
    sources = _Sources(image, image.static_config.node_id)
    entries = []
    for name, key in TOPIC_KEYS.items():
        given = overrides.get(name)
        if key.internal and given is None:
            continue
        broker_names = TOPIC_SYNONYMS.get(name)
        synonyms = sources.synonyms(broker_names[0].name) if broker_names else []
        value = _shown(key, broker.topic_default(name) if given is None else given)
        if given is not None and as_written:
            value = given
        if given is not None:
            synonyms.insert(0, ConfigSynonym(name, value, TOPIC_SOURCE))
        entries.append(_entry(name, key, value, synonyms, read_only=False))
    return entries


def describe_group(image: MetadataImage, name: str) -> list[ConfigEntry]:
    """Return the configs of a group, whether it is there or not."""
    overrides = image.configs.get((GROUP_RESOURCE, name), {})
    broker = image.broker_config()
    entries = []
    for config, key in GROUP_KEYS.items():
        given, synonym = overrides.get(config), GROUP_SYNONYMS.get(config)
        default = key.default if synonym is None else broker.text(synonym)
        value = _shown(key, default if given is None else given)
        # Kafka names no broker config here, though it is the default of a group's.
        synonyms = [
            ConfigSynonym(config, key.default, DEFAULT_SOURCE)
            if given is None
            else ConfigSynonym(config, value, GROUP_SOURCE)
        ]
        entries.append(_entry(config, key, value, synonyms, read_only=False))
    return entries


def describe_broker(image: MetadataImage) -> list[ConfigEntry]:
    """Return all configs of the broker that holds `image`, dynamic ones on top of its own."""
    config = image.broker_config()
    sources = _Sources(image, config.node_id)
    entries = []
    for name, key in BROKER_KEYS.items():
        if key.internal and name not in config.explicit:
            continue
        value = None if key.sensitive else _shown(key, config.text(name))
        synonyms = sources.synonyms(name, sensitive=key.sensitive)
        read_only = key.mode is UpdateMode.READ_ONLY
        entries.append(_entry(name, key, value, synonyms, read_only=read_only))
    entries += [
        _unknown_entry(name, sources) for name in sources.dynamic if name not in BROKER_KEYS
    ]
    return entries


def describe_all_brokers(image: MetadataImage) -> list[ConfigEntry]:
    """Return the dynamic defaults of all brokers: only what was set."""
    sources = _Sources(image, image.static_config.node_id)
    entries = []
    for name, text in image.configs.get((BROKER_RESOURCE, ""), {}).items():
        key = BROKER_KEYS.get(name)
        if key is None:
            entries.append(_unknown_entry(name, sources))
            continue
        synonyms = [
            synonym
            for synonym in sources.synonyms(name, sensitive=key.sensitive)
            if synonym.source == DYNAMIC_DEFAULT_SOURCE
        ]
        value = None if key.sensitive else text
        read_only = key.mode is UpdateMode.READ_ONLY
        entries.append(_entry(name, key, value, synonyms, read_only=read_only))
    return entries


def _entry(
    name: str,
    key: ConfigKey,
    value: str | None,
    synonyms: list[ConfigSynonym],
    *,
    read_only: bool,
) -> ConfigEntry:
    return ConfigEntry(
        name=name,
        value=value,
        read_only=read_only,
        config_source=synonyms[0].source if synonyms else DEFAULT_SOURCE,
        is_sensitive=key.sensitive,
        synonyms=tuple(synonyms),
        config_type=key.type,
    )


def _unknown_entry(name: str, sources: _Sources) -> ConfigEntry:
    """A name that Kafka accepts without knowing it: it might be a secret."""
    synonyms = sources.synonyms(name, sensitive=True)
    source = synonyms[0].source if synonyms else DEFAULT_SOURCE
    return ConfigEntry(name, None, True, source, True, tuple(synonyms), ConfigType.UNKNOWN)


def _shown(key: ConfigKey, text: str | None) -> str | None:
    """Return `text` as Kafka prints the value it reads from it."""
    if text is None or text == key.default:
        return text
    value: ConfigValue = key.parse(text)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)
