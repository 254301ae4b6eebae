"""What can be asked of a transaction coordinator, and what it answers, as plain values.

No wire types: handlers translate. What refuses a request is raised as KafkaError; PRODUCER_FENCED is
INVALID_PRODUCER_EPOCH to those whose version does not know it (KIP-588), which is the handlers' part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import ProducerId, TopicPartition
from minikafka.transactions.metadata import NO_PRODUCER_EPOCH, NO_PRODUCER_ID

if TYPE_CHECKING:
    from minikafka.base.config import BrokerConfig

__all__ = [
    "AddPartitions",
    "EndTransaction",
    "InitProducerId",
    "Initialized",
    "ListedTransaction",
    "ProducerIdNeeded",
    "ProducerIdentity",
    "TransactionLimits",
]


class ProducerIdentity(NamedTuple):
    """A producer id and the epoch in it."""

    producer_id: ProducerId
    epoch: int


NOBODY = ProducerIdentity(NO_PRODUCER_ID, NO_PRODUCER_EPOCH)


class ProducerIdNeeded(Exception):
    """The command cannot be decided without a new producer id; ask again with one.

    Such an id is lost where it turns out not to be needed then; there are enough of them.
    """


@dataclass(frozen=True, slots=True)
class TransactionLimits:
    """What the broker's configs say of transactions.

    Attributes:
        timeout_max_ms: transaction.max.timeout.ms.
        abort_interval_ms: transaction.abort.timed.out.transaction.cleanup.interval.ms.
        expiration_ms: transactional.id.expiration.ms.
        expiry_interval_ms: transaction.remove.expired.transaction.cleanup.interval.ms.
    """

    timeout_max_ms: int = 900_000
    abort_interval_ms: int = 10_000
    expiration_ms: int = 604_800_000
    expiry_interval_ms: int = 3_600_000

    @classmethod
    def of(cls, config: BrokerConfig) -> TransactionLimits:
        """Return the limits of a broker."""
        return cls(
            config.transaction_max_timeout_ms,
            config.whole("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            config.transactional_id_expiration_ms,
            config.whole("transaction.remove.expired.transaction.cleanup.interval.ms"),
        )


@dataclass(frozen=True, slots=True)
class InitProducerId:
    """A producer wants to write in the name of a transactional id, alone from now on.

    `expected` is what it believes to have (KIP-360); None of one that begins.
    """

    transactional_id: str
    timeout_ms: int
    expected: ProducerIdentity | None = None


class Initialized(NamedTuple):
    """What a producer has now; CONCURRENT_TRANSACTIONS where it is to ask again."""

    error: ErrorCode
    identity: ProducerIdentity = NOBODY


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """A producer is about to write into partitions, or was found to do so.

    `version` is the transaction.version whose rules the producer follows.
    """

    transactional_id: str
    producer: ProducerIdentity
    partitions: tuple[TopicPartition, ...]
    version: int = 0


@dataclass(frozen=True, slots=True)
class EndTransaction:
    """A producer commits or aborts; `version` as with `AddPartitions`."""

    transactional_id: str
    producer: ProducerIdentity
    committed: bool
    version: int = 0


class ListedTransaction(NamedTuple):
    """A transactional id in a list."""

    transactional_id: str
    producer_id: ProducerId
    state: str
