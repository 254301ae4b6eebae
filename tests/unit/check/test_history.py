"""What is written down of clients."""

from __future__ import annotations

from minikafka.check.history import History


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


def test_polls_keep_the_order_of_delivery() -> None:
    """Records come as they came, and a new position is one entry among them."""
    history = History()
    history.polled("c", "t", 0, [(4, b"x"), (5, b"y")], 1)
    history.positioned("c", "t", 0, 0, 2)
    assert [poll.records for poll in history.polls] == [((4, b"x"), (5, b"y")), ((0, b""),)]
    assert [poll.positioned for poll in history.polls] == [False, True]
