"""A partition in one line."""

from __future__ import annotations

from minikafka.cluster.partition_state import PartitionState, ReplicaState


def state(leader: int | None) -> PartitionState:
    """Return a partition of two replicas, of which one is up."""
    return PartitionState(
        topic="orders",
        partition=2,
        leader=leader,
        leader_epoch=5,
        partition_epoch=7,
        replicas=(3, 1),
        isr=frozenset({3, 1}),
        elr=(),
        replica_states={3: ReplicaState(0, 9, 8, 8)},
    )


def test_line_names_leader_isr_and_offsets() -> None:
    """What a failed wait shows has the replicas in their order and the ISR in ascending order."""
    expected = "orders-2: leader=b3 epoch=5 replicas=3,1 isr=1,3 b3[0,9) hw=8"
    assert str(state(leader=3)) == expected


def test_line_says_when_there_is_no_leader() -> None:
    """No leader is a word, not a number."""
    assert "leader=none" in str(state(leader=None))
