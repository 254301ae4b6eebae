"""One row of the failover benchmark: a cluster, a client under load, leaders struck by a plan.

Four brokers on real sockets, one partition with three replicas, none of them on the broker that
decides about metadata. Before each fault the leader's links to its followers are slowed, as a
busy network or a far one is: replication lags, and what only the leader has is at stake. Over
loopback it would lag by less than a millisecond, and acks=1 would look safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minikafka.bench.figures import Figures, Span, figures_of
from minikafka.bench.ledger import Ledger
from minikafka.bench.loads import Load
from minikafka.bench.settings import CLUSTER_CONFIG, PlannedFault, Setting
from minikafka.cluster.sync import Cluster

__all__ = ["Run", "run_setting"]

BROKERS = 4
CONTROLLER = 1
TOPIC = "failover"
PARTITIONS = 8
RECOVERY_S = 20.0
PATIENCE_S = 3.0
"""How long a fault lasts at most where nobody is elected."""
WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Run:
    """What one setting gave, and what a chart draws of it.

    Attributes:
        acked_s: when each write was acknowledged; seconds since the start.
    """

    figures: Figures
    spans: tuple[Span, ...]
    acked_s: tuple[float, ...]


def run_setting(
    setting: Setting,
    plan: Sequence[PlannedFault],
    *,
    client: str,
    rate: int,
    lag_ms: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> Run:
    """Return what the setting gave under the plan; `advance` is called after each fault.

    Raises:
        TimeoutError: the cluster did not become whole again.
    """
    config = {
        **CLUSTER_CONFIG,
        "min.insync.replicas": setting.min_insync_replicas,
        "unclean.leader.election.enable": setting.unclean,
    }
    # Who leads a partition is what is struck, not who decides about that.
    with Cluster(BROKERS, config, transport="tcp", seed=seed, voters=1) as cluster:
        cluster.create_topic(TOPIC, partitions=PARTITIONS, replication_factor=3)
        partition = next(
            number
            for number in range(PARTITIONS)
            if CONTROLLER not in cluster.describe(TOPIC, number).replicas
        )
        ledger = Ledger(TOPIC, partition, setting.acks)
        load = Load(client, cluster.bootstrap_servers, ledger, rate)
        load.start()
        spans = []
        try:
            _wait(cluster, lambda: len(ledger.acknowledged) >= WARM_UP or not load.alive)
            for planned in plan if load.alive else ():
                spans.append(_Strike(cluster, ledger, setting.fault, lag_ms).run(planned))
                advance()
            _rest(cluster, plan[0].steady_s)
        finally:
            load.stop()
        _wait(cluster, lambda: _whole(cluster, partition))
        ledger.history.final[TOPIC, partition] = [
            (record.offset, record.value or b"") for record in cluster.records(TOPIC, partition)
        ]
    acked_s = tuple(each.acked_s for each in ledger.acknowledged if each.acked_s is not None)
    figures = figures_of(setting, ledger.history, ledger.sends, spans)
    return Run(figures, tuple(spans), acked_s)


class _Strike:
    """One fault, from the slow links before it to the whole cluster behind it."""

    def __init__(self, cluster: Cluster, ledger: Ledger, fault: str, lag_ms: int) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._fault = fault
        self._lag_ms = lag_ms
        self._partition = ledger.partition

    def run(self, planned: PlannedFault) -> Span:
        """Strike the leader; return once all replicas are in sync again."""
        cluster, ledger = self._cluster, self._ledger
        _rest(cluster, planned.steady_s)
        leader = cluster.leader(TOPIC, self._partition)
        assert leader is not None, "the cluster was whole"
        followers = [
            each for each in cluster.describe(TOPIC, self._partition).replicas if each != leader
        ]
        if self._fault == "alone":
            cluster.network.partition([leader], followers)
            _wait(cluster, lambda: cluster.isr(TOPIC, self._partition) == {leader})
        elif self._lag_ms:
            for follower in followers:
                cluster.network.set_link(leader, follower, latency=self._lag_ms / 1000)
        _rest(cluster, planned.lag_s)
        at_s = ledger.now_s()
        self._strike(leader)
        led = _seen(
            cluster, lambda: cluster.leader(TOPIC, self._partition) not in (None, leader)
        )
        led_s = ledger.now_s() if led else None
        _rest(cluster, planned.hold_s)
        self._undo(leader)
        _wait(cluster, lambda: _whole(cluster, self._partition))
        return Span(leader, at_s, led_s, ledger.now_s())

    def _strike(self, leader: int) -> None:
        cluster = self._cluster
        if self._fault == "pause":
            cluster.pause(leader)
        elif self._fault == "cut":
            cluster.isolate(leader)
        else:
            cluster.crash(leader, "kill" if self._fault == "kill" else "power")
        if self._fault != "cut":
            # Whoever is left must not be slow, nor what a dead broker has sent arrive late.
            cluster.network.heal()

    def _undo(self, leader: int) -> None:
        cluster = self._cluster
        if self._fault == "pause":
            cluster.resume(leader)
        elif self._fault == "cut":
            cluster.network.heal()
        else:
            cluster.restart(leader)


def _whole(cluster: Cluster, partition: int) -> bool:
    """Say whether every replica is up and in sync."""
    state = cluster.describe(TOPIC, partition)
    return (
        state.leader is not None
        and state.isr == set(state.replicas)
        and len(state.replica_states) == len(state.replicas)
    )


def _wait(cluster: Cluster, condition: Callable[[], bool]) -> None:
    cluster.wait_until(condition, timeout=RECOVERY_S)


def _seen(cluster: Cluster, condition: Callable[[], bool]) -> bool:
    """Say whether the condition came true within `PATIENCE_S`."""
    try:
        cluster.wait_until(condition, timeout=PATIENCE_S)
    except TimeoutError:
        return False
    return True


def _rest(cluster: Cluster, seconds: float) -> None:
    """Let the load go on for a while."""
    until = time.monotonic() + seconds
    cluster.wait_until(lambda: time.monotonic() >= until, timeout=seconds + RECOVERY_S)
