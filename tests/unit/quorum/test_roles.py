"""Tests of minikafka.quorum.roles."""

from __future__ import annotations

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.quorum.roles import (
    OBSERVER_TRANSITIONS,
    VOTER_TRANSITIONS,
    Cause,
    Role,
    next_role,
)


def test_leader_never_stands_again_in_its_epoch() -> None:
    """Only a later epoch ends a leadership."""
    assert set(VOTER_TRANSITIONS[Role.LEADER]) == {Cause.LEADER_FOUND, Cause.LATER_EPOCH_SEEN}
    with pytest.raises(BrokerBug):
        next_role(Role.LEADER, Cause.ELECTION_DUE, voter=True)


def test_only_candidates_become_leader() -> None:
    """There is one way to lead: a majority of the votes."""
    ways = [
        (role, cause)
        for role, row in VOTER_TRANSITIONS.items()
        for cause, following in row.items()
        if following is Role.LEADER
    ]
    assert ways == [(Role.CANDIDATE, Cause.MAJORITY_GRANTED)]


def test_observers_never_stand() -> None:
    """Without a vote a node stays unattached or observes."""
    reached = {following for row in OBSERVER_TRANSITIONS.values() for following in row.values()}
    assert reached == {Role.UNATTACHED, Role.OBSERVER}
    with pytest.raises(BrokerBug):
        next_role(Role.OBSERVER, Cause.ELECTION_DUE, voter=False)


@pytest.mark.parametrize("table", [VOTER_TRANSITIONS, OBSERVER_TRANSITIONS])
def test_later_epoch_unattaches_every_role(table: object) -> None:
    """Whoever hears of a later epoch gives up what it was."""
    assert isinstance(table, type(VOTER_TRANSITIONS))
    for row in table.values():
        assert row[Cause.LATER_EPOCH_SEEN] is Role.UNATTACHED
