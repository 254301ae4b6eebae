"""Each rule of metadata, shown an image that breaks it."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.base.ids import TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import PartitionChanged
from minikafka.metadata.states import BrokerImage, MetadataDelta, PartitionImage, TopicImage
from minikafka.trials import rules_metadata
from minikafka.trials.ghost import Ghost
from minikafka.trials.invariants import REGISTERED, Applied
from minikafka.trials.metadata_history import Recorded

assert rules_metadata.REGISTERED_HERE, "importing it registers the rules"

PARTITION = TopicPartition("t", 0)


def wrong(
    leader: int,
    isr: tuple[int, ...],
    elr: tuple[int, ...] = (),
    *,
    fenced: int = 0,
    shutting_down: int = 0,
    delta: MetadataDelta | None = None,
) -> list[str]:
    """Return the rules that a partition with replicas 1, 2 and 3 breaks; 2 in sync are enough."""
    partition = PartitionImage(leader, 0, 0, (1, 2, 3), isr, elr)
    topic = TopicImage("t", UUID(int=1), (partition,))
    brokers = {
        broker: BrokerImage(
            broker, 0, UUID(int=9), "h", 1, None, broker == fenced, broker == shutting_down
        )
        for broker in (1, 2, 3, 4)
    }
    config = BrokerConfig.parse(1, {"min.insync.replicas": 2})
    names = {topic.topic_id: "t"}
    image = MetadataImage(config, brokers=brokers, topics={"t": topic}, topic_names=names)
    record = PartitionChanged(topic.topic_id, 0, isr, leader, 0, 0, elr=elr)
    recorded = Recorded(Ghost(), 1, 0, record, image, image, image)
    delta = delta or MetadataDelta(partitions_changed=(PARTITION,))
    events = {"recorded": recorded, "applied": Applied(1, image, delta)}
    return [
        name
        for hook, event in events.items()
        for name, rule in REGISTERED[hook]  # type: ignore[index]
        if name in rules_metadata.REGISTERED_HERE and rule(event) is not None
    ]


@pytest.mark.parametrize(
    ("leader", "isr", "elr"),
    [
        (1, (1, 2, 3), ()),
        (2, (2,), (3,)),
        (-1, (), (1, 2)),
        (-1, (), ()),
    ],
)
def test_sound_partition_breaks_nothing(
    leader: int, isr: tuple[int, ...], elr: tuple[int, ...]
) -> None:
    """A leader of the ISR, or none; who is eligible only below min.insync.replicas."""
    assert wrong(leader, isr, elr) == []


@pytest.mark.parametrize(
    ("leader", "isr", "elr"),
    [
        (1, (2, 3), ()),
        (1, (1, 4), ()),
        (1, (), (1,)),
        (1, (1,), (4,)),
        (1, (1,), (1,)),
        (1, (1, 2), (3,)),  # enough are in sync
    ],
)
def test_unsound_partition_breaks_c2(
    leader: int, isr: tuple[int, ...], elr: tuple[int, ...]
) -> None:
    """A leader outside the ISR, a member that is no replica, one in both, an ELR too much."""
    assert wrong(leader, isr, elr) == ["C2"]


def test_fenced_or_leaving_member_of_an_isr_breaks_c3() -> None:
    """Also the last one."""
    assert wrong(1, (1, 2), fenced=2) == ["C3"]
    assert wrong(1, (1,), shutting_down=1) == ["C3"]
    assert wrong(1, (1,), (2,), fenced=2) == []


def test_broker_that_is_fenced_is_looked_for_in_every_isr() -> None:
    """C3 is broken by the fence as by the ISR."""
    fence = MetadataDelta(brokers_changed=(2,))
    assert wrong(1, (1, 2), fenced=2, delta=fence) == ["C3"]
