"""Planted bugs, by name: what the checks must find, or they are worth nothing.

A mutation replaces one decision of broker code for the length of a run; production code knows
nothing of it. `docs/mutations.md` says which rule finds which.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from minikafka.trials import mutations_following, mutations_log, mutations_replication
from minikafka.trials.mutation import Mutation, Patch
from minikafka.trials.mutations_compaction import COMPACTION_MUTATIONS
from minikafka.trials.mutations_consumers import CONSUMER_MUTATIONS
from minikafka.trials.mutations_controller import CONTROLLER_MUTATIONS
from minikafka.trials.mutations_groups import GROUP_MUTATIONS
from minikafka.trials.mutations_moving import MOVING_MUTATIONS
from minikafka.trials.mutations_producers import PRODUCER_MUTATIONS
from minikafka.trials.mutations_quorum import QUORUM_MUTATIONS
from minikafka.trials.mutations_rules import RULE_MUTATIONS
from minikafka.trials.mutations_shares import SHARE_MUTATIONS
from minikafka.trials.mutations_transacted import TRANSACTED_MUTATIONS
from minikafka.trials.mutations_transactions import TRANSACTION_MUTATIONS
from minikafka.trials.mutations_voters import VOTER_MUTATIONS

__all__ = ["MUTATIONS", "Mutation", "mutated"]

_INHERITED = object()


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
    **mutations_following.MUTATIONS,
    **mutations_log.MUTATIONS,
    **mutations_replication.MUTATIONS,
    "answers-out-of-order": Mutation(
        "an answer leaves as soon as it is there", ("W1",), _answers_out_of_order
    ),
    **MOVING_MUTATIONS,
    **COMPACTION_MUTATIONS,
    **CONTROLLER_MUTATIONS,
    **QUORUM_MUTATIONS,
    **RULE_MUTATIONS,
    **VOTER_MUTATIONS,
    **GROUP_MUTATIONS,
    **CONSUMER_MUTATIONS,
    **SHARE_MUTATIONS,
    **PRODUCER_MUTATIONS,
    **TRANSACTION_MUTATIONS,
    **TRANSACTED_MUTATIONS,
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
        undo.append((owner, name, vars(owner).get(name, _INHERITED)))
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for owner, name, original in reversed(undo):
            if original is _INHERITED:
                # Left there, it would hide what is planted in the base class later.
                delattr(owner, name)
            else:
                setattr(owner, name, original)
