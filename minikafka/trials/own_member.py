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
from minikafka.sim.errors import SimError
from minikafka.trials.consumer_ghost import held
from minikafka.trials.consumer_member import ConsumerMember, Workplace
from minikafka.trials.member_views import MemberViews

if TYPE_CHECKING:
    from minikafka.groups.coordinator import GroupCoordinator
    from minikafka.trials.profiles import GroupPlan

__all__ = ["OwnMember", "unmet_consumers"]


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
                life = ConsumerMember(self._groups, self._plan, self._views, self._name, draws)
                await life.live()
                await asyncio.sleep(draws.uniform(0.0, 4.0))
        except Exception as error:  # noqa: BLE001 - whatever it is
            ended = SimError(f"{self._name} has ended: {error!r}")
            ended.__cause__ = error
            self._groups.simulation.loop.fail(ended)


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
