"""What a failover benchmark varies, what it holds fixed, and the plan of its faults. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from minikafka.base.seeds import Seeds
from minikafka.check.anomalies import Rules

__all__ = [
    "CLIENT_REQUEST_TIMEOUT_MS",
    "CLUSTER_CONFIG",
    "FAULTS",
    "Fault",
    "PlannedFault",
    "Setting",
    "plan_faults",
    "settings_of",
]

Fault: TypeAlias = Literal["kill", "power", "pause", "cut", "alone"]

FAULTS: dict[str, str] = {
    "kill": "the leader's process dies; what it wrote stays",
    "power": "the leader's machine goes dark; what it had not flushed is gone",
    "pause": "the leader stands still, then goes on",
    "cut": "the leader is cut off the other brokers, not off its clients",
    "alone": "the followers are cut off until the leader alone is in sync; then its power goes",
}

CLUSTER_CONFIG = {
    "broker.heartbeat.interval.ms": 100,
    "broker.session.timeout.ms": 1_000,
    "replica.lag.time.max.ms": 1_000,
    "replica.fetch.wait.max.ms": 100,
    "replica.fetch.backoff.ms": 50,
    "replica.socket.timeout.ms": 1_000,
    "controller.quorum.request.timeout.ms": 1_000,
}
"""Timeouts of the brokers: small, so that a run is short; they bound what can be reached."""

CLIENT_REQUEST_TIMEOUT_MS = 3_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the benchmark.

    Args:
        acks: 0, 1, or -1 for all.
        unclean: unclean.leader.election.enable.
    """

    acks: int
    min_insync_replicas: int
    unclean: bool
    fault: str

    @property
    def acks_text(self) -> str:
        """As Kafka's clients take it."""
        return "all" if self.acks == -1 else str(self.acks)

    @property
    def name(self) -> str:
        """In one line, for people."""
        return (
            f"acks={self.acks_text} min.insync.replicas={self.min_insync_replicas} "
            f"unclean={'on' if self.unclean else 'off'} {self.fault}"
        )

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
    acks: Sequence[int], mins: Sequence[int], uncleans: Sequence[bool], faults: Sequence[str]
) -> list[Setting]:
    """Return every combination, in the order given."""
    return [Setting(*each) for each in product(acks, mins, uncleans, faults)]


def plan_faults(seed: int, count: int) -> list[PlannedFault]:
    """Return the same plan for the same seed: for each setting, so that rows can be compared."""
    draws = Seeds(seed).generator("failover")
    return [
        PlannedFault(draws.uniform(0.6, 1.0), draws.uniform(0.4, 0.6), draws.uniform(0.3, 0.6))
        for _ in range(count)
    ]
