"""Where requests wait: conditions wake them, deadlines end them, nothing is left behind."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.base.deferred import Deferred
from minikafka.broker.purgatory import Condition, Delayed, Purgatory, Watcher, settled
from tests.support.manual_loop import ManualLoop


class Waiting(Delayed):
    """Done once `ready`; writes its name, and how it ended."""

    def __init__(self, name: str, ended: list[str]) -> None:
        super().__init__()
        self.name = name
        self.ended = ended
        self.ready = False

    def try_complete(self) -> bool:
        if self.ready:
            self.ended.append(f"{self.name} done")
        return self.ready

    def expire(self) -> None:
        self.ended.append(f"{self.name} expired")


class Room:
    """A purgatory on a loop turned by hand, and how each request in it ended."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        loop = self.loop
        self.purgatory = Purgatory(loop.clock, loop.as_loop, loop.turns)
        self.condition = Condition()
        self.ended: list[str] = []

    def enter(self, name: str, in_ms: int, *conditions: Condition) -> Waiting:
        """Let a request wait for the condition, or for as long."""
        waiting = Waiting(name, self.ended)
        deadline_ms = self.loop.clock.monotonic_ms() + in_ms
        self.purgatory.watch(waiting, conditions or (self.condition,), deadline_ms)
        return waiting


def test_wake_before_the_deadline_answers_once() -> None:
    """The deadline then means nothing, and the condition is not watched any more."""
    room = Room()
    waiting = room.enter("a", 100)
    waiting.ready = True
    room.condition.wake()
    assert room.ended == ["a done"]
    assert room.condition.watchers == {}
    room.condition.wake()
    room.loop.advance(1_000)
    assert room.ended == ["a done"]


def test_wake_that_changes_nothing_leaves_the_request_waiting() -> None:
    """A condition says that something may have changed, not that it is enough."""
    room = Room()
    room.enter("a", 100)
    room.condition.wake()
    room.loop.advance(99)
    assert room.ended == []
    room.loop.advance(1)
    assert room.ended == ["a expired"]


def test_deadlines_come_in_their_order() -> None:
    """Whatever order the requests came in; those of one moment as they came."""
    room = Room()
    for name, in_ms in (("c", 300), ("a", 100), ("b", 200), ("b2", 200)):
        room.enter(name, in_ms)
    room.loop.advance(200)
    assert room.ended == ["a expired", "b expired", "b2 expired"]
    room.loop.advance(100)
    assert room.ended[-1] == "c expired"


class Sending(Waiting):
    """A request whose answer leaves as a step, as those of connections do."""

    def __init__(self, room: Room) -> None:
        super().__init__("a", room.ended)
        self._room = room

    def expire(self) -> None:
        loop, ended = self._room.loop, self._room.ended
        loop.call_soon(lambda: ended.append("next turn"))
        loop.turns.soon(lambda: ended.append("sent"))


def test_answer_of_a_deadline_leaves_in_the_turn_of_the_timer() -> None:
    """Not in one of its own: a fetch without news costs no second look at the sockets."""
    room = Room()
    room.purgatory.watch(Sending(room), (), room.loop.clock.monotonic_ms() + 100)
    room.loop.advance(100)
    assert room.ended == ["sent", "next turn"]


def test_past_deadline_ends_on_the_next_turn() -> None:
    """Not inside the call, and without time passing."""
    room = Room()
    room.enter("a", -50)
    assert room.ended == []
    room.loop.run()
    assert room.ended == ["a expired"]


def test_wake_wins_over_a_deadline_of_the_same_moment() -> None:
    """An acks=all produce that made it is never reported as timed out."""
    room = Room()
    waiting = room.enter("a", 100)

    def make_it() -> None:
        waiting.ready = True
        room.condition.wake()

    room.loop.clock.advance(100)
    room.loop.call_soon(make_it)
    room.loop.run()
    assert room.ended == ["a done"]


def test_request_leaves_all_conditions_at_its_end() -> None:
    """By a wake of one of them as well as by its deadline."""
    room = Room()
    conditions = [Condition(), Condition(), Condition()]
    room.enter("woken", 100, *conditions).ready = True
    room.enter("late", 100, *conditions)
    conditions[1].wake()
    assert [list(c.watchers) == [] for c in conditions] == [False] * 3
    room.loop.advance(100)
    assert room.ended == ["woken done", "late expired"]
    assert [c.watchers for c in conditions] == [{}, {}, {}]


def test_there_is_one_timer_and_none_when_nothing_waits() -> None:
    """A thousand requests need no thousand timers."""
    room = Room()
    for number in range(1_000):
        room.enter("x", 1_000 - number)
    assert room.loop.timers == 1
    room.loop.advance(1_000)
    assert len(room.ended) == 1_000
    assert room.loop.timers == 0


def test_close_leaves_no_timer_and_answers_nobody() -> None:
    """The broker is gone: who waited hears nothing, neither now nor by a later wake."""
    room = Room()
    room.enter("a", 100).ready = True
    room.purgatory.close()
    assert room.loop.timers == 0
    room.condition.wake()
    room.loop.advance(1_000)
    assert room.ended == []


def test_quickly_done_requests_do_not_pile_up() -> None:
    """Ten thousand that end long before their deadline leave less than a thousand entries."""
    room = Room()
    largest = 0
    for _ in range(10_000):
        room.enter("x", 30_000).ready = True
        room.condition.wake()
        largest = max(largest, len(room.purgatory._heap))
    assert len(room.ended) == 10_000
    assert largest < 1_000


def test_sweep_keeps_who_still_waits() -> None:
    """Only what is done is dropped; the rest keeps its deadline."""
    room = Room()
    patient = [room.enter(f"p{number}", 5_000 + number) for number in range(3)]
    other = Condition()
    for _ in range(1_000):
        room.enter("x", 30_000, other).ready = True
        other.wake()
    room.ended.clear()
    room.loop.advance(5_002)
    assert room.ended == ["p0 expired", "p1 expired", "p2 expired"]
    assert all(waiting.done for waiting in patient)


def test_who_begins_to_wait_during_a_wake_waits_for_the_next() -> None:
    """A request that is asked again from inside its own end is not ended by the same wake."""
    room = Room()

    class Again(Watcher):
        heard = 0

        def on_wake(self, condition: Condition) -> None:
            Again.heard += 1
            condition.watchers[Again()] = None

    room.condition.watchers[Again()] = None
    room.condition.wake()
    assert Again.heard == 1


def test_request_that_waits_again_at_its_deadline_is_kept() -> None:
    """A new deadline set from inside `expire` is met, too."""
    room = Room()

    class Twice(Waiting):
        def expire(self) -> None:
            super().expire()
            room.enter("second", 50)

    twice = Twice("first", room.ended)
    room.purgatory.watch(twice, (), room.loop.clock.monotonic_ms() + 100)
    room.loop.advance(100)
    assert room.ended == ["first expired"]
    room.loop.advance(50)
    assert room.ended == ["first expired", "second expired"]


def test_wait_is_true_by_the_predicate_and_false_by_the_deadline() -> None:
    """At once where it holds already; then nothing is watched."""
    room = Room()
    value = [1]
    now_ms = room.loop.clock.monotonic_ms()
    at_once = room.purgatory.wait(lambda: value[0] == 1, [room.condition], now_ms)
    assert at_once.result() is True
    assert room.condition.watchers == {}
    woken = room.purgatory.wait(lambda: value[0] == 2, [room.condition], now_ms + 100)
    late = room.purgatory.wait(lambda: value[0] == 3, [room.condition], now_ms + 100)
    value[0] = 2
    room.condition.wake()
    assert woken.result() is True
    room.loop.advance(100)
    assert late.result() is False


async def test_settled_returns_the_value_or_raises_the_error() -> None:
    """Whether it is there already or comes later."""
    ready: Deferred[int] = Deferred()
    ready.set(1)
    assert await settled(ready) == 1
    later: Deferred[int] = Deferred()
    asyncio.get_running_loop().call_soon(later.fail, ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await settled(later)


async def test_settled_may_be_cancelled() -> None:
    """The value that comes afterwards disturbs nobody."""
    later: Deferred[int] = Deferred()
    task = asyncio.create_task(settled(later))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    later.set(1)
