"""Definition of one config key: its type, default, valid values, and how its text is read.

Knows the rules of keys, not which keys exist (`config_topics`, `config_brokers`) nor what they
govern. The texts of refusals are those that Kafka's clients show to people.
Counterpart: org.apache.kafka.common.config.ConfigDef; KIP-226 (dynamic broker configs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import TypeAlias

__all__ = [
    "ConfigError",
    "ConfigKey",
    "ConfigType",
    "ConfigValue",
    "UpdateMode",
    "read_table",
]

ConfigValue: TypeAlias = bool | int | float | str | tuple[str, ...] | None


class ConfigError(ValueError):
    """A config name that does not exist, or a value that its key refuses; one line of text."""


class ConfigType(IntEnum):
    """Type of a config, by the numbers of DescribeConfigs (KIP-569)."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class UpdateMode(Enum):
    """How a config may change while brokers run (KIP-226)."""

    READ_ONLY = "R"
    PER_BROKER = "B"
    CLUSTER_WIDE = "C"
    TOPIC = "T"


_BITS = {ConfigType.SHORT: 16, ConfigType.INT: 32, ConfigType.LONG: 64}


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One config: what may stand there, and what stands there when nobody said anything.

    `default` is text, None where Kafka's default is null. A `required` key has no default.
    `valid` is the text of a rule: `low..`, `low..high`, either with `|-1`, `in:a,b`,
    `~in:a,b` (any case), `nonempty`, `replicas`, or nothing.
    """

    name: str
    type: ConfigType
    default: str | None
    required: bool
    mode: UpdateMode
    internal: bool
    valid: str

    @property
    def sensitive(self) -> bool:
        """True when the value is never shown."""
        return self.type is ConfigType.PASSWORD

    @property
    def attribute(self) -> str:
        """The name as Python spells it: dots turned to underscores."""
        return self.name.replace(".", "_")

    def parse(self, text: str | None) -> ConfigValue:
        """Return the typed value of `text`; None stays None.

        Raises:
            ConfigError: the text is not of this type, or out of the valid range.
        """
        if text is None:
            return None
        value = self._typed(text.strip())
        self._check(value)
        return value

    def default_value(self) -> ConfigValue:
        """Return the typed default; None also for a required key."""
        return self.parse(self.default)

    def _typed(self, text: str) -> ConfigValue:
        if self.type in _BITS:
            return self._integer(text)
        if self.type is ConfigType.BOOLEAN:
            if text.lower() not in ("true", "false"):
                raise self._refusal(text, "Expected value to be either true or false")
            return text.lower() == "true"
        if self.type is ConfigType.DOUBLE:
            try:
                return float(text)
            except ValueError:
                raise self._refusal(text, "Not a number of type DOUBLE") from None
        if self.type is ConfigType.LIST:
            return tuple(item.strip() for item in text.split(",")) if text else ()
        return text

    def _integer(self, text: str) -> int:
        limit = 1 << (_BITS[self.type] - 1)
        digits = text[1:] if text[:1] in ("+", "-") else text
        # int() takes underscores and inner blanks, Java's parser does not.
        if digits.isdecimal() and -limit <= int(text) < limit:
            return int(text)
        raise self._refusal(text, f"Not a number of type {self.type.name}")

    def _check(self, value: ConfigValue) -> None:
        rule = self.valid
        if not rule:
            return
        if ".." in rule and isinstance(value, (int, float)):
            self._check_range(value, rule)
        elif "in:" in rule:
            self._check_choice(value, rule)
        elif rule == "nonempty" and not value:
            raise ConfigError(
                f"Invalid value {value} for configuration {self.name}: String must be non-empty"
            )
        elif rule == "replicas" and isinstance(value, tuple):
            self._check_replicas(value)

    def _check_range(self, value: float, rule: str) -> None:
        bounds, _, special = rule.partition("|")
        low, high = bounds.split("..")
        if special:
            if value != float(special) and not float(low) <= value <= float(high):
                raise self._refusal(
                    value, f"Value must be between {low} and {high} or equal to {special}"
                )
        elif value < float(low):
            raise self._refusal(value, f"Value must be at least {low}")
        elif high and value > float(high):
            raise self._refusal(value, f"Value must be no more than {high}")

    def _check_choice(self, value: ConfigValue, rule: str) -> None:
        any_case = rule.startswith("~")
        choices = rule.partition("in:")[2].split(",")
        values = value if isinstance(value, tuple) else (value,)
        for item in values:
            wanted = str(item).upper() if any_case else str(item)
            if wanted not in choices:
                hint = " (case insensitive)" if any_case else ""
                raise self._refusal(item, f"String must be one of{hint}: {', '.join(choices)}")

    def _check_replicas(self, value: tuple[str, ...]) -> None:
        if value in ((), ("*",)):
            return
        for item in value:
            partition, colon, broker = item.partition(":")
            if not (colon and partition.isdecimal() and broker.isdecimal()):
                raise self._refusal(
                    f"[{', '.join(value)}]",
                    f"{self.name} must be the literal '*' or a list of replicas in the following "
                    "format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                )

    def _refusal(self, value: object, reason: str) -> ConfigError:
        return ConfigError(f"Invalid value {value} for configuration {self.name}: {reason}")


def read_table(table: str) -> Mapping[str, ConfigKey]:
    """Return the keys of a table with a line `name type default mode [rule]` each, in order.

    Default `~` is null, `!` required, `""` empty. Mode is that of `UpdateMode`, with an `i`
    behind it where Kafka keeps the key out of sight.
    """
    keys = {}
    for line in table.split("\n"):
        if not line:
            continue
        name, type_name, default, mode, *rule = line.split()
        keys[name] = ConfigKey(
            name=name,
            type=ConfigType[type_name],
            default=None if default in ("~", "!") else "" if default == '""' else default,
            required=default == "!",
            mode=UpdateMode(mode[0]),
            internal=mode.endswith("i"),
            valid=rule[0] if rule else "",
        )
    return MappingProxyType(keys)
