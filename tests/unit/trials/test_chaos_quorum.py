"""When a quorum stands still for good."""

from __future__ import annotations

import uuid
from typing import Any, cast

import pytest

from minikafka.quorum.messages import LogEnd
from minikafka.quorum.voters import Voter, VoterSet
from minikafka.trials.chaos_quorum import nobody_can_lead

OLD, NEW = (2, 3), (2,)


class Node:
    """What is asked of a machine."""

    def __init__(
        self, node_id: int, voters: tuple[int, ...], end: int, *, leads: bool = False
    ) -> None:
        self.is_leader = leads
        self.node_id = node_id
        self.directory_id = uuid.UUID(int=node_id)
        self.voter_set = VoterSet([Voter(each, uuid.UUID(int=each)) for each in voters])
        self.is_voter = node_id in voters
        self.log_end = LogEnd(6, end)


@pytest.mark.parametrize(
    ("third", "stands_still"),
    [
        (Node(3, NEW, 45), True),  # led, took its own vote away, and was lost before 2 had that
        (Node(3, NEW, 45, leads=True), False),
        (Node(3, NEW, 43), False),
        (Node(3, OLD, 45), False),
        (Node(3, (2, 3, 1), 45), False),
    ],
)
def test_quorum_stands_still_where_who_has_a_vote_lacks_the_record_of_who_has_none(
    third: Node, stands_still: bool
) -> None:
    """Of brokers 1 to 3, 2 and 3 had a vote."""
    nodes = [Node(1, third.voter_set.ids, 43), Node(2, OLD, 43), third]
    assert nobody_can_lead(cast("Any", nodes)) is stands_still
