"""What a failover benchmark varies, what it holds fixed, and the plan of its faults. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from minikafka.base.seeds import Seeds
from minikafka.check.anomalies import Rules

__all__ = [
    "CLIENT_METADATA_MAX_AGE_MS",
    "CLIENT_REQUEST_TIMEOUT_MS",
    "CLUSTER_CONFIG",
    "FAULTS",
    "TARGETS",
    "Fault",
    "PlannedFault",
    "Setting",
    "cluster_config",
    "plan_faults",
    "settings_of",
]

Fault: TypeAlias = Literal["kill", "power", "pause", "cut", "cut-in", "cut-out", "alone"]

FAULTS: dict[str, str] = {
    "kill": "the broker's process dies; what it wrote stays",
    "power": "the broker's machine goes dark; what it had not flushed is gone",
    "pause": "the broker is heard by nobody and hears nobody, clients neither, then goes on",
    "cut": "the broker is cut off the others, not off its clients",
    "cut-in": "nothing that the others send reaches the broker; they hear it",
    "cut-out": "nothing that the broker sends reaches the others; it hears them",
    "alone": "the followers are cut off until the leader alone is in sync; then its power goes",
}

TARGETS: dict[str, str] = {
    "leader": "the broker that leads the partition, not the metadata quorum",
    "controller": "the broker that leads the metadata quorum, and follows in the partition",
    "both": "one broker that leads both",
}

CLUSTER_CONFIG = {
    "broker.heartbeat.interval.ms": 100,
    "broker.session.timeout.ms": 1_000,
    "replica.lag.time.max.ms": 1_000,
    "replica.fetch.wait.max.ms": 100,
    "replica.fetch.backoff.ms": 50,
    "replica.socket.timeout.ms": 1_000,
    "controller.quorum.request.timeout.ms": 1_000,
    "controller.quorum.fetch.timeout.ms": 1_000,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.election.backoff.max.ms": 500,
}
"""Timeouts of the brokers: small, so that a run is short; they bound what can be reached."""

CLIENT_REQUEST_TIMEOUT_MS = 3_000

CLIENT_METADATA_MAX_AGE_MS = 1_000
"""A leader that is cut off answers that a request timed out, which tells no client of another."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the benchmark.

    Args:
        acks: 0, 1, or -1 for all.
        unclean: unclean.leader.election.enable.
        fault: a key of `FAULTS`.
        target: a key of `TARGETS`; who is struck.
        client: who writes, by the name people type.
    """

    acks: int
    min_insync_replicas: int
    unclean: bool
    fault: str
    target: str = "leader"
    client: str = "aiokafka"

    @property
    def acks_text(self) -> str:
        """As Kafka's clients take it."""
        return "all" if self.acks == -1 else str(self.acks)

    @property
    def name(self) -> str:
        """In one line, for people."""
        return (
            f"acks={self.acks_text} min.insync.replicas={self.min_insync_replicas} "
            f"unclean={'on' if self.unclean else 'off'} {self.fault} of {self.target}, {self.client}"
        )

    @property
    def must_resume(self) -> bool:
        """Say whether writes have to go on while the fault lasts: without whoever is struck."""
        return self.fault != "alone" and self.min_insync_replicas <= 2

    def rules(self) -> Rules:
        """Return what a history under this setting may show; the rest is a bug of the brokers.

        What an unclean leader never had is gone whatever was promised. With min.insync.replicas
        of 1 so is what the last in-sync replica had not flushed when its power went; with 2
        there are others who have all that was acknowledged (KIP-966). The producers here retry
        without idempotence.
        """
        return Rules(
            duplicates_allowed=True,
            reorder_allowed=True,
            loss_allowed=self.unclean
            or (self.fault == "alone" and self.min_insync_replicas < 2),
        )


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of a plan; all in seconds.

    Args:
        steady_s: load without a fault before it.
        lag_s: how long before it the leader's links to its followers are slow.
        hold_s: how long it lasts after another broker leads.
    """

    steady_s: float
    lag_s: float
    hold_s: float


def settings_of(
    acks: Sequence[int],
    mins: Sequence[int],
    uncleans: Sequence[bool],
    faults: Sequence[str],
    targets: Sequence[str] = ("leader",),
    clients: Sequence[str] = ("aiokafka",),
) -> list[Setting]:
    """Return every combination, in the order given.

    Raises:
        ValueError: `alone` is a fault of leaders.
    """
    if "alone" in faults and set(targets) != {"leader"}:
        raise ValueError("--fault alone goes with --target leader only")
    return [Setting(*each) for each in product(acks, mins, uncleans, faults, targets, clients)]


def cluster_config(setting: Setting) -> dict[str, int | bool]:
    """Return what the brokers of a row are configured with."""
    return {
        **CLUSTER_CONFIG,
        "min.insync.replicas": setting.min_insync_replicas,
        "unclean.leader.election.enable": setting.unclean,
    }


def plan_faults(seed: int, count: int) -> list[PlannedFault]:
    """Return the same plan for the same seed: for each setting, so that rows can be compared."""
    draws = Seeds(seed).generator("failover")
    return [
        PlannedFault(draws.uniform(0.6, 1.0), draws.uniform(0.4, 0.6), draws.uniform(0.3, 0.6))
        for _ in range(count)
    ]
