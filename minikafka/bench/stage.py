"""Where a failover benchmark plays: a cluster that can be looked at and struck.

Here four brokers in this process, on real sockets; in `process_stage` three processes. Three of
them vote, and the load goes to one partition with three replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import TracebackType
from typing import Protocol, Self

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.bench.settings import Setting, cluster_config
from minikafka.cluster.sync import Cluster
from minikafka.metadata.commands import ElectionType
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["TOPIC", "LocalStage", "Look", "Stage", "elect_shape"]

BROKERS = 4
VOTERS = 3
TOPIC = "failover"
PARTITIONS = 8
_ELECT_VERSION = 2
_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Look:
    """How the cluster stands.

    Args:
        leader: of the partition; None while there is none.
        controller: who leads the metadata quorum; None while nobody does.
        replicas: in order of preference.
        whole: every replica is up and in sync.
    """

    leader: int | None
    controller: int | None
    replicas: tuple[int, ...]
    isr: frozenset[int]
    whole: bool


class Stage(Protocol):
    """A cluster under load; used as a context manager."""

    partition: int

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers."""
        ...

    def look(self) -> Look:
        """Say how the cluster stands."""
        ...

    def prefer(self, replicas: Sequence[int]) -> None:
        """Let the partition be led by the first of its replicas, given in another order."""
        ...

    def slow(self, broker: int, others: Sequence[int], latency_s: float) -> None:
        """Slow the links between a broker and others."""
        ...

    def cut_off(self, broker: int, others: Sequence[int]) -> None:
        """Cut the links between a broker and others."""
        ...

    def strike(self, fault: str, broker: int) -> None:
        """Let a fault begin."""
        ...

    def undo(self, fault: str, broker: int) -> None:
        """Let it be over."""
        ...

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> None:
        """Return once the condition holds; raises TimeoutError."""
        ...

    def values(self) -> list[tuple[int, bytes]]:
        """Return offset and value of all that is committed."""
        ...


class LocalStage:
    """All brokers in this process: every fault, and slow links before it."""

    def __init__(self, setting: Setting, seed: int) -> None:
        config = cluster_config(setting)
        self._target = setting.target
        self._cluster = Cluster(BROKERS, config, transport="tcp", seed=seed, voters=VOTERS)
        self.partition = 0

    def __enter__(self) -> Self:
        self._cluster.start()
        try:
            self._cluster.create_topic(TOPIC, partitions=PARTITIONS, replication_factor=3)
            self.partition = self._chosen()
        except BaseException:
            self._cluster.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cluster.close()

    def _chosen(self) -> int:
        """Return a partition: off the controller where leaders are struck, else on all voters."""
        voters = set(range(1, VOTERS + 1))
        controller = self._cluster.controller()
        for number in range(PARTITIONS):
            replicas = self._cluster.describe(TOPIC, number).replicas
            fits = controller not in replicas
            if self._target != "leader":
                fits = voters == set(replicas)
            if fits:
                return number
        raise AssertionError("every set of three of four brokers has a partition")

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers."""
        return self._cluster.bootstrap_servers

    def look(self) -> Look:
        """Say how the cluster stands, by what its newest metadata says."""
        state = self._cluster.describe(TOPIC, self.partition)
        in_sync = state.isr == set(state.replicas)
        whole = (
            state.leader is not None and in_sync and len(state.replica_states) == len(state.isr)
        )
        return Look(state.leader, self._cluster.controller(), state.replicas, state.isr, whole)

    def prefer(self, replicas: Sequence[int]) -> None:
        """Let the partition be led by the first of its replicas: as an operator would."""
        cluster = self._cluster
        cluster.reassign(TOPIC, self.partition, replicas)
        key, version = ApiKey.ELECT_LEADERS, _ELECT_VERSION
        request = build_request(key, version, elect_shape(self.partition))
        answer = cluster.client().call(cluster.brokers[0], key, version, request)
        results = [
            each for of in answer.replica_election_results for each in of.partition_result
        ]
        for told in (answer, *results):
            if told.error_code not in (ErrorCode.NONE, ErrorCode.ELECTION_NOT_NEEDED):
                raise KafkaError(told.error_code)

    def slow(self, broker: int, others: Sequence[int], latency_s: float) -> None:
        """Slow the links between a broker and others."""
        for other in others:
            self._cluster.network.set_link(broker, other, latency=latency_s)

    def cut_off(self, broker: int, others: Sequence[int]) -> None:
        """Cut the links between a broker and others."""
        self._cluster.network.partition([broker], others)

    def strike(self, fault: str, broker: int) -> None:
        """Let a fault begin; whoever is left must not be slow."""
        cluster = self._cluster
        others = [each for each in cluster.brokers if each != broker]
        for one, other in combinations(others, 2):
            cluster.network.set_link(one, other, latency=0)
        if fault == "cut":
            cluster.isolate(broker)
        elif fault == "cut-in":
            cluster.network.partition(others, [broker], oneway=True)
        elif fault == "cut-out":
            cluster.network.partition([broker], others, oneway=True)
        elif fault == "pause":
            cluster.pause(broker)
        else:
            cluster.crash(broker, "kill" if fault == "kill" else "power")
        if not fault.startswith("cut"):
            # What a dead broker has sent must not arrive late.
            cluster.network.heal()

    def undo(self, fault: str, broker: int) -> None:
        """Let it be over."""
        if fault == "pause":
            self._cluster.resume(broker)
        elif fault.startswith("cut"):
            self._cluster.network.heal()
        else:
            self._cluster.restart(broker)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> None:
        """Return once the condition holds; raises TimeoutError."""
        self._cluster.wait_until(condition, timeout=timeout)

    def values(self) -> list[tuple[int, bytes]]:
        """Return offset and value of all that is committed."""
        records = self._cluster.records(TOPIC, self.partition)
        return [(record.offset, record.value or b"") for record in records]


def elect_shape(partition: int) -> Shape:
    """Return the request for the election of the partition's preferred leader."""
    return {
        "election_type": ElectionType.PREFERRED,
        "topic_partitions": [{"topic": TOPIC, "partitions": [partition]}],
        "timeout": _TIMEOUT_MS,
    }
