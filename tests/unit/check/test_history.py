"""What is written down of clients, and the lines in which it is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.check.history import (
    NO_PARTITION,
    History,
    history_from_text,
    history_to_text,
)


def test_send_is_open_until_it_is_known_how_it_ended() -> None:
    """Outcome, offset and time are filled in later, where it was invoked."""
    history = History()
    first = history.invoke_send("p", "t", 0, b"a", -1, 5)
    second = history.invoke_send("p", "t", 1, b"b", 1, 6)
    third = history.invoke_send("p", "t", 1, b"c", 1, 7)
    assert [send.outcome for send in history.sends] == ["open"] * 3
    history.ok(first, 41, 8)
    history.fail(second, 9)
    history.info(third, 10)
    assert [(s.outcome, s.offset, s.completed_ms) for s in history.sends] == [
        ("ok", 41, 8),
        ("fail", None, 9),
        ("info", None, 10),
    ]


def test_beginnings_ends_and_polls_share_one_count() -> None:
    """What happened before what can be told also where the milliseconds are equal."""
    history = History()
    first = history.invoke_send("p", "t", 0, b"a", -1, 5)
    second = history.invoke_send("q", "t", 0, b"b", -1, 5)
    history.ok(second, 0, 5)
    history.polled("c", "t", 0, [(0, b"b")], 5)
    assert (first.invoked_index, first.completed_index) == (0, -1)
    assert (second.invoked_index, second.completed_index) == (1, 2)
    assert history.polls[0].index == 3


def test_partition_left_to_the_client_is_known_from_the_acknowledgement() -> None:
    """A send without a partition gets it when it is told."""
    history = History()
    send = history.invoke_send("p", "t", None, b"a", -1, 5)
    assert send.place == ("t", NO_PARTITION)
    history.ok(send, 7, 6, partition=2)
    assert (send.place, send.offset) == (("t", 2), 7)


def test_polls_keep_the_order_of_delivery() -> None:
    """Records come as they came, and a new position is one entry among them."""
    history = History()
    history.polled("c", "t", 0, [(4, b"x"), (5, b"y")], 1)
    history.positioned("c", "t", 0, 0, 2)
    history.positioned("c", "t", 0, None, 3)
    assert [poll.records for poll in history.polls] == [
        ((4, b"x"), (5, b"y")),
        ((0, b""),),
        (),
    ]
    assert [poll.positioned for poll in history.polls] == [False, True, True]


_VALUES = st.binary(max_size=5)
_RECORDS = st.lists(st.tuples(st.integers(0, 99), _VALUES), max_size=4)


@given(st.lists(st.tuples(st.integers(0, 6), _VALUES, _RECORDS), max_size=30))
def test_text_of_a_history_reads_back_as_the_same(
    steps: list[tuple[int, bytes, list[tuple[int, bytes]]]],
) -> None:
    """Whatever bytes were sent, and in whatever order sends began and ended."""
    history = History()
    for now, (kind, value, records) in enumerate(steps):
        still_open = [send for send in history.sends if send.outcome == "open"]
        if kind == 0 or (kind < 4 and not still_open):
            partition = None if len(value) == 3 else 1
            history.invoke_send("p \"'\n", "t", partition, value, 1, now)
        elif kind == 1:
            history.ok(still_open[-1], len(value) or None, now)
        elif kind == 2:
            history.fail(still_open[0], now)
        elif kind == 3:
            history.info(still_open[0], now)
        elif kind == 4:
            history.polled("c", "t", 1, records, now)
        elif kind == 5:
            history.positioned("c", "t", 1, len(value) or None, now)
        else:
            history.final["t", now] = records
    assert history_from_text(history_to_text(history)) == history


def test_text_has_a_line_for_each_thing_in_order() -> None:
    """A file of a regression can be read, and written, by hand."""
    history = History()
    send = history.invoke_send("p0", "t", 0, b"a", -1, 5)
    history.positioned("c0", "t", 0, 0, 5)
    history.ok(send, 3, 6)
    history.polled("c0", "t", 0, [(3, b"a")], 7)
    history.final["t", 0] = [(3, b"a")]
    text = history_to_text(history)
    assert text.splitlines() == [
        '["send", 5, "p0", "t", 0, "a", -1]',
        '["position", 5, "c0", "t", 0, 0]',
        '["ok", 6, 0, 3]',
        '["poll", 7, "c0", "t", 0, [[3, "a"]]]',
        '["final", "t", 0, [[3, "a"]]]',
    ]
    assert history_from_text(f"# found by seed 7\n\n{text}") == history


@pytest.mark.parametrize("line", ['["sned", 1]', '["ok", 1, 0, 3]', '["poll"]', "{", "3"])
def test_line_that_is_not_understood_is_named(line: str) -> None:
    """An error says in which line of the file it is."""
    with pytest.raises(ValueError, match="line 2 of a history"):
        history_from_text(f"# no history\n{line}\n")
