"""A value that comes later: one value, one listener, told in the same call."""

from __future__ import annotations

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import BrokerBug


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
