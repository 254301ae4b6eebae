"""What members of the consumer protocol hold themselves to own, and have committed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from minikafka.base.ids import TopicPartition
from minikafka.groups.consumer_records import CurrentAssignment, StoredAssignment
from minikafka.trials.ghost import Ghost
from minikafka.trials.member_views import MemberViews

PLACE = TopicPartition("t", 0)


class World:
    """A run in which `a` and `b` are members of group `g`, on hosts of the same names."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.down: list[str] = []
        ghost = Ghost()
        broker = SimpleNamespace(groups=SimpleNamespace(partition_for=lambda group_id: 0))
        ghost.brokers[1] = cast("Any", broker)
        self.offsets = ghost.groups.of(0)
        for member_id in "ab":
            value = StoredAssignment(1, 0, 0, {}, {})
            self.offsets.consumers.fold(CurrentAssignment("g", member_id, value))
        simulation = SimpleNamespace(
            invariants=SimpleNamespace(ghost=ghost),
            host=lambda name: SimpleNamespace(up=name not in self.down),
            violated=lambda name, text: self.wrong.append(name),
        )
        self.views = MemberViews(cast("Any", simulation), "g")


def test_partition_that_two_members_read_is_a_case_of_g5() -> None:
    """Whatever the coordinator says of it."""
    world = World()
    world.views.take("a", "a", [PLACE])
    world.views.take("b", "b", [PLACE])
    assert world.wrong == ["G5"]


@pytest.mark.parametrize("way", ["gave it up", "gave up all", "down", "put out", "not sure"])
def test_partition_is_free_without_its_owner(way: str) -> None:
    """Who was put out may read on until it hears of it: the group has gone on (KIP-848)."""
    world = World()
    world.views.take("a", "a", [PLACE])
    match way:
        case "gave it up":
            world.views.drop("a", [PLACE])
        case "gave up all":
            world.views.clear("a")
        case "down":
            world.down.append("a")
        case "put out":
            world.offsets.consumers.fold(CurrentAssignment("g", "a", None))
        case _:
            world.offsets.licensed = True
    world.views.take("b", "b", [PLACE])
    assert (world.wrong, world.views.moves) == ([], 2)


def test_taking_of_who_was_put_out_is_not_judged() -> None:
    """It was paused, and takes what it was granted before; its commits are fenced."""
    world = World()
    world.views.take("a", "a", [PLACE])
    world.offsets.consumers.fold(CurrentAssignment("g", "b", None))
    world.views.take("b", "b", [PLACE])
    assert world.wrong == []


def test_owner_that_is_told_of_less_than_was_committed_is_a_case_of_g4() -> None:
    """It would read again what the group is behind."""
    world = World()
    world.views.acknowledged(PLACE, 5)
    world.views.fetched(PLACE, 5)
    assert world.wrong == []
    world.views.fetched(PLACE, 4)
    assert world.wrong == ["G4"]


def test_commit_without_an_answer_may_come_late() -> None:
    """Also after later ones; and where the records are gone a group begins anew."""
    world = World()
    world.views.unanswered(PLACE, 3)
    world.views.acknowledged(PLACE, 5)
    world.views.fetched(PLACE, 3)
    world.views.reset(PLACE)
    world.views.fetched(PLACE, 0)
    assert world.wrong == []
