"""When the voters of the metadata quorum may change, and into whom.

Pure. Counterparts: org.apache.kafka.raft.internals.AddVoterHandler, RemoveVoterHandler,
UpdateVoterHandler. KIP-853; the one-at-a-time rule is Raft's (Ongaro's thesis, 4.1), and that a
leader first commits something of its own epoch is the correction to it.

Rules of this file
    One vote more or less at a time: so each majority of the old voters and each of the new ones
    have a voter in common.
    No change while another one is not committed.
    No change before a record of the leader's own epoch is committed.
"""

from __future__ import annotations

import uuid

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId, Offset
from minikafka.quorum.voters import Voter, VoterHistory, VoterSet

__all__ = ["added", "check_change", "check_ready", "removed", "updated"]


def check_change(
    history: VoterHistory, voters: VoterSet, high_watermark: Offset, epoch_start_offset: Offset
) -> None:
    """Say whether a leader may make `voters` the quorum's now.

    Args:
        high_watermark: of the leader, exclusive.
        epoch_start_offset: of its first record.

    Raises:
        KafkaError: UNSUPPORTED_VERSION where the voters are fixed; REQUEST_TIMED_OUT while it is
            too early, so that the asker tries again; INVALID_REQUEST for nobody at all, or for
            more than one change.
    """
    check_ready(history, high_watermark, epoch_start_offset)
    if not len(voters):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "a quorum has at least one voter")
    if history.latest.differs_by(voters) > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "one voter changes at a time")


def check_ready(
    history: VoterHistory, high_watermark: Offset, epoch_start_offset: Offset
) -> None:
    """Raise KafkaError, as `check_change`, while the voters must stay whoever they are."""
    if high_watermark <= epoch_start_offset:
        raise KafkaError(
            ErrorCode.REQUEST_TIMED_OUT, "The leader has not committed anything of its epoch."
        )
    if history.latest.is_static:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION,
            "The voters of this cluster are fixed by config (kraft.version 0).",
        )
    if high_watermark <= history.latest_offset:
        raise KafkaError(
            ErrorCode.REQUEST_TIMED_OUT, "The last change of voters is not committed yet."
        )


def added(voters: VoterSet, voter: Voter) -> VoterSet:
    """Return the voters with one more; raises KafkaError DUPLICATE_VOTER for a known id."""
    if voters.get(voter.voter_id) is not None:
        raise KafkaError(
            ErrorCode.DUPLICATE_VOTER,
            f"The voter id {voter.voter_id} is in the voters already.",
        )
    return voters.plus(voter)


def removed(voters: VoterSet, voter_id: BrokerId, directory_id: uuid.UUID) -> VoterSet:
    """Return the voters without one.

    Raises:
        KafkaError: VOTER_NOT_FOUND for another disk, too; INVALID_REQUEST for the last voter.
    """
    if not voters.holds(voter_id, directory_id):
        raise KafkaError(
            ErrorCode.VOTER_NOT_FOUND,
            f"There is no voter {voter_id} with directory {directory_id}.",
        )
    if len(voters) == 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The last voter cannot be removed.")
    return voters.minus(voter_id)


def updated(voters: VoterSet, voter: Voter) -> VoterSet:
    """Return the voters with one's endpoints changed; raises KafkaError VOTER_NOT_FOUND."""
    if not voters.holds(voter.voter_id, voter.directory_id):
        raise KafkaError(
            ErrorCode.VOTER_NOT_FOUND,
            f"There is no voter {voter.voter_id} with directory {voter.directory_id}.",
        )
    return voters.plus(voter)
