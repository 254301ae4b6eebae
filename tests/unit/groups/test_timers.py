"""Deadlines with a name."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import NOTHING, Decision, Moment
from minikafka.groups.timers import RETRY_MS, Action, Timers


def noting(seen: list[str], name: str) -> Action:
    """Return an action that says that it was due."""

    def act(now: Moment) -> Decision[None]:
        seen.append(name)
        return NOTHING

    return act


def due(timers: Timers, now_ms: int) -> None:
    """Let everything happen that is due."""
    while (action := timers.take_due(now_ms)) is not None:
        action(Moment(now_ms, now_ms))


def test_what_is_due_comes_by_deadline_then_by_age() -> None:
    """Never before its time."""
    timers, seen = Timers(), list[str]()
    for name, deadline_ms in (("late", 9), ("first", 5), ("second", 5)):
        timers.schedule((name,), deadline_ms, noting(seen, name))
    due(timers, 4)
    assert (seen, timers.next_deadline_ms()) == ([], 5)
    due(timers, 8)
    assert (seen, timers.next_deadline_ms()) == (["first", "second"], 9)


def test_key_has_one_deadline() -> None:
    """A later one takes the place of the earlier, also where it is sooner."""
    timers, seen = Timers(), list[str]()
    for deadline_ms in (5, 9, 7):
        timers.schedule(("k",), deadline_ms, noting(seen, str(deadline_ms)))
    due(timers, 6)
    assert seen == []
    due(timers, 100)
    assert (seen, timers.next_deadline_ms()) == (["7"], None)


def test_nothing_is_due_for_a_key_that_was_cancelled() -> None:
    """Twice is once."""
    timers, seen = Timers(), list[str]()
    timers.schedule(("k",), 5, noting(seen, "k"))
    timers.cancel(("k",))
    timers.cancel(("k",))
    due(timers, 100)
    assert (seen, timers.next_deadline_ms()) == ([], None)


def test_deadline_that_is_put_off_again_and_again_leaves_little_behind() -> None:
    """A member that commits a thousand times a second has one session."""
    timers, seen = Timers(), list[str]()
    for number in range(10_000):
        timers.schedule(("k",), number, noting(seen, str(number)))
    assert len(timers._heap) < 100
    due(timers, 10_000)
    assert seen == ["9999"]


def test_what_the_log_does_not_take_is_due_again() -> None:
    """Until it does; and not where something else has become due for the key meanwhile."""
    timers = Timers()

    def fail_at(now_ms: int) -> None:
        action = timers.take_due(now_ms)
        assert action is not None
        settled = action(Moment(now_ms, 0)).settled
        assert settled is not None
        settled(ErrorCode.NOT_ENOUGH_REPLICAS, Moment(now_ms, 0))

    timers.schedule_until_taken(("k",), 5, lambda now: Decision(("record",), None))
    fail_at(5)
    assert timers.next_deadline_ms() == 5 + RETRY_MS
    fail_at(5 + RETRY_MS)
    action = timers.take_due(5 + 2 * RETRY_MS)
    assert action is not None
    decision = action(Moment(5 + 2 * RETRY_MS, 0))
    timers.schedule(("k",), 9_999, noting([], "other"))
    assert decision.settled is not None
    decision.settled(ErrorCode.NOT_ENOUGH_REPLICAS, Moment(5 + 2 * RETRY_MS, 0))
    assert timers.next_deadline_ms() == 9_999


def test_what_was_taken_or_says_nothing_is_done() -> None:
    """Nothing is due after it."""
    timers = Timers()
    timers.schedule_until_taken(("k",), 5, lambda now: Decision(("record",), None))
    timers.schedule_until_taken(("n",), 5, lambda now: NOTHING)
    action = timers.take_due(5)
    assert action is not None
    decision = action(Moment(5, 0))
    assert decision.replays
    assert decision.settled is not None
    decision.settled(ErrorCode.NONE, Moment(5, 0))
    due(timers, 5)
    assert timers.next_deadline_ms() is None
