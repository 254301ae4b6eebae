"""Whom to ask for markers, and what follows from the answers."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import NO_LEADER, TopicPartition
from minikafka.transactions.markers import MarkerOutcome, by_leader, outcome_of

PARTITIONS = [TopicPartition("t", index) for index in range(5)]


def test_each_leader_is_asked_once_for_all_its_partitions() -> None:
    """Partitions without a leader wait, those that are gone are told apart."""
    leaders = dict(zip(PARTITIONS, (2, 1, 2, NO_LEADER, None), strict=True))
    asked, gone = by_leader(PARTITIONS, leaders.__getitem__)
    assert list(asked.items()) == [
        (1, (PARTITIONS[1],)),
        (2, (PARTITIONS[0], PARTITIONS[2])),
    ]
    assert gone == (PARTITIONS[4],)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ErrorCode.NONE, MarkerOutcome.WRITTEN),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, MarkerOutcome.AGAIN),
        (ErrorCode.NOT_ENOUGH_REPLICAS, MarkerOutcome.AGAIN),
        (ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, MarkerOutcome.AGAIN),
        (ErrorCode.UNKNOWN_SERVER_ERROR, MarkerOutcome.AGAIN),
        (ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, MarkerOutcome.NEEDLESS),
        (ErrorCode.INVALID_PRODUCER_EPOCH, MarkerOutcome.FENCED),
        (ErrorCode.TRANSACTION_COORDINATOR_FENCED, MarkerOutcome.FENCED),
    ],
)
def test_only_a_fenced_coordinator_gives_up(error: ErrorCode, outcome: MarkerOutcome) -> None:
    """A marker that may not be there yet is asked for again."""
    assert outcome_of(error) is outcome
