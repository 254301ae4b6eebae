"""Several quorum machines, and the messages between them in a bag that a test draws from.

No sockets and no loop: time moves when the test says so. What must hold of a quorum is checked
after every step: election safety, log matching, leader completeness, durable commits.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable

from minikafka.base.ids import ZERO_ID
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.quorum.control import voter_sets, voters_record
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
from minikafka.quorum.snapshots import SnapshotId, snapshot_bytes
from minikafka.quorum.voter_changes import added, removed
from minikafka.quorum.voters import Voter, VoterSet
from tests.support.builders import open_log, quorum_machine

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
        self.nodes = tuple(voters)
        self.now_ms = 0
        self.rng = random.Random(seed)
        self.machines: dict[int, QuorumMachine] = {}
        self.storages = {node: MemoryStorage() for node in self.nodes}
        self.disks = dict.fromkeys(self.nodes, 1)
        self.first = VoterSet(Voter(node, self.disk(node)) for node in self.nodes)
        self.bag: list[Message] = []
        self.cut: set[tuple[int, int]] = set()
        self.leaders: dict[int, int] = {}
        self.votes: dict[tuple[int, int], int] = {}
        self.identity: dict[tuple[int, int], int] = {}
        self.named: dict[tuple[int, int], list[VoterSet]] = {}
        self.committed: list[tuple[int, int]] = []
        self.voter_sets = [self.first]
        self.lost: dict[uuid.UUID, int] = {}  # how far the disks went that are gone
        for node in self.nodes:
            self.boot(node)

    def disk(self, node: int) -> uuid.UUID:
        """Return the id of the disk that a node has now."""
        return uuid.UUID(int=node * 1000 + self.disks[node])

    def join(self, node: int) -> None:
        """Let one more node observe."""
        self.nodes += (node,)
        self.storages[node], self.disks[node] = MemoryStorage(), 1
        self.boot(node)

    def boot(self, node: int) -> None:
        """Start a node over what its disk holds."""
        machine = quorum_machine(
            node,
            self.first,
            self.storages[node],
            timing=TIMING,
            draw=random.Random(f"{self.rng.random()}:{node}").randrange,
            directory_id=self.disk(node),
        )
        self.machines[node] = machine
        self.carry(node, machine.start(self.now_ms))

    def crash(self, node: int, *, power: bool) -> None:
        """End a node; with `power` what was not flushed is gone, too."""
        del self.machines[node]
        if power:
            self.storages[node].lose_unflushed()

    def replace_disk(self, node: int) -> None:
        """Give a node that has ended an empty disk."""
        self.lost[self.disk(node)] = self._durable_end(node)
        self.storages[node] = MemoryStorage()
        self.disks[node] += 1

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
            elif not machine.is_voter:
                self.fetch(node, self.rng.choice([each for each in self.nodes if each != node]))

    def fetch(self, node: int, asked: int | None = None) -> None:
        """Let a follower ask its leader for more, or an observer somebody who that is."""
        machine = self.machines[node]
        leader = machine.leader_id if asked is None else asked
        epoch, key = machine.epoch, (node, machine.directory_id)
        end, last = machine.log.log_end_offset, machine.last_epoch

        def arrive() -> None:
            there = self.machines[leader]
            if not there.is_leader or there.epoch != epoch:
                told, told_epoch = there.leader_id, there.epoch
                self._post(leader, node, lambda: self._hear(node, told, told_epoch))
                return
            diverging = there.on_fetch(
                key, end, last, now_ms=self.now_ms, now_timestamp_ms=self.now_ms
            )
            self.carry(leader, there.take_effects())
            if isinstance(diverging, SnapshotId):
                self._post(leader, node, self._snapshot(node, there, diverging))
                return
            batches = []
            if diverging is None and end < there.log.log_end_offset:
                found = there.log.read(
                    end, 1 << 20, there.log.log_end_offset, at_least_one=True
                )
                batches = list(found.batches)
            watermark = there.log.high_watermark

            def answer() -> None:
                here = self.machines[node]
                if here is not machine or (here.log.log_end_offset, here.last_epoch) != (
                    end,
                    last,
                ):
                    return  # only the answer to the last fetch counts
                if here.role is not Role.FOLLOWER:
                    self._hear(node, leader, epoch)
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
        for other in self.nodes:
            if other != node:
                self.cut |= {(node, other), (other, node)}

    def leader(self) -> QuorumMachine | None:
        """Return who leads in the latest epoch that is led."""
        leading = [machine for machine in self.machines.values() if machine.is_leader]
        return max(leading, key=lambda machine: machine.epoch, default=None)

    def append(self, node: int, payload: bytes = b"x") -> None:
        """Let a leader write something."""
        machine = self.machines[node]
        machine.append([payload], self.now_ms, 0)
        self.carry(node, machine.take_effects())

    def change(self, leader: int, *nodes: int) -> None:
        """Let a leader give nodes a vote with the disks they have, or take their votes away.

        More than one at a time is what it has to refuse.
        """
        machine = self.machines[leader]
        voters = machine.voter_set
        for node in nodes:
            if voters.get(node) is not None:
                voters = removed(voters, node, ZERO_ID)
            elif machine.leadership.has_caught_up((node, self.disk(node))):  # type: ignore[union-attr]
                voters = added(voters, Voter(node, self.disk(node)))
            else:
                return
        machine.change_voters(voters, self.now_ms, 0)
        self.carry(leader, machine.take_effects())

    def without_disk(self, machine: QuorumMachine) -> list[int]:
        """Return the voters, as a node knows them, whose disks are gone."""
        return [
            voter.voter_id
            for voter in machine.voter_set
            if voter.directory_id != self.disk(voter.voter_id)
        ]

    def is_settled(self, machine: QuorumMachine) -> bool:
        """Say whether a node knows of no change under way, and of no voter that must go."""
        return machine.voter_set == self.voter_sets[-1] and not self.without_disk(machine)

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
        latest = None
        for batch in log.batches():
            key = (batch.base_offset, batch.leader_epoch)
            if key not in self.identity:
                self.identity[key] = batch.crc
                self.named[key] = [voters for _, voters in voter_sets(batch)]
            assert self.identity[key] == batch.crc, "K2"
            latest = self.named[key][-1] if self.named[key] else latest
        assert latest in (None, machine.voter_set), "K17"
        # What lies below a snapshot has been compared before it was one.
        start, first = log.log_start_offset, machine.snapshots.earliest
        assert (start == 0) == (first is None or first.end_offset > start), "K14"
        assert not start or (first is not None and first.end_offset == start), "K14"
        mine = _entries(log)
        known = [entry for entry in mine if entry[0] < log.high_watermark]
        committed = [entry for entry in self.committed if entry[0] >= start]
        shared = min(len(known), len(committed))
        assert known[:shared] == committed[:shared], "K5"
        if len(known) > len(committed):
            self._check_majority(machine)
            self.committed = [entry for entry in self.committed if entry[0] < start] + known
        if machine.is_leader and not machine.is_voter:
            assert machine.history.latest_offset >= log.high_watermark, "K16"
        if machine.is_leader and machine.epoch == max(self.leaders, default=0):
            assert mine[: len(committed)] == committed, "K4"

    def _check_majority(self, machine: QuorumMachine) -> None:
        end, voters = machine.log.high_watermark, machine.voter_set
        for former in self.voter_sets:
            assert former.differs_by(voters) <= 1 or former is not self.voter_sets[-1], "K13"
        if not self.voter_sets or self.voter_sets[-1] != voters:
            self.voter_sets.append(voters)
        holders = [voter for voter in voters if self._held(voter) >= end]
        assert len(holders) > len(voters) // 2, "K6"

    def _held(self, voter: Voter) -> int:
        if voter.directory_id == self.disk(voter.voter_id):
            return self._durable_end(voter.voter_id)
        return self.lost.get(voter.directory_id, 0)

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
            known = asker.voter_set.get(effect.target)
            if known is None or known.directory_id != voter.directory_id:
                return  # INVALID_VOTER_KEY
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

    def _snapshot(
        self, node: int, there: QuorumMachine, snapshot: SnapshotId
    ) -> Callable[[], None]:
        data = there.snapshots.read(snapshot, 0, 1 << 30)
        machine, epoch = self.machines.get(node), there.epoch

        def arrive() -> None:
            if (
                machine is not None
                and self.machines[node] is machine
                and machine.epoch == epoch
            ):
                machine.on_snapshot(snapshot, data)
                self.carry(node, machine.take_effects())

        return arrive

    def snapshot(self, node: int) -> None:
        """Let a node make a snapshot of what it knows to be committed, and keep only that."""
        machine = self.machines[node]
        end = machine.high_watermark
        if not end or (
            machine.snapshots.latest is not None and end <= machine.snapshots.latest[0]
        ):
            return
        snapshot = SnapshotId(end, machine.log.epochs.epoch_of(end - 1))
        voters = voters_record(machine.history.below(end), 0)
        machine.snapshots.write(snapshot, snapshot_bytes([b"x"], snapshot, 0, [voters]))
        machine.clean(0, -1, 0)
        self.carry(node, machine.take_effects())

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
