"""An image as records, and the difference between two images."""

from __future__ import annotations

from dataclasses import replace

from minikafka.base.ids import TopicPartition
from minikafka.metadata.commands import NewTopic
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import (
    BrokerShuttingDown,
    BrokerUnregistered,
    ConfigChanged,
    PartitionChanged,
    ProducerIdsAllocated,
    TopicRemoved,
    decode_record,
    encode_record,
)
from minikafka.metadata.snapshot import difference, image_records
from minikafka.metadata.states import MetadataDelta
from tests.unit.metadata.clusters import Cluster


def busy() -> Cluster:
    """Return a cluster in which everything that an image can hold has a value of its own."""
    cluster = Cluster(4, racks=("a", "b", "c", "d"))
    cluster.create(NewTopic("orders", 2, 3), NewTopic("events", 1, 2))
    topic = cluster.image.topics["orders"]
    old = topic.partitions[1]
    records = (
        PartitionChanged(
            topic.topic_id,
            1,
            old.isr[1:2],
            old.isr[1],
            old.leader_epoch + (old.leader != old.isr[1]),
            old.partition_epoch + 1,
            recovering=True,
            replicas=(*old.replicas, 9),
            elr=old.isr[2:3],
            last_known_elr=(9,),
            adding=(9,),
            removing=old.replicas[:1],
        ),
        ConfigChanged(4, "", "log.retention.ms", "7"),
        ConfigChanged(2, "orders", "retention.ms", "8"),
        ConfigChanged(2, "orders", "segment.ms", "9"),
        ProducerIdsAllocated(1, 0, 3000),
        BrokerShuttingDown(2, cluster.image.brokers[2].broker_epoch),
    )
    cluster.records += records
    cluster.controller.replay(records, len(cluster.records))
    return cluster


def test_records_of_an_image_make_it_again() -> None:
    """All of it, in the same order, through their bytes."""
    image = busy().image
    records = [decode_record(encode_record(record)) for record in image_records(image)]
    again, _ = MetadataImage.empty(image.static_config).apply(
        records, image.offset, image.epoch
    )
    assert again == image
    for made, given in ((again.topics, image.topics), (again.brokers, image.brokers)):
        assert list(made) == list(given)


def test_records_of_nothing_are_none() -> None:
    """An empty cluster has an empty snapshot."""
    assert image_records(MetadataImage.empty(busy().image.static_config)) == []


def test_difference_is_what_the_records_between_would_have_said() -> None:
    """Changed, gone and new, each under its name."""
    cluster = busy()
    before = cluster.image
    cluster.create(NewTopic("more", 1, 1))
    records = (
        TopicRemoved(before.topics["events"].topic_id),
        BrokerUnregistered(4, before.brokers[4].broker_epoch),
        ConfigChanged(2, "orders", "retention.ms", None),
        ConfigChanged(4, "", "log.retention.ms", None),
    )
    cluster.records += records
    cluster.controller.replay(records, len(cluster.records))
    after = cluster.image
    assert difference(before, after) == MetadataDelta(
        topics_created=("more",),
        topics_removed=(("events", before.topics["events"].topic_id),),
        partitions_changed=(TopicPartition("more", 0),),
        brokers_changed=(4,),
        configs_changed=((4, ""), (2, "orders")),
    )


def test_same_images_have_no_difference() -> None:
    """Whether they are one or two."""
    image = busy().image
    assert difference(image, image).empty
    other = replace(image, topics=dict(image.topics), brokers=dict(image.brokers))
    assert difference(image, other).empty


def test_topic_made_anew_stands_in_both_lists() -> None:
    """Its former replicas have to go, though the name is there."""
    before = busy()
    topic_id = before.image.topics["orders"].topic_id
    cluster = busy()
    cluster.records.append(TopicRemoved(topic_id))
    cluster.controller.replay((TopicRemoved(topic_id),), len(cluster.records))
    cluster.create(NewTopic("orders", 1, 1))
    found = difference(before.image, cluster.image)
    assert found.topics_created == ("orders",)
    assert found.topics_removed == (("orders", topic_id),)
    assert found.partitions_changed == (TopicPartition("orders", 0),)
