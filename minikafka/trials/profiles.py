"""What a trial is drawn from: faults, clients, and the shape of its cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from minikafka.cluster.topics import ConfigInput
from minikafka.replication.selector import RACK_AWARE
from minikafka.trials import chaos
from minikafka.trials.chaos_directed import DIRECTED_KINDS
from minikafka.trials.chaos_producers import PRODUCER_KINDS
from minikafka.trials.chaos_quorum import QUORUM_KINDS
from minikafka.trials.mutation import Acks, Mutation, Protocol

__all__ = [
    "APPLIED",
    "LEDGER",
    "PROFILES",
    "GroupPlan",
    "Profile",
    "Shape",
    "TransactionPlan",
    "drawn_groups",
    "drawn_kinds",
    "drawn_shape",
    "drawn_transactions",
]


@dataclass(frozen=True)
class Profile:
    """What a trial is drawn from.

    Args:
        about: in a few words.
        kinds: of faults; each is on in half of the seeds (swarm testing), unless `all_kinds`.
        every_s: least and most seconds between the beginnings of two faults.
        gap_s: average seconds between two sends of one producer.
        swarm: the cluster, its topics, promises and timeouts are drawn, too.
        groups: how often there are consumer groups, and faults that aim at them.
        members_max: of one group; with fewer than four there is no second group.
        transactions: how often there are applications with transactions, and faults that aim at them.
    """

    about: str
    kinds: tuple[Callable[..., Any], ...] = chaos.ALL_KINDS
    all_kinds: bool = False
    every_s: tuple[float, float] = (0.5, 3.0)
    producers: int = 2
    consumers: int = 2
    down_at_once: int = 1
    gap_s: float = 0.7
    swarm: bool = False
    groups: float = 0.0
    members_max: int = 4
    transactions: float = 0.0


PROFILES: dict[str, Profile] = {
    "default": Profile("3 or 4 brokers, every kind of fault in half of the seeds"),
    "calm": Profile("the same clients and no faults", kinds=()),
    "storm": Profile(
        "every kind of fault in every seed", all_kinds=True, every_s=(0.2, 1.5), down_at_once=3
    ),
    "swarm": Profile(
        "3 to 5 brokers, and topics, promises and timeouts as they come",
        kinds=(*chaos.ALL_KINDS, *DIRECTED_KINDS, *QUORUM_KINDS, *PRODUCER_KINDS),
        swarm=True,
        groups=0.5,
        members_max=3,  # each member costs as much as a consumer
    ),
    "groups": Profile(
        "consumer groups, and faults that hit their members and coordinators",
        consumers=1,
        every_s=(1.0, 5.0),
        groups=1.0,
    ),
    "transactions": Profile(
        "applications with transactions, and faults that hit them and their coordinators",
        producers=1,
        consumers=0,
        every_s=(2.0, 9.0),
        transactions=1.0,
    ),
}


CLASSIC: Protocol = "classic"
PROTOCOLS: tuple[tuple[Protocol, float], ...] = (("consumer", 0.35), ("share", 0.4))
"""How often the last group of a trial with groups is of another protocol: each, if not the one before."""
CONSUMER_TIMES: Mapping[str, ConfigInput] = {
    "group.consumer.min.session.timeout.ms": 6_000,
    "group.consumer.session.timeout.ms": 6_000,
    "group.consumer.min.heartbeat.interval.ms": 1_000,
    "group.consumer.heartbeat.interval.ms": 1_000,
}
"""Of members of the consumer protocol, whose times are the brokers'; as of classic ones here."""
SHARE_CONFIG: Mapping[str, ConfigInput] = {
    "group.share.enable": True,
    "group.share.min.session.timeout.ms": 6_000,
    "group.share.session.timeout.ms": 6_000,
    "group.share.min.heartbeat.interval.ms": 1_000,
    "group.share.heartbeat.interval.ms": 1_000,
    "group.share.min.record.lock.duration.ms": 1_000,
    "group.share.record.lock.duration.ms": 3_000,
    "share.coordinator.state.topic.num.partitions": 2,
    "share.coordinator.snapshot.update.records.per.snapshot": 20,
}
"""Under which trials have share groups, and locks that end while they last."""


@dataclass(frozen=True)
class GroupPlan:
    """One consumer group of a trial.

    Args:
        assignor: `range`, `roundrobin` or `sticky`.
        by_hand: members commit what they have processed; else the client does, now and then.
        static: members have a `group.instance.id`.
        rebalance_ms: how long a rebalance waits for members.
        protocol: `classic` members are aiokafka's, others our own; then `assignor` is one of the
            server's, and `share` members have none of all that.
    """

    name: str
    members: int
    assignor: str
    by_hand: bool
    static: bool
    rebalance_ms: int
    protocol: Protocol = "classic"


LEDGER = "ledger"
"""What writers write to."""
APPLIED = "applied"
"""What appliers write to."""
TRANSACTION_CONFIG: Mapping[str, ConfigInput] = {
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
    "offsets.retention.minutes": 2_000_000,
}
"""Under which transactions time out, and no offset is forgotten where a clock leaps by a year."""


@dataclass(frozen=True)
class TransactionPlan:
    """The applications with transactions of a trial.

    Args:
        partitions: of `LEDGER` and of `APPLIED`.
        gap_s: average seconds between two transactions of one writer.
    """

    writers: int
    own_writers: int
    appliers: int
    partitions: int
    gap_s: float = 0.7


@dataclass(frozen=True)
class Shape:
    """What one trial is run on.

    Args:
        topics: with their numbers of partitions.
        acks: of each producer.
        down_at_once: as in `Profile`.
        replication_factor: of the topics; None as the config says.
        racks: of the brokers; consumers then read in their own.
        core: after the faults one broker stays down for a while, and the others must do.
        groups: consumer groups.
        compacted: what they commit is compacted while the trial lasts.
        transactions: applications with transactions.
    """

    brokers: int
    topics: dict[str, int]
    config: Mapping[str, ConfigInput]
    acks: tuple[Acks, ...]
    down_at_once: int
    core: bool = False
    replication_factor: int | None = None
    racks: tuple[str, ...] | None = None
    groups: tuple[GroupPlan, ...] = ()
    compacted: bool = False
    transactions: TransactionPlan | None = None

    @property
    def all_topics(self) -> Mapping[str, int]:
        """Those of applications, too."""
        plan = self.transactions
        if plan is None:
            return self.topics
        return {**self.topics, LEDGER: plan.partitions, APPLIED: plan.partitions}


def drawn_kinds(
    profile: Profile, draws: Random, mutation: Mutation | None
) -> tuple[Callable[..., Any], ...]:
    """Return the faults of a trial: those that a planted bug needs, or what is drawn."""
    drawn = tuple(kind for kind in profile.kinds if draws.random() < 0.5 or profile.all_kinds)
    if mutation is not None and mutation.kinds:
        return tuple(chaos.KINDS[name] for name in mutation.kinds)
    return drawn or profile.kinds[:1]


def drawn_shape(profile: Profile, draws: Random, mutation: Mutation | None) -> Shape:
    """Return the cluster, the topics and the clients of a trial."""
    shape = _swarm(profile, draws) if profile.swarm else _usual(profile, draws)
    if mutation is None:
        return shape
    acks = shape.acks if mutation.acks is None else (mutation.acks,) * len(shape.acks)
    config = {**shape.config, **mutation.config}
    racks = shape.racks
    if racks is None and config.get("replica.selector.class") == RACK_AWARE:
        racks = _named_racks(shape.brokers)
    return replace(shape, config=config, acks=acks, racks=racks)


def drawn_groups(profile: Profile, seed: int, mutation: Mutation | None, shape: Shape) -> Shape:
    """Return the trial with its consumer groups, if it has any.

    They are drawn apart from all else: trials without groups are what they were before there
    were any.
    """
    draws = Random(f"{seed}:groups")  # noqa: S311 - reproducible
    if draws.random() >= profile.groups or (mutation is not None and not mutation.groups):
        return shape
    plans = tuple(
        GroupPlan(
            f"g{number}",
            min(draws.choice((2, 2, 3, 4)), profile.members_max),
            draws.choice(("range", "roundrobin", "sticky")),
            draws.random() < 0.7,
            draws.random() < 0.3,
            draws.choice((3_000, 6_000, 10_000)),
        )
        for number in range(draws.choice((1, 1, 2)) if profile.members_max > 3 else 1)
    )
    config = {"offsets.topic.num.partitions": draws.randint(1, 3), **shape.config}
    compacted = draws.random() < 0.5 if mutation is None else mutation.compacted
    if compacted:
        config = {"log.cleaner.backoff.ms": 500, **config}
    return _protocols(
        seed, mutation, replace(shape, config=config, groups=plans, compacted=compacted)
    )


def drawn_transactions(
    profile: Profile, seed: int, mutation: Mutation | None, shape: Shape
) -> Shape:
    """Return the trial with applications with transactions, if it has any; drawn apart, too."""
    draws = Random(f"{seed}:transactions")  # noqa: S311 - reproducible
    if draws.random() >= profile.transactions or (
        mutation is not None and not mutation.transactions
    ):
        return shape
    plan = TransactionPlan(
        draws.choice((1, 2)),
        draws.choice((1, 2)),
        draws.choice((0, 0, 1, 2)),
        draws.randint(1, 3),
    )
    config = {
        "transaction.state.log.num.partitions": draws.randint(1, 2),
        "offsets.topic.num.partitions": draws.randint(1, 2),
        **TRANSACTION_CONFIG,
        **shape.config,
    }
    # With two replicas, and both of them needed, little is ever decided.
    copies = None if shape.replication_factor is None else max(3, shape.replication_factor)
    return replace(shape, config=config, replication_factor=copies, transactions=plan)


def _protocols(seed: int, mutation: Mutation | None, shape: Shape) -> Shape:
    """Let the last group of some trials be of another protocol than the classic one.

    Drawn apart, too: other trials with groups, and planted bugs of classic ones, stay the same.
    """
    draws = Random(f"{seed}:protocols")  # noqa: S311 - reproducible
    drawn = next((each for each, end in PROTOCOLS if draws.random() < end), CLASSIC)
    protocol = drawn if mutation is None else mutation.protocol
    if protocol == "classic":
        return shape
    *others, last = shape.groups
    assignor = draws.choice(("uniform", "range"))
    plan = replace(last, assignor=assignor, by_hand=protocol == "consumer", protocol=protocol)
    config = {**(CONSUMER_TIMES if protocol == "consumer" else SHARE_CONFIG), **shape.config}
    return replace(shape, config=config, groups=(*others, plan))


def _usual(profile: Profile, draws: Random) -> Shape:
    topics = {"orders": draws.randint(1, 3), "events": 1}
    acks: tuple[Acks, ...] = tuple(
        1 if number and draws.random() < 0.5 else "all" for number in range(profile.producers)
    )
    brokers = draws.choice((3, 3, 3, 4))
    racks, config = _racks(draws, brokers)
    return Shape(
        brokers,
        topics,
        {**_timeouts(draws), **config},
        acks,
        profile.down_at_once,
        replication_factor=draws.choice((2, 3, 3, 3)),
        racks=racks,
    )


def _racks(
    draws: Random, brokers: int
) -> tuple[tuple[str, ...] | None, dict[str, ConfigInput]]:
    """Draw whether brokers stand in racks, and return the config that goes with it (KIP-392)."""
    if draws.random() >= 0.3:
        return None, {}
    return _named_racks(brokers), {"replica.selector.class": RACK_AWARE}


def _named_racks(brokers: int) -> tuple[str, ...]:
    return tuple("abc"[broker % 3] for broker in range(brokers))


def _swarm(profile: Profile, draws: Random) -> Shape:
    brokers = draws.randint(3, 5)
    replication_factor = draws.randint(1, brokers)
    promises: tuple[Acks, ...] = ("all", "all", 1, 0)
    unclean = draws.random() < 0.3
    racks, rack_config = _racks(draws, brokers)
    config: dict[str, ConfigInput] = {
        **rack_config,
        **_timeouts(draws),
        "default.replication.factor": replication_factor,
        "min.insync.replicas": draws.randint(1, replication_factor),
        "leader.imbalance.check.interval.seconds": draws.choice((1, 10, 300)),
        "unclean.leader.election.enable": "true" if unclean else "false",
        # Leaderless partitions are looked at only so often.
        "unclean.leader.election.interval.ms": draws.choice((1_000, 5_000, 30_000)),
        **_snapshots(draws),
    }
    return Shape(
        brokers,
        {"orders": draws.randint(1, 6), "events": 1},
        config,
        tuple(draws.choice(promises) for _ in range(profile.producers)),
        draws.randint(1, brokers - 1),
        core=draws.random() < 0.5,
        racks=racks,
    )


def _snapshots(draws: Random) -> dict[str, ConfigInput]:
    """Draw how often metadata is made a snapshot of, and how much of its log is kept."""
    return {
        "metadata.log.max.record.bytes.between.snapshots": draws.choice((200, 2_000, 20_000)),
        "metadata.max.retention.bytes": draws.choice((1, 5_000, 100_000)),
        "internal.metadata.max.fetch.size.in.bytes": draws.choice((300, 8_388_608)),
    }


def _timeouts(draws: Random) -> dict[str, ConfigInput]:
    """Draw timeouts and limits within what Kafka allows."""
    return {
        "broker.session.timeout.ms": draws.choice((3_000, 5_000, 9_000)),
        "broker.heartbeat.interval.ms": draws.choice((1_000, 2_000)),
        "replica.lag.time.max.ms": draws.choice((2_000, 5_000, 10_000)),
        "replica.fetch.wait.max.ms": draws.choice((500, 1_000)),
        "min.insync.replicas": draws.choice((1, 2, 2)),
    }
