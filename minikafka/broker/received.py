"""What a fetch brought, as batches fit to be appended."""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.records.batch import Batch, check_crc, split_batches
from minikafka.wire.fetch import FetchPartitionResponse

__all__ = ["received_batches"]


def received_batches(told: FetchPartitionResponse) -> Sequence[Batch]:
    """Return the batches of an answer: shared objects, or cut and checked if it was bytes.

    Raises:
        KafkaError: CORRUPT_MESSAGE.
    """
    if told.batches or told.records is None or not len(told.records):
        return told.batches  # type: ignore[return-value]  # in-process they are our Batch
    batches = split_batches(told.records)
    for batch in batches:
        check_crc(batch)
    return batches
