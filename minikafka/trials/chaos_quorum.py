"""Kinds of faults of the metadata quorum itself: disks that are replaced, voters that change.

One of them at a time, and none before the quorum is whole again: of three voters one may be
missing. The names are those of docs/simulation.md. KIP-853.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from minikafka.base.errors import KafkaError
from minikafka.quorum.commit import majority_count
from minikafka.quorum.election import is_up_to_date

if TYPE_CHECKING:
    from minikafka.quorum.machine import QuorumMachine
    from minikafka.trials.simulation import Simulation

__all__ = [
    "QUORUM_KINDS",
    "changed_voters",
    "nobody_can_lead",
    "replaced_disk",
    "restore_voters",
]

_RESTORED_WITHIN_S = 60.0
_AGAIN_S = 0.5


async def replaced_disk(simulation: Simulation, draws: Random) -> None:
    """Kill a broker and give it an empty disk; its vote is taken from it, and given anew."""
    if not _begin(simulation, "replaced_disk"):
        return
    simulation.faults += 1
    brokers = [broker for broker in simulation.brokers if broker.running]
    broker = brokers[draws.randrange(len(brokers))]
    broker.crash("kill")
    broker.replace_disk()
    await asyncio.sleep(draws.uniform(0.0, 2.0))
    if not broker.up:
        broker.restart()
    await asyncio.sleep(draws.uniform(0.0, 6.0))
    await _end(simulation)


async def changed_voters(simulation: Simulation, draws: Random) -> None:
    """Take a broker's vote away, or give one to another, and take that back after a while."""
    if not _begin(simulation, "changed_voters"):
        return
    simulation.faults += 1
    cluster = simulation.cluster
    ids = [broker.id for broker in simulation.brokers]
    for _ in range(draws.randint(1, 3)):
        chosen = ids[draws.randrange(len(ids))]
        try:
            async with asyncio.timeout(10):
                if chosen not in cluster.voters:
                    await cluster.add_voter(chosen)
                elif len(cluster.voters) > 2:
                    await cluster.remove_voter(chosen)
        except (KafkaError, TimeoutError, RuntimeError) as error:
            simulation.note(f"vote of {chosen}: {type(error).__name__}: {error}")
        await asyncio.sleep(draws.uniform(0.0, 2.0))
    await _end(simulation)


def _begin(simulation: Simulation, name: str) -> bool:
    """Say whether one of these may begin: nobody is down, and every voter is one for all."""
    brokers = simulation.invariants.ghost.brokers
    if simulation.alone or not all(broker.running for broker in simulation.brokers):
        return False
    machines = [brokers[broker.id].quorum.machine for broker in simulation.brokers]
    settled = len({machine.voter_set for machine in machines}) == 1 and all(
        machine.history.latest_offset < machine.high_watermark for machine in machines
    )
    if not settled or len(machines[0].voters) < 3 or _wrong(simulation) is not None:
        return False
    simulation.alone[name] = None
    return True


async def _end(simulation: Simulation) -> None:
    if await restore_voters(simulation, _RESTORED_WITHIN_S):
        simulation.alone.clear()


async def restore_voters(simulation: Simulation, timeout_s: float) -> bool:
    """Give votes back to those who had them at first, each with the disk it has now.

    Returns False where that did not come about in time.
    """
    cluster, until_s = simulation.cluster, simulation.now + timeout_s
    while (wrong := _wrong(simulation)) is not None:
        if simulation.now >= until_s:
            return False
        try:
            async with asyncio.timeout(max(0.1, until_s - simulation.now)):
                if wrong in cluster.voters:
                    await cluster.remove_voter(wrong)
                else:
                    await cluster.add_voter(wrong)
        except (KafkaError, TimeoutError, RuntimeError) as error:
            simulation.note(f"vote of {wrong}: {type(error).__name__}: {error}")
            await asyncio.sleep(_AGAIN_S)
    return True


def nobody_can_lead(machines: Sequence[QuorumMachine]) -> bool:
    """Say whether the quorum of these nodes stands still for good, as Kafka's does then.

    A node goes by the latest voters in its log, committed or not (KIP-853). If a leader is lost that
    had begun to take a vote away, its own, say, the nodes that have the record of it may all have
    no vote, and nobody who has one and lacks the record is elected over them. In Raft a server
    stands for election also where it is not in its latest configuration (Ongaro's thesis, 4.2.2).
    """
    for machine in machines:
        voters = machine.voter_set
        granted = sum(
            voters.holds(other.node_id, other.directory_id)
            and is_up_to_date(machine.log_end, other.log_end)
            for other in machines
        )
        elected = machine.is_voter and granted >= majority_count(voters.ids)
        if machine.is_leader or elected:
            return False  # who leads still can commit the record, and has to
    return True


def _wrong(simulation: Simulation) -> int | None:
    """Return a broker whose vote is to be taken, else one that is to have one, else None."""
    voters, hosting = simulation.cluster.voter_set, simulation.hosting
    first = simulation.cluster.first_voters
    for voter in voters:
        strange = voter.voter_id not in first and len(voters) > len(first)
        if strange or voter.directory_id != hosting.directory_id(voter.voter_id):
            return voter.voter_id
    for broker in first:
        if voters.get(broker) is None:
            return broker
    return next((voter for voter in voters.ids if voter not in first), None)


QUORUM_KINDS = (replaced_disk, changed_voters)
"""Every kind of this file, in a fixed order."""
