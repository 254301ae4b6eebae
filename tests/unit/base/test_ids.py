"""Names for the numbers of the protocol."""

from __future__ import annotations

from minikafka.base.ids import (
    CLUSTER_METADATA_TOPIC_ID,
    METADATA_PARTITION,
    ZERO_ID,
    TopicPartition,
)


def test_partition_is_written_as_kafka_names_its_directory() -> None:
    """Topic, hyphen, number."""
    assert str(TopicPartition("my-topic", 3)) == "my-topic-3"
    assert str(METADATA_PARTITION) == "__cluster_metadata-0"


def test_partition_is_found_by_a_plain_pair() -> None:
    """Hot paths look it up without making one."""
    assert {TopicPartition("t", 1): "found"}.get(("t", 1)) == "found"  # type: ignore[call-overload]


def test_reserved_ids_are_kafkas() -> None:
    """0 stands for none, 1 for the metadata log (KIP-516, KIP-595)."""
    assert (ZERO_ID.int, CLUSTER_METADATA_TOPIC_ID.int) == (0, 1)
