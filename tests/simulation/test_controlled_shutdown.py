"""Shutting down in good order, and not: who leads meanwhile, and who may lead afterwards.

The partition is on brokers 2 and 3; broker 1 is the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import NO_LEADER, TopicPartition
from minikafka.broker.broker import Broker
from minikafka.metadata.commands import ElectionType
from minikafka.metadata.elections import ElectionCounts
from minikafka.metadata.records import BrokerRegistered
from minikafka.metadata.states import PartitionImage
from minikafka.trials.metadata_history import Recorded
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

T = TopicPartition("t", 0)
CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 500,
    "replica.lag.time.max.ms": 2_000,
}


def ran(scenario: Callable[[Simulation], Coroutine[Any, Any, Any]], min_isr: int) -> Any:
    """Run a scenario and return its value; it must not fail."""

    async def with_topic(s: Simulation) -> Any:
        assignment = {"partition_index": 0, "broker_ids": [2, 3]}
        topic = {
            "name": "t",
            "num_partitions": -1,
            "replication_factor": -1,
            "assignments": [assignment],
            "configs": [],
        }
        shape = {"topics": [topic], "timeout": 10_000, "validate_only": False}
        answer = await asked(s, ApiKey.CREATE_TOPICS, 7, shape)
        assert answer.topics[0].error_code == ErrorCode.NONE
        await s.sleep(1)
        await s.cluster.client().produce("t", 0, [b"a"])
        return await scenario(s)

    config = {**CONFIG, "min.insync.replicas": min_isr}
    # Broker 1 decides alone, so that the two replicas may both be down.
    result = run(with_topic, seed=3, config=config, voters=1, keep_trace=False)
    assert result.error is None, result.text()
    return result.value


async def asked(s: Simulation, key: ApiKey, version: int, shape: Any) -> Any:
    """Ask the controller's broker."""
    request = build_request(key, version, shape)
    return await s.cluster._nodes[1].call(key, version, request, "test")


def state(s: Simulation) -> PartitionImage:
    """Return the partition as it is recorded."""
    image = s.invariants.ghost.image
    found = None if image is None else image.partition(T)
    assert found is not None
    return found


def broker(s: Simulation, broker_id: int) -> Broker:
    """Return a broker that is up."""
    return s.cluster._nodes[broker_id].broker


def counts(s: Simulation) -> ElectionCounts:
    """Return what the controller has counted."""
    controller = broker(s, 1).quorum.controller
    assert controller is not None
    return controller.election_counts


def at_registration(s: Simulation) -> list[PartitionImage]:
    """Return the partition's states at each registration from now on."""
    seen: list[PartitionImage] = []

    def note(recorded: Recorded) -> None:
        if isinstance(recorded.record, BrokerRegistered):
            seen.append(recorded.after.topics["t"].partitions[0])

    s.invariants.add("none", "recorded", note)
    return seen


def test_leader_that_shuts_down_hands_over_before_it_goes() -> None:
    """KIP-841: the others know the new leader when the old one is let go."""

    async def scenario(s: Simulation) -> None:
        at_end: list[tuple[PartitionImage, int]] = []
        other = broker(s, 3)
        s.broker(2).host.on_crash.append(
            lambda: at_end.append((state(s), other.image.topics["t"].partitions[0].leader))
        )
        await s.broker(2).shut_down()
        [(recorded, known)] = at_end
        assert (recorded.leader, recorded.isr, known) == (3, (3,), 3)
        s.broker(2).restart()
        await s.converged()
        assert (counts(s).unclean, counts(s).from_elr) == (0, 0)

    ran(scenario, min_isr=1)


def test_last_one_to_shut_down_waits_for_nobody() -> None:
    """Where nobody can take over, the partition is left without a leader."""

    async def scenario(s: Simulation) -> None:
        await s.broker(2).shut_down()
        began = s.now
        await s.broker(3).shut_down()
        assert s.now - began < 2
        assert (state(s).leader, state(s).isr, state(s).elr) == (NO_LEADER, (), (2, 3))
        s.broker(2).restart()
        s.broker(3).restart()
        await s.converged()

    ran(scenario, min_isr=2)


def test_who_shut_down_cleanly_leads_again_from_the_elr() -> None:
    """KIP-966: it has all that was committed, though it was not the last one in sync."""

    async def scenario(s: Simulation) -> None:
        seen = at_registration(s)
        await s.broker(2).shut_down()
        await s.broker(3).shut_down()
        s.broker(2).restart()
        await s.until(lambda: state(s).leader == 2)
        assert [each.elr for each in seen] == [(2, 3)]
        assert (counts(s).unclean, counts(s).from_elr) == (0, 1)
        s.broker(3).restart()
        await s.converged()

    ran(scenario, min_isr=2)


def test_killed_broker_is_eligible_no_more() -> None:
    """KIP-966: SIGKILL is an unclean shutdown, though the disk kept all."""

    async def scenario(s: Simulation) -> None:
        seen = at_registration(s)
        s.broker(3).crash("kill")
        await s.until(lambda: state(s).elr == (3,))
        s.broker(3).restart()
        await s.converged()
        assert [(each.isr, each.elr) for each in seen] == [((2,), ())]

    ran(scenario, min_isr=2)


def test_clean_shutdown_counts_once() -> None:
    """Who is killed after it finds no note of the time before."""

    async def scenario(s: Simulation) -> None:
        await s.broker(3).shut_down()
        s.broker(3).restart()
        await s.converged()
        seen = at_registration(s)
        s.broker(3).crash("power")
        await s.until(lambda: state(s).elr == (3,))
        s.broker(3).restart()
        await s.converged()
        assert [(each.isr, each.elr) for each in seen] == [((2,), ())]

    ran(scenario, min_isr=2)


def test_last_known_leader_leads_when_nobody_is_known_to_be_complete() -> None:
    """KIP-966: after unclean shutdowns of all; it is an unclean election, and told as one."""
    heard: list[TopicPartition] = []

    async def scenario(s: Simulation) -> None:
        observer: Any = broker(s, 1).observer
        observer.unclean_election = lambda broker, partition: heard.append(partition)
        s.broker(2).crash("kill")
        await s.until(lambda: state(s).leader == 3)
        s.broker(3).crash("kill")
        await s.until(lambda: state(s).leader == NO_LEADER)
        s.broker(2).restart()
        await s.until(lambda: state(s).elr == (3,))
        await s.sleep(3)
        assert state(s).leader == NO_LEADER
        s.broker(3).restart()
        await s.until(lambda: state(s).leader == 3)
        assert (counts(s).unclean, counts(s).from_elr) == (1, 0)
        await s.converged()

    ran(scenario, min_isr=2)
    assert heard == [T]


def test_unclean_election_costs_what_the_old_leader_must_cut_away() -> None:
    """It is counted where the records are lost, and licensed by who asked for it."""

    async def scenario(s: Simulation) -> None:
        s.broker(3).crash("kill")
        await s.until(lambda: state(s).isr == (2,))
        await s.cluster.client().produce("t", 0, [b"b"])
        s.network.partition("b2", ["b1", "b3"])
        await s.until(lambda: state(s).leader == NO_LEADER)
        s.broker(3).restart()
        ghost = s.invariants.ghost
        assert ghost.image is not None
        await s.until(lambda: ghost.image is not None and ghost.image.is_active(3))
        ghost.unclean_asked[ghost.image.topics["t"].topic_id, 0] = None
        shape = {
            "election_type": int(ElectionType.UNCLEAN),
            "topic_partitions": [{"topic": "t", "partitions": [0]}],
            "timeout": 10_000,
        }
        answer = await asked(s, ApiKey.ELECT_LEADERS, 2, shape)
        [told] = answer.replica_election_results[0].partition_result
        assert told.error_code == ErrorCode.NONE
        assert (state(s).leader, counts(s).unclean) == (3, 1)
        s.network.heal()
        await s.converged()
        assert (broker(s, 2).replicas.records_lost, ghost.licensed_losses) == (1, 1)

    ran(scenario, min_isr=1)
