"""Tests of minikafka.quorum.roles."""

from __future__ import annotations

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.quorum.roles import TRANSITIONS, Cause, Role, next_role


def _ways_to(wanted: Role) -> list[tuple[Role, Cause]]:
    return [
        (role, cause)
        for role, row in TRANSITIONS.items()
        for cause, following in row.items()
        if following is wanted
    ]


def test_leader_never_stands_again_in_its_epoch() -> None:
    """It resigns, or a later epoch ends its leadership (KAFKA-10527)."""
    assert set(TRANSITIONS[Role.LEADER].values()) == {
        Role.RESIGNED,
        Role.FOLLOWER,
        Role.UNATTACHED,
    }
    for role in (Role.LEADER, Role.RESIGNED):
        with pytest.raises(BrokerBug):
            next_role(role, Cause.ELECTION_DUE)


def test_only_candidates_become_leader_and_only_the_prospective_candidates() -> None:
    """KIP-996: a node asks whether it would win before it ends anybody's epoch."""
    assert _ways_to(Role.LEADER) == [(Role.CANDIDATE, Cause.MAJORITY_GRANTED)]
    assert _ways_to(Role.CANDIDATE) == [(Role.PROSPECTIVE, Cause.MAJORITY_GRANTED)]


def test_later_epoch_unattaches_every_role() -> None:
    """Whoever hears of a later epoch gives up what it was."""
    for row in TRANSITIONS.values():
        assert row[Cause.LATER_EPOCH_SEEN] is Role.UNATTACHED


def test_every_role_may_find_a_leader() -> None:
    """Whatever it was, it follows."""
    for row in TRANSITIONS.values():
        assert row[Cause.LEADER_FOUND] is Role.FOLLOWER
