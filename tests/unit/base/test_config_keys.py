"""How the text of one config is read, and in which words a bad one is refused."""

from __future__ import annotations

import pytest

from minikafka.base.config_keys import (
    ConfigError,
    ConfigKey,
    ConfigType,
    ConfigValue,
    UpdateMode,
    read_table,
)


def _key(line: str) -> ConfigKey:
    return read_table(f"a.key {line}")["a.key"]


def test_table_line_is_read_in_full() -> None:
    """Name, type, default, mode and rule stand in one line."""
    assert _key("INT 5 Ci 1..9") == ConfigKey(
        name="a.key",
        type=ConfigType.INT,
        default="5",
        required=False,
        mode=UpdateMode.CLUSTER_WIDE,
        internal=True,
        valid="1..9",
    )


@pytest.mark.parametrize(
    ("line", "default", "required"),
    [("STRING ~ R", None, False), ("STRING ! R", None, True), ('STRING "" R', "", False)],
)
def test_null_empty_and_required_are_three_things(
    line: str, default: str | None, required: bool
) -> None:
    """A null default is not an empty one, and a required key has none."""
    assert (_key(line).default, _key(line).required) == (default, required)


@pytest.mark.parametrize(
    ("line", "text", "value"),
    [
        ("INT 0 R", " +7 ", 7),
        ("SHORT 0 R", "-32768", -32768),
        ("LONG 0 R", "9223372036854775807", 2**63 - 1),
        ("DOUBLE 0 R", "0.5", 0.5),
        ("BOOLEAN true R", "FALSE", False),
        ("LIST ~ R", "a, b,c", ("a", "b", "c")),
        ("LIST ~ R", "", ()),
        ("STRING ~ R", " x ", "x"),
        ("INT -1 R 1..9|-1", "-1", -1),
        ("STRING a R ~in:ONE,TWO", "two", "two"),
        ("LIST ~ R replicas", "*", ("*",)),
        ("LIST ~ R replicas", "0:1,1:2", ("0:1", "1:2")),
        ("STRING ~ R", None, None),
    ],
)
def test_good_text_becomes_a_typed_value(
    line: str, text: str | None, value: ConfigValue
) -> None:
    """Text is read as Kafka reads it."""
    assert _key(line).parse(text) == value


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        ("INT 0 R", "2147483648", "Not a number of type INT"),
        ("INT 0 R", "1_000", "Not a number of type INT"),
        ("LONG 0 R", "1e5", "Not a number of type LONG"),
        ("SHORT 0 R", "", "Not a number of type SHORT"),
        ("DOUBLE 0 R", "x", "Not a number of type DOUBLE"),
        ("BOOLEAN true R", "yes", "Expected value to be either true or false"),
        ("INT 0 R 1..", "0", "Value must be at least 1"),
        ("INT 0 R 1..17", "18", "Value must be no more than 17"),
        ("INT 0 R 1..9|-1", "0", "Value must be between 1 and 9 or equal to -1"),
        ("STRING a R in:a,b", "c", "String must be one of: a, b"),
        ("STRING a R in:a,b", "A", "String must be one of: a, b"),
        ("STRING A R ~in:A,B", "c", "String must be one of (case insensitive): A, B"),
        ("STRING a R nonempty", "", "String must be non-empty"),
    ],
)
def test_bad_text_is_refused_in_the_words_of_kafka(line: str, text: str, reason: str) -> None:
    """The message names value, key and reason; clients show it to people."""
    with pytest.raises(ConfigError) as raised:
        _key(line).parse(text)
    assert str(raised.value) == f"Invalid value {text} for configuration a.key: {reason}"


def test_list_is_refused_for_its_first_bad_element() -> None:
    """One bad element spoils the list, and is the one named."""
    with pytest.raises(ConfigError, match=r"^Invalid value x for configuration a\.key"):
        _key("LIST a R in:a,b").parse("a,x,y")


def test_replica_lists_need_partition_and_broker() -> None:
    """A throttled replica is a pair of numbers, or '*' stands for all."""
    with pytest.raises(ConfigError, match=r"^Invalid value \[0:1, x\] for configuration"):
        _key("LIST ~ R replicas").parse("0:1,x")


def test_passwords_are_sensitive() -> None:
    """Of all types only passwords are never shown."""
    assert [
        kind.name for kind in list(ConfigType)[1:] if _key(f"{kind.name} ~ R").sensitive
    ] == ["PASSWORD"]
