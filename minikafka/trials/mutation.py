"""One planted bug: what it replaces, where it comes from, and in which trial it shows.

The bugs themselves are in the files `mutations_*.py`, by idea; `mutations` has them all by id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from minikafka.cluster.topics import ConfigInput

__all__ = ["ELECTING", "HASTY", "RESTLESS", "Acks", "Mutation", "Patch", "Protocol"]

Patch: TypeAlias = tuple[Any, str, Any]
"""Owner, attribute, and what stands there for the length of a run."""

Acks: TypeAlias = Literal["all", 0, 1]

Protocol: TypeAlias = Literal["classic", "consumer", "share"]
"""Of a group's members."""


RESTLESS: Mapping[str, ConfigInput] = {
    "leader.imbalance.check.interval.seconds": 1,
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
}
"""Configs under which leaderships move fast, and soon back to whom they came from."""

HASTY: Mapping[str, ConfigInput] = {
    "controller.quorum.election.timeout.ms": 150,
    "controller.quorum.fetch.timeout.ms": 300,
}
"""Timeouts under which the quorum elects somebody every few seconds."""

ELECTING = ("kill", "isolate", "pause")
"""Kinds of faults that end leaderships of the quorum."""


@dataclass(frozen=True)
class Mutation:
    """One planted bug.

    Args:
        name: what it does wrong, in a few words.
        caught_by: the rules that may find it; the names of docs/invariants.md, and those of the
            anomalies of histories.
        patches: returns (owner, attribute, replacement); called at the start of a run.
        kinds: names of the fault kinds that show it; a trial then has no others.
        ancestor: the KIP, the JIRA or the paper in which somebody met it.
        tier: 1 for one that must be found, 2 for others.
        config: broker configs that show it; they win over what the trial draws.
        acks: of every producer of the trial; None leaves it to be drawn.
        patience_s: virtual seconds for what has to come to be once the faults are over; None for
            as long as any trial waits.
        profile: the trial's, where the caller asks for no other than the default one.
        groups: it shows in trials with consumer groups; its kinds may be those that aim at them.
        protocol: of the members of the last of these groups.
        compacted: what groups commit is compacted while the trial lasts.
        transactions: it shows in trials with transactions; its kinds may be those that aim at them.
        survives: why it is not found yet; empty for one that has to be.
    """

    name: str
    caught_by: tuple[str, ...]
    patches: Callable[[], list[Patch]]
    kinds: tuple[str, ...] = ()
    ancestor: str = ""
    tier: int = 2
    config: Mapping[str, ConfigInput] = field(default_factory=dict)
    acks: Acks | None = None
    patience_s: float | None = None
    profile: str = "default"
    groups: bool = False
    protocol: Protocol = "classic"
    compacted: bool = False
    transactions: bool = False
    survives: str = ""
