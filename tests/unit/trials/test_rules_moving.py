"""Each rule of replicas that join and go, shown a step that breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.base.ids import TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import MetadataDelta, PartitionImage, TopicImage
from minikafka.records.batch import stamp
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.trials import rules_moving
from minikafka.trials.chains import Chain
from minikafka.trials.ghost import Ghost, GhostPartition, Loss
from minikafka.trials.invariants import REGISTERED, Applied

assert rules_moving.REGISTERED_HERE, "importing it registers the rules"

NAME = TopicPartition("t", 0)
TOPIC_ID = UUID(int=1)


def image(offset: int, partition: PartitionImage) -> MetadataImage:
    """Return metadata with the one partition."""
    topic = TopicImage("t", TOPIC_ID, (partition,))
    return MetadataImage(
        BrokerConfig.parse(1), offset, topics={"t": topic}, topic_names={TOPIC_ID: "t"}
    )


def state(
    replicas: tuple[int, ...],
    isr: tuple[int, ...],
    epoch: int = 0,
    adding: tuple[int, ...] = (),
    removing: tuple[int, ...] = (),
) -> PartitionImage:
    """Return a partition led by the first of its ISR."""
    return PartitionImage(isr[0], 0, epoch, replicas, isr, adding=adding, removing=removing)


def world(*holders: int, lost: tuple[int, ...] = ()) -> Ghost:
    """Return a run in which one batch is committed; these brokers hold it, others lack it."""
    ghost = Ghost()
    partition = ghost.partitions[TOPIC_ID, 0] = GhostPartition("t-0", internal=False)
    batch = build_batch([Record(0, 0, None, b"v", ())])
    stamp(batch, 0, 0)
    for broker in (1, 2, 3, 4):
        chain = partition.chains[broker] = Chain(cast("Any", SimpleNamespace()))
        if broker in holders:
            partition.committed = [chain.append(batch)]
    partition.losses = {broker: Loss(broker, 0) for broker in lost}
    return ghost


def wrong(old: PartitionImage, new: PartitionImage, ghost: Ghost) -> list[str]:
    """Return the rules that the step from one state to the next breaks."""
    delta = MetadataDelta(partitions_changed=(NAME,))
    event = Applied(1, image(9, new), delta, ghost, True, image(8, old))
    rules = [
        each for each in REGISTERED["applied"] if each[1].__module__ == rules_moving.__name__
    ]
    return [name for name, rule in rules if rule(event) is not None]


MOVING = state((1, 2, 4, 3), (1, 2, 3), adding=(4,), removing=(3,))


@pytest.mark.parametrize(
    "new",
    [
        state((1, 2, 4), (1, 2, 4), 1),  # the end
        state((1, 2, 3), (1, 2), 1),  # given up
        state((1, 2, 4, 3), (1, 2), 1, (4,), (3,)),  # nobody goes
    ],
)
def test_sound_steps_break_nothing(new: PartitionImage) -> None:
    """A move that ends with all targets in sync, or is given up, or goes on."""
    assert wrong(MOVING, new, world(1, 2, 3, 4)) == []


def test_end_without_a_target_in_sync_breaks_c9() -> None:
    """The old replicas go, and one of the new ones has nothing."""
    assert wrong(MOVING, state((1, 2, 4), (1, 2), 1), world(1, 2, 3)) == ["C9"]


def test_end_that_leaves_no_complete_replica_breaks_c9() -> None:
    """All targets are in the ISR, and none of them holds what is committed."""
    old = state((4, 3), (4, 3), adding=(4,), removing=(3,))
    assert wrong(old, state((4,), (4,), 1), world(3)) == ["C9"]


def test_member_that_lacks_something_committed_breaks_r9() -> None:
    """Unless its disk has lost it: then it is counted elsewhere."""
    old, new = state((1, 2, 3), (1, 2)), state((1, 2, 3), (1, 2, 3), 1)
    assert wrong(old, new, world(1, 2)) == ["R9"]
    assert wrong(old, new, world(1, 2, lost=(3,))) == []


def test_several_steps_at_once_are_passed_over() -> None:
    """What was in between is not known."""
    new = state((1, 2, 4), (1, 2), 2)
    assert wrong(MOVING, new, world(1, 2, 3)) == []
