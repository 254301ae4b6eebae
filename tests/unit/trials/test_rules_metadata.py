"""Each rule of metadata, shown an image that breaks it."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.base.ids import TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import MetadataDelta, PartitionImage, TopicImage
from minikafka.trials import rules_metadata
from minikafka.trials.invariants import REGISTERED, Applied

assert rules_metadata.REGISTERED_HERE, "importing it registers the rules"


def wrong(leader: int, isr: tuple[int, ...]) -> list[str]:
    """Return the rules that a partition with replicas 1, 2 and 3 breaks."""
    partition = PartitionImage(
        leader=leader, leader_epoch=0, partition_epoch=0, replicas=(1, 2, 3), isr=isr
    )
    topic = TopicImage("t", UUID(int=1), (partition,))
    image = MetadataImage(BrokerConfig.parse(1), topics={"t": topic})
    delta = MetadataDelta(partitions_changed=(TopicPartition("t", 0),))
    event = Applied(1, image, delta)
    return [name for name, rule in REGISTERED["applied"] if rule(event) is not None]


@pytest.mark.parametrize(("leader", "isr"), [(1, (1, 2, 3)), (2, (2,)), (-1, (3,))])
def test_sound_partition_breaks_nothing(leader: int, isr: tuple[int, ...]) -> None:
    """A leader of the ISR, or none."""
    assert wrong(leader, isr) == []


@pytest.mark.parametrize(("leader", "isr"), [(1, (2, 3)), (1, (1, 4)), (-1, ())])
def test_unsound_partition_breaks_c2(leader: int, isr: tuple[int, ...]) -> None:
    """A leader outside the ISR, a member that is no replica, an empty ISR."""
    assert wrong(leader, isr) == ["C2"]
