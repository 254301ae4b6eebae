"""Where the replicas of new partitions go: evenly over racks, then over brokers.

Pure but for the generator passed in, which picks where to start. Racks take turns, and so do
the brokers of a rack; fenced brokers come last in their rack and never first in a partition,
since the first replica leads. After each full round the order is shuffled, so that the same
brokers do not always stand together.
Counterpart: org.apache.kafka.metadata.placement.StripedReplicaPlacer; KIP-36 (racks), KIP-455.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId
from minikafka.metadata.states import BrokerImage

__all__ = ["Generator", "place"]


class Generator(Protocol):
    """What placement needs of a random generator; `random.Random` has it."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 up to `stop`, exclusive."""
        ...

    def shuffle(self, x: list[Any], /) -> None:
        """Put `x` in another order."""
        ...


class _Ring:
    """Brokers that take turns; each round starts one further."""

    def __init__(self, brokers: list[BrokerId], generator: Generator) -> None:
        self._brokers = sorted(brokers)
        self._start = generator.randrange(len(brokers)) if brokers else 0
        self._taken = 0
        self._round = 0

    def take(self, current_round: int) -> BrokerId | None:
        """Return the next broker of this round, or None when all have had their turn."""
        if not self._brokers:
            return None
        if self._round != current_round:
            self._round = current_round
            self._taken = 0
            self._start = (self._start + 1) % len(self._brokers)
        if self._taken >= len(self._brokers):
            return None
        broker = self._brokers[(self._taken + self._start) % len(self._brokers)]
        self._taken += 1
        return broker

    def shuffle(self, generator: Generator) -> None:
        generator.shuffle(self._brokers)


class _Rack:
    """The brokers of one rack."""

    def __init__(self, brokers: list[BrokerImage], generator: Generator) -> None:
        self.fenced = _Ring([item.broker_id for item in brokers if item.fenced], generator)
        self.unfenced = _Ring(
            [item.broker_id for item in brokers if not item.fenced], generator
        )

    def take(self, current_round: int) -> BrokerId | None:
        broker = self.unfenced.take(current_round)
        return self.fenced.take(current_round) if broker is None else broker


class _Placer:
    """Gives the replicas of one partition after the other."""

    def __init__(self, brokers: list[BrokerImage], generator: Generator) -> None:
        by_rack: dict[str | None, list[BrokerImage]] = {}
        for broker in brokers:
            by_rack.setdefault(broker.rack, []).append(broker)
        # Brokers without a rack form one of their own, sorted first.
        names = sorted(by_rack, key=lambda name: (name is not None, name or ""))
        self._generator = generator
        self._racks = [_Rack(by_rack[name], generator) for name in names]
        self._unfenced_count = sum(not broker.fenced for broker in brokers)
        self._round = 0
        self._start = generator.randrange(len(self._racks))

    def next_replicas(self, replication_factor: int) -> tuple[BrokerId, ...]:
        """Return distinct brokers for one partition, an unfenced one first."""
        if self._round == self._unfenced_count and self._unfenced_count > 1:
            self._generator.shuffle(self._racks)
            for rack in self._racks:
                rack.unfenced.shuffle(self._generator)
                rack.fenced.shuffle(self._generator)
            self._round = 0
        self._start %= len(self._racks)
        leader_rack, leader = self._take_leader()
        replicas = [leader]
        index = self._start
        while len(replicas) < replication_factor:
            if index == leader_rack:
                leader_rack = -1  # it has had its turn in this lap
            else:
                broker = self._racks[index].take(self._round)
                if broker is not None:
                    replicas.append(broker)
            index = (index + 1) % len(self._racks)
        self._round += 1
        self._start += 1
        return tuple(replicas)

    def _take_leader(self) -> tuple[int, BrokerId]:
        index = self._start
        while True:
            broker = self._racks[index].unfenced.take(self._round)
            if broker is not None:
                return index, broker
            index = (index + 1) % len(self._racks)


def place(
    brokers: Iterable[BrokerImage],
    partition_count: int,
    replication_factor: int,
    generator: Generator,
) -> list[tuple[BrokerId, ...]]:
    """Return the replicas of `partition_count` new partitions, the preferred leader first.

    Args:
        brokers: all registered ones; those still on their way out get nothing.
        partition_count: at least 1.
        replication_factor: replicas per partition.
        generator: picks the start; the same generator state gives the same placement.

    Raises:
        KafkaError: INVALID_REPLICATION_FACTOR when the factor is not positive, no broker is
            unfenced, or there are fewer brokers than replicas.
    """
    usable = [broker for broker in brokers if broker.fenced or broker.active]
    usable.sort(key=lambda broker: broker.broker_id)
    if replication_factor <= 0:
        raise _refusal(
            f"Invalid replication factor {replication_factor}: the replication factor must be "
            "positive."
        )
    if all(broker.fenced for broker in usable):
        raise _refusal("All brokers are currently fenced.")
    if replication_factor > len(usable):
        raise _refusal(
            f"The target replication factor of {replication_factor} cannot be reached because "
            f"only {len(usable)} broker(s) are registered."
        )
    placer = _Placer(usable, generator)
    return [placer.next_replicas(replication_factor) for _ in range(partition_count)]


def _refusal(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, message)
