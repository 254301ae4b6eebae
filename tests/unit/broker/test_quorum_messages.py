"""Messages of the quorum, taken apart."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.quorum_messages import VOTE_VERSION, quorum_response, vote_answer
from minikafka.quorum.messages import VoteAnswer
from minikafka.wire.shapes import build_response
from minikafka.wire.versions import ApiKey


def answered(error: ErrorCode) -> VoteAnswer:
    """Return what a candidate makes of a refusal in epoch 6, which node 1 leads."""
    shape = quorum_response(6, 1, error, vote_granted=False)
    return vote_answer(build_response(ApiKey.VOTE, VOTE_VERSION, shape))


def test_candidate_that_is_behind_hears_who_leads() -> None:
    """One that has lost its vote is told by nobody else: the leader speaks to voters only."""
    assert answered(ErrorCode.FENCED_LEADER_EPOCH) == VoteAnswer(6, 1, False)


def test_refusal_of_what_was_asked_says_nothing_of_leaders() -> None:
    """The asker tries again."""
    for code in (ErrorCode.INVALID_VOTER_KEY, ErrorCode.INVALID_REQUEST):
        with pytest.raises(KafkaError):
            answered(code)
