"""Members of a trial's groups that are no client of others', over all their lives; and what their
groups owe some time after the last fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from minikafka.base.ids import TopicPartition
from minikafka.groups.consumer_group import ConsumerState
from minikafka.shares.records import ShareKey
from minikafka.sim.errors import SimError
from minikafka.trials.consumer_ghost import held
from minikafka.trials.consumer_member import ConsumerMember, Workplace
from minikafka.trials.ghost import Ghost
from minikafka.trials.member_views import MemberViews
from minikafka.trials.share_member import ShareMember

if TYPE_CHECKING:
    from minikafka.groups.coordinator import GroupCoordinator
    from minikafka.log.partition_log import PartitionLog
    from minikafka.trials.profiles import GroupPlan

__all__ = ["OwnMember", "unmet_consumers", "unmet_shares"]


class OwnMember:
    """One member of our own, over all its lives."""

    def __init__(
        self, groups: Workplace, plan: GroupPlan, views: MemberViews, name: str
    ) -> None:
        self._groups = groups
        self._plan = plan
        self._views = views
        self._name = name
        self._lives = 0

    async def live(self) -> None:
        """Join, read and leave, for ever; an error nobody has foreseen ends the run."""
        try:
            while True:
                self._lives += 1
                seed = self._groups.simulation.seed
                draws = Random(f"{seed}:{self._name}:{self._lives}")  # noqa: S311 - reproducible
                await self._life(draws).live()
                await asyncio.sleep(draws.uniform(0.0, 4.0))
        except Exception as error:  # noqa: BLE001 - whatever it is
            ended = SimError(f"{self._name} has ended: {error!r}")
            ended.__cause__ = error
            self._groups.simulation.loop.fail(ended)

    def _life(self, draws: Random) -> ConsumerMember | ShareMember:
        if self._plan.protocol == "share":
            return ShareMember(self._groups, self._plan, self._name, draws)
        return ConsumerMember(self._groups, self._plan, self._views, self._name, draws)


def unmet_consumers(
    coordinator: GroupCoordinator, plan: GroupPlan, places: Sequence[TopicPartition]
) -> str | None:
    """Return what a group is not yet that it must be some time after the last fault (L7)."""
    group = coordinator.consumer_group(plan.name)
    if group is None or group.state is not ConsumerState.STABLE:
        return "unknown" if group is None else group.state.value
    if len(group.members) != plan.members:
        return f"members {list(group.members)}, not {plan.members}"
    assigned = [place for member in group.members.values() for place in held(member)]
    if len(assigned) == len(set(assigned)) == len(places):
        return None
    return f"of {len(places)} partitions these are assigned: {sorted(assigned)}"


def unmet_shares(
    coordinator: GroupCoordinator,
    plan: GroupPlan,
    ghost: Ghost,
    places: Sequence[TopicPartition],
) -> str | None:
    """Return what a share group has not done yet: all that is committed, in the end (L10)."""
    group = coordinator.table.shares.get(plan.name)
    members = () if group is None else tuple(group.members)
    if len(members) != plan.members:
        return f"members {members}, not {plan.members}"
    if ghost.may_have_lost_groups:
        return None
    for place in places:
        log = _leaders_log(ghost, place)
        if log is None:
            return f"{place} has no leader"
        share = ghost.shares.of(ShareKey(plan.name, log.topic_id, place.partition))
        start = max(log.log_start_offset, share.start_offset)
        left = [each for each in range(start, log.high_watermark) if not share.is_done(each)]
        if left:
            return f"of {place} {len(left)} records are left, {left[0]} the first"
    return None


def _leaders_log(ghost: Ghost, place: TopicPartition) -> PartitionLog | None:
    state = None if ghost.image is None else ghost.image.partition(place)
    broker = None if state is None else ghost.brokers.get(state.leader)
    partition = None if broker is None else broker.replicas.partition(place)
    return None if partition is None else partition.log
