"""Replicas that diverge come together again, and what was committed stays.

A state machine of Hypothesis elects, writes, cuts links and lets brokers apply metadata late, so
that old leaders go on writing, and leaders change faster than followers notice (KIP-101,
KIP-279). Fetch handler, sessions, fetchers and machines are the real ones.
"""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from minikafka.base.ids import TopicPartition
from minikafka.metadata.states import PartitionImage
from tests.support.replica_cell import Cell

BROKERS = (1, 2, 3)
LAG_MS = 2_000
TOPIC = TopicPartition("t", 0)
broker = st.sampled_from(BROKERS)


class Replication(RuleBasedStateMachine):
    """One partition on three brokers; leaders come from the ISR only."""

    def __init__(self) -> None:
        super().__init__()
        # One batch at a time, so that a follower is seen at every stage of its way.
        self.cell = Cell(replica_lag_time_max_ms=LAG_MS, replica_fetch_max_bytes=1)
        self.cell.create()
        for member in self.cell.members.values():
            member.on_isr_wanted = lambda _: self.change_isr()
        self.values = 0
        # What some leader has called committed: batch by base offset.
        self.committed: dict[int, bytes] = {}
        self.held: dict[int, frozenset[int]] = {each: frozenset() for each in BROKERS}

    def teardown(self) -> None:
        cell = self.cell
        cell.links.heal()
        cell.apply()
        for _ in range(10):  # until the ISR is complete again
            cell.loop.advance(LAG_MS)
            self.change_isr()
            cell.apply()
        logs = [cell[each].partition().log for each in BROKERS]
        assert len({log.all_bytes() for log in logs}) == 1, logs
        assert len({log.high_watermark for log in logs}) == 1, logs
        assert logs[0].high_watermark == logs[0].log_end_offset
        assert self.decided().isr == BROKERS
        self.nothing_committed_is_lost()
        cell.close()

    def decided(self) -> PartitionImage:
        """Return what the metadata log says, applied or not."""
        newest = max((m.image for m in self.cell.members.values()), key=lambda i: i.offset)
        image, _ = newest.apply(self.cell.log[newest.offset :], len(self.cell.log))
        found = image.partition(TOPIC)
        assert found is not None
        return found

    @rule(at=broker, count=st.integers(1, 3))
    def write(self, at: int, count: int) -> None:
        """Whoever believes to lead writes, whatever the metadata says."""
        if self.cell[at].partition().leader is not None:
            self.values += 1
            self.cell[at].produce(*[b"%d" % self.values] * count, acks=1)

    @rule(choice=st.integers(0, 2))
    def elect(self, choice: int) -> None:
        """Another member of the ISR leads from now on; nobody knows yet."""
        now = self.decided()
        others = [each for each in now.isr if each != now.leader]
        if not others:
            return
        self.cell.change(
            leader=others[choice % len(others)],
            leader_epoch=now.leader_epoch + 1,
            isr=now.isr,
            partition_epoch=now.partition_epoch + 1,
            run=False,
        )

    @rule()
    def change_isr(self) -> None:
        """The controller grants what the leader wishes, if it is still the leader."""
        now = self.decided()
        leader = self.cell[now.leader].partition().leader
        if leader is None or leader.partition_epoch != now.partition_epoch:
            return
        wish = leader.isr_wish(self.cell.loop.clock.monotonic_ms())
        if wish is not None:
            leader.pending_isr = wish.isr
            self.cell.change(
                leader=now.leader,
                leader_epoch=now.leader_epoch,
                isr=wish.isr,
                partition_epoch=now.partition_epoch + 1,
                run=False,
            )

    @rule(choice=st.integers(0, 2))
    def depose(self, choice: int) -> None:
        """A leader that nobody reaches goes on writing next to the new one."""
        old = self.decided().leader
        self.cell.links.partition([old], BROKERS)
        self.elect(choice)
        others = [each for each in BROKERS if each != old]
        self.cell.apply(*others)
        for each in BROKERS:
            self.write(each, 1)

    @rule(at=broker)
    def lose(self, at: int) -> None:
        """A follower that nobody reaches leaves the ISR, and more is committed without it."""
        leader = self.decided().leader
        if at == leader:
            return
        self.cell.links.partition([at], BROKERS)
        self.cell.apply()
        for _ in range(3):
            self.write(leader, 1)
            self.cell.loop.advance(LAG_MS // 2 + 1)
            self.change_isr()
            self.cell.apply()

    @rule(at=broker)
    def apply_one(self, at: int) -> None:
        """A broker applies the next metadata record."""
        self.cell.apply(at, up_to=self.cell[at].applied + 1)

    @rule(at=broker)
    def apply_all(self, at: int) -> None:
        """A broker catches up with the metadata."""
        self.cell.apply(at)

    @rule(a=broker, b=broker, oneway=st.booleans())
    def cut(self, a: int, b: int, oneway: bool) -> None:
        """Two brokers lose each other, or one the other."""
        self.cell.links.partition([a], [b], oneway=oneway)

    @rule(a=broker, b=broker, latency_ms=st.integers(0, 300))
    def delay(self, a: int, b: int, latency_ms: int) -> None:
        """A link becomes slow."""
        self.cell.links.set_link(a, b, latency=latency_ms / 1000)

    @rule()
    def heal(self) -> None:
        """All links are perfect again."""
        self.cell.links.heal()

    @rule(ms=st.sampled_from([0, 1, 100, 600, LAG_MS + 1]))
    def wait(self, ms: int) -> None:
        """Time passes, and fetchers do their work."""
        self.cell.loop.advance(ms)

    @invariant()
    def logs_are_well_formed(self) -> None:
        for each in BROKERS:
            partition = self.cell[each].partition()
            partition.log.check_invariants()
            assert partition.leader is None or partition.follower is None

    @invariant()
    def nothing_committed_is_lost(self) -> None:
        now = {
            each: {
                b.base_offset: bytes(b.view) for b in self.cell[each].partition().log.batches()
            }
            for each in BROKERS
        }
        for each in BROKERS:
            partition = self.cell[each].partition()
            if partition.leader is not None:
                for offset, data in now[each].items():
                    if offset < partition.log.high_watermark:
                        assert self.committed.setdefault(offset, data) == data
        members = self.decided().isr
        for each in BROKERS:
            has = frozenset(o for o, d in self.committed.items() if now[each].get(o) == d)
            assert self.held[each] <= has, f"broker {each} truncated what was committed"
            assert each not in members or len(has) == len(self.committed)
            self.held[each] = has


TestReplication = Replication.TestCase
TestReplication.settings = hypothesis.settings(stateful_step_count=40)
