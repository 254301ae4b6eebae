"""Any order of heartbeats, pauses, changes and failovers: nobody reads what another reads.

The model is the clients' own view: what each of them owns, and when it stops to own it. A client
reads what it was told to have; what it is told to give up it goes on reading until it says, with
the partitions of a later heartbeat, that it has stopped. Fenced, or silent for a session, it owns
nothing (NoDoubleClientAssignment).
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.commands import Moment
from minikafka.groups.consumer_commands import ConsumerHeartbeatAnswer
from tests.unit.groups.consumer_desk import REVOKE_MS, ConsumerDesk, Reader

NAMES = st.sampled_from(["a", "b", "static"])
SESSION_MS = 45_000
ANEW = (
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.FENCED_MEMBER_EPOCH,
    ErrorCode.GROUP_ID_NOT_FOUND,
)
COMPARED = (
    "epoch", "metadata_hash", "assignment_epoch", "members", "static_members", "targets", "owners",
    "expressions",
)  # fmt: skip


class Client(Reader):
    """A consumer that may be slow: to stop reading, and to be heard."""

    alive = False
    unsure = False
    heard_ms = 0
    reading: frozenset[tuple[TopicId, int]] = frozenset()

    def go_on(self) -> ConsumerHeartbeatAnswer:
        """Send a heartbeat; one that tells all where the last one was not answered."""
        if not self.unsure:
            return self.beat()
        return self.beat(rebalance_timeout_ms=REVOKE_MS, topic_names=self.topics)

    def now_reads(self) -> None:
        """Read what it owns."""
        self.reading = frozenset(
            (topic, number) for topic, numbers in self.owned.items() for number in numbers
        )


class ConsumerGroups(RuleBasedStateMachine):
    """A coordinator, its log, and three consumers of one group."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = ConsumerDesk()
        self.desk.topics(t=3, u=2)
        self.clients = {
            "a": Client(self.desk, "a"),
            "b": Client(self.desk, "b"),
            "static": Client(self.desk, "s0", instance_id="i"),
        }
        self.lives = 0

    def send(self, client: Client, act: Any, *, lost: bool = False) -> None:
        """Let a client speak; what it hears may be lost, what it is refused it obeys."""
        epoch, owned = client.epoch, client.owned
        # It has stopped to read whatever it does not say that it owns.
        client.now_reads()
        client.heard_ms = self.desk.now_ms
        try:
            answer: ConsumerHeartbeatAnswer = act()
        except KafkaError as error:
            if error.code in ANEW:
                client.alive, client.owned, client.epoch = False, {}, 0
                client.reading = frozenset()
            return
        client.unsure = lost
        if lost:
            client.epoch, client.owned = epoch, owned
            return
        # What is new is read at once; what is to be given up is read a while longer.
        assert answer.member_epoch >= epoch or answer.member_epoch < 0
        before = client.reading
        client.now_reads()
        client.reading |= before

    @rule(name=NAMES, topics=st.sampled_from([("t",), ("u",), ("t", "u"), ()]))
    def join(self, name: str, topics: tuple[str, ...]) -> None:
        client = self.clients[name]
        if client.alive:
            return
        client.topics, client.owned = topics, {}
        client.reading = frozenset()
        if client.instance_id is not None:
            self.lives += 1
            client.member_id = f"s{self.lives}"
        client.epoch = 0
        client.alive, client.unsure = True, False
        self.send(client, client.join)

    @rule(name=NAMES, lost=st.booleans())
    def beat(self, name: str, lost: bool) -> None:
        client = self.clients[name]
        if client.alive:
            self.send(client, client.go_on, lost=lost)

    @rule(name=NAMES)
    def beat_without_partitions(self, name: str) -> None:
        client = self.clients[name]
        if client.alive and not client.unsure:
            reading = client.reading
            self.send(client, lambda: client.beat(owned=None))
            # It has said nothing of having stopped.
            if client.alive:
                client.reading |= reading

    @rule(name=NAMES, topics=st.sampled_from([("t",), ("u",), ("t", "u")]))
    def resubscribe(self, name: str, topics: tuple[str, ...]) -> None:
        client = self.clients[name]
        if client.alive and not client.unsure:
            client.topics = topics
            self.send(client, lambda: client.beat(topic_names=topics))

    @rule(name=NAMES, away=st.booleans())
    def leave(self, name: str, away: bool) -> None:
        client = self.clients[name]
        if not client.alive:
            return
        epoch = -2 if away and client.instance_id is not None else -1
        client.owned, client.reading = {}, frozenset()
        self.send(client, lambda: client.leave(epoch))
        client.alive = False

    @rule(ms=st.sampled_from([1_000, 20_000, SESSION_MS]))
    def wait(self, ms: int) -> None:
        self.desk.advance(ms)
        for client in self.clients.values():
            if self.desk.now_ms - client.heard_ms >= SESSION_MS:
                # A client stops by itself when it has not been heard for so long.
                client.reading, client.owned, client.alive = frozenset(), {}, False

    @rule(t=st.integers(0, 4), u=st.integers(0, 3))
    def change_topics(self, t: int, u: int) -> None:
        counts = {"t": max(t, self.desk.counts.get("t", 0)), "u": max(u, self.desk.counts["u"])}
        self.desk.topics(**counts)

    @rule()
    def fail_over(self) -> None:
        before = self.desk.coordinator.consumer_group("g")
        self.desk.fail_over()
        after = self.desk.coordinator.consumer_group("g")
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            for name in COMPARED:
                assert getattr(before, name) == getattr(after, name), name

    @precondition(lambda self: self.desk.coordinator.consumer_group("g") is not None)
    @rule()
    def settles(self) -> None:
        alive = [client for client in self.clients.values() if client.alive]
        for _ in range(12):
            for client in alive:
                if client.alive:
                    self.send(client, client.go_on)
        alive = [client for client in alive if client.alive]
        group = self.desk.consumers()
        if len(alive) == len(group.members) and alive:
            assert group.state.value == "Stable"
            wanted = {name for client in alive for name in client.topics or ()}
            total = sum(self.desk.counts[name] for name in wanted)
            assert sum(len(n) for client in alive for n in client.owned.values()) == total

    @invariant()
    def nobody_reads_what_another_reads(self) -> None:
        seen: set[tuple[TopicId, int]] = set()
        for client in self.clients.values():
            assert not seen & client.reading
            seen |= client.reading

    @invariant()
    def machine_holds_its_invariants(self) -> None:
        self.desk.coordinator.check_invariants()
        assert isinstance(self.desk.now, Moment)


TestConsumerGroups = ConsumerGroups.TestCase
