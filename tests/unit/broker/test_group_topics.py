"""What groups see of metadata."""

from __future__ import annotations

from minikafka.broker.group_topics import GroupTopics
from minikafka.metadata.commands import DeleteTopics, TopicRef
from minikafka.metadata.states import MetadataDelta
from tests.support.broker_stub import BrokerStub


async def test_topics_come_change_and_go() -> None:
    """Each change names the topics it is about."""
    stub = BrokerStub()
    topics = GroupTopics()
    before = stub.image
    await stub.create("t", [[1], [2]])
    assert topics.update(stub.image, stub.image.everything()) == ("t",)
    seen = topics.topics.by_name["t"]
    assert (seen.partition_count, topics.topics.new_at) == (2, stub.image.offset)
    await stub.create("u", [[1]])
    delta = MetadataDelta(topics_created=("u",), partitions_changed=())
    assert topics.update(stub.image, delta) == ("u",)
    assert topics.topics.by_name["t"] is seen
    stub.commit(stub.controller.delete_topics(DeleteTopics((TopicRef("t"),))))
    assert topics.update(stub.image, MetadataDelta()) == ("t",)
    assert list(topics.topics.by_name) == ["u"]
    assert before.topics == {}
    stub.close()


async def test_other_leaders_change_nothing() -> None:
    """A group cares for partitions and racks; the hash is not computed again."""
    stub = BrokerStub()
    topics = GroupTopics()
    await stub.create("t", [[1, 2]])
    topics.update(stub.image, stub.image.everything())
    seen = topics.topics.by_name["t"]
    stub.fence(2)
    assert topics.update(stub.image, stub.image.everything()) == ()
    assert topics.topics.by_name["t"] is seen
    assert topics.topics.offset == stub.image.offset
    stub.close()
