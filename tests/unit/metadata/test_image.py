"""The metadata image: what records add up to."""

from __future__ import annotations

import copy
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.config import BrokerConfig
from minikafka.base.ids import TopicPartition
from minikafka.metadata.commands import (
    AlterConfigs,
    ConfigOp,
    ConfigResource,
    DeleteTopics,
    NewTopic,
    TopicRef,
)
from minikafka.metadata.image import BROKER_RESOURCE, TOPIC_RESOURCE, MetadataImage
from minikafka.metadata.records import (
    ConfigChanged,
    PartitionChanged,
    TopicRemoved,
)
from tests.unit.metadata.clusters import Cluster

_EMPTY = MetadataImage.empty(BrokerConfig.parse(1))


def _busy_cluster(seed: int, steps: int) -> Cluster:
    """Return a cluster that lived through `steps` random events."""
    chance = Random(seed)
    cluster = Cluster(3, seed=seed)
    for step in range(steps):
        event = chance.randrange(5)
        broker_id = 1 + chance.randrange(3)
        names = sorted(cluster.image.topics)
        if event == 0:
            cluster.create(
                NewTopic(f"t{step}", 1 + chance.randrange(4), 1 + chance.randrange(3))
            )
        elif event == 1 and names:
            command = DeleteTopics((TopicRef(chance.choice(names)),))
            cluster.carry_out(cluster.controller.delete_topics(command))
        elif event == 2 and names:
            op = ConfigOp("retention.ms", chance.randrange(2), "5")
            resource = ConfigResource(TOPIC_RESOURCE, chance.choice(names), (op,))
            cluster.carry_out(cluster.controller.alter_configs(AlterConfigs((resource,))))
        elif event == 3 and not cluster.image.brokers[broker_id].fenced:
            cluster.fence(broker_id)
        elif event == 4:
            cluster.heartbeat(broker_id)
    return cluster


@given(st.integers(0, 10_000), st.integers(0, 40), st.data())
def test_applying_at_once_equals_applying_one_by_one(
    seed: int, steps: int, data: st.DataObject
) -> None:
    """However the log is cut into batches, the image after it is the same."""
    records = _busy_cluster(seed, steps).records
    at_once, _ = _EMPTY.apply(records, len(records))
    cut = data.draw(st.integers(0, len(records)))
    halfway, _ = _EMPTY.apply(records[:cut], cut)
    in_two, _ = halfway.apply(records[cut:], len(records))
    single = _EMPTY
    for offset, record in enumerate(records):
        single, _ = single.apply([record], offset + 1)
    assert at_once == in_two == single


@given(st.integers(0, 10_000), st.integers(1, 40), st.data())
def test_old_image_stays_as_it_was(seed: int, steps: int, data: st.DataObject) -> None:
    """Applying more records never shows in an image that someone still holds."""
    records = _busy_cluster(seed, steps).records
    cut = data.draw(st.integers(0, len(records)))
    old, _ = _EMPTY.apply(records[:cut], cut)
    before = copy.deepcopy((old.brokers, old.topics, old.topic_names, old.configs))
    old.apply(records[cut:], len(records))
    assert (old.brokers, old.topics, old.topic_names, old.configs) == before


@given(st.integers(0, 10_000), st.integers(0, 40), st.data())
def test_delta_names_everything_that_differs(
    seed: int, steps: int, data: st.DataObject
) -> None:
    """What the delta does not name is the same object or an equal one in both images."""
    records = _busy_cluster(seed, steps).records
    cut = data.draw(st.integers(0, len(records)))
    old, _ = _EMPTY.apply(records[:cut], cut)
    new, delta = old.apply(records[cut:], len(records))
    removed = [name for name, _ in delta.topics_removed]
    changed = dict.fromkeys(delta.partitions_changed)
    for name, topic in new.topics.items():
        fresh = name in delta.topics_created
        assert fresh == (name not in old.topics or old.topics[name].topic_id != topic.topic_id)
        for number, partition in enumerate(topic.partitions):
            place = TopicPartition(name, number)
            assert place in changed or old.partition(place) == partition
    for name in old.topics:
        assert name in new.topics or name in removed
    for place in changed:
        assert new.partition(place) is not None
    for broker_id, broker in new.brokers.items():
        assert broker_id in delta.brokers_changed or old.brokers.get(broker_id) == broker
    for key in [*old.configs, *new.configs]:
        gone = key[0] == TOPIC_RESOURCE and key[1] in removed
        same = old.configs.get(key) == new.configs.get(key)
        assert same or gone or key in delta.configs_changed


def test_untouched_topics_are_shared_between_images() -> None:
    """An ISR change in one topic copies nothing of another."""
    cluster = Cluster()
    cluster.create(NewTopic("a", 2, 2), NewTopic("b", 2, 2))
    old = cluster.image
    partition = cluster.partition("a")
    topic = old.topics["a"]
    record = PartitionChanged(topic.topic_id, 0, (partition.leader,), partition.leader, 0, 1)
    new, delta = old.apply([record], old.offset + 1)
    assert new.topics["b"] is old.topics["b"]
    assert new.topics["a"].partitions[1] is topic.partitions[1]
    assert new.configs is old.configs
    assert delta.partitions_changed == (TopicPartition("a", 0),)


def test_recreated_topic_is_removed_and_created() -> None:
    """Under the same name a new id lives: the delta says both."""
    cluster = Cluster()
    cluster.create(NewTopic("a", 1, 1))
    old = cluster.image
    old_id = old.topics["a"].topic_id
    cluster.carry_out(cluster.controller.delete_topics(DeleteTopics((TopicRef("a"),))))
    cluster.create(NewTopic("a", 1, 1))
    new, delta = old.apply(cluster.records[old.offset :], len(cluster.records))
    assert delta.topics_removed == (("a", old_id),)
    assert delta.topics_created == ("a",)
    assert delta.partitions_changed == (TopicPartition("a", 0),)
    assert new.topic_by_id(old_id) is None


def test_short_lived_topic_leaves_no_trace() -> None:
    """A topic that came and went within one batch concerns nobody."""
    cluster = Cluster()
    old = cluster.image
    cluster.create(NewTopic("a", 3, 1, configs=(("retention.ms", "5"),)))
    topic_id = cluster.image.topics["a"].topic_id
    records = [*cluster.records[old.offset :], TopicRemoved(topic_id)]
    new, delta = old.apply(records, old.offset + len(records))
    assert (delta.topics_created, delta.topics_removed, delta.partitions_changed) == (
        (),
        (),
        (),
    )
    assert (new.topics, new.configs) == ({}, old.configs)


def test_unknown_partitions_are_none() -> None:
    """Look-ups of what is not there answer None, negative numbers included."""
    cluster = Cluster()
    cluster.create(NewTopic("a", 1, 1))
    image = cluster.image
    assert image.partition(TopicPartition("b", 0)) is None
    assert image.partition(TopicPartition("a", 1)) is None
    assert image.partition(TopicPartition("a", -1)) is None


def test_alive_brokers_are_the_unfenced_ones_by_id() -> None:
    """Clients are shown no fenced broker."""
    cluster = Cluster(3)
    cluster.fence(2)
    assert [broker.broker_id for broker in cluster.image.alive_brokers()] == [1, 3]


def test_topic_config_follows_topic_then_broker_then_all_brokers() -> None:
    """A topic's config beats the broker's dynamic one, that the default of all, that the file."""
    image = MetadataImage.empty(BrokerConfig.parse(1, {"log.retention.ms": 1}))
    assert image.topic_config("t").retention_ms == 1
    for resource, name, config, wanted in (
        (BROKER_RESOURCE, "", "log.retention.ms", 2),
        (BROKER_RESOURCE, "9", "log.retention.ms", 2),  # somebody else's
        (BROKER_RESOURCE, "1", "log.retention.ms", 3),
        (TOPIC_RESOURCE, "t", "retention.ms", 4),
    ):
        value = str(7 if name == "9" else wanted)
        record = ConfigChanged(resource, name, config, value)
        image, _ = image.apply([record], image.offset + 1)
        assert image.topic_config("t").retention_ms == wanted
    assert image.topic_config("other").retention_ms == 3


def test_unknown_dynamic_names_govern_nothing() -> None:
    """Kafka keeps dynamic broker configs that it does not know; so do we, without effect."""
    record = ConfigChanged(BROKER_RESOURCE, "1", "my.plugin.setting", "x")
    image, _ = _EMPTY.apply([record], 1)
    assert image.broker_config() == _EMPTY.broker_config()


def test_epoch_is_that_of_the_last_batch() -> None:
    """Without an epoch the old one stays."""
    image, _ = _EMPTY.apply([], 3, epoch=5)
    later, _ = image.apply([], 4)
    assert (later.offset, later.epoch) == (4, 5)
