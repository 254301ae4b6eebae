"""Any order of joins, syncs, commits, pauses and failovers keeps the promises of a group.

The model knows three things: the last commit that was accepted, which generations had which
leader, and what the leader of each generation gave to whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import JoinAnswer, LeavingMember, SyncAnswer
from tests.unit.groups.desk import Desk

NAMES = st.sampled_from(["a", "b", "static"])
# What a member may commit by, and what tells it to begin anew.
ANEW = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID)


@dataclass
class Consumer:
    """What one consumer believes."""

    member_id: str = ""
    joined: JoinAnswer | None = None
    former: JoinAnswer | None = None
    joining: Deferred[JoinAnswer] | None = None
    syncing: Deferred[SyncAnswer] | None = None
    owns: bool = False


class Groups(RuleBasedStateMachine):
    """A coordinator, its log, and three consumers of one group."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.consumers = {name: Consumer() for name in ("a", "b", "static")}
        self.accepted: int | None = None
        self.offset = 0
        self.leaders: dict[int, str] = {}
        self.given: dict[tuple[int, str], bytes] = {}
        self.synced = 0

    def instance(self, name: str) -> str | None:
        """Return the instance id of the static consumer."""
        return "i" if name == "static" else None

    # --- what consumers do ---------------------------------------------------------------

    @rule(name=NAMES)
    def join(self, name: str) -> None:
        """Join, if no answer is awaited."""
        consumer = self.consumers[name]
        if consumer.joining is None:
            consumer.owns = False
            consumer.syncing = None
            consumer.joining = self.desk.join(
                consumer.member_id,
                instance_id=self.instance(name),
                client_id=name,
                session_ms=8_000,
                rebalance_ms=20_000,
                requires_id=True,
            )
            self.hear()

    @rule(name=NAMES)
    def sync(self, name: str) -> None:
        """Ask for the assignment of the generation that was joined; the leader brings it."""
        consumer = self.consumers[name]
        joined = consumer.joined
        if joined is None or consumer.syncing is not None:
            return
        assignments: dict[str, Any] = {
            each.member_id: f"{joined.generation_id}:{each.member_id}".encode()
            for each in joined.members
        }
        consumer.syncing = self.desk.sync(
            joined, instance_id=self.instance(name), **assignments
        )
        self.hear()

    @rule(name=NAMES)
    def heartbeat(self, name: str) -> None:
        """Be alive; begin anew where told so."""
        consumer = self.consumers[name]
        if consumer.joined is None:
            return
        code = self.desk.heartbeat(consumer.joined, instance_id=self.instance(name))
        if code in (*ANEW, ErrorCode.ILLEGAL_GENERATION):
            consumer.joined = None
            consumer.member_id = "" if code in ANEW else consumer.member_id

    @rule(name=NAMES)
    def commit(self, name: str) -> None:
        """Commit a new offset; only the present generation may (G3)."""
        consumer = self.consumers[name]
        if consumer.joined is None:
            return
        self.offset += 1
        group = self.desk.coordinator.group("g")
        code = self.desk.commit(self.offset, consumer.joined, instance_id=self.instance(name))
        if code is ErrorCode.NONE:
            assert group is not None
            assert consumer.joined.generation_id == group.generation_id
            assert consumer.joined.member_id in group.members
            self.accepted = self.offset

    @rule(name=NAMES)
    def commit_late(self, name: str) -> None:
        """A commit of an older generation comes late: it is refused (G3, M74)."""
        former = self.consumers[name].former
        group = self.desk.coordinator.group("g")
        if former is None or group is None or former.generation_id == group.generation_id:
            return
        self.offset += 1
        code = self.desk.commit(self.offset, former, instance_id=self.instance(name))
        assert code is not ErrorCode.NONE, former

    @rule()
    def commit_by_nobody(self) -> None:
        """An administrator commits: only while there are no members (G3)."""
        self.offset += 1
        group = self.desk.coordinator.group("g")
        empty = group is None or not group.members
        code = self.desk.commit(self.offset)
        if code is ErrorCode.NONE:
            assert empty
            self.accepted = self.offset

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        """Go, and know nothing any more."""
        consumer = self.consumers[name]
        if consumer.member_id:
            self.desk.leave(LeavingMember(consumer.member_id, self.instance(name)))
            self.hear()
        self.consumers[name] = Consumer()

    @rule(name=NAMES)
    def restart(self, name: str) -> None:
        """Be another process, which knows nothing; the static one keeps its name."""
        self.consumers[name] = Consumer()

    # --- what happens ----------------------------------------------------------------------

    @rule(ms=st.sampled_from([50, 100, 3_000, 9_000, 21_000]))
    def time_passes(self, ms: int) -> None:
        """Sessions and rebalances run out."""
        self.desk.advance(ms)
        self.hear()

    @rule(rounds=st.sampled_from([3, 30]))
    def consumers_go_on(self, rounds: int) -> None:
        """All three keep trying for a while."""
        self.try_on(rounds)

    @precondition(lambda self: self.desk.log)
    @rule()
    def fail_over(self) -> None:
        """Another coordinator goes on from the log."""
        self.desk.fail_over()
        self.hear()
        group = self.desk.coordinator.group("g")
        assert group is None or group.generation_id >= self.synced, "a generation came back"

    def hear(self) -> None:
        """Take the answers that have come."""
        for consumer in self.consumers.values():
            if consumer.joining is not None and consumer.joining.done:
                self._joined(consumer, consumer.joining.result())
                consumer.joining = None
            if consumer.syncing is not None and consumer.syncing.done:
                self._synced(consumer, consumer.syncing.result())
                consumer.syncing = None

    def _joined(self, consumer: Consumer, answer: JoinAnswer) -> None:
        if answer.error is ErrorCode.NONE:
            consumer.former = consumer.joined or consumer.former
            consumer.member_id, consumer.joined = answer.member_id, answer
        elif answer.error is ErrorCode.MEMBER_ID_REQUIRED:
            consumer.member_id, consumer.joined = answer.member_id, None
        else:
            consumer.joined = None
            consumer.member_id = "" if answer.error in ANEW else consumer.member_id

    def _synced(self, consumer: Consumer, answer: SyncAnswer) -> None:
        joined = consumer.joined
        if answer.error is not ErrorCode.NONE or joined is None:
            return
        consumer.owns = True
        self.synced = max(self.synced, joined.generation_id)
        # G2: in a generation everybody has what its leader gave, and always the same.
        label = (joined.generation_id, joined.member_id)
        assert self.given.setdefault(label, answer.assignment) == answer.assignment
        if answer.assignment:
            generation, _, _ = answer.assignment.partition(b":")
            assert int(generation) == joined.generation_id

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def committed_offset_is_the_last_accepted_one(self) -> None:
        """G4, also across failovers."""
        assert self.desk.committed() == self.accepted

    @invariant()
    def group_is_in_order(self) -> None:
        """The group's own invariants (G7)."""
        self.desk.coordinator.check_invariants()

    @invariant()
    def no_assignment_is_held_twice(self) -> None:
        """G2: no two members of the present generation hold the same part of it."""
        group = self.desk.coordinator.group("g")
        if group is not None:
            held = [each.assignment for each in group.members.values() if each.assignment]
            assert len(held) == len(dict.fromkeys(held))

    def teardown(self) -> None:
        """However it stands: consumers that keep trying have a stable group in the end (L7)."""
        # Ids that nobody uses hold it up for a session, members that are gone for a rebalance.
        assert self.try_on(300), f"no stable group: {self.desk.state()} {self.consumers}"

    def try_on(self, rounds: int) -> bool:
        """Let every consumer do what clients do; say whether the group came to rest."""
        for _ in range(rounds):
            for name, consumer in self.consumers.items():
                if consumer.joined is None:
                    self.join(name)
                elif not consumer.owns:
                    self.sync(name)
                    if not consumer.owns and consumer.syncing is None:
                        consumer.joined = None
                else:
                    self._keep_up(name, consumer)
            self.time_passes(200)
            group = self.desk.coordinator.group("g")
            if (
                group is not None
                and all(consumer.owns for consumer in self.consumers.values())
                and group.state.value == "Stable"
                and len(group.members) == 3
            ):
                return True
        return False

    def _keep_up(self, name: str, consumer: Consumer) -> None:
        assert consumer.joined is not None
        code = self.desk.heartbeat(consumer.joined, instance_id=self.instance(name))
        if code is not ErrorCode.NONE:
            consumer.joined, consumer.owns = None, False
            consumer.member_id = "" if code in ANEW else consumer.member_id


TestGroups = Groups.TestCase
