"""What a member of a share group hears, and what the coordinator makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.commands import CommitOffsets, JoinAnswer, JoinGroup, OffsetToCommit
from minikafka.groups.partitions import Partitions
from minikafka.groups.share_commands import ShareHeartbeat, ShareHeartbeatAnswer
from minikafka.groups.share_coordination import share_state_begun, state_to_delete
from minikafka.groups.timers import RETRY_MS
from tests.unit.groups.consumer_desk import ConsumerDesk, topic_id
from tests.unit.groups.desk import protocols

T = topic_id("t")
ALL: Partitions = {T: (0, 1, 2, 3)}


class ShareDesk(ConsumerDesk):
    """A coordinator, and members of share group `g`."""

    def beat(self, member: str, epoch: int, **more: Any) -> ShareHeartbeatAnswer:
        """Send a heartbeat."""
        command = ShareHeartbeat("g", member, epoch, **more)
        answer: ShareHeartbeatAnswer = self.run(
            lambda coordinator, now: coordinator.share_heartbeat(command, now)
        )
        return answer

    def enter(self, member: str, *topics: str) -> ShareHeartbeatAnswer:
        """Join, subscribed to `t` or to what is named."""
        return self.beat(member, 0, topic_names=topics or ("t",))

    def begin(self, partitions: Partitions, *, ok: bool = True) -> None:
        """Let share state have begun, or not."""
        self.run(
            lambda coordinator, now: share_state_begun(
                coordinator.table, "g", partitions, ok=ok
            )
        )

    def run(self, decide: Any) -> Any:
        """Decide, write, and return the answer."""
        return self.carry_out(decide(self.coordinator, self.now))


def joined(desk: ShareDesk) -> ErrorCode:
    """Return what a member of the classic protocol hears."""
    answer: Deferred[JoinAnswer] = Deferred()
    command = JoinGroup(
        "g", "", None, "c", "/h", 10_000, 10_000, "consumer", protocols("range")
    )
    desk.run(lambda coordinator, now: coordinator.join_group(command, answer, now))
    return answer.result().error


def refusal(call: Any) -> ErrorCode:
    """Return the code that a call is refused with."""
    with pytest.raises(KafkaError) as caught:
        call()
    return caught.value.code


def test_state_begins_before_partitions_are_assigned() -> None:
    """The first heartbeat asks for it, the next after that assigns."""
    desk = ShareDesk()
    first = desk.enter("a")
    assert (first.member_epoch, first.assignment, first.initialize) == (1, {}, ALL)
    assert desk.beat("a", 1).initialize == {}
    desk.begin(ALL)
    second = desk.beat("a", 1)
    assert (second.member_epoch, second.assignment) == (2, ALL)
    assert desk.beat("a", 2).assignment is None


def test_state_that_did_not_begin_is_asked_for_again() -> None:
    """At once where that is known, after a while where nothing is heard."""
    desk = ShareDesk()
    desk.enter("a")
    desk.begin(ALL, ok=False)
    assert desk.beat("a", 1).initialize == ALL
    desk.advance(desk.limits.share.retry_ms)
    assert desk.beat("a", 1).initialize == ALL


def test_members_read_the_same_partition_at_once() -> None:
    """Nobody waits until another has given something up."""
    desk = ShareDesk()
    desk.topics(t=1)
    desk.enter("a")
    desk.begin({T: (0,)})
    assert desk.beat("a", 1).assignment == {T: (0,)}
    assert desk.enter("b").assignment == {T: (0,)}


def test_new_partitions_begin_and_are_assigned() -> None:
    """Only what is new is begun."""
    desk = ShareDesk()
    desk.enter("a")
    desk.begin(ALL)
    desk.beat("a", 1)
    desk.topics(t=5)
    assert desk.beat("a", 2).initialize == {T: (4,)}
    desk.begin({T: (4,)})
    assert desk.beat("a", 3).assignment == {T: (0, 1, 2, 3, 4)}


def test_who_leaves_or_is_silent_is_out() -> None:
    """The others read all that is left with their next heartbeat."""
    desk = ShareDesk()
    desk.enter("a")
    desk.begin(ALL)
    desk.enter("b")
    assert desk.beat("b", -1).member_epoch == -1
    assert refusal(lambda: desk.beat("b", 3)) is ErrorCode.UNKNOWN_MEMBER_ID
    answer = desk.beat("a", 1)
    assert answer.assignment == ALL
    desk.advance(desk.limits.share.session_timeout_ms)
    assert refusal(lambda: desk.beat("a", answer.member_epoch)) is ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.coordinator.describe_share_group("g").state == "Empty"


def test_a_member_speaks_in_its_epoch_or_the_one_before() -> None:
    """An answer may have been lost; any other epoch is fenced."""
    desk = ShareDesk()
    desk.enter("a")
    desk.begin(ALL)
    desk.beat("a", 1)
    assert desk.beat("a", 1).member_epoch == 2
    assert refusal(lambda: desk.beat("a", 3)) is ErrorCode.FENCED_MEMBER_EPOCH
    desk.enter("b")
    desk.beat("a", 2)
    assert refusal(lambda: desk.beat("a", 1)) is ErrorCode.FENCED_MEMBER_EPOCH


@pytest.mark.parametrize(
    ("member", "epoch", "more"),
    [
        ("", 0, {"topic_names": ("t",)}),
        ("a", 0, {}),
        ("a", 0, {"topic_names": ()}),
        ("a", -2, {}),
        ("a", 0, {"topic_names": ("t",), "rack_id": " "}),
    ],
)
def test_what_says_nothing_is_refused(member: str, epoch: int, more: dict[str, Any]) -> None:
    """Before any group is looked for."""
    desk = ShareDesk()
    code = refusal(lambda: desk.beat(member, epoch, **more))
    assert code is ErrorCode.INVALID_REQUEST


def test_a_group_is_of_one_kind() -> None:
    """Members and commits of other protocols are refused, and share members elsewhere."""
    desk = ShareDesk()
    assert refusal(lambda: desk.beat("a", 1)) is ErrorCode.GROUP_ID_NOT_FOUND
    desk.enter("a")
    assert joined(desk) is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    commit = CommitOffsets("g", -1, "", None, (OffsetToCommit("t", 0, 1),))
    code = refusal(lambda: desk.coordinator.commit_offsets(commit, desk.now))
    assert code is ErrorCode.GROUP_ID_NOT_FOUND
    other = CommitOffsets("h", -1, "", None, (OffsetToCommit("t", 0, 1),))
    desk.run(lambda coordinator, now: coordinator.commit_offsets(other, now))
    command = ShareHeartbeat("h", "a", 0, topic_names=("t",))
    code = refusal(lambda: desk.coordinator.share_heartbeat(command, desk.now))
    assert code is ErrorCode.GROUP_ID_NOT_FOUND


def test_a_full_group_takes_nobody_in() -> None:
    """group.share.max.size is for who is new."""
    desk = ShareDesk()
    desk.limits = replace(desk.limits, share=replace(desk.limits.share, max_size=1))
    desk.fail_over()
    desk.enter("a")
    assert refusal(lambda: desk.enter("b")) is ErrorCode.GROUP_MAX_SIZE_REACHED
    desk.beat("a", 1)


def test_a_new_coordinator_goes_on() -> None:
    """With members, targets and state as they were."""
    desk = ShareDesk()
    desk.enter("a")
    desk.begin(ALL)
    desk.beat("a", 1)
    desk.fail_over()
    answer = desk.beat("a", 2)
    assert (answer.member_epoch, answer.initialize) == (2, {})
    [member] = desk.coordinator.describe_share_group("g").members
    assert member.assigned == ALL


def test_only_an_empty_group_is_deleted() -> None:
    """With the state it has; and topics that are gone are forgotten before."""
    desk = ShareDesk()
    desk.enter("a")
    desk.begin(ALL)
    assert state_to_delete(desk.coordinator.table, "g") == {}
    [(_, code)] = desk.run(lambda coordinator, now: coordinator.delete_groups(["g"]))
    assert code is ErrorCode.NON_EMPTY_GROUP
    desk.beat("a", -1)
    assert state_to_delete(desk.coordinator.table, "g") == ALL
    desk.run(lambda coordinator, now: coordinator.topics_removed(["t"], [T]))
    assert state_to_delete(desk.coordinator.table, "g") == {}
    [listed] = desk.coordinator.list_groups()
    assert (listed.state, listed.group_type) == ("Empty", "share")
    [(_, code)] = desk.run(lambda coordinator, now: coordinator.delete_groups(["g"]))
    assert code is ErrorCode.NONE
    desk.fail_over()
    assert desk.coordinator.list_groups() == ()


def test_silent_member_is_out_as_soon_as_the_log_takes_it() -> None:
    """Also where it has said good-bye, and the log did not take that."""
    desk = ShareDesk()
    epoch = desk.enter("a").member_epoch
    desk.refuse = ErrorCode.NOT_ENOUGH_REPLICAS
    with pytest.raises(KafkaError):
        desk.beat("a", -1)
    desk.refuse = None
    desk.advance(44_999)
    desk.beat("a", epoch)
    desk.refuse = ErrorCode.NOT_ENOUGH_REPLICAS
    with pytest.raises(KafkaError):
        desk.advance(45_000)
    desk.refuse = None
    desk.advance(RETRY_MS)
    assert desk.coordinator.table.shares["g"].members == {}
