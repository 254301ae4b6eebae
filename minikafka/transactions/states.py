"""The states of a transaction and which follow which. Counterpart: TransactionState. KIP-98."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from minikafka.base.errors import BrokerBug

__all__ = ["ENDED", "PREPARED", "PREVIOUS", "TransactionState", "check_transition"]


class TransactionState(IntEnum):
    """What has become of a transactional id's transaction, by the numbers in the log."""

    EMPTY = 0
    """No transaction yet under this producer epoch."""
    ONGOING = 1
    """Partitions have been added; records may be in them."""
    PREPARE_COMMIT = 2
    """Decided, for ever: every partition is owed a commit marker."""
    PREPARE_ABORT = 3
    """Decided, for ever: every partition is owed an abort marker."""
    COMPLETE_COMMIT = 4
    """All markers are written."""
    COMPLETE_ABORT = 5
    """All markers are written."""
    DEAD = 6
    """Forgotten, since nobody has used the transactional id for long. Never in the log."""
    PREPARE_EPOCH_FENCE = 7
    """About to be aborted by the coordinator. Kafka's, for one step that is one step here."""

    @property
    def text(self) -> str:
        """The name that people and requests use, e.g. `PrepareCommit`."""
        return "".join(word.capitalize() for word in self.name.split("_"))


_S = TransactionState
PREVIOUS: Mapping[TransactionState, tuple[TransactionState, ...]] = MappingProxyType(
    {
        _S.EMPTY: (_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT),
        _S.ONGOING: (_S.ONGOING, _S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT),
        _S.PREPARE_COMMIT: (_S.ONGOING,),
        # KIP-890: a producer may abort before anything was added, for the new epoch alone.
        _S.PREPARE_ABORT: (
            _S.ONGOING,
            _S.PREPARE_EPOCH_FENCE,
            _S.EMPTY,
            _S.COMPLETE_COMMIT,
            _S.COMPLETE_ABORT,
        ),
        _S.COMPLETE_COMMIT: (_S.PREPARE_COMMIT,),
        _S.COMPLETE_ABORT: (_S.PREPARE_ABORT,),
        _S.DEAD: (_S.EMPTY, _S.COMPLETE_ABORT, _S.COMPLETE_COMMIT),
        _S.PREPARE_EPOCH_FENCE: (_S.ONGOING,),
    }
)
"""The states that may come directly before each."""

PREPARED = (_S.PREPARE_COMMIT, _S.PREPARE_ABORT)
"""Decided and not done: markers are owed."""
ENDED = (_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT)
"""Nothing is under way: another transaction may begin, and the id may be forgotten."""


def check_transition(former: TransactionState, state: TransactionState) -> None:
    """Raise BrokerBug where `state` may not follow `former`."""
    if former not in PREVIOUS[state]:
        raise BrokerBug(f"a transaction goes from {former.text} to {state.text}")
