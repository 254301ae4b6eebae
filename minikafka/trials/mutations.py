"""Planted bugs, by name: what the checks must find, or they are worth nothing.

A mutation replaces one decision of broker code for the length of a run; production code knows
nothing of it. `docs/mutations.md` says which rule finds which.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from minikafka.trials.mutations_controller import CONTROLLER_MUTATIONS

__all__ = ["MUTATIONS", "Mutation", "mutated"]

Patch = tuple[Any, str, Any]


@dataclass(frozen=True)
class Mutation:
    """One planted bug.

    Args:
        name: what it does wrong, in a few words.
        caught_by: the rules that may find it.
        patches: returns (owner, attribute, replacement); called at the start of a run.
        kinds: names of the fault kinds that show it; a trial then has no others.
    """

    name: str
    caught_by: tuple[str, ...]
    patches: Callable[[], list[Patch]]
    kinds: tuple[str, ...] = ()


def _acknowledges_before_isr() -> list[Patch]:
    from minikafka.apis import k00_produce

    def settled(self: Any) -> bool:
        return True

    return [(k00_produce._Awaited, "settled", settled)]


def _reads_past_watermark() -> list[Patch]:
    from minikafka.broker import fetch_operation
    from minikafka.broker.fetch_targets import read_target as real

    def read_target(*args: Any, from_replica: bool, **kw: Any) -> Any:
        return real(*args, from_replica=True, **kw)

    return [(fetch_operation, "read_target", read_target)]


def _skips_a_batch() -> list[Patch]:
    from minikafka.replication.follower import PartitionFollower

    real = PartitionFollower.on_records

    def on_records(self: Any, batches: Any, watermark: int, log_start: int) -> None:
        if len(batches) > 1:
            self.log.log_end_offset = batches[1].base_offset
            batches = batches[1:]
        real(self, batches, watermark, log_start)

    return [(PartitionFollower, "on_records", on_records)]


def _forgets_fsync() -> list[Patch]:
    from minikafka.sim.disk import SimDisk

    def fsync(self: Any, name: str) -> None:
        """Say that it is durable, and do nothing."""

    return [(SimDisk, "fsync", fsync)]


def _answers_out_of_order() -> list[Patch]:
    from minikafka.net.connection import Slot

    def answer(self: Any, buffers: Any) -> None:
        connection = self._connection
        if connection.closed or self not in connection._slots:
            return
        connection._slots.remove(self)
        if buffers:
            connection._transport.writelines(buffers)

    return [(Slot, "answer", answer)]


MUTATIONS: dict[str, Mutation] = {
    "ack-before-isr": Mutation(
        "acks=all is answered once the leader has written", ("R11",), _acknowledges_before_isr
    ),
    "read-past-watermark": Mutation(
        "consumers are sent what is not committed", ("R16", "R19"), _reads_past_watermark
    ),
    "follower-skips-batch": Mutation(
        "a follower leaves out the first of several batches", ("R14", "R1"), _skips_a_batch
    ),
    "lost-fsync": Mutation(
        "fsync returns without making anything durable",
        # A controller that has forgotten is seen by R3; a cluster that stands still, by L5.
        ("R3", "R2", "R1", "L4", "L5"),
        _forgets_fsync,
        ("power_loss",),
    ),
    "answers-out-of-order": Mutation(
        "an answer leaves as soon as it is there", ("W1",), _answers_out_of_order
    ),
    **{name: Mutation(*each) for name, each in CONTROLLER_MUTATIONS.items()},
}
"""All planted bugs, by id."""


@contextlib.contextmanager
def mutated(mutation_id: str | None) -> Iterator[None]:
    """Run the block with a planted bug; None plants none.

    Raises:
        ValueError: no such mutation.
    """
    if mutation_id is None:
        yield
        return
    mutation = MUTATIONS.get(mutation_id)
    if mutation is None:
        known = ", ".join(MUTATIONS)
        raise ValueError(f"no mutation {mutation_id!r}; there are: {known}")
    undo = []
    for owner, name, replacement in mutation.patches():
        undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for owner, name, original in reversed(undo):
            setattr(owner, name, original)
