"""The rate of throttled replication, held against a bound."""

from __future__ import annotations

import pytest

from minikafka.replication.quota import ALL, ReplicationQuota, throttled_partitions


@pytest.mark.parametrize(
    ("entries", "want"),
    [([], ()), (["*"], ALL), (["0:1", "1:2", "2:1"], (0, 2)), (["0:2"], ())],
)
def test_throttled_replicas_name_partition_and_broker(
    entries: list[str], want: tuple[int, ...]
) -> None:
    """Only those of this broker count; a star is every one."""
    assert throttled_partitions(entries, 1) == want


def test_quota_is_active_while_something_is_throttled() -> None:
    """And says of each partition whether it counts."""
    quota = ReplicationQuota()
    assert not quota.active
    quota.throttle("t", (1,))
    quota.throttle("u", ALL)
    assert [quota.is_throttled(*name) for name in (("t", 0), ("t", 1), ("u", 7))] == [
        False,
        True,
        True,
    ]
    quota.throttle("t", ())
    quota.throttle("u", ())
    assert not quota.active


def test_rate_is_over_one_sample_at_least() -> None:
    """The first bytes of all are no burst without end."""
    quota = ReplicationQuota(sample_count=3, sample_ms=1_000)
    quota.bound = 500
    quota.record(500, 10_000)
    assert not quota.is_exceeded(10_000)
    quota.record(1, 10_001)
    assert quota.is_exceeded(10_001)


def test_old_traffic_is_forgotten() -> None:
    """What is past lets the rate fall, and in the end does not count at all."""
    quota = ReplicationQuota(sample_count=3, sample_ms=1_000)
    quota.bound = 500
    quota.record(1_000, 0)
    assert quota.is_exceeded(1_999)
    assert not quota.is_exceeded(2_000)
    assert quota.rate(3_000) == 0


def test_without_a_bound_nothing_is_exceeded() -> None:
    """Throttled replicas without a rate go as fast as others."""
    quota = ReplicationQuota()
    quota.record(1 << 40, 0)
    assert not quota.is_exceeded(0)
