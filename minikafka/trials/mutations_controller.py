"""Planted bugs of the controller's decisions: elections, epochs, ISRs, registrations.

They replace functions where they are called.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from minikafka.trials.mutation import Mutation, Patch

__all__ = ["CONTROLLER_MUTATIONS"]


def _keeps_the_epoch_of_a_leader_elected_again() -> list[Patch]:
    from minikafka.metadata import builder, leadership
    from minikafka.metadata.records import PartitionChanged

    real, apply = leadership._changed, builder._APPLY[PartitionChanged]

    def _changed(topic_id: Any, number: int, old: Any, target: Any, new: Any) -> Any:
        record = real(topic_id, number, old, target, new)
        if record is not None and old.last_known_elr == (record.leader,):
            return replace(record, leader_epoch=old.leader_epoch)
        return record

    def lenient(self: Any, record: Any) -> None:
        """Take over the epoch as it is: brokers check it and would crash."""
        partitions = self._topic(record.topic_id).partitions
        old = partitions[record.partition]
        gone = record.replicas and any(each not in record.replicas for each in old.replicas)
        right = old.leader_epoch + (record.leader != old.leader or bool(gone))
        apply(self, replace(record, leader_epoch=right))
        taken = partitions[record.partition]
        partitions[record.partition] = replace(taken, leader_epoch=record.leader_epoch)

    table = {**builder._APPLY, PartitionChanged: lenient}
    return [(leadership, "_changed", _changed), (builder, "_APPLY", table)]


def _elects_uncleanly_without_need() -> list[Patch]:
    from minikafka.metadata import leadership

    real = leadership.elect

    def elect(partition: Any, isr: Any, is_alive: Any, **more: Any) -> tuple[int, bool]:
        leader, unclean = real(partition, isr, is_alive, **more)
        if leader != partition.leader:
            for replica in partition.replicas:
                if replica not in isr and is_alive(replica):
                    return replica, True
        return leader, unclean

    return [(leadership, "elect", elect)]


def _takes_every_shutdown_for_clean() -> list[Patch]:
    from minikafka.metadata import controller

    return [(controller, "is_clean_shutdown", lambda former, previous_broker_epoch: True)]


def _lets_fenced_replicas_in() -> list[Patch]:
    from minikafka.metadata import partitions

    return [(partitions, "_all_eligible", lambda image, new_isr: True)]


def _asks_fenced_replicas_in() -> list[Patch]:
    from minikafka.broker.replica_manager import ReplicaManager

    return [(ReplicaManager, "_eligible", lambda self, broker_id, broker_epoch: True)]


def _ignores_the_partition_epoch() -> list[Patch]:
    from minikafka.metadata import partitions

    real = partitions._problem

    def _problem(image: Any, sender: int, partition: Any, change: Any) -> Any:
        known = replace(change, partition_epoch=partition.partition_epoch)
        return real(image, sender, partition, known)

    return [(partitions, "_problem", _problem)]


def _registers_beside_a_living_broker() -> list[Patch]:
    from minikafka.metadata.commands import Decision, Registration
    from minikafka.metadata.controller import Controller

    real = Controller.register_broker

    def register_broker(self: Any, command: Any, now_ms: int) -> Any:
        decision = real(self, command, now_ms)
        if len(decision.records) < 2:
            return decision
        broker_epoch = self.image.offset
        record = replace(decision.records[-1], broker_epoch=broker_epoch)
        return Decision((record,), Registration(broker_epoch))

    return [
        (Controller, "_is_live", lambda self, broker, now_ms: False),
        (Controller, "register_broker", register_broker),
    ]


CONTROLLER_MUTATIONS: dict[str, Mutation] = {
    "M21": Mutation(
        "a leader that is elected again keeps its leader epoch",
        ("C1", "R1"),
        _keeps_the_epoch_of_a_leader_elected_again,
        ("kill", "power_loss"),
        ancestor="KAFKA-10527, of the quorum",
    ),
    "M22": Mutation(
        "a replica from outside the ISR is elected though one of the ISR is alive",
        ("C6",),
        _elects_uncleanly_without_need,
        ("kill",),
        ancestor="what unclean.leader.election.enable says",
        tier=1,
    ),
    "M24": Mutation(
        "every shutdown counts as clean",
        ("R18", "C7", "R3"),
        _takes_every_shutdown_for_clean,
        ("kill", "power_loss"),
        ancestor="KIP-966",
        tier=1,
    ),
    "M26": Mutation(
        "the controller lets a fenced replica into the ISR",
        ("C5", "C3"),
        _lets_fenced_replicas_in,
        ("late_leader",),
        ancestor="KAFKA-13916, KAFKA-14140",
        config={
            "broker.session.timeout.ms": 5_000,
            "broker.heartbeat.interval.ms": 500,
            "controller.quorum.fetch.timeout.ms": 6_000,
            "replica.lag.time.max.ms": 1_000,
        },
    ),
    "fenced-wish": Mutation(
        "a leader asks for a fenced replica in the ISR",
        ("R9",),
        _asks_fenced_replicas_in,
        ("fenced_follower",),
        ancestor="KAFKA-13916",
        config={"broker.session.timeout.ms": 3_000},
    ),
    "M27": Mutation(
        "the controller takes an ISR that was proposed for an older state",
        ("C5",),
        _ignores_the_partition_epoch,
        ("late_leader",),
        ancestor="KIP-497",
        tier=1,
        config={
            "broker.session.timeout.ms": 5_000,
            "broker.heartbeat.interval.ms": 500,
            "controller.quorum.fetch.timeout.ms": 6_000,
            "replica.lag.time.max.ms": 4_500,
        },
    ),
    "M94": Mutation(
        "a broker is registered anew while its former life is not fenced",
        ("C7",),
        _registers_beside_a_living_broker,
        ("kill",),
        ancestor="KIP-631",
    ),
}
"""Planted bugs of this kind, by id."""
