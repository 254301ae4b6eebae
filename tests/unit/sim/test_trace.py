"""The trace of a run, its hash, and where two of them part."""

from __future__ import annotations

from minikafka.sim.trace import Trace, TraceEvent, first_difference


def trace_of(*events: tuple[int, str, str, bytes]) -> Trace:
    """Return a trace that keeps these events."""
    trace = Trace(keep=True)
    for event in events:
        trace.record(*event)
    return trace


def test_equal_events_have_equal_hashes() -> None:
    """The hash is that of the events, and nothing else."""
    events = [(1, "tx", "1.0", b"abc"), (2, "fault", "crash b1", b"")]
    assert trace_of(*events).hexdigest() == trace_of(*events).hexdigest()
    assert len(trace_of(*events).hexdigest()) == 16


def test_time_kind_text_and_data_all_count() -> None:
    """Any difference makes another hash, also a byte that moves from one field to the next."""
    base = (1, "tx", "1.0", b"abc")
    others = [
        (2, "tx", "1.0", b"abc"),
        (1, "rx", "1.0", b"abc"),
        (1, "tx", "1.1", b"abc"),
        (1, "tx", "1.0", b"abd"),
        (1, "tx", "1.0a", b"bc"),
    ]
    hashes = {trace_of(event).hexdigest() for event in [base, *others]}
    assert len(hashes) == 6


def test_first_difference_is_found() -> None:
    """Two traces part at the first event that is not the same."""
    one = [TraceEvent(1, "tx", "a"), TraceEvent(2, "tx", "b")]
    other = [TraceEvent(1, "tx", "a"), TraceEvent(3, "tx", "b")]
    assert first_difference(one, other) == (1, one[1], other[1])


def test_shorter_trace_differs_where_it_ends() -> None:
    """A trace that stops early differs there."""
    one = [TraceEvent(1, "tx", "a")]
    assert first_difference(one, []) == (0, one[0], None)


def test_equal_traces_have_no_difference() -> None:
    """No difference is None."""
    one = [TraceEvent(1, "tx", "a")]
    assert first_difference(one, list(one)) is None


def test_events_are_kept_only_on_request() -> None:
    """A run that only needs its hash keeps nothing else."""
    trace = Trace()
    trace.record(1, "tx", "a")
    assert trace.events is None
    assert trace.count == 1
