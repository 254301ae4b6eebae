"""The states of a transaction."""

from __future__ import annotations

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.transactions.states import (
    ENDED,
    PREPARED,
    PREVIOUS,
    TransactionState,
    check_transition,
)

# As the enum of Apache Kafka 4.1.1 says them.
KAFKAS = {
    "Empty": (0, {"CompleteCommit", "Empty", "CompleteAbort"}),
    "Ongoing": (1, {"CompleteAbort", "CompleteCommit", "Ongoing", "Empty"}),
    "PrepareCommit": (2, {"Ongoing"}),
    "PrepareAbort": (
        3,
        {"CompleteAbort", "Ongoing", "Empty", "CompleteCommit", "PrepareEpochFence"},
    ),
    "CompleteCommit": (4, {"PrepareCommit"}),
    "CompleteAbort": (5, {"PrepareAbort"}),
    "Dead": (6, {"CompleteCommit", "Empty", "CompleteAbort"}),
    "PrepareEpochFence": (7, {"Ongoing"}),
}


def test_states_are_kafkas() -> None:
    """Names for people, numbers in the log, and what may come before each."""
    ours = {
        state.text: (int(state), {former.text for former in PREVIOUS[state]})
        for state in TransactionState
    }
    assert ours == KAFKAS


@pytest.mark.parametrize("state", list(TransactionState))
@pytest.mark.parametrize("former", list(TransactionState))
def test_only_what_the_table_has_is_a_transition(
    former: TransactionState, state: TransactionState
) -> None:
    """Any other is a bug of the broker, not of a client."""
    if former in PREVIOUS[state]:
        check_transition(former, state)
    else:
        with pytest.raises(BrokerBug):
            check_transition(former, state)


def test_a_decision_is_followed_by_its_completion_alone() -> None:
    """What was decided to be committed is never aborted, and the other way round."""
    for decided, done in zip(
        PREPARED,
        (TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT),
        strict=True,
    ):
        assert [state for state in TransactionState if decided in PREVIOUS[state]] == [done]
        assert done in ENDED
