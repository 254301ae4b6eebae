"""Rules of the in-sync replicas."""

from __future__ import annotations

import doctest

import pytest

from minikafka.replication import isr
from minikafka.replication.isr import effective_min_isr, high_watermark, is_caught_up


def test_examples_in_the_docstrings_hold() -> None:
    """What the module shows is what it does."""
    result = doctest.testmod(isr)
    assert (result.failed, result.attempted >= 5) == (0, True)


def test_high_watermark_is_the_least_end_of_the_isr() -> None:
    """Whoever is in the ISR holds everything below it; who is not does not count."""
    ends = {1: 9, 2: 7, 3: 4}
    assert high_watermark(0, ends, [1, 2, 3]) == 4
    assert high_watermark(0, ends, [1, 2]) == 7
    assert high_watermark(0, ends, [1]) == 9


def test_high_watermark_never_goes_back() -> None:
    """A replica that lost its tail does not take back what may have been read."""
    assert high_watermark(8, {1: 9, 2: 5}, [1, 2]) == 8


def test_high_watermark_of_nobody_is_a_bug() -> None:
    """The ISR always holds the leader."""
    with pytest.raises(AssertionError):
        high_watermark(0, {}, [])


@pytest.mark.parametrize(
    ("end", "silent_ms", "want"),
    [
        (10, 1_000_000, True),  # idle: nothing to fetch is not lag
        (11, 1_000_000, True),
        (9, 30_000, True),  # behind for exactly the lag time still counts
        (9, 30_001, False),
    ],
)
def test_lag_is_time_behind_not_silence(end: int, silent_ms: int, want: bool) -> None:
    """A follower is out after replica.lag.time.max.ms behind the end, however long it idled."""
    assert is_caught_up(end, 10, 5_000, 5_000 + silent_ms, 30_000) is want


@pytest.mark.parametrize(("asked", "replicas", "want"), [(2, 3, 2), (2, 1, 1), (1, 3, 1)])
def test_min_isr_is_never_more_than_there_are_replicas(
    asked: int, replicas: int, want: int
) -> None:
    """min.insync.replicas=2 on one replica asks for one."""
    assert effective_min_isr(asked, replicas) == want
