"""Members of both protocols in one group: classic ones join, sync, beat and leave."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import GroupProtocol, JoinAnswer, LeavingMember, SyncAnswer
from minikafka.groups.embedded import read_assignment
from tests.unit.groups.consumer_desk import ConsumerDesk, Reader
from tests.unit.groups.desk import protocols

SESSION_MS, REBALANCE_MS = 10_000, 60_000


def subscription(*topics: str, owned: dict[str, tuple[int, ...]] | None = None) -> bytes:
    """Return a ConsumerProtocolSubscription of version 1."""
    data = b"\0\1" + len(topics).to_bytes(4)
    data += b"".join(len(name).to_bytes(2) + name.encode() for name in topics)
    data += b"\xff\xff\xff\xff" + len(owned or {}).to_bytes(4)
    for name, numbers in (owned or {}).items():
        data += len(name).to_bytes(2) + name.encode() + len(numbers).to_bytes(4)
        data += b"".join(number.to_bytes(4) for number in numbers)
    return data


class ClassicReader:
    """A consumer of the classic protocol that gives up what it is not assigned (KIP-429)."""

    def __init__(self, desk: ConsumerDesk, member_id: str = "", **options: Any) -> None:
        self.desk = desk
        self.member_id = member_id
        self.options = options
        self.joined: JoinAnswer | None = None
        self.has: dict[str, tuple[int, ...]] = {}

    def join(self, *topics: str) -> JoinAnswer:
        """Join, and sync if that went well."""
        wanted = subscription(*(topics or ("t",)), owned=self.has)
        speaks = (GroupProtocol("range", wanted),)
        self.joined = self.desk.join(self.member_id, speaks=speaks, **self.options).result()
        if self.joined.error is ErrorCode.NONE:
            self.member_id = self.joined.member_id
            self.sync()
        return self.joined

    def sync(self) -> SyncAnswer:
        """Ask for the assignment."""
        assert self.joined is not None
        answer = self.desk.sync(
            self.joined, instance_id=self.options.get("instance_id"), nobody=b""
        ).result()
        if answer.error is ErrorCode.NONE:
            given = read_assignment(answer.assignment)
            assert given is not None
            self.has = dict(given.partitions)
        return answer

    def beat(self) -> ErrorCode:
        """Send a heartbeat, and join anew where it says so."""
        assert self.joined is not None
        code = self.desk.heartbeat(self.joined, instance_id=self.options.get("instance_id"))
        if code == ErrorCode.REBALANCE_IN_PROGRESS:
            self.join()
        return code


def mixed() -> tuple[ConsumerDesk, Reader, ClassicReader]:
    """Return a group that has come to rest with a member of each protocol."""
    desk = ConsumerDesk()
    reader = desk.join_new("a")
    classic = ClassicReader(desk)
    classic.join()
    settle(desk, reader, classic)
    return desk, reader, classic


def settle(desk: ConsumerDesk, reader: Reader, classic: ClassicReader) -> None:
    """Let both go on until nothing changes any more."""
    for _ in range(8):
        reader.beat()
        classic.beat()
    assert desk.state() == "Stable"


def test_classic_member_joins_at_once_and_shares() -> None:
    """Nobody waits; it gets its partitions when the other has given them up."""
    desk = ConsumerDesk()
    reader = desk.join_new("a")
    classic = ClassicReader(desk)
    answer = classic.join()
    assert (answer.error, answer.generation_id) == (ErrorCode.NONE, 2)
    assert (answer.protocol_type, answer.protocol_name) == ("consumer", "range")
    assert classic.has == {}
    assert classic.beat() == ErrorCode.NONE
    reader.beat()
    reader.beat()
    assert classic.beat() == ErrorCode.REBALANCE_IN_PROGRESS
    assert (reader.has, classic.has) == ({"t": (0, 1)}, {"t": (2, 3)})
    assert classic.beat() == ErrorCode.NONE
    assert desk.state() == "Stable"


def test_classic_member_gives_up_by_joining_without() -> None:
    """It is told to join, loses in the assignment, and acknowledges by joining once more."""
    desk, reader, classic = mixed()
    third = desk.join_new("c")
    for _ in range(4):
        classic.beat()
        reader.beat()
        third.beat()
    shares = [each.has.get("t", ()) for each in (reader, classic, third)]
    assert sorted(number for share in shares for number in share) == [0, 1, 2, 3]
    assert all(shares)
    assert desk.state() == "Stable"


def test_dynamic_member_is_given_its_id_first() -> None:
    """KIP-394, where the version of JoinGroup asks for it."""
    desk = ConsumerDesk()
    desk.join_new("a")
    answer = desk.join("", requires_id=True).result()
    assert answer.error == ErrorCode.MEMBER_ID_REQUIRED
    assert len(answer.member_id) == 22
    assert desk.join(answer.member_id, requires_id=True).result().error == ErrorCode.NONE


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ({"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"speaks": ()}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"speaks": protocols("sticky")}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"speaks": (GroupProtocol("range", b"\0"),)}, ErrorCode.UNKNOWN_SERVER_ERROR),
        ({"instance_id": "i", "member_id": "x"}, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_joins_that_do_not_fit_are_refused(options: dict[str, Any], want: ErrorCode) -> None:
    """The classic members must have an assignor in common, for the time they are alone."""
    desk, _, _ = mixed()
    assert desk.join(**options).result().error == want


def test_full_group_takes_no_classic_member_either() -> None:
    """group.consumer.max.size."""
    desk = ConsumerDesk()
    desk.limits_consumer(max_size=1)
    desk.join_new("a")
    assert desk.join().result().error == ErrorCode.GROUP_MAX_SIZE_REACHED


def test_members_of_one_protocol_cannot_speak_the_other() -> None:
    """A classic heartbeat of a consumer member, in any generation."""
    desk, reader, classic = mixed()
    told = JoinAnswer(ErrorCode.NONE, "a", reader.epoch)
    assert desk.heartbeat(told) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.sync(told, nobody=b"").result().error == ErrorCode.UNKNOWN_MEMBER_ID
    assert classic.joined is not None
    assert desk.heartbeat(classic.joined, generation=9) == ErrorCode.ILLEGAL_GENERATION
    stale = JoinAnswer(ErrorCode.NONE, classic.member_id, 9, "consumer", "range")
    assert desk.sync(stale, nobody=b"").result().error == ErrorCode.ILLEGAL_GENERATION
    odd = JoinAnswer(ErrorCode.NONE, classic.member_id, 2, "consumer", "sticky")
    assert desk.sync(odd, nobody=b"").result().error == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_sync_of_a_former_epoch_asks_to_join() -> None:
    """The group has moved on between joining and syncing."""
    desk, _, classic = mixed()
    desk.join_new("c")
    assert classic.sync().error == ErrorCode.REBALANCE_IN_PROGRESS


def test_silent_classic_member_is_out_after_its_own_session() -> None:
    """Which may be shorter than that of the group."""
    desk, reader, _ = mixed()
    desk.advance(SESSION_MS)
    reader.beat()
    assert reader.has == {"t": (0, 1, 2, 3)}


def test_classic_member_that_does_not_join_anew_is_out() -> None:
    """Within its rebalance timeout, though it sends heartbeats."""
    desk, reader, classic = mixed()
    third = desk.join_new("c")
    assert classic.joined is not None
    for _ in range(REBALANCE_MS // 5_000):
        desk.heartbeat(classic.joined)
        reader.beat()
        third.beat()
        desk.advance(5_000)
    assert classic.member_id not in desk.consumers().members


def test_classic_member_that_does_not_sync_is_out() -> None:
    """It has joined and never asks for its assignment."""
    desk = ConsumerDesk()
    reader = desk.join_new("a")
    joined = desk.join().result()
    for _ in range(REBALANCE_MS // 5_000):
        reader.beat()
        desk.heartbeat(joined)
        desk.advance(5_000)
    assert list(desk.consumers().members) == ["a"]


def test_members_of_both_protocols_leave_by_leave_group() -> None:
    """An administrator removes whomever he names."""
    desk, _, classic = mixed()
    codes = desk.leave(LeavingMember("nobody"), LeavingMember(classic.member_id))
    assert codes == (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.NONE)
    assert list(desk.consumers().members) == ["a"]
    assert desk.leave(LeavingMember("a")) == (ErrorCode.NONE,)
    assert desk.state() == "Empty"
    assert desk.leave(LeavingMember("a")) == (ErrorCode.UNKNOWN_MEMBER_ID,)


def test_static_member_is_removed_by_its_name() -> None:
    """With an empty member id, as for classic groups (KIP-345)."""
    desk = ConsumerDesk()
    desk.join_new("a", instance_id="i")
    other = LeavingMember("other", "i")
    assert desk.leave(other, LeavingMember("", "j"), LeavingMember("", "i")) == (
        ErrorCode.FENCED_INSTANCE_ID,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.NONE,
    )
    assert desk.state() == "Empty"


def test_classic_member_commits_in_its_generation() -> None:
    """ILLEGAL_GENERATION is the word it knows."""
    desk, _, classic = mixed()
    assert classic.joined is not None
    member_id, epoch = classic.member_id, classic.joined.generation_id
    assert desk.commit_as(member_id, epoch, 5, speaks_epochs=False) == ErrorCode.NONE
    assert desk.commit_as(member_id, 7, 6) == ErrorCode.ILLEGAL_GENERATION


def test_failed_write_is_told_to_who_joins() -> None:
    """And changes nothing."""
    desk = ConsumerDesk()
    desk.join_new("a")
    desk.refuse = ErrorCode.NOT_COORDINATOR
    assert desk.join().result().error == ErrorCode.NOT_COORDINATOR
    assert list(desk.consumers().members) == ["a"]


def test_static_member_changes_its_protocol_without_losing_its_share() -> None:
    """From classic to consumer: it need not have left."""
    desk = ConsumerDesk()
    reader = desk.join_new("a")
    classic = ClassicReader(desk, instance_id="i")
    classic.join()
    settle(desk, reader, classic)
    share = classic.has
    upgraded = desk.join_new("new", instance_id="i")
    assert upgraded.has == share
    assert desk.refusal(classic.member_id, 1, instance_id="i") == ErrorCode.FENCED_INSTANCE_ID
