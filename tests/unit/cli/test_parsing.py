"""Texts of the command line."""

from __future__ import annotations

import pytest

from minikafka.cli.parsing import TopicSpec, one_of, parse_pairs, parse_topic


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
