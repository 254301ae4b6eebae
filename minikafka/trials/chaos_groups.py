"""Kinds of faults that aim at consumer groups: at their members and at their coordinators.

Members live on hosts whose names say so. The names are those of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.groups.classic import ClassicGroup
    from minikafka.groups.commands import GroupProtocol
    from minikafka.sim.hosts import Host
    from minikafka.trials.simulation import BrokerHost, Simulation

__all__ = [
    "GROUP_KINDS",
    "MEMBER_HOST",
    "coordinator_cut",
    "coordinator_kill",
    "coordinator_pause",
    "cut_until_deposed",
    "drawn_host",
    "drawn_leader",
    "kill_for_a_while",
    "member_kill",
    "member_pause",
    "mute_leader",
]


_EMPTY_WITHIN_S = 20.0

_JOINING = {"session_timeout": 6_000, "rebalance_timeout": 6_000, "protocol_type": "consumer"}

MEMBER_HOST = "member-"
"""How the names of members' hosts begin."""


def drawn_host(simulation: Simulation, draws: Random, prefix: str) -> Host | None:
    """Return a host of that kind of name that is up and not paused; None where there is none."""
    now_ns = simulation.loop.now_ns
    hosts = [
        host
        for name, host in simulation.network.hosts.items()
        if name.startswith(prefix) and host.up and host.incarnation.stalled_until_ns <= now_ns
    ]
    return hosts[draws.randrange(len(hosts))] if hosts else None


def drawn_leader(simulation: Simulation, draws: Random, name: str) -> BrokerHost | None:
    """Return a broker that leads a partition of a topic and may be taken down."""
    image = simulation.invariants.ghost.image
    topic = None if image is None else image.topics.get(name)
    now_ns = simulation.loop.now_ns
    well = [
        broker
        for broker in simulation.brokers
        if broker.up and broker.host.incarnation.stalled_until_ns <= now_ns
    ]
    if topic is None or len(simulation.brokers) - len(well) >= simulation.down_at_once:
        return None
    leaders = [partition.leader for partition in topic.partitions]
    found = [broker for broker in well if broker.id in leaders]
    return found[draws.randrange(len(found))] if found else None


async def member_kill(simulation: Simulation, draws: Random) -> None:
    """End a member's process; it is back before its session is over, or after."""
    host = drawn_host(simulation, draws, MEMBER_HOST)
    if host is None:
        return
    simulation.faults += 1
    host.crash()
    await asyncio.sleep(draws.uniform(0.2, 9))
    if not host.up and host.program is not None:
        host.restart()


async def member_pause(simulation: Simulation, draws: Random) -> None:
    """Stall a member, for longer than its session or not."""
    host = drawn_host(simulation, draws, MEMBER_HOST)
    if host is not None:
        simulation.faults += 1
        host.pause(draws.uniform(2, 14))


async def coordinator_kill(simulation: Simulation, draws: Random) -> None:
    """End the process of a broker that coordinates groups; it is back after up to 5 seconds."""
    broker = drawn_leader(simulation, draws, OFFSETS_TOPIC)
    if broker is None:
        return
    await kill_for_a_while(simulation, draws, broker)


async def kill_for_a_while(simulation: Simulation, draws: Random, broker: BrokerHost) -> None:
    """End the process of a broker; it is back after up to 5 seconds."""
    simulation.faults += 1
    broker.crash()
    await asyncio.sleep(draws.uniform(0.2, 5))
    if not broker.up:
        broker.restart()


async def coordinator_pause(simulation: Simulation, draws: Random) -> None:
    """Stall a broker that coordinates groups."""
    broker = drawn_leader(simulation, draws, OFFSETS_TOPIC)
    if broker is not None:
        simulation.faults += 1
        broker.pause(draws.uniform(0.5, 8))


async def coordinator_cut(simulation: Simulation, draws: Random) -> None:
    """Cut a broker that coordinates groups off the others, until it is deposed or a while."""
    broker = drawn_leader(simulation, draws, OFFSETS_TOPIC)
    if broker is None:
        return
    simulation.faults += 1
    await cut_until_deposed(simulation, draws, broker, OFFSETS_TOPIC)


async def cut_until_deposed(
    simulation: Simulation, draws: Random, broker: BrokerHost, topic: str
) -> None:
    """Cut a broker off the others, until it leads no partition of a topic or a while."""
    others = [other.host.name for other in simulation.brokers if other is not broker]
    simulation.network.partition(broker.host, others)
    with contextlib.suppress(TimeoutError):
        await simulation.until(
            lambda: _is_deposed(simulation, broker, topic), draws.uniform(1, 12)
        )
    simulation.network.heal(broker.host, others)


def _is_deposed(simulation: Simulation, broker: BrokerHost, name: str) -> bool:
    image = simulation.invariants.ghost.image
    topic = None if image is None else image.topics.get(name)
    return topic is not None and all(each.leader != broker.id for each in topic.partitions)


async def mute_leader(simulation: Simulation, draws: Random) -> None:
    """Let somebody lead a group who sends heartbeats and never an assignment.

    It comes while all members are down, and stays until it is put out.
    """
    hosts = [
        host
        for name, host in simulation.network.hosts.items()
        if name.startswith(f"{MEMBER_HOST}g0-") and host.up and host.program is not None
    ]
    found = _group(simulation)
    if found is None or not hosts:
        return
    simulation.faults += 1
    protocols = [each for member in found.members.values() for each in member.protocols][:1]
    for host in hosts:
        host.crash()
    with contextlib.suppress(TimeoutError):
        await simulation.until(lambda: not _has_members(simulation), _EMPTY_WITHIN_S)
    mute = asyncio.get_running_loop().create_task(_lead_mutely(simulation, protocols))
    try:
        await asyncio.sleep(1.0)
        for host in hosts:
            if not host.up and host.program is not None:
                host.restart()
        await mute
    finally:
        mute.cancel()


def _group(simulation: Simulation) -> ClassicGroup | None:
    """Return the first group of the trial as its coordinator has it."""
    for broker in simulation.invariants.ghost.brokers.values():
        for groups in broker.groups.all():
            group = groups.coordinator.group("g0")
            if group is not None and not groups.closed and group.members:
                return group
    return None


def _has_members(simulation: Simulation) -> bool:
    return _group(simulation) is not None


async def _lead_mutely(simulation: Simulation, protocols: Sequence[GroupProtocol]) -> None:
    """Join and send heartbeats for as long as the group has us."""
    member_id, generation_id, joining = "", -1, True
    named = [{"name": each.name, "metadata": each.metadata} for each in protocols]
    while True:
        shape: dict[str, object] = {
            "group_id": "g0",
            "member_id": member_id,
            "group_instance_id": None,
        }
        if joining:
            key, version = ApiKey.JOIN_GROUP, 5
            shape.update(_JOINING, protocols=named)
        else:
            key, version = ApiKey.HEARTBEAT, 3
            shape["generation_id"] = generation_id
        try:
            # Brokers that have all begun anew know of no topic before they have a controller.
            leader = simulation.cluster.leader(OFFSETS_TOPIC, _partition_of(simulation))
            if leader is None:
                raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
            answer = await simulation.cluster.client().call(
                leader, key, version, build_request(key, version, shape)
            )
        except KafkaError:
            await asyncio.sleep(0.5)
            continue
        code = ErrorCode(answer.error_code)
        if joining and code in (ErrorCode.NONE, ErrorCode.MEMBER_ID_REQUIRED):
            member_id, generation_id = answer.member_id, answer.generation_id
            joining = code is ErrorCode.MEMBER_ID_REQUIRED
        elif code is ErrorCode.REBALANCE_IN_PROGRESS:
            joining = True
            continue
        elif code is not ErrorCode.NONE and member_id:
            return  # put out, or not known to the next coordinator
        if code is not ErrorCode.MEMBER_ID_REQUIRED:
            await asyncio.sleep(1.0)


def _partition_of(simulation: Simulation) -> int:
    brokers = simulation.invariants.ghost.brokers
    return next(iter(brokers.values())).groups.partition_for("g0")


GROUP_KINDS = (
    member_kill,
    member_pause,
    coordinator_kill,
    coordinator_pause,
    coordinator_cut,
    mute_leader,
)
"""Every kind that hits groups, in a fixed order."""
