"""Each rule of replication, shown an event that breaks it."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any, cast

from minikafka.base.ids import TopicPartition
from minikafka.metadata.states import MetadataDelta, PartitionImage
from minikafka.records.batch import Batch, stamp
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.replication.leader import IsrWish
from minikafka.trials import rules_replication
from minikafka.trials.chains import Chain
from minikafka.trials.ghost import Ghost, GhostPartition, Loss
from minikafka.trials.invariants import (
    REGISTERED,
    Applied,
    Hook,
    IsrConsidered,
    Produced,
    Replica,
)

assert rules_replication.REGISTERED_HERE, "importing it registers the rules"

TOPIC_ID = uuid.UUID(int=7)
NAME = TopicPartition("t", 0)
LAG_MAX_MS = 1_000


def batch(base_offset: int, value: bytes = b"v", epoch: int = 0) -> Batch:
    """Return a stamped batch of one record."""
    made = build_batch([Record(0, 0, None, value, ())])
    stamp(made, base_offset, epoch)
    return made


def wrong(hook: Hook, event: object) -> list[str]:
    """Return the names of the rules of this file that an event breaks."""
    own = rules_replication.__name__
    rules = [(name, rule) for name, rule in REGISTERED[hook] if rule.__module__ == own]
    return sorted({name for name, rule in rules if rule(event) is not None})


class World:
    """Partition t-0 of brokers 1, 2, 3 with three batches each; broker 1 leads in epoch 0."""

    def __init__(self) -> None:
        self.ghost = GhostPartition("t-0", internal=False)
        self.ghost.leaders[0] = 1
        self.world = Ghost()
        self.world.partitions[TOPIC_ID, 0] = self.ghost
        self.state = PartitionImage(1, 0, 0, (1, 2, 3), (1, 2, 3))
        for broker in (1, 2, 3):
            self.log(broker, batch(0), batch(1), batch(2))
        self.leader: Any = SimpleNamespace(
            broker_id=1,
            replicas=(1, 2, 3),
            isr=(1, 2, 3),
            maximal_isr=(1, 2, 3),
            pending_isr=None,
            min_isr=2,
            leader_epoch=0,
            partition_epoch=0,
            leader_epoch_start_offset=0,
            lag_max_ms=LAG_MAX_MS,
            log=self.ghost.chains[1].log,
            progress={
                broker: SimpleNamespace(
                    log_end_offset=3, last_caught_up_ms=0, broker_epoch=10 + broker
                )
                for broker in (2, 3)
            },
        )
        self.follower: Any = SimpleNamespace(leader_id=1, leader_epoch=0)
        self.partition: Any = SimpleNamespace(
            topic_partition=NAME,
            topic_id=TOPIC_ID,
            leader=self.leader,
            follower=None,
            internal=False,
        )
        brokers = {
            broker: SimpleNamespace(broker_epoch=10 + broker, active=True)
            for broker in (1, 2, 3)
        }
        self.image: Any = SimpleNamespace(
            topics={"t": SimpleNamespace(topic_id=TOPIC_ID, partitions=[self.state])},
            topic_names={TOPIC_ID: "t"},
            brokers=brokers,
            partition=lambda name: self.state,
        )
        self.world.image = self.image
        replicas = SimpleNamespace(partition=lambda name: self.partition)
        living: Any = SimpleNamespace(image=self.image, replicas=replicas)
        self.world.brokers[1] = living

    def record(self, state: PartitionImage) -> None:
        """Have the controller record something else."""
        self.state = state
        self.image.topics["t"].partitions[0] = state

    def log(self, broker: int, *batches: Batch) -> Chain:
        """Give a broker a log with these batches."""
        log = SimpleNamespace(
            topic_id=TOPIC_ID,
            partition=NAME,
            log_start_offset=0,
            high_watermark=0,
            log_end_offset=len(batches),
            config=SimpleNamespace(min_insync_replicas=2),
        )
        chain = self.ghost.chains[broker] = Chain(cast("Any", log))
        for each in batches:
            chain.append(each)
        return chain

    def moved(self, watermark: int = 3) -> list[str]:
        """Return what a move of the leader's watermark from 0 breaks."""
        chain = self.ghost.chains[1]
        chain.log.high_watermark = watermark
        replica = Replica(
            1, chain.log, self.ghost, chain, 0, (), 0, (), self.partition, self.world
        )
        return wrong("watermark", replica)

    def applied(self) -> list[str]:
        """Return what is broken when the newest record is applied."""
        delta = MetadataDelta(partitions_changed=(NAME,))
        return wrong("applied", Applied(2, self.image, delta, self.world, newest=True))

    def considered(self, *isr: int, now_ms: int = 0) -> list[str]:
        """Return what is broken when the leader asks for an ISR; for none if it is empty."""
        epochs = tuple(10 + broker for broker in isr)
        wish = IsrWish(isr, epochs, 0, 0) if isr else None
        event = IsrConsidered(1, self.ghost, self.leader, wish, now_ms, self.world)
        return wrong("isr", event)


def test_sound_replicas_break_nothing() -> None:
    """Three equal logs, all in sync."""
    world = World()
    assert world.moved() == []
    assert world.applied() == []
    assert world.considered() == []


def test_member_without_what_becomes_committed_breaks_r4_and_r6() -> None:
    """Whoever may be elected, and whoever the leader counts, holds what the watermark passes."""
    world = World()
    world.log(3, batch(0), batch(1))
    assert world.moved() == ["R4", "R6"]
    world.ghost.losses[3] = Loss(3, 2)
    assert world.moved() == []


def test_member_with_another_record_breaks_r4_and_r6() -> None:
    """A log of the right length is not enough."""
    world = World()
    world.log(3, batch(0), batch(1), batch(2, b"another"))
    assert world.moved() == ["R4", "R6"]


def test_candidate_without_what_is_committed_breaks_r4() -> None:
    """Nobody becomes electable who lacks something, unless his election is still to be judged."""
    world = World()
    world.ghost.committed = list(world.ghost.chains[1].entries)
    world.log(3, batch(0))
    assert world.applied() == ["R4"]
    world.record(PartitionImage(3, 1, 1, (1, 2, 3), (3,)))
    assert world.applied() == []


def test_electable_broker_that_its_leader_does_not_count_breaks_r5() -> None:
    """While a change is in flight the larger ISR counts (KIP-497)."""
    world = World()
    world.leader.isr = world.leader.maximal_isr = (1, 2)
    assert "R5" in world.moved()
    assert world.applied() == ["R5"]
    world.leader.maximal_isr = (1, 2, 3)
    assert world.applied() == []


def test_watermark_that_moves_under_min_isr_breaks_r6() -> None:
    """What too few hold is not shown to anybody (KAFKA-15583)."""
    world = World()
    world.record(PartitionImage(1, 0, 0, (1, 2, 3), (1,)))
    world.leader.isr = world.leader.maximal_isr = (1,)
    assert world.moved() == ["R6"]


def test_position_of_a_process_that_is_gone_breaks_r6() -> None:
    """What a former registration had, its successor may have lost."""
    world = World()
    world.ghost.losses[3] = Loss(3, 2)
    world.leader.progress[3].broker_epoch = 5
    assert world.moved() == ["R6"]


def test_joining_the_isr_without_all_of_the_leaders_past_breaks_r9() -> None:
    """The start of the epoch counts where the watermark still lags behind it (KAFKA-7128)."""
    world = World()
    world.record(PartitionImage(1, 0, 0, (1, 2, 3), (1, 2)))
    world.leader.isr = world.leader.maximal_isr = (1, 2)
    world.leader.leader_epoch_start_offset = 3
    assert world.considered(1, 2, 3) == []
    world.log(3, batch(0), batch(1))
    assert world.considered(1, 2, 3) == ["R9"]
    world.record(PartitionImage(3, 1, 0, (1, 2, 3), (1, 2)))
    assert world.considered(1, 2, 3) == [], "who has been deposed asks in vain"
    world.record(PartitionImage(1, 0, 0, (1, 2, 3), (1, 2)))
    world.leader.leader_epoch_start_offset = 2
    assert world.considered(1, 2, 3) == []
    world.image.brokers[3].active = False
    assert world.considered(1, 2, 3) == ["R9"]


def test_idle_member_put_out_of_the_isr_breaks_r10() -> None:
    """Who is at the end is in sync, however long nothing was written (KAFKA-7152)."""
    world = World()
    assert world.considered(1, 2, now_ms=60_000) == ["R10"]


def test_member_that_is_behind_since_a_moment_put_out_breaks_r10() -> None:
    """Only replica.lag.time.max.ms makes it one that is not in sync."""
    world = World()
    world.leader.progress[3].log_end_offset = 2
    assert world.considered(1, 2, now_ms=LAG_MAX_MS) == ["R10"]
    assert world.considered(1, 2, now_ms=LAG_MAX_MS + 1) == []


def test_member_that_is_behind_for_ever_and_kept_breaks_r10() -> None:
    """Who fetches, and never reaches where the log was a lag time ago, has to go (KIP-16)."""
    world = World()
    world.ghost.chains[3].cut(2)
    world.leader.progress[3].log_end_offset = 2
    assert world.considered(now_ms=0) == []
    assert world.considered(now_ms=LAG_MAX_MS) == []
    assert world.considered(now_ms=LAG_MAX_MS + 1) == ["R10"]
    world.leader.progress[3].broker_epoch += 1
    assert world.considered(now_ms=LAG_MAX_MS + 1) == []


def test_isr_that_nobody_has_recorded_breaks_r10() -> None:
    """A leader that cannot reach the controller keeps its ISR."""
    world = World()
    world.leader.isr = (1, 2)
    assert world.considered() == ["R10"]


def test_acks_all_written_under_min_isr_breaks_r12() -> None:
    """It is refused before it is written; acks=1 is not."""
    world = World()
    world.leader.isr = (1,)
    assert wrong("produced", Produced(1, world.leader, -1)) == ["R12"]
    assert wrong("produced", Produced(1, world.leader, 1)) == []


def test_records_that_the_leader_does_not_have_break_r17() -> None:
    """An answer to an earlier question, of another epoch or position, is not taken over."""
    world = World()
    chain = world.log(2, batch(0), batch(1), batch(2, b"late"))
    follower = SimpleNamespace(leader=None, follower=world.follower)
    event = Replica(
        2, chain.log, world.ghost, chain, -1, chain.entries[-1:], 2, (), cast("Any", follower)
    )
    assert wrong("appended", event._replace(world=world.world)) == ["R17"]
    world.leader.leader_epoch = 1
    assert wrong("appended", event._replace(world=world.world)) == []
