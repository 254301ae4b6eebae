"""Who has a vote, and when that may change."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.quorum.voter_changes import added, check_change, removed, updated
from minikafka.quorum.voters import Endpoint, Voter, VoterHistory, VoterSet, static_voters

DISK, OTHER_DISK = uuid.UUID(int=1), uuid.UUID(int=2)


def voters(*ids: int) -> VoterSet:
    """Return voters that all have the same disk id, which is enough for a test."""
    return VoterSet(Voter(number, DISK) for number in ids)


@pytest.mark.parametrize(
    ("voter", "directory_id", "holds"),
    [
        (Voter(1, DISK), DISK, True),
        (Voter(1, DISK), OTHER_DISK, False),  # KIP-853: it has forgotten its votes
        (Voter(1), DISK, True),  # voters by config have whatever disk they have
        (Voter(1, DISK), ZERO_ID, True),  # a request that does not say
        (Voter(2, DISK), DISK, False),
    ],
)
def test_voter_is_a_node_with_one_disk(
    voter: Voter, directory_id: uuid.UUID, holds: bool
) -> None:
    """The id alone does not make a voter."""
    assert VoterSet([voter]).holds(1, directory_id) is holds


def test_latest_record_counts_until_it_is_cut_away() -> None:
    """Committed or not: so the leader and a voter that lags never count by different rules."""
    history = VoterHistory(voters(1, 2, 3))
    history.add(5, voters(1, 2))
    history.add(9, voters(1, 2, 4))
    assert history.latest == voters(1, 2, 4)
    assert history.below(9) == voters(1, 2)
    assert history.below(5) == voters(1, 2, 3)
    history.truncate(9)
    assert (history.latest, history.latest_offset) == (voters(1, 2), 5)
    history.truncate(0)
    assert (history.latest, history.latest_offset) == (voters(1, 2, 3), -1)


def test_records_of_voters_come_in_the_order_of_the_log() -> None:
    """One before the latest would have been overwritten."""
    history = VoterHistory(voters(1))
    history.add(5, voters(1, 2))
    with pytest.raises(BrokerBug):
        history.add(5, voters(1, 2, 3))


def test_what_no_offset_has_any_more_is_forgotten() -> None:
    """But not the voters as of the beginning of the log."""
    history = VoterHistory(voters(1))
    for offset, ids in ((3, (1, 2)), (6, (1, 2, 3)), (9, (1, 2, 3, 4))):
        history.add(offset, voters(*ids))
    history.forget_below(8)
    assert history.below(8) == voters(1, 2, 3)
    assert history.latest == voters(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("now", "others", "high_watermark", "code"),
    [
        (voters(1, 2, 3), voters(1, 2), 20, None),
        (voters(1, 2, 3), voters(1, 2, 3, 4), 20, None),
        # "leader ... must have committed an entry from its own epoch": KIP-853
        (voters(1, 2, 3), voters(1, 2), 10, ErrorCode.REQUEST_TIMED_OUT),
        # "only one voter can be added or removed at a time": KIP-853
        (voters(1, 2, 3), voters(1, 2), 12, ErrorCode.REQUEST_TIMED_OUT),
        (voters(1, 2, 3), voters(1), 20, ErrorCode.INVALID_REQUEST),
        (voters(1, 2, 3), voters(1, 2, 4), 20, ErrorCode.INVALID_REQUEST),
        (voters(1), voters(), 20, ErrorCode.INVALID_REQUEST),
        (static_voters((1, 2)), voters(1), 20, ErrorCode.UNSUPPORTED_VERSION),
    ],
)
def test_one_change_at_a_time(
    now: VoterSet, others: VoterSet, high_watermark: int, code: ErrorCode | None
) -> None:
    """The leader's epoch began at 10, the voters of today have their record at 12."""
    history = VoterHistory(voters(1, 2))
    history.add(12, now)
    if code is None:
        check_change(history, others, high_watermark, 10)
        return
    with pytest.raises(KafkaError) as refused:
        check_change(history, others, high_watermark, 10)
    assert refused.value.code is code


def test_voters_are_added_removed_and_updated() -> None:
    """And refused with Kafka's codes where there is nothing of the kind to do."""
    here = voters(1, 2)
    assert added(here, Voter(3, DISK)) == voters(1, 2, 3)
    assert removed(here, 2, DISK) == voters(1)
    moved = updated(here, Voter(2, DISK, (Endpoint("C", "h", 1),)))
    assert moved.differs_by(here) == 0
    assert moved != here
    for refuse, code in (
        (lambda: added(here, Voter(2, OTHER_DISK)), ErrorCode.DUPLICATE_VOTER),
        (lambda: removed(here, 2, OTHER_DISK), ErrorCode.VOTER_NOT_FOUND),
        (lambda: removed(here, 3, DISK), ErrorCode.VOTER_NOT_FOUND),
        (lambda: removed(voters(1), 1, DISK), ErrorCode.INVALID_REQUEST),
        (lambda: updated(here, Voter(2, OTHER_DISK)), ErrorCode.VOTER_NOT_FOUND),
    ):
        with pytest.raises(KafkaError) as refused:
            refuse()
        assert refused.value.code is code
