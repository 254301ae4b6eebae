"""What holds after every record a controller writes, whatever happens to it."""

from __future__ import annotations

import contextlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.config import BrokerConfig
from minikafka.base.errors import KafkaError
from minikafka.base.ids import NO_LEADER
from minikafka.metadata.commands import AlterPartition, IsrChange
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import (
    BrokerRegistered,
    MetadataRecord,
    PartitionChanged,
)
from minikafka.metadata.states import PartitionImage
from tests.unit.metadata.clusters import Cluster

_REPLICAS = ((1, 2, 3), (2, 3, 1), (3, 1, 2), (1, 3, 2))


def _propose(cluster: Cluster, chance: Random) -> None:
    """Let somebody propose some ISR, right or wrong."""
    number = chance.randrange(len(_REPLICAS))
    state = cluster.partition("t", number)
    sender = state.leader if chance.random() < 0.8 else 1 + chance.randrange(3)
    new_isr = [replica for replica in (1, 2, 3) if chance.random() < 0.6]
    change = IsrChange(
        topic_id=cluster.image.topics["t"].topic_id,
        partition=number,
        leader_epoch=state.leader_epoch - (chance.random() < 0.1),
        partition_epoch=state.partition_epoch - (chance.random() < 0.1),
        new_isr=tuple((replica, cluster.epochs[replica]) for replica in new_isr),
    )
    if sender in cluster.epochs:
        command = AlterPartition(sender, cluster.epochs[sender], (change,))
        cluster.carry_out(cluster.controller.alter_partition(command))


def _live_through(seed: int, steps: int, *, unclean: bool) -> Cluster:
    """Return a cluster after `steps` random events."""
    chance = Random(seed)
    config = {"unclean.leader.election.enable": unclean, "min.insync.replicas": 1 + seed % 3}
    cluster = Cluster(3, config)
    cluster.create_assigned("t", *_REPLICAS)
    now_ms = 0
    for step in range(1, steps + 1):
        now_ms += chance.randrange(4_000)
        broker_id = 1 + chance.randrange(3)
        event = chance.randrange(6)
        with contextlib.suppress(KafkaError):
            if event == 0:
                clean = chance.random() < 0.5
                cluster.register(broker_id, now_ms, start=step, clean=clean)
            elif event == 1:
                cluster.carry_out(cluster.controller.tick(now_ms))
            elif event == 2:
                _propose(cluster, chance)
            else:
                cluster.heartbeat(
                    broker_id,
                    now_ms,
                    want_fence=chance.random() < 0.1,
                    want_shut_down=chance.random() < 0.1,
                )
    return cluster


def _check_partition(image: MetadataImage, partition: PartitionImage) -> None:
    isr, elr = partition.isr, partition.elr
    assert len({*isr, *elr}) == len(isr) + len(elr)
    assert {*isr, *elr} <= set(partition.replicas)
    assert partition.has_leader == bool(isr)
    assert partition.leader == NO_LEADER or partition.leader in isr
    assert not elr or len(isr) < image.topic_config("t").min_insync_replicas
    assert len(partition.last_known_elr) == (not partition.has_leader)
    for replica in isr:
        assert image.is_active(replica)


def _check_change(old: PartitionImage, new: PartitionImage, *, unclean: bool) -> None:
    assert new.partition_epoch == old.partition_epoch + 1
    assert new.leader_epoch == old.leader_epoch + (new.leader != old.leader)
    if new.has_leader and new.leader not in (*old.isr, *old.elr):
        assert unclean or (new.leader,) == old.last_known_elr
        assert (new.isr, new.elr, new.recovering) == ((new.leader,), (), True)


@given(st.integers(0, 100_000), st.integers(1, 60), st.booleans())
def test_partition_states_and_their_changes_are_always_legal(
    seed: int, steps: int, unclean: bool
) -> None:
    """Epochs step by one; ISR and leader are live; who is from outside ISR and ELR is unclean."""
    cluster = _live_through(seed, steps, unclean=unclean)
    image = MetadataImage.empty(BrokerConfig.parse(1, {}))
    for offset, record in enumerate(cluster.records):
        old = image
        image, _ = image.apply([record], offset + 1)
        if isinstance(record, PartitionChanged):
            number = record.partition
            before, after = (
                old.topics["t"].partitions[number],
                image.topics["t"].partitions[number],
            )
            _check_change(before, after, unclean=unclean)
    for partition in cluster.image.topics["t"].partitions:
        _check_partition(cluster.image, partition)


@given(st.integers(0, 100_000), st.integers(1, 60))
def test_no_leader_epoch_has_two_leaders(seed: int, steps: int) -> None:
    """One leader per partition and leader epoch, for ever."""
    leaders: dict[tuple[int, int], int] = {}
    for record in _live_through(seed, steps, unclean=True).records:
        if isinstance(record, PartitionChanged):
            key = (record.partition, record.leader_epoch)
            assert leaders.setdefault(key, record.leader) == record.leader


@given(st.integers(0, 100_000), st.integers(1, 60))
def test_broker_epochs_are_unique_and_grow(seed: int, steps: int) -> None:
    """A registration with a new epoch has one larger than all before."""
    epochs: dict[int, object] = {}
    records: list[MetadataRecord] = _live_through(seed, steps, unclean=False).records
    for record in records:
        if isinstance(record, BrokerRegistered) and record.broker_epoch not in epochs:
            assert all(record.broker_epoch > epoch for epoch in epochs)
            epochs[record.broker_epoch] = record.incarnation_id
