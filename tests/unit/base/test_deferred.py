"""A value that comes later: one value, one listener, told in the same call."""

from __future__ import annotations

import pytest

from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError


def test_listener_hears_before_set_returns() -> None:
    """The answer leaves in the turn in which its condition came true."""
    deferred: Deferred[int] = Deferred()
    heard: list[int] = []
    deferred.on_done(lambda done: heard.append(done.result()))
    assert (deferred.done, heard) == (False, [])
    deferred.set(7)
    assert (deferred.done, heard, deferred.result()) == (True, [7], 7)


def test_late_listener_hears_at_once() -> None:
    """It makes no difference who was first, the value or the listener."""
    deferred: Deferred[int] = Deferred()
    deferred.set(7)
    heard: list[int] = []
    deferred.on_done(lambda done: heard.append(done.result()))
    assert heard == [7]


def test_error_is_raised_by_result() -> None:
    """As often as it is asked for."""
    deferred: Deferred[int] = Deferred()
    error = ValueError("no")
    deferred.fail(error)
    for _ in range(2):
        with pytest.raises(ValueError, match="no") as raised:
            deferred.result()
        assert raised.value is error


def test_none_is_a_value() -> None:
    """It is not taken for a value that is missing."""
    deferred: Deferred[None] = Deferred()
    deferred.set(None)
    assert deferred.done
    assert deferred.result() is None  # type: ignore[func-returns-value]


def test_misuse_is_a_bug() -> None:
    """Settled twice, two listeners, or asked too early."""
    deferred: Deferred[int] = Deferred()
    with pytest.raises(BrokerBug, match="not there yet"):
        deferred.result()
    deferred.on_done(lambda done: None)
    with pytest.raises(BrokerBug, match="one listener"):
        deferred.on_done(lambda done: None)
    deferred.set(1)
    with pytest.raises(BrokerBug, match="settled once"):
        deferred.set(2)
    with pytest.raises(BrokerBug, match="settled once"):
        deferred.fail(ValueError())
    assert deferred.result() == 1


def test_mapped_value_comes_with_the_first_one() -> None:
    """What it is made of may be there already, or come later."""
    first: Deferred[int] = Deferred()
    later = mapped(first, lambda value: value + 1)
    assert not later.done
    first.set(1)
    assert later.result() == 2
    assert mapped(settled_with(3), str).result() == "3"


def test_error_is_passed_on_or_made_a_value() -> None:
    """A KafkaError where somebody wants it, anything else always."""
    refusal = KafkaError(ErrorCode.NOT_COORDINATOR)
    first: Deferred[int] = Deferred()
    first.fail(refusal)
    second: Deferred[int] = Deferred()
    second.fail(refusal)
    third: Deferred[int] = Deferred()
    third.fail(LookupError())
    with pytest.raises(KafkaError):
        mapped(first, str).result()
    assert mapped(second, str, lambda error: error.code.name).result() == "NOT_COORDINATOR"
    with pytest.raises(LookupError):
        mapped(third, str, lambda error: "").result()


def settled_with(value: int) -> Deferred[int]:
    """Return a value that is there."""
    deferred: Deferred[int] = Deferred()
    deferred.set(value)
    return deferred
