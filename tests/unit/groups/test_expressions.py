"""Subscriptions by regular expression."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.consumer_records import RegularExpression
from minikafka.groups.expressions import check_expression
from tests.unit.groups.consumer_desk import ConsumerDesk

REGEX = {"topics": None, "regex": "t.*"}


def expressions(desk: ConsumerDesk) -> dict[str, tuple[str, ...]]:
    """Return what each expression stands for."""
    return {regex: each.topics for regex, each in desk.consumers().expressions.items()}


def test_topics_come_with_the_heartbeat_after_the_resolution() -> None:
    """The first answer does not wait for it."""
    desk = ConsumerDesk()
    desk.topics(t=2, tt=1, u=1)
    member = desk.join_new("a", **REGEX)
    assert (member.epoch, member.has) == (1, {})
    desk.advance(0)
    assert expressions(desk) == {"t.*": ("t", "tt")}
    member.beat()
    assert (member.epoch, member.has) == (2, {"t": (0, 1), "tt": (0,)})


def test_whole_names_are_matched() -> None:
    """A part of a name is no match."""
    desk = ConsumerDesk()
    desk.topics(t=1, at=1, ta=1)
    desk.join_new("a", topics=None, regex="t")
    desk.advance(0)
    assert expressions(desk) == {"t": ("t",)}


def test_names_and_expressions_add_up() -> None:
    """A topic that is meant twice is one."""
    desk = ConsumerDesk()
    desk.topics(t=1, u=1)
    member = desk.join_new("a", topics=("t", "u"), regex="t")
    desk.advance(0)
    member.beat()
    assert member.has == {"t": (0,), "u": (0,)}


def test_new_topics_are_found_after_a_while() -> None:
    """Expressions of a group are resolved every ten seconds at most."""
    desk = ConsumerDesk()
    member = desk.join_new("a", **REGEX)
    desk.advance(0)
    member.beat()
    desk.topics(t=4, tt=1)
    member.beat()
    desk.advance(10_000)
    assert expressions(desk) == {"t.*": ("t",)}
    desk.advance(1)
    member.beat()
    desk.advance(0)
    assert expressions(desk) == {"t.*": ("t", "tt")}
    member.beat()
    assert member.has == {"t": (0, 1, 2, 3), "tt": (0,)}


def test_deleted_topics_are_given_up_at_once() -> None:
    """That a topic is gone shows in the hash, whatever expressions still say."""
    desk = ConsumerDesk()
    desk.topics(t=1, tt=1)
    member = desk.join_new("a", **REGEX)
    desk.advance(0)
    member.beat()
    desk.topics(t=1)
    member.beat()
    assert member.has == {"t": (0,)}


def test_second_member_with_the_same_expression_shares_its_topics_at_once() -> None:
    """It is resolved already."""
    desk = ConsumerDesk()
    first = desk.join_new("a", **REGEX)
    desk.advance(0)
    first.beat()
    second = desk.join_new("b", **REGEX)
    assert second.epoch == 3
    desk.settle_all(first, second)
    assert second.has == {"t": (2, 3)}


def test_expression_nobody_has_any_more_is_forgotten() -> None:
    """A member changes its mind."""
    desk = ConsumerDesk()
    member = desk.join_new("a", **REGEX)
    desk.advance(0)
    member.beat()
    member.beat(regex="")
    assert RegularExpression("g", "t.*", None) in desk.log
    assert expressions(desk) == {}


def test_unresolved_expression_is_resolved_by_another_coordinator() -> None:
    """The one who was asked has failed over before it got to it."""
    desk = ConsumerDesk()
    member = desk.join_new("a", **REGEX)
    desk.fail_over()
    member.beat()
    desk.advance(0)
    member.beat()
    assert member.has == {"t": (0, 1, 2, 3)}


def test_expressions_are_resolved_anew_now_and_then() -> None:
    """group.consumer.regex.refresh.interval.ms."""
    desk = ConsumerDesk()
    member = desk.join_new("a", **REGEX)
    desk.advance(0)
    for _ in range(21):
        desk.advance(30_000)
        member.beat()
    desk.advance(0)
    written = [record for record in desk.log if isinstance(record, RegularExpression)]
    assert len(written) == 2


@pytest.mark.parametrize(
    "regex", ["[a", "(", "a**", "*", r"(a)\1", "(?=a)b", "(?<!a)b", "a++", "(?P=n)", "(?>a)"]
)
def test_what_is_no_expression_of_re2_is_refused(regex: str) -> None:
    """Also what Python would understand."""
    with pytest.raises(KafkaError) as refused:
        check_expression(regex)
    assert refused.value.code == ErrorCode.INVALID_REGULAR_EXPRESSION
    assert regex in str(refused.value)


@pytest.mark.parametrize(
    "regex", ["", "a|b", "a+?", r"a\.b", "[a-z]+", "(?i)a", r"\\1", "a{2,3}"]
)
def test_common_expressions_are_taken(regex: str) -> None:
    """What both understand."""
    check_expression(regex)
