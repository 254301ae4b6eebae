"""What a client did, noted from any thread."""

from __future__ import annotations

import threading

from minikafka.bench.ledger import Ledger


def test_values_are_unique_and_outcomes_are_kept() -> None:
    """Acknowledged at an offset, acknowledged without one, and unknown."""
    ledger = Ledger("t", 3, 1)
    first, second, third = (ledger.begin() for _ in range(3))
    ledger.acked(second, 7)
    ledger.acked(first, -1)
    ledger.unknown(third)
    assert [each.send.value for each in ledger.sends] == [b"0", b"1", b"2"]
    assert [each.send.outcome for each in ledger.sends] == ["ok", "ok", "info"]
    assert [each.send.offset for each in ledger.sends] == [None, 7, None]
    assert ledger.acknowledged == [second, first]
    assert second.acked_s is not None
    assert second.acked_s >= second.began_s


def test_writes_resume_with_a_record_that_was_sent_afterwards() -> None:
    """What was on its way before says nothing, though it is acknowledged later."""
    ledger = Ledger("t", 0, -1)
    early, late = ledger.begin(), ledger.begin()
    early.began_s, late.began_s = 1.0, 3.0
    ledger.acked(early, 0)
    assert ledger.resumed_s(2.0) is None
    ledger.acked(late, 1)
    assert ledger.resumed_s(2.0) == late.acked_s


def test_threads_do_not_get_the_same_value() -> None:
    """Clients call back from threads of their own."""
    ledger = Ledger("t", 0, -1)
    threads = [
        threading.Thread(target=lambda: [ledger.begin() for _ in range(200)]) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.send.value for each in ledger.sends}) == ledger.history.count == 800
