"""How a rebalance begins, waits, and ends. Counterpart: GroupMetadataManager. KIP-62, KIP-134.

Rules of this file
    Out of Empty a rebalance waits for the initial delay, longer while members keep coming; out of
    any other state until all members have joined, or the rebalance timeout is over.
    It ends with the next generation: every member is told, the leader of the group of all.
    The group is stable once the leader's assignment is in the log (`syncing`).
    Whether members give up all they have for it, or only what goes to others (KIP-429), is
    between them: who has given something up joins once more.
"""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    NOTHING,
    UNKNOWN_MEMBER,
    Decision,
    JoinAnswer,
    Moment,
    SyncAnswer,
)
from minikafka.groups.members import Member
from minikafka.groups.states import PREVIOUS, GroupState
from minikafka.groups.table import GroupTable

__all__ = [
    "complete_join_phase",
    "expect_heartbeat",
    "generation_answer",
    "maybe_complete_join",
    "prepare_rebalance",
    "rebalance_or_complete_join",
    "remove_member",
    "reset_assignment",
    "send_assignment",
]


def rebalance_or_complete_join(
    table: GroupTable, group: ClassicGroup, now: Moment
) -> Decision[None]:
    """Begin a rebalance; where one is under way, see whether it can end."""
    if group.state in PREVIOUS[GroupState.PREPARING_REBALANCE]:
        return prepare_rebalance(table, group, now)
    return maybe_complete_join(table, group, now)


def prepare_rebalance(table: GroupTable, group: ClassicGroup, now: Moment) -> Decision[None]:
    """All members have to join anew; those that wait for an assignment are told so."""
    group_id = group.group_id
    if group.state is GroupState.COMPLETING_REBALANCE:
        reset_assignment(table, group, ErrorCode.REBALANCE_IN_PROGRESS, now)
    group.pending_syncs.clear()
    table.timers.cancel(("sync", group_id))
    initial = group.state is GroupState.EMPTY
    group.transition_to(GroupState.PREPARING_REBALANCE, now.timestamp_ms)
    if initial:
        # KIP-134: more members will come, give them a moment.
        delay_ms = table.limits.group_initial_rebalance_delay_ms
        left_ms = max(group.rebalance_timeout_ms() - delay_ms, 0)
        _schedule_initial(table, group_id, delay_ms, left_ms, now)
        return NOTHING
    if group.has_all_joined():
        return complete_join_phase(table, group, now)
    _schedule_join(table, group, now)
    return NOTHING


def _schedule_initial(
    table: GroupTable, group_id: str, delay_ms: int, left_ms: int, now: Moment
) -> None:
    def end_or_go_on(then: Moment) -> Decision[None]:
        group = table.groups.get(group_id)
        if group is None:
            return NOTHING
        if not group.new_member_added or not left_ms:
            return complete_join_phase(table, group, then)
        group.new_member_added = False
        next_ms = min(table.limits.group_initial_rebalance_delay_ms, left_ms)
        _schedule_initial(table, group_id, next_ms, max(left_ms - delay_ms, 0), then)
        return NOTHING

    table.timers.schedule(("join", group_id), now.ms + delay_ms, end_or_go_on)


def _schedule_join(table: GroupTable, group: ClassicGroup, now: Moment) -> None:
    def end(then: Moment) -> Decision[None]:
        current = table.groups.get(group.group_id)
        return NOTHING if current is None else complete_join_phase(table, current, then)

    deadline_ms = now.ms + group.rebalance_timeout_ms()
    table.timers.schedule(("join", group.group_id), deadline_ms, end)


def maybe_complete_join(table: GroupTable, group: ClassicGroup, now: Moment) -> Decision[None]:
    """End the join phase if everybody is there; the initial delay is waited out (G9)."""
    if (
        group.state is not GroupState.PREPARING_REBALANCE
        or group.previous_state is GroupState.EMPTY
        or not group.has_all_joined()
    ):
        return NOTHING
    return complete_join_phase(table, group, now)


def complete_join_phase(table: GroupTable, group: ClassicGroup, now: Moment) -> Decision[None]:
    """The next generation has begun: who has not joined is out, who has is told.

    Static members stay, whether they have joined or not (KIP-345): only their session ends
    them. With nobody left the group is empty, which the log shall know.
    """
    table.timers.cancel(("join", group.group_id))
    for member in tuple(group.members.values()):
        if member.awaiting_join is None and member.group_instance_id is None:
            group.remove(member.member_id)
            table.timers.cancel(("heartbeat", group.group_id, member.member_id))
    if group.state is GroupState.DEAD:
        return NOTHING
    if not group.elect_joined_leader() and group.members:
        # Static members only, none of which has come: their sessions decide.
        _schedule_join(table, group, now)
        return NOTHING
    group.begin_generation(now.timestamp_ms)
    if group.state is GroupState.EMPTY:
        return Decision((group.record({}),), None, _ignore)
    for member in group.members.values():
        member.complete_join(generation_answer(group, member.member_id))
        expect_heartbeat(table, group, member, now)
        member.is_new = False
        group.pending_syncs[member.member_id] = None
    _schedule_sync(table, group, now)
    return NOTHING


def _ignore(error: ErrorCode, now: Moment) -> None:
    # Without this record an older generation may come back from the log, and time out there.
    return


def generation_answer(group: ClassicGroup, member_id: str) -> JoinAnswer:
    """Return what a member hears of the present generation; the leader of all members."""
    leads = group.leader == member_id
    members = tuple(each.joined(group.protocol_name) for each in group.members.values())
    return JoinAnswer(
        ErrorCode.NONE,
        member_id,
        group.generation_id,
        group.protocol_type,
        group.protocol_name,
        group.leader or "",
        members=members if leads else (),
    )


def _schedule_sync(table: GroupTable, group: ClassicGroup, now: Moment) -> None:
    """Who does not ask for its assignment in time is out (KAFKA-12890: else nobody gets any)."""
    group_id, generation_id = group.group_id, group.generation_id

    def expire(then: Moment) -> Decision[None]:
        current = table.groups.get(group_id)
        if current is None or current.generation_id != generation_id:
            return NOTHING
        if current.state not in (GroupState.COMPLETING_REBALANCE, GroupState.STABLE):
            return NOTHING
        missing = tuple(current.pending_syncs)
        if not missing:
            return NOTHING
        for member_id in missing:
            current.remove(member_id)
            table.timers.cancel(("heartbeat", group_id, member_id))
        return prepare_rebalance(table, current, then)

    deadline_ms = now.ms + group.rebalance_timeout_ms()
    table.timers.schedule(("sync", group_id), deadline_ms, expire)


# --- assignments -------------------------------------------------------------------------


def reset_assignment(
    table: GroupTable, group: ClassicGroup, error: ErrorCode, now: Moment
) -> None:
    """Nobody has an assignment, and who waits for one hears why."""
    for member in group.members.values():
        member.assignment = b""
    send_assignment(table, group, error, now)


def send_assignment(
    table: GroupTable, group: ClassicGroup, error: ErrorCode, now: Moment
) -> None:
    """Answer every parked SyncGroup; sessions begin anew, for none was counted meanwhile."""
    good = error is ErrorCode.NONE
    for member in group.members.values():
        answer = SyncAnswer(
            error,
            group.protocol_type if good else None,
            group.protocol_name if good else None,
            member.assignment,
        )
        if member.complete_sync(answer):
            expect_heartbeat(table, group, member, now)


# --- sessions ----------------------------------------------------------------------------


def expect_heartbeat(
    table: GroupTable,
    group: ClassicGroup,
    member: Member,
    now: Moment,
    timeout_ms: int | None = None,
) -> None:
    """Give a member its session timeout, or another, from now on."""
    group_id, member_id = group.group_id, member.member_id

    def expire(then: Moment) -> Decision[None]:
        current = table.groups.get(group_id)
        silent = None if current is None else current.members.get(member_id)
        if current is None or silent is None or silent.has_satisfied_heartbeat():
            return NOTHING
        return remove_member(table, current, silent, then)

    deadline_ms = now.ms + (member.session_timeout_ms if timeout_ms is None else timeout_ms)
    table.timers.schedule(("heartbeat", group_id, member_id), deadline_ms, expire)


def remove_member(
    table: GroupTable, group: ClassicGroup, member: Member, now: Moment
) -> Decision[None]:
    """A member is out; the others share what it had.

    A new one may still wait for its JoinGroup: UNKNOWN_MEMBER_ID lets it try again.
    """
    member.complete_join(JoinAnswer(ErrorCode.UNKNOWN_MEMBER_ID, UNKNOWN_MEMBER))
    group.remove(member.member_id)
    if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
        return rebalance_or_complete_join(table, group, now)
    if group.state is GroupState.PREPARING_REBALANCE and group.has_all_joined():
        return complete_join_phase(table, group, now)
    return NOTHING
