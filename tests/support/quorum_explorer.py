"""A hostile world for `QuorumNet`: everything a seed decides, and the name of what it breaks.

Milliseconds for a schedule of hundreds of steps, where a trial of a whole cluster takes a second.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

from minikafka.base.errors import BrokerBug
from minikafka.quorum.machine import QuorumMachine
from minikafka.trials.mutations import mutated
from tests.support.quorum_net import QuorumNet

__all__ = ["explore", "misfortune"]

STEPS = 800
_RULE = re.compile(r"[A-Z]\d+")


class _Watched(QuorumNet):
    """A net that also sees what a node forgets: K9, and R13 as K11 of Raft."""

    def __init__(self, voters: Iterable[int], seed: int) -> None:
        self.known: dict[int, int] = {}
        super().__init__(voters, seed)

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


def explore(seed: int, mutation: str | None = None, *, voters: int = 3) -> str | None:
    """Run a schedule with a planted bug, or without; return the rule it breaks first.

    `machine` is what a node of the quorum says of itself.
    """
    draws = random.Random(f"{seed}:{voters}")
    with mutated(mutation):
        try:
            net = _Watched(range(1, voters + 1), seed)
            for _ in range(STEPS):
                misfortune(net, draws)
        except AssertionError as error:
            named = _RULE.match(str(error).partition("\n")[0])
            return named.group() if named else "machine"
        except BrokerBug:
            return "machine"
    return None


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
