"""Links by name: cut, delayed, healed; deliveries keep their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.net.links import LinkTable
from tests.support.manual_loop import ManualLoop


class Wire:
    """Links on a loop turned by hand; `got` is what arrived, as (source, target, number)."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.links = LinkTable(self.loop.turns)
        self.got: list[tuple[object, object, int]] = []
        self.sent = 0

    def send(self, source: int | str, target: int | str) -> int:
        """Send the next number."""
        self.sent += 1
        self.links.deliver(source, target, self._arrive, source, target, self.sent)
        return self.sent

    def numbers(self, source: object = 1, target: object = 2) -> list[int]:
        """Return what has arrived from one at the other."""
        return [n for s, t, n in self.got if (s, t) == (source, target)]

    def _arrive(self, source: object, target: object, number: int) -> None:
        self.got.append((source, target, number))


def test_unnamed_link_is_perfect() -> None:
    """What is sent arrives in the next step, in order, and not inside the call that sends it."""
    wire = Wire()
    wire.send(1, 2)
    wire.send(1, 2)
    assert wire.got == []
    wire.loop.run()
    assert wire.numbers() == [1, 2]


def test_cut_holds_and_heal_lets_go_in_order() -> None:
    """Nothing is lost and nothing overtakes."""
    wire = Wire()
    wire.links.partition([1], [2])
    for _ in range(3):
        wire.send(1, 2)
    wire.loop.advance(60_000)
    assert wire.got == []
    wire.links.heal()
    wire.send(1, 2)
    wire.loop.run()
    assert wire.numbers() == [1, 2, 3, 4]


def test_cut_concerns_the_named_links_both_ways() -> None:
    """Others are not disturbed."""
    wire = Wire()
    wire.links.partition([1], [2, "client"])
    for pair in ((1, 2), (2, 1), (1, "client"), ("client", 1), (1, 3), (2, 3), (2, "client")):
        wire.send(*pair)
    wire.loop.run()
    assert [(s, t) for s, t, _ in wire.got] == [(1, 3), (2, 3), (2, "client")]
    assert wire.links.is_cut(1, 2)
    assert wire.links.is_cut("client", 1)
    assert not wire.links.is_cut(1, 3)


def test_oneway_cut_leaves_the_way_back() -> None:
    """The one cannot be heard, but hears."""
    wire = Wire()
    wire.links.partition([1], [2], oneway=True)
    wire.send(1, 2)
    wire.send(2, 1)
    wire.loop.run()
    assert (wire.numbers(1, 2), wire.numbers(2, 1)) == ([], [2])


def test_latency_delays_each_way() -> None:
    """Not a millisecond earlier, and not later."""
    wire = Wire()
    wire.links.set_link(1, 2, latency=0.05)
    wire.send(1, 2)
    wire.send(2, 1)
    wire.loop.advance(49)
    assert wire.got == []
    wire.loop.advance(1)
    assert (wire.numbers(1, 2), wire.numbers(2, 1)) == ([1], [2])


def test_shorter_latency_does_not_let_later_ones_overtake() -> None:
    """What was sent first arrives first."""
    wire = Wire()
    wire.links.set_link(1, 2, latency=0.1)
    wire.send(1, 2)
    wire.links.set_link(1, 2, latency=0)
    wire.send(1, 2)
    wire.loop.advance(200)
    assert wire.numbers() == [1, 2]


def test_cut_catches_what_is_on_its_way() -> None:
    """What had left before the cut but not arrived is held like the rest."""
    wire = Wire()
    wire.links.set_link(1, 2, latency=0.1)
    wire.send(1, 2)
    wire.loop.advance(50)
    wire.links.partition([1], [2])
    wire.send(1, 2)
    wire.loop.advance(1_000)
    assert wire.got == []
    wire.links.heal()
    wire.loop.run()
    assert wire.numbers() == [1, 2]


def test_heal_ends_latency() -> None:
    """After a heal all links are perfect again."""
    wire = Wire()
    wire.links.set_link(1, 2, latency=5)
    wire.links.heal()
    wire.send(1, 2)
    wire.loop.run()
    assert wire.numbers() == [1]


def test_negative_latency_is_refused() -> None:
    """Time does not go back."""
    with pytest.raises(ValueError, match="not negative"):
        Wire().links.set_link(1, 2, latency=-0.1)


STEP = st.one_of(
    st.just(("send",)),
    st.tuples(st.just("latency"), st.integers(0, 50)),
    st.tuples(st.just("cut"), st.booleans()),
    st.just(("heal",)),
    st.tuples(st.just("wait"), st.integers(0, 60)),
)


@given(st.lists(STEP, max_size=40))
def test_order_is_kept_whatever_is_done_to_a_link(steps: list[tuple[object, ...]]) -> None:
    """Arrivals are always a prefix of what was sent, and all of it after a heal."""
    wire = Wire()
    for name, *arguments in steps:
        if name == "send":
            wire.send(1, 2)
        elif name == "latency":
            wire.links.set_link(1, 2, latency=int(str(arguments[0])) / 1000)
        elif name == "cut":
            wire.links.partition([1], [2], oneway=bool(arguments[0]))
        elif name == "heal":
            wire.links.heal()
        else:
            wire.loop.advance(int(str(arguments[0])))
        assert wire.numbers() == list(range(1, len(wire.got) + 1))
    wire.links.heal()
    wire.loop.advance(100)
    assert wire.numbers() == list(range(1, wire.sent + 1))


def test_frozen_host_neither_hears_nor_is_heard_until_it_is_thawed() -> None:
    """What was on its way is held too; all of it arrives afterwards, in order."""
    wire = Wire()
    wire.send(1, 2)
    wire.links.freeze(2)
    for pair in ((1, 2), (2, 1), (2, 2), (1, 3)):
        wire.send(*pair)
    wire.loop.run()
    assert wire.numbers(1, 3) == [5]
    assert wire.numbers(2, 1) == wire.numbers(2, 2) == []
    wire.links.heal()
    wire.loop.run()
    assert wire.numbers(2, 1) == []
    wire.links.thaw(2)
    wire.send(1, 2)
    wire.loop.run()
    assert (wire.numbers(1, 2), wire.numbers(2, 1), wire.numbers(2, 2)) == ([1, 2, 6], [3], [4])


def test_cut_outlasts_a_thaw() -> None:
    """Standing still and being cut off are two things, taken back one by one."""
    wire = Wire()
    wire.links.partition([1], [2])
    wire.links.freeze(2)
    wire.send(1, 2)
    wire.links.thaw(2)
    wire.loop.run()
    assert wire.numbers() == []
    wire.links.heal()
    wire.loop.run()
    assert wire.numbers() == [1]
