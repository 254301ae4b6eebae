"""The figures of a row, from histories written by hand."""

from __future__ import annotations

import pytest

from minikafka.bench.figures import Figures, Span, figures_of, percentile
from minikafka.bench.ledger import Timed
from minikafka.bench.settings import Setting
from minikafka.check.history import History

PLACE = ("t", 0)
KILL = Setting(-1, 2, False, "kill")


def row(
    sends: list[tuple[float, float | None]],
    final: list[int],
    spans: list[Span],
    setting: Setting = KILL,
) -> Figures:
    """Return the figures where send i began and was acknowledged then; `final` are its numbers."""
    history = History()
    timed = []
    for number, (began_s, acked_s) in enumerate(sends):
        send = history.invoke_send("p", *PLACE, b"%d" % number, setting.acks, 0)
        timed.append(Timed(send, began_s, acked_s))
        if acked_s is not None:
            history.ok(send, None, 0)
    history.final[PLACE] = [(offset, b"%d" % number) for offset, number in enumerate(final)]
    return figures_of(setting, history, timed, spans)


def test_unavailability_is_the_longest_gap_around_a_fault() -> None:
    """From the last acknowledgement before it; a gap elsewhere is none of the fault's."""
    sends = [(at, at) for at in (0.0, 3.0, 3.9, 5.5, 6.0, 9.0)]
    figures = row(sends, list(range(6)), [Span(2, 4.0, 5.2, 6.5)])
    assert figures.unavailable_s == (3.0,)
    figures = row(sends[:-1], list(range(5)), [Span(2, 4.0, 5.2, 5.8)])
    assert figures.unavailable_s == (pytest.approx(1.6),)


def test_writes_that_never_come_back_are_a_gap_until_the_end() -> None:
    """Also where nothing was acknowledged at all."""
    assert row([(1.0, 1.0)], [0], [Span(2, 2.0, None, 9.0)]).unavailable_s == (7.0,)
    assert row([(1.0, None)], [], [Span(2, 2.0, None, 9.0)]).unavailable_s == (7.0,)


def test_lost_doubled_and_reordered_records_are_counted() -> None:
    """Only what was acknowledged can be lost; a retry that was not needed is a double."""
    sends: list[tuple[float, float | None]] = [(0, 1), (0, 1), (0, 1), (0, None), (0, 1)]
    figures = row(sends, [2, 0, 2, 4], [])
    assert (figures.sent, figures.acknowledged) == (5, 4)
    assert (figures.lost, figures.duplicated, figures.reordered) == (1, 1, 1)
    assert figures.violations == ("lost-write",)


def test_what_a_setting_allows_is_counted_and_no_violation() -> None:
    """acks=1 promises nothing that a new leader must have."""
    figures = row([(0, 1), (0, 1)], [1], [], Setting(1, 2, False, "kill"))
    assert (figures.lost, figures.violations) == (1, ())


def test_failover_is_the_time_until_metadata_names_another_leader() -> None:
    """None where it named nobody while the fault lasted."""
    figures = row([(0, 0)], [0], [Span(2, 4.0, 5.5, 6.5), Span(3, 8.0, None, 9.0)])
    assert figures.failover_s == (1.5, None)


def test_times_without_a_controller_and_without_writes_count_from_the_fault() -> None:
    """Nothing where the controller was not struck; None where it was not replaced."""
    spans = [
        Span(2, 4.0, 4.0, 6.5, controlled_s=5.5, resumed_s=5.75, healed_s=6.0),
        Span(3, 8.0, 9.0, 9.5, controlled_s=8.0, resumed_s=9.25, healed_s=9.3),
    ]
    figures = row([(0, 0)], [0], spans)
    assert figures.failover_s == (0.0, 1.0)
    assert figures.controller_s == (1.5, 0.0)
    assert figures.resumed_s == (1.75, 1.25)
    assert figures.violations == ()


@pytest.mark.parametrize(("fault", "violations"), [("cut", ("not-resumed",)), ("alone", ())])
def test_writes_that_do_not_go_on_are_a_violation_where_others_could_take_them(
    fault: str, violations: tuple[str, ...]
) -> None:
    """Not where the fault left nobody in sync."""
    figures = row([(0, 0)], [0], [Span(2, 4.0, 5.0, 9.0)], Setting(-1, 2, False, fault))
    assert figures.violations == violations


def test_latencies_are_told_apart_by_when_a_send_was_under_way() -> None:
    """Through a fault, behind one, or with all well."""
    span = Span(2, 4.0, 5.0, 6.0)
    sends = [(1.0, 1.002), (3.9, 5.2), (4.5, 4.6), (5.5, 5.51), (7.0, 7.004)]
    found = row(sends, list(range(5)), [span]).latency_ms
    assert found["before"] == pytest.approx({"p50": 2.0, "p99": 4.0})
    assert found["during"] == pytest.approx({"p50": 100.0, "p99": 1_300.0})
    assert found["after"] == pytest.approx({"p50": 10.0, "p99": 10.0})


@pytest.mark.parametrize(("percent", "value"), [(1, 1.0), (50, 5.0), (51, 6.0), (100, 10.0)])
def test_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    """By nearest rank."""
    assert percentile([float(each) for each in range(10, 0, -1)], percent) == value
