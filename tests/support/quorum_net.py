"""Several quorum machines, and the messages between them in a bag that a test draws from.

No sockets and no loop: time moves when the test says so. What must hold of a quorum is checked
after every step: election safety, log matching, leader completeness, durable commits.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.quorum.effects import (
    Effect,
    LeaderElected,
    SendBeginEpoch,
    SendEndEpoch,
    SendVote,
)
from minikafka.quorum.epochs import Timing
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.roles import Role
from minikafka.quorum.state_store import QuorumStateStore
from tests.support.builders import open_log

DIRECTORY = "orders-0"
TIMING = Timing(
    election_timeout_ms=100,
    fetch_timeout_ms=200,
    election_backoff_max_ms=100,
    retry_backoff_ms=10,
)

Message = tuple[int, int, Callable[[], None]]
"""Source, target, and what happens when it arrives."""


class QuorumNet:
    """A quorum whose messages arrive in any order, or never.

    Args:
        seed: of the election timeouts.
    """

    def __init__(self, voters: Iterable[int] = (1, 2, 3), seed: int = 0) -> None:
        self.voters = tuple(voters)
        self.now_ms = 0
        self.rng = random.Random(seed)
        self.machines: dict[int, QuorumMachine] = {}
        self.storages = {voter: MemoryStorage() for voter in self.voters}
        self.bag: list[Message] = []
        self.cut: set[tuple[int, int]] = set()
        self.leaders: dict[int, int] = {}
        self.votes: dict[tuple[int, int], int] = {}
        self.identity: dict[tuple[int, int], int] = {}
        self.committed: list[tuple[int, int]] = []
        for voter in self.voters:
            self.boot(voter)

    def boot(self, node: int) -> None:
        """Start a node over what its disk holds."""
        storage = self.storages[node]
        log = open_log(storage)
        machine = QuorumMachine(
            node,
            self.voters,
            log,
            QuorumStateStore(storage, DIRECTORY),
            timing=TIMING,
            draw=random.Random(f"{self.rng.random()}:{node}").randrange,
        )
        self.machines[node] = machine
        self.carry(node, machine.start(self.now_ms))

    def crash(self, node: int, *, power: bool) -> None:
        """End a node; with `power` what was not flushed is gone, too."""
        del self.machines[node]
        if power:
            self.storages[node].lose_unflushed()

    def carry(self, node: int, effects: list[Effect]) -> None:
        """Put what a machine wants sent into the bag, and check what must hold."""
        for effect in effects:
            if isinstance(effect, SendVote):
                self._post(node, effect.target, self._vote(node, effect))
            elif isinstance(effect, SendBeginEpoch):
                self._post(node, effect.target, self._begin(node, effect))
            elif isinstance(effect, SendEndEpoch):
                self._post(node, effect.target, self._end(node, effect))
            elif isinstance(effect, LeaderElected):
                assert self.leaders.setdefault(effect.epoch, node) == node, "K1"
        self.check(node)

    def tick(self, ms: int = 10) -> None:
        """Let time pass on every node; followers fetch."""
        self.now_ms += ms
        for node in sorted(self.machines):
            machine = self.machines[node]
            self.carry(node, machine.tick(self.now_ms))
            if machine.role is Role.FOLLOWER:
                self.fetch(node)

    def fetch(self, node: int) -> None:
        """Let a follower ask its leader for more."""
        machine = self.machines[node]
        leader, epoch = machine.leader_id, machine.epoch
        end, last = machine.log.log_end_offset, machine.log.last_epoch

        def arrive() -> None:
            there = self.machines[leader]
            if not there.is_leader or there.epoch != epoch:
                told, told_epoch = there.leader_id, there.epoch
                self._post(leader, node, lambda: self._hear(node, told, told_epoch))
                return
            diverging = there.on_fetch(node, end, last, now_ms=self.now_ms)
            self.carry(leader, there.take_effects())
            batches = []
            if diverging is None and end < there.log.log_end_offset:
                found = there.log.read(
                    end, 1 << 20, there.log.log_end_offset, at_least_one=True
                )
                batches = list(found.batches)
            watermark = there.log.high_watermark

            def answer() -> None:
                here = self.machines[node]
                if here is not machine or here.log.log_end_offset != end:
                    return
                effects = here.on_fetch_response(
                    epoch=epoch,
                    high_watermark=watermark,
                    batches=batches,
                    diverging=diverging,
                    now_ms=self.now_ms,
                )
                self.carry(node, effects)

            self._post(leader, node, answer)

        self._post(node, leader, arrive)

    def deliver(self, index: int = 0) -> None:
        """Let one message of the bag arrive; it is lost where its link is cut or its end gone."""
        source, target, arrive = self.bag.pop(index)
        if (source, target) not in self.cut and target in self.machines:
            arrive()

    def settle(self) -> None:
        """Let everything arrive, in order."""
        while self.bag:
            self.deliver()

    def run(self, ms: int) -> None:
        """Let time pass with a perfect network but for the cuts."""
        until = self.now_ms + ms
        while self.now_ms < until:
            self.tick()
            self.settle()

    def isolate(self, node: int) -> None:
        """Cut a node off all others, both ways."""
        for other in self.voters:
            if other != node:
                self.cut |= {(node, other), (other, node)}

    def leader(self) -> QuorumMachine | None:
        """Return who leads in the latest epoch that is led."""
        leading = [machine for machine in self.machines.values() if machine.is_leader]
        return max(leading, key=lambda machine: machine.epoch, default=None)

    def append(self, node: int, payload: bytes = b"x") -> None:
        """Let a leader write something."""
        machine = self.machines[node]
        machine.append([payload], 0)
        self.carry(node, machine.take_effects())

    # --- what must hold ---

    def check(self, node: int) -> None:
        """Check one node against all that ever happened."""
        machine = self.machines[node]
        self.check_machine(machine)
        log = machine.log
        state = machine.state
        if state.voted_id >= 0:
            key = (node, state.epoch)
            assert self.votes.setdefault(key, state.voted_id) == state.voted_id, "K7"
        for batch in log.batches():
            key = (batch.base_offset, batch.leader_epoch)
            assert self.identity.setdefault(key, batch.crc) == batch.crc, "K2"
        mine = _entries(log)
        known = [entry for entry in mine if entry[0] < log.high_watermark]
        shared = min(len(known), len(self.committed))
        assert known[:shared] == self.committed[:shared], "K5"
        if len(known) > len(self.committed):
            end = log.high_watermark
            holders = [voter for voter in self.voters if self._durable_end(voter) >= end]
            assert len(holders) > len(self.voters) // 2, "K6"
            self.committed = known
        if machine.is_leader and machine.epoch == max(self.leaders, default=0):
            assert mine[: len(self.committed)] == self.committed, "K4"

    def check_machine(self, machine: QuorumMachine) -> None:
        """Check what a node can say of itself."""
        machine.check_invariants()

    def _durable_end(self, voter: int) -> int:
        machine = self.machines.get(voter)
        if machine is not None:
            return machine.log.durable_end_offset
        return open_log(self.storages[voter]).log_end_offset

    # --- messages ---

    def _post(self, source: int, target: int, arrive: Callable[[], None]) -> None:
        self.bag.append((source, target, arrive))

    def _hear(self, node: int, leader: int, epoch: int) -> None:
        machine = self.machines[node]
        self.carry(node, machine.on_leader(leader, epoch, self.now_ms))

    def _vote(self, node: int, effect: SendVote) -> Callable[[], None]:
        asker = self.machines[node]

        def arrive() -> None:
            voter = self.machines[effect.target]
            answer = voter.on_vote_request(effect.request, self.now_ms)
            if answer.granted and not effect.request.pre_vote:
                granted = self.votes.setdefault((effect.target, answer.epoch), node)
                assert granted == node, "K7"
            self.carry(effect.target, voter.take_effects())

            def back() -> None:
                here = self.machines[node]
                if here is asker:
                    effects = here.on_vote_answer(
                        effect.target, effect.request, answer, self.now_ms
                    )
                    self.carry(node, effects)

            self._post(effect.target, node, back)

        return arrive

    def _begin(self, node: int, effect: SendBeginEpoch) -> Callable[[], None]:
        return lambda: self._hear(effect.target, node, effect.epoch)

    def _end(self, node: int, effect: SendEndEpoch) -> Callable[[], None]:
        def arrive() -> None:
            machine = self.machines[effect.target]
            effects = machine.on_end_epoch(node, effect.epoch, effect.preferred, self.now_ms)
            self.carry(effect.target, effects)

        return arrive


def _entries(log: PartitionLog) -> list[tuple[int, int]]:
    return [(batch.base_offset, batch.leader_epoch) for batch in log.batches()]
