"""A hostile world for `QuorumNet`: everything a seed decides, and the name of what it breaks.

Milliseconds for a schedule of hundreds of steps, where a trial of a whole cluster takes a second.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterable

from minikafka.base.errors import BrokerBug, KafkaError
from minikafka.quorum.machine import QuorumMachine
from minikafka.trials.mutations import mutated
from tests.support.quorum_net import QuorumNet

__all__ = ["explore", "misfortune", "upheaval"]

STEPS = 800
_CHANGING_STEPS = 600
_UPHEAVALS = 0.12
_PEACE = 0.04
_PEACE_MS = (20, 60, 300)
_RULE = re.compile(r"[A-Z]\d+")


class _Watched(QuorumNet):
    """A net that also sees what a node forgets: K9, and R13 as K11 of Raft."""

    def __init__(self, voters: Iterable[int], seed: int) -> None:
        self.known: dict[int, int] = {}
        super().__init__(voters, seed)

    def replace_disk(self, node: int) -> None:
        """Let it know nothing, as it must."""
        super().replace_disk(node)
        self.known.pop(node, None)

    def check_machine(self, machine: QuorumMachine) -> None:
        """Leave it to the rules: what a node says of itself has no name."""

    def check(self, node: int) -> None:
        """Check one node."""
        machine = self.machines[node]
        before = self.known.get(node, 0)
        assert machine.epoch >= before, f"K9: node {node} in {machine.epoch}, it knew {before}"
        self.known[node] = machine.epoch
        start, end = machine.log.log_start_offset, machine.log.high_watermark
        committed = [entry for entry in self.committed if start <= entry[0] < end]
        kept = [(batch.base_offset, batch.leader_epoch) for batch in machine.log.batches()]
        assert kept[: len(committed)] == committed, f"R13: node {node} has cut {committed}"
        super().check(node)


def explore(
    seed: int, mutation: str | None = None, *, voters: int = 3, changing: bool = False
) -> str | None:
    """Run a schedule with a planted bug, or without; return the rule it breaks first.

    `machine` is what a node of the quorum says of itself.

    Args:
        changing: voters change, disks are replaced, logs begin at snapshots; two more observe.
    """
    draws = random.Random(f"{seed}:{'changes' if changing else voters}")
    with mutated(mutation):
        try:
            net = _Watched(range(1, voters + 1), seed)
            for node in (voters + 1, voters + 2) if changing else ():
                net.join(node)
            for _ in range(_CHANGING_STEPS if changing else STEPS):
                (upheaval if changing else misfortune)(net, draws)
        except AssertionError as error:
            named = _RULE.match(str(error).partition("\n")[0])
            return named.group() if named else "machine"
        except BrokerBug:
            return "machine"
    return None


def upheaval(net: QuorumNet, draws: random.Random) -> None:
    """Let one thing happen: a misfortune, a while without any, or what an operator does."""
    dice = draws.random()
    if dice < _PEACE:
        # Without it nothing that takes several messages ever comes about.
        net.run(draws.choice(_PEACE_MS))
    elif dice < _PEACE + _UPHEAVALS:
        _operate(net, draws)
    else:
        misfortune(net, draws)


def _operate(net: QuorumNet, draws: random.Random) -> None:
    """Snapshots, which a node makes by itself; votes given and taken; a disk replaced."""
    dice = draws.random()
    leader = net.leader()
    if dice < 0.4 and net.machines:
        net.snapshot(draws.choice(sorted(net.machines)))
    elif dice < 0.85 and leader is not None:
        # Who has lost its disk goes first: a quorum that misses one has none to spare.
        nodes = net.without_disk(leader) or list(net.nodes)
        chosen = draws.sample(nodes, min(len(nodes), 2 if dice < 0.45 else 1))
        with contextlib.suppress(KafkaError):
            net.change(leader.node_id, *chosen)
    elif dice < 0.95:
        down = [node for node in net.nodes if node not in net.machines]
        settled = all(net.is_settled(machine) for machine in net.machines.values())
        # One lost disk at a time is what a quorum of three survives.
        if down and settled and len(net.machines) >= 4 and len(net.voter_sets[-1]) >= 3:
            net.replace_disk(draws.choice(down))


def misfortune(net: QuorumNet, draws: random.Random) -> None:
    """Let one thing happen: a message, some time, a cut, a crash, a start."""
    dice = draws.random()
    if dice < 0.62 and net.bag:
        _deliver(net, draws, dice)
    elif dice < 0.90:
        net.tick(draws.choice((1, 10, 30)))
    elif dice < 0.96:
        leader = net.leader()
        if leader is not None:
            net.append(leader.node_id)
    elif dice < 0.975:
        _cut(net, draws, heal=dice >= 0.97)
    elif dice < 0.99 and len(net.machines) > len(net.nodes) // 2:
        node = draws.choice(sorted(net.machines))
        net.crash(node, power=draws.random() < 0.5)
    else:
        down = [node for node in net.nodes if node not in net.machines]
        if down:
            net.boot(draws.choice(down))


def _deliver(net: QuorumNet, draws: random.Random, dice: float) -> None:
    if dice < 0.20:
        net.deliver(len(net.bag) - 1)  # the newest: others come late
    elif dice < 0.60:
        net.deliver(draws.randrange(min(len(net.bag), 8)))
    else:
        net.bag.pop(draws.randrange(len(net.bag)))


def _cut(net: QuorumNet, draws: random.Random, *, heal: bool) -> None:
    if heal:
        net.cut.clear()
    else:
        pair = draws.sample(net.nodes, 2)
        net.cut ^= {(pair[0], pair[1])}
