"""Who holds a partition while it moves, and when a move is over."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.metadata.assignments import (
    Assignment,
    check_replicas,
    reassigned,
    reverted,
    settled,
)
from minikafka.metadata.states import PartitionImage
from tests.unit.metadata.clusters import Cluster


def _partition(
    replicas: tuple[int, ...],
    isr: tuple[int, ...],
    adding: tuple[int, ...] = (),
    removing: tuple[int, ...] = (),
) -> PartitionImage:
    return PartitionImage(isr[0], 5, 8, replicas, isr, adding=adding, removing=removing)


@pytest.mark.parametrize(
    ("replicas", "target", "want"),
    [
        ((1, 2, 3), (1, 2, 4), Assignment((1, 2, 4, 3), (4,), (3,))),
        ((3, 2, 1), (5, 4), Assignment((5, 4, 1, 2, 3), (4, 5), (1, 2, 3))),
        ((1, 2), (2, 1), Assignment((2, 1))),
        ((1,), (1, 2), Assignment((1, 2), (2,), ())),
    ],
)
def test_move_begins_with_the_targets_and_keeps_the_others_behind_them(
    replicas: tuple[int, ...], target: tuple[int, ...], want: Assignment
) -> None:
    """The first target is the preferred leader from now on; nobody is gone yet (KIP-455)."""
    assert reassigned(_partition(replicas, replicas), target) == want


def test_second_move_starts_from_all_that_hold_the_partition() -> None:
    """Whom the first move was adding is removed again by the second."""
    moving = _partition((1, 2, 4, 3), (1, 2, 3), adding=(4,), removing=(3,))
    assert reassigned(moving, (1, 2, 5)) == Assignment((1, 2, 5, 3, 4), (5,), (3, 4))


def test_repeated_move_is_the_same_one() -> None:
    """The target that is under way already adds nothing, and the adding goes on."""
    moving = _partition((1, 2, 4, 3), (1, 2, 3), adding=(4,), removing=(3,))
    assert reassigned(moving, (1, 2, 4)) == Assignment.of(moving)


@pytest.mark.parametrize(
    ("isr", "ends"),
    [
        ((1, 2, 3), False),
        ((1, 2, 3, 4), True),
        ((1, 2, 4), True),
        ((1, 4), False),  # a target that was there before has to be in sync, too
        ((3,), False),
        ((), False),
    ],
)
def test_move_ends_when_every_target_is_in_sync(isr: tuple[int, ...], ends: bool) -> None:
    """Not before, whoever is alive: the old replicas may be the only complete ones (KAFKA-15665)."""
    moving = _partition((1, 2, 4, 3), (1, 2, 3), adding=(4,), removing=(3,))
    target, left = settled(moving, None, isr)
    if ends:
        assert (Assignment.of(target), left) == (Assignment((1, 2, 4)), (1, 2, 4))
    else:
        assert (target, left) == (moving, isr)


def test_partition_at_rest_is_settled() -> None:
    """Without a move an ISR is only an ISR."""
    resting = _partition((1, 2, 3), (1, 2))
    assert settled(resting, None, (1, 2, 3)) == (resting, (1, 2, 3))


def test_given_up_move_goes_back_to_the_old_replicas() -> None:
    """Those that were being added leave the ISR, too."""
    moving = _partition((1, 4, 2, 3), (1, 2, 4), adding=(4,), removing=(2, 3))
    assert reverted(moving) == (Assignment((1, 2, 3)), (1, 2), False)


def test_move_whose_new_replicas_alone_are_in_sync_is_given_up_uncleanly() -> None:
    """The first of the old replicas would have to lead without what the new one holds."""
    moving = _partition((4, 1, 2), (4,), adding=(4,), removing=(1, 2))
    assert reverted(moving) == (Assignment((1, 2)), (1,), True)


@pytest.mark.parametrize("replicas", [(), (1, 1), (1, 9), (-1,)])
def test_assignment_needs_distinct_registered_brokers(replicas: tuple[int, ...]) -> None:
    """A fenced broker will do; one that nobody knows will not."""
    cluster = Cluster()
    cluster.fence(3)
    check_replicas(cluster.image, (3, 1))
    with pytest.raises(KafkaError) as raised:
        check_replicas(cluster.image, replicas)
    assert raised.value.code is ErrorCode.INVALID_REPLICA_ASSIGNMENT
