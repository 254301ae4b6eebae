"""Topic names."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.metadata.names import check_topic_name, collision_key, is_internal_topic


@pytest.mark.parametrize("name", ["a", "A-1_2.3", "__consumer_offsets", "x" * 249, "..."])
def test_legal_names_pass(name: str) -> None:
    """Letters, digits, '.', '_' and '-' up to 249 of them name a topic."""
    check_topic_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the empty string is not allowed"),
        (".", "'.' is not allowed"),
        ("..", "'..' is not allowed"),
        ("x" * 250, f"the length of '{'x' * 250}' is longer than the max allowed length 249"),
        (
            "a b",
            (
                "'a b' contains one or more characters other than ASCII alphanumerics, "
                "'.', '_' and '-'"
            ),
        ),
        (
            "ä",
            "'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
        ),
        (
            "a\n",
            (
                "'a\n' contains one or more characters other than ASCII alphanumerics, "
                "'.', '_' and '-'"
            ),
        ),
    ],
)
def test_illegal_names_are_refused_with_the_reason(name: str, reason: str) -> None:
    """INVALID_TOPIC_EXCEPTION says what is wrong with the name."""
    with pytest.raises(KafkaError) as raised:
        check_topic_name(name)
    assert raised.value.code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert raised.value.message == f"Topic name is invalid: {reason}"


def test_dot_and_underscore_collide() -> None:
    """Names that differ in '.' against '_' only have the same key; others have none."""
    assert collision_key("a.b_c") == collision_key("a_b.c") == "a_b_c"
    assert collision_key("abc") is None


def test_internal_topics_are_known() -> None:
    """Metadata marks the topics that Kafka keeps for itself."""
    assert is_internal_topic("__consumer_offsets")
    assert not is_internal_topic("__consumer_offsetsx")
