"""The leader of one partition while replicas come and go."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from tests.unit.replication.test_leader import fetched, leader_of, write


def test_added_replica_joins_the_isr_once_it_has_caught_up() -> None:
    """It counts from its first fetch on, in the same leader epoch."""
    leader = leader_of(written=3)
    leader.on_partition_changed((1, 2, 3), 8, 0, (1, 2, 3, 4))
    with_four = (1, 2, 3, 4)
    assert leader.isr_wish(0) is None
    assert not fetched(leader, 4, 1)
    assert leader.isr_wish(0) is None
    fetched(leader, 4, 3)
    wish = leader.isr_wish(0)
    assert wish is not None
    assert (wish.isr, wish.partition_epoch) == (with_four, 8)


def test_removed_replica_is_none_any_more() -> None:
    """Its fetches are refused, and it holds nothing back."""
    leader = leader_of()
    write(leader, 1)
    fetched(leader, 2, 1)
    assert leader.on_partition_changed((1, 2), 8, 0, (1, 2))
    assert leader.log.high_watermark == 1
    with pytest.raises(KafkaError) as error:
        fetched(leader, 3, 1)
    assert error.value.code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_replica_removed_and_added_again_begins_anew() -> None:
    """What it once held may be gone; only what it fetches now counts."""
    leader = leader_of(written=3)
    for follower in (2, 3):
        fetched(leader, follower, 3)
    leader.on_partition_changed((1, 2), 8, 0, (1, 2))
    leader.on_partition_changed((1, 2), 9, 0, (1, 2, 3))
    assert leader.progress[2].log_end_offset == 3
    assert leader.progress[3].log_end_offset == -1
    assert leader.isr_wish(0) is None
