"""Texts of the command line."""

from __future__ import annotations

import pytest

from minikafka.cli.parsing import (
    TopicSpec,
    one_of,
    parse_address,
    parse_pairs,
    parse_topic,
    parse_voters,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders", TopicSpec("orders", 1, None)),
        ("orders:6", TopicSpec("orders", 6, None)),
        ("orders:6:3", TopicSpec("orders", 6, 3)),
    ],
)
def test_topic_has_one_partition_unless_said(text: str, expected: TopicSpec) -> None:
    """Partitions and replication factor are optional, in this order."""
    assert parse_topic(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":3", "a:", "a:0", "a:x", "a:1:", "a:1:2:3", "a:-1", "a:²"]
)
def test_topic_that_is_none_is_refused(text: str) -> None:
    """Counts are positive numbers in plain digits."""
    with pytest.raises(ValueError, match=r"NAME\[:PARTITIONS\[:RF\]\]"):
        parse_topic(text)


def test_value_of_a_pair_may_hold_the_separator() -> None:
    """Only the first equals sign separates; a later pair of the same key wins."""
    assert parse_pairs("--config", ["a=1", "b=x=y", "a=2"]) == {"a": "2", "b": "x=y"}


@pytest.mark.parametrize("text", ["a", "=1", " =1", ""])
def test_pair_without_key_or_separator_is_refused(text: str) -> None:
    """The message names the option."""
    with pytest.raises(ValueError, match="--config is KEY=VALUE"):
        parse_pairs("--config", [text])


def test_choice_that_is_none_is_refused_with_the_choices() -> None:
    """The message lists what can be chosen."""
    assert one_of("--acks", "all", ("0", "all")) == "all"
    with pytest.raises(ValueError, match="--acks is 0, all, not '2'"):
        one_of("--acks", "2", ("0", "all"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h:0", ("h", 0)),
        (" h:9 ", ("h", 9)),
        ("[::]:9", ("::", 9)),
        ("a.b:65535", ("a.b", 65_535)),
    ],
)
def test_address_is_host_and_port(text: str, expected: tuple[str, int]) -> None:
    """An IPv6 address stands in brackets, as in an URL."""
    assert parse_address("--listen", text) == expected


@pytest.mark.parametrize(
    "text", ["", "h", ":9", "h:", "h:x", "h:-1", "h:65536", "::1:9", "[h]:9"]
)
def test_address_that_is_none_is_refused(text: str) -> None:
    """The message names the option."""
    with pytest.raises(ValueError, match="--listen is HOST:PORT, not "):
        parse_address("--listen", text)


@pytest.mark.parametrize(
    "text", ["", "1", "1@", "a@h:1", "1@h:1,", "1@h:0", "1@h:1,2@h:1", "²@h:1"]
)
def test_voters_that_are_none_are_refused(text: str) -> None:
    """Each has an id and an address of its own, at a port that others can know."""
    with pytest.raises(ValueError, match="voter"):
        parse_voters(text)
