"""Records that do not fit the state they meet."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.metadata.commands import NewTopic
from minikafka.metadata.records import (
    BrokerFenced,
    BrokerUnfenced,
    MetadataRecord,
    PartitionChanged,
    PartitionCreated,
    ProducerIdsAllocated,
    TopicCreated,
    TopicRemoved,
)
from tests.unit.metadata.clusters import Cluster

_OTHER_ID = uuid.UUID(int=99)


@pytest.mark.parametrize(
    "record",
    [
        BrokerFenced(9, 0),
        BrokerUnfenced(1, 77),
        TopicCreated("a", _OTHER_ID),
        TopicRemoved(_OTHER_ID),
        PartitionCreated(_OTHER_ID, 0, (1,), (1,), 1, 0, 0),
        PartitionChanged(_OTHER_ID, 0, (1,), 1, 0, 1),
        ProducerIdsAllocated(1, 0, 0),
    ],
    ids=lambda record: type(record).__name__,
)
def test_record_on_something_unknown_is_a_bug(record: MetadataRecord) -> None:
    """The log of a correct controller never holds such a record, so it is not passed over."""
    cluster = Cluster()
    cluster.create(NewTopic("a", 1, 1))
    with pytest.raises(BrokerBug):
        cluster.image.apply([record], cluster.image.offset + 1)


@pytest.mark.parametrize(
    ("leader", "leader_epoch", "partition_epoch"),
    [
        (1, 0, 0),  # partition epoch stands still
        (1, 0, 2),  # or jumps
        (1, 1, 1),  # leader epoch moves without a change of leader
        (-1, 0, 1),  # or stands still at one
    ],
)
def test_epochs_move_one_step_at_a_time(
    leader: int, leader_epoch: int, partition_epoch: int
) -> None:
    """Each change is one partition epoch, each change of leader one leader epoch."""
    cluster = Cluster()
    cluster.create_assigned("a", (1, 2))
    topic_id = cluster.image.topics["a"].topic_id
    record = PartitionChanged(topic_id, 0, (1,), leader, leader_epoch, partition_epoch)
    with pytest.raises(BrokerBug):
        cluster.image.apply([record], cluster.image.offset + 1)


def test_partitions_come_without_gaps() -> None:
    """Partition n is created after n - 1."""
    cluster = Cluster()
    cluster.create(NewTopic("a", 1, 1))
    topic_id = cluster.image.topics["a"].topic_id
    record = PartitionCreated(topic_id, 2, (1,), (1,), 1, 0, 0)
    with pytest.raises(BrokerBug):
        cluster.image.apply([record], cluster.image.offset + 1)


def test_image_never_goes_back() -> None:
    """An end offset below the present one is a bug."""
    cluster = Cluster()
    with pytest.raises(BrokerBug):
        cluster.image.apply([], cluster.image.offset - 1)
