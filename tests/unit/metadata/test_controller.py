"""The controller: brokers come and go, producer ids, time."""

from __future__ import annotations

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER
from minikafka.base.seeds import Seeds
from minikafka.metadata.commands import (
    AllocateProducerIds,
    AlterPartition,
    CreateTopics,
    Heartbeat,
    IsrChange,
    NewTopic,
    ProducerIdBlock,
    RegisterBroker,
)
from minikafka.metadata.controller import Controller
from minikafka.metadata.records import BrokerRegistered, ConfigChanged
from minikafka.metadata.states import BROKER_RESOURCE
from tests.unit.metadata.clusters import Cluster, incarnation

_SESSION_MS = 9_000


def _tick(cluster: Cluster, now_ms: int) -> int | None:
    return cluster.carry_out(cluster.controller.tick(now_ms))


def test_new_broker_is_fenced_until_it_has_applied_its_registration() -> None:
    """A broker that does not know the cluster yet is shown to nobody (KIP-631)."""
    cluster = Cluster(0)
    cluster.register(1)
    registered = cluster.epochs[1]
    behind = cluster.heartbeat(1, offset=registered - 1)
    assert (behind.is_caught_up, behind.is_fenced) == (False, True)
    assert cluster.image.brokers[1].fenced
    caught_up = cluster.heartbeat(1, offset=registered)
    assert (caught_up.is_caught_up, caught_up.is_fenced) == (True, False)
    assert not cluster.image.brokers[1].fenced


def test_broker_epoch_is_the_offset_of_the_registration_and_only_grows() -> None:
    """Every registration has a number of its own, larger than all before."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2))
    before = dict(cluster.epochs)
    cluster.fence(1)
    cluster.join(1, start=1)
    assert list(before.values()) == sorted(before.values())
    assert cluster.epochs[1] > max(before.values())
    record = cluster.records[cluster.epochs[1]]
    assert getattr(record, "incarnation_id", None) == incarnation(1001)


def test_second_process_with_a_living_brokers_id_is_refused() -> None:
    """Two brokers with one id would both think they lead."""
    cluster = Cluster(2)
    with pytest.raises(KafkaError) as raised:
        cluster.register(1, now_ms=_SESSION_MS, start=1)
    assert raised.value.code is ErrorCode.DUPLICATE_BROKER_REGISTRATION


def test_late_brokers_id_is_given_to_its_next_process_and_the_former_one_is_fenced() -> None:
    """The new process must not inherit an ISR that its log may not deserve."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    cluster.heartbeat(2, _SESSION_MS + 1)
    cluster.register(1, now_ms=_SESSION_MS + 1, start=1)
    assert (cluster.partition("t").leader, cluster.partition("t").isr) == (2, (2,))
    assert cluster.image.brokers[1].fenced
    assert isinstance(cluster.records[cluster.epochs[1]], BrokerRegistered)


def test_same_process_may_register_again() -> None:
    """Its epoch and its state stay; only what it says of itself changes."""
    cluster = Cluster(1)
    command = RegisterBroker(1, incarnation(1), "localhost", 1234)
    result = cluster.carry_out(cluster.controller.register_broker(command, 0))
    broker = cluster.image.brokers[1]
    assert result.broker_epoch == cluster.epochs[1] == broker.broker_epoch
    assert (broker.port, broker.fenced) == (1234, False)


@pytest.mark.parametrize(("broker_id", "shift"), [(1, 1), (1, -1), (9, 0)])
def test_heartbeat_of_a_former_registration_is_stale(broker_id: int, shift: int) -> None:
    """STALE_BROKER_EPOCH tells a broker to register again."""
    cluster = Cluster(1)
    command = Heartbeat(broker_id, cluster.epochs[1] + shift, 100)
    with pytest.raises(KafkaError) as raised:
        cluster.controller.heartbeat(command, 0)
    assert raised.value.code is ErrorCode.STALE_BROKER_EPOCH


def test_silent_broker_is_fenced_when_its_session_ends() -> None:
    """It leaves every ISR, and what it led is led by another replica in sync."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2, 3), (2, 3, 1))
    for broker_id in (2, 3):
        cluster.heartbeat(broker_id, 5_000)
    assert cluster.controller.next_deadline_ms() == _SESSION_MS + 1
    assert _tick(cluster, _SESSION_MS) is None
    assert _tick(cluster, _SESSION_MS + 1) == 1
    assert (cluster.partition("t").leader, cluster.partition("t").isr) == (2, (2, 3))
    assert (cluster.partition("t", 1).leader, cluster.partition("t", 1).isr) == (2, (2, 3))
    assert cluster.partition("t", 1).leader_epoch == 0
    assert cluster.image.brokers[1].fenced


def test_brokers_are_fenced_one_at_a_time() -> None:
    """The second fencing sees what the first did: the last of an ISR is the one eligible."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    assert [_tick(cluster, 20_000) for _ in range(3)] == [1, 2, None]
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.elr) == (NO_LEADER, (), (2,))


def test_heartbeat_after_fencing_lets_the_broker_in_again() -> None:
    """A broker that was only slow keeps its registration."""
    cluster = Cluster(1)
    cluster.create_assigned("t", (1,))
    _tick(cluster, _SESSION_MS + 1)
    assert cluster.partition("t").leader == NO_LEADER
    assert cluster.heartbeat(1, _SESSION_MS + 2).is_fenced is False
    assert (cluster.partition("t").leader, cluster.partition("t").leader_epoch) == (1, 2)


def test_broker_without_leaderships_may_shut_down_at_once() -> None:
    """It is fenced with the same decision, and leaves the ISRs."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    result = cluster.heartbeat(2, want_shut_down=True)
    assert (result.is_fenced, result.should_shut_down) == (True, True)
    assert cluster.partition("t").isr == (1,)


def test_leader_hands_over_before_it_shuts_down() -> None:
    """It may go only when every live broker has heard of the new leaders (KIP-841)."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    first = cluster.heartbeat(1, want_shut_down=True)
    assert (first.is_fenced, first.should_shut_down) == (False, False)
    assert (cluster.partition("t").leader, cluster.partition("t").isr) == (2, (2,))
    assert cluster.heartbeat(1, want_shut_down=True).should_shut_down is False
    cluster.heartbeat(2)
    assert cluster.heartbeat(1, want_shut_down=True).should_shut_down is True
    assert cluster.image.brokers[1].fenced


def test_broker_on_its_way_out_is_in_no_new_isr() -> None:
    """It still serves clients, but gets nothing new."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    cluster.heartbeat(1, want_shut_down=True)
    assert [broker.broker_id for broker in cluster.image.alive_brokers()] == [1, 2]
    cluster.create_assigned("u", (1, 2))
    assert (cluster.partition("u").leader, cluster.partition("u").isr) == (2, (2,))


def test_restarted_broker_is_fully_back() -> None:
    """The mark of its shutdown does not outlive its registration."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    cluster.heartbeat(1, want_shut_down=True)
    cluster.heartbeat(2)
    cluster.heartbeat(1, want_shut_down=True)
    cluster.join(1, start=1)
    assert cluster.image.is_active(1)


def test_unregistered_broker_is_gone() -> None:
    """Its id is free, and an id that is free cannot be freed."""
    cluster = Cluster(2)
    cluster.carry_out(cluster.controller.unregister_broker(2))
    assert list(cluster.image.brokers) == [1]
    with pytest.raises(KafkaError) as raised:
        cluster.controller.unregister_broker(2)
    assert raised.value.code is ErrorCode.BROKER_ID_NOT_REGISTERED


def test_next_controller_gives_every_broker_a_fresh_session() -> None:
    """Heartbeats to the former controller count for nothing, and against nobody."""
    old = Cluster(2)
    controller = Controller(BrokerConfig.parse(1), Seeds(1))
    controller.replay(old.records, len(old.records))
    controller.activate(50_000)
    assert controller.next_deadline_ms() == 50_000 + _SESSION_MS + 1
    assert controller.tick(50_000 + _SESSION_MS).result is None


def test_next_controller_with_the_same_seed_draws_other_topic_ids() -> None:
    """A topic id is never used twice, though the topic is long gone."""
    cluster = Cluster(1)
    command = CreateTopics((NewTopic("t"),))
    first = cluster.controller.create_topics(command).result[0].topic_id
    controller = Controller(BrokerConfig.parse(1), Seeds(1))
    controller.replay(cluster.records, len(cluster.records))
    controller.activate(0)
    assert controller.create_topics(command).result[0].topic_id != first


def test_first_controller_makes_its_min_isr_that_of_the_cluster() -> None:
    """Brokers with another value of their own then agree; the next controller adds nothing."""
    first = Cluster(0, {"min.insync.replicas": 2})
    [record] = first.records
    assert record == ConfigChanged(BROKER_RESOURCE, "", "min.insync.replicas", "2")
    assert first.image.topic_config("t").min_insync_replicas == 2
    other = Controller(BrokerConfig.parse(2, {"min.insync.replicas": 3}), Seeds(1))
    other.replay(first.records, 1)
    assert other.activate(0).records == ()
    assert other.image.topic_config("t").min_insync_replicas == 2


def test_producer_ids_are_given_away_once() -> None:
    """Blocks are disjoint, also across controllers."""
    cluster = Cluster(2)
    blocks = []
    for broker_id in (1, 2, 1):
        command = AllocateProducerIds(broker_id, cluster.epochs[broker_id])
        blocks.append(cluster.carry_out(cluster.controller.allocate_producer_ids(command)))
    assert blocks == [
        ProducerIdBlock(0, 1000),
        ProducerIdBlock(1000, 1000),
        ProducerIdBlock(2000, 1000),
    ]
    with pytest.raises(KafkaError):
        cluster.controller.allocate_producer_ids(AllocateProducerIds(1, -1))


def test_elections_are_due_though_no_session_ever_ends() -> None:
    """An active controller knows from the first moment on when to hold them."""
    cluster = Cluster(2, {"broker.session.timeout.ms": 1_000_000})
    cluster.controller.activate(7)
    assert cluster.controller.next_deadline_ms() == 300_007


def test_preferred_leaders_are_elected_from_time_to_time() -> None:
    """Every leader.imbalance.check.interval.seconds leaderships go back where they belong."""
    cluster = Cluster(2, {"broker.session.timeout.ms": 1_000_000})
    cluster.create_assigned("t", (1, 2))
    _tick(cluster, 0)
    cluster.fence(1)
    cluster.heartbeat(1)
    state, topic_id = cluster.partition("t"), cluster.image.topics["t"].topic_id
    back = IsrChange(topic_id, 0, state.leader_epoch, state.partition_epoch, ((2, -1), (1, -1)))
    command = AlterPartition(2, cluster.epochs[2], (back,))
    cluster.carry_out(cluster.controller.alter_partition(command))
    assert cluster.controller.next_deadline_ms() == 300_000
    _tick(cluster, 299_999)
    assert cluster.partition("t").leader == 2
    _tick(cluster, 300_000)
    assert (cluster.partition("t").leader, cluster.partition("t").isr) == (1, (2, 1))
    _tick(cluster, 300_000)
    assert cluster.controller.next_deadline_ms() == 600_000


def test_unclean_registration_leaves_isr_and_elr_and_others_are_elected() -> None:
    """KIP-966: before the broker is registered, in one decision with it."""
    cluster = Cluster(3, {"min.insync.replicas": 2})
    cluster.create_assigned("t", (1, 2), (2, 1))
    for broker_id in (2, 3):
        cluster.heartbeat(broker_id, _SESSION_MS + 1)
    count = len(cluster.records)
    cluster.register(1, _SESSION_MS + 1, start=1)
    kinds = [type(record).__name__ for record in cluster.records[count:]]
    assert kinds == ["PartitionChanged", "PartitionChanged", "BrokerFenced", "BrokerRegistered"]
    for number in (0, 1):
        state = cluster.partition("t", number)
        assert (state.leader, state.isr, state.elr) == (2, (2,), ())


def test_clean_registration_stays_eligible() -> None:
    """KIP-966: it has lost nothing since it left."""
    cluster = Cluster(2, {"min.insync.replicas": 2})
    cluster.create_assigned("t", (1, 2))
    cluster.fence(1)
    cluster.register(1, start=1, clean=True)
    assert (cluster.partition("t").isr, cluster.partition("t").elr) == ((2,), (1,))
    cluster.fence(2)
    cluster.heartbeat(1)
    state = cluster.partition("t")
    assert (state.leader, state.elr, state.recovering) == (1, (2,), False)


def test_unregistered_broker_comes_back_uncleanly() -> None:
    """Nobody remembers the registration in which it may have shut down."""
    cluster = Cluster(2, {"min.insync.replicas": 2})
    cluster.create_assigned("t", (1, 2))
    cluster.carry_out(cluster.controller.unregister_broker(1))
    assert cluster.partition("t").elr == (1,)
    cluster.register(1, start=1, clean=True)
    assert cluster.partition("t").elr == ()


def test_unclean_leaders_are_elected_from_time_to_time() -> None:
    """Every unclean.leader.election.interval.ms, where the topic allows it."""
    config = {
        "broker.session.timeout.ms": 1_000_000,
        "auto.leader.rebalance.enable": False,
        "unclean.leader.election.interval.ms": 1_000,
        "unclean.leader.election.enable": True,
    }
    cluster = Cluster(2, config)
    cluster.create_assigned("t", (1,))
    _tick(cluster, 0)
    cluster.fence(1)
    assert cluster.partition("t").leader == NO_LEADER
    assert cluster.controller.next_deadline_ms() == 1_000
    _tick(cluster, 1_000)
    assert cluster.partition("t").leader == NO_LEADER, "nobody is alive"
    assert cluster.controller.next_deadline_ms() == 2_000
    assert cluster.controller.election_counts.unclean == 0


def test_new_controller_counts_its_own_elections_only() -> None:
    """What it replays happened under others."""
    cluster = Cluster(2, {"unclean.leader.election.enable": True})
    cluster.create_assigned("t", (1, 2))
    cluster.fence(2)
    cluster.heartbeat(2)
    cluster.fence(1)
    assert cluster.controller.election_counts.unclean == 1
    other = Controller(BrokerConfig.parse(2), Seeds(1))
    other.replay(cluster.records, len(cluster.records))
    other.activate(0)
    assert other.election_counts.unclean == 0
