"""Steps of one turn: first come, first served, and never one inside another."""

from __future__ import annotations

import pytest

from minikafka.net.turns import STEPS_MAX
from tests.support.manual_loop import ManualLoop


def test_steps_run_in_the_order_they_came_up() -> None:
    """Also those that come up while others run."""
    loop, seen = ManualLoop(), []

    def first() -> None:
        loop.turns.soon(seen.append, "third")
        seen.append("first")

    loop.turns.soon(first)
    loop.turns.soon(seen.append, "second")
    assert seen == []
    loop.run()
    assert seen == ["first", "second", "third"]


def test_entered_runs_what_it_made_due_before_it_returns() -> None:
    """What one read of a socket causes leaves in the same turn."""
    loop, seen = ManualLoop(), []

    def step() -> None:
        loop.turns.soon(seen.append, "caused")
        seen.append("read")

    loop.turns.entered(step)
    assert seen == ["read", "caused"]


def test_entered_inside_a_step_only_runs() -> None:
    """Steps never run inside one another; what is due waits for the outer one's end."""
    loop, seen = ManualLoop(), []

    def outer() -> None:
        loop.turns.soon(seen.append, "due")
        loop.turns.entered(seen.append, "inner")
        seen.append("outer")

    loop.turns.entered(outer)
    assert seen == ["inner", "outer", "due"]


def test_sockets_get_their_chance_after_a_bounded_number_of_steps() -> None:
    """Steps that make steps for ever do not keep the loop; the rest runs in its next turn."""
    loop = ManualLoop()
    ran = 0

    def again() -> None:
        nonlocal ran
        ran += 1
        if ran < 3 * STEPS_MAX:
            loop.turns.soon(again)

    loop.turns.entered(again)
    assert STEPS_MAX <= ran <= STEPS_MAX + 1
    loop.run()
    assert ran == 3 * STEPS_MAX


def test_failed_step_does_not_stop_the_others() -> None:
    """Its error goes to the loop's handler, and the next step runs in the same turn."""
    loop, seen = ManualLoop(), []

    def fail() -> None:
        raise ValueError("this step")

    loop.turns.soon(fail)
    loop.turns.soon(seen.append, "next")
    with pytest.raises(ValueError, match="this step"):
        loop.run()
    assert seen == ["next"]


def test_what_entered_raises_reaches_its_caller_and_stops_nothing() -> None:
    """The steps that were due are run all the same."""
    loop, seen = ManualLoop(), []

    def fail() -> None:
        loop.turns.soon(seen.append, "due")
        raise ValueError("read")

    with pytest.raises(ValueError, match="read"):
        loop.turns.entered(fail)
    loop.run()
    assert seen == ["due"]
