"""What the rules say of members of the consumer protocol, each shown what breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.groups.commands import CommitOffsets, Decision, OffsetToCommit
from minikafka.groups.consumer_members import MemberState
from minikafka.groups.records import OffsetCommitted
from minikafka.trials.rules_groups import LATE_MS
from minikafka.wire.versions import ApiKey
from tests.unit.groups.consumer_desk import REVOKE_MS, ConsumerDesk, Reader, topic_id
from tests.unit.trials.group_cell import GroupCell

SESSION_MS = 45_000
T = topic_id("t")


class ConsumerCell(GroupCell):
    """Members `a` and `b` of group `g`, who share the four partitions of `t`."""

    def __init__(self, members: str = "ab") -> None:
        self.table = ConsumerDesk()
        super().__init__(self.table)
        self.readers = [self._joined(name) for name in members]
        for _ in range(6):
            self.beat()

    def _joined(self, name: str) -> Reader:
        reader = self.table.join_new(name)
        self.look()
        return reader

    def beat(self) -> None:
        """Let everybody send a heartbeat."""
        for reader in self.readers:
            reader.beat()
            self.look()

    def change(self, member_id: str, **changes: Any) -> None:
        """Let a member be otherwise than the log says."""
        members = self.table.consumers().members
        members[member_id] = replace(members[member_id], **changes)

    def fail_over(self) -> None:
        """Let another broker coordinate."""
        self.table.fail_over()
        self.table.coordinator.hear = self.hear
        self.offsets.consumers.seen = {}
        self.first = True

    def told(self, epoch: int, assigned: tuple[int, ...]) -> None:
        """Let member `a` hear something."""
        topics = [{"topic_id": T, "partitions": assigned}]
        answer = {
            "member_id": "a",
            "member_epoch": epoch,
            "assignment": {"topic_partitions": topics},
        }
        self.answered(ApiKey.CONSUMER_GROUP_HEARTBEAT, {}, answer)


def test_sound_group_breaks_nothing() -> None:
    """Members come, share, commit, fall silent, leave, and are told of it."""
    cell = ConsumerCell()
    first, second = cell.readers
    assert first.has == {"t": (0, 1)}
    cell.told(first.epoch, (0, 1))
    cell.fail_over()
    cell.look()
    for _ in range(6):
        cell.table.advance(SESSION_MS // 5)
        cell.look()
        first.beat()
        cell.look()
    assert list(cell.table.consumers().members) == ["a"]
    second.join()
    cell.look()
    cell.beat()
    assert cell.table.commit_as("a", first.epoch, 5) is ErrorCode.NONE
    second.leave()
    cell.look()
    assert cell.wrong == []


def test_static_member_may_be_away() -> None:
    """It keeps its place until its session is over, counted from its last heartbeat."""
    cell = ConsumerCell("a")
    away = cell.table.join_new("s", instance_id="i")
    cell.look()
    cell.table.advance(SESSION_MS - 1)
    cell.readers[0].beat()
    cell.look()
    away.leave(-2)
    cell.look()
    cell.table.advance(1)
    cell.look()
    assert list(cell.table.consumers().members) == ["a"]
    assert cell.wrong == []


def test_session_of_a_new_member_counts_from_when_it_was_heard() -> None:
    """Not from when that is written down, which may take a while."""
    cell = ConsumerCell("a")
    cell.table.join_new("b")
    cell.desk.now_ms += 50
    cell.look()
    cell.readers[0].beat()
    cell.look()
    cell.table.advance(SESSION_MS - 50)
    assert list(cell.table.consumers().members) == ["a"]
    cell.look()
    assert cell.wrong == []


def test_group_epoch_that_falls_breaks_g1() -> None:
    """Within the term of one coordinator."""
    cell = ConsumerCell()
    cell.table.consumers().epoch -= 1
    cell.look()
    assert cell.wrong == ["G1"]


def test_member_epoch_that_falls_breaks_g1() -> None:
    """What it did before would be told from what it does now no more."""
    cell = ConsumerCell()
    cell.change("a", epoch=1)
    cell.look()
    assert cell.wrong == ["G1"]


def test_coordinator_that_begins_with_another_group_breaks_g1() -> None:
    """Something of the log was passed over, or taken twice."""
    cell = ConsumerCell()
    cell.fail_over()
    cell.table.consumers().epoch += 1
    cell.look()
    assert cell.wrong == ["G1"]


def test_commit_in_another_epoch_or_of_no_member_breaks_g3() -> None:
    """The partition may be another's since."""
    cell = ConsumerCell()
    epoch = cell.readers[0].epoch
    for member, said in (("a", epoch - 1), ("a", -1), ("stranger", epoch)):
        command = CommitOffsets("g", said, member, None, (OffsetToCommit("t", 0, 1),))
        cell.hear(command, cell.desk.now)
    assert cell.wrong == ["G3"] * 3


def test_commit_below_the_epoch_that_a_member_was_told_breaks_g3() -> None:
    """Whatever the coordinator believes."""
    cell = ConsumerCell()
    epoch = cell.readers[0].epoch
    cell.offsets.consumers.truth["g"].told["a"] = epoch + 1
    cell.table.commit_as("a", epoch, 5)
    assert cell.wrong == ["G3"]


def test_partition_of_two_breaks_g5() -> None:
    """One may read it, the other has not given it up."""
    cell = ConsumerCell()
    for wanted in ({"assigned": {T: (0, 2, 3)}}, {"pending_revocation": {T: (0,)}}):
        cell.change("b", **wanted)
        cell.look()
        cell.change("b", assigned={T: (2, 3)}, pending_revocation={})
        cell.offsets.consumers.look(cell.table.coordinator.table.consumers.values(), 0)
    assert cell.wrong == ["G5", "G5"]


def test_partition_that_is_taken_away_breaks_g5() -> None:
    """Its owner has said nothing; or it has said that it has it."""
    cell = ConsumerCell()
    cell.change("a", assigned={T: (0,)})
    cell.look()
    cell.change("a", assigned={T: (0, 1)})
    cell.look()
    first = cell.readers[0]
    cell.table.send("a", first.epoch, owned={T: (0, 1)})
    cell.change("a", assigned={T: (0,)})
    cell.look()
    assert cell.wrong == ["G5", "G5"]


def test_member_put_out_while_it_sends_heartbeats_breaks_g6() -> None:
    """Its session is not over."""
    cell = ConsumerCell()
    cell.table.advance(SESSION_MS - 1)
    cell.look()
    del cell.table.consumers().members["b"]
    cell.look()
    assert cell.wrong == ["G6"]


def test_member_that_keeps_what_it_has_to_give_up_breaks_l7() -> None:
    """After its rebalance timeout it is to be out."""
    cell = ConsumerCell()
    cell.change(
        "a",
        state=MemberState.UNREVOKED_PARTITIONS,
        assigned={T: (0,)},
        pending_revocation={T: (1,)},
    )
    cell.look()
    for over_ms in (REVOKE_MS + LATE_MS - 1, 1):
        assert cell.wrong == []
        cell.desk.now_ms += over_ms
        cell.look()
    assert cell.wrong == ["L7"]


def test_expired_offset_of_a_topic_that_members_read_breaks_g8() -> None:
    """They would begin anew."""
    cell = ConsumerCell()
    cell.look(Decision((OffsetCommitted("g", "t", 0, None),), None))
    cell.look(Decision((OffsetCommitted("g", "other", 0, None),), None))
    assert cell.wrong == ["G8"]


def test_member_that_is_told_of_what_is_not_committed_breaks_g10() -> None:
    """An epoch, or partitions, that no later coordinator would know of."""
    cell = ConsumerCell()
    epoch = cell.readers[0].epoch
    cell.told(epoch, (0, 1))
    assert cell.wrong == []
    cell.told(epoch + 1, (0, 1))
    cell.told(epoch, (0, 1, 2))
    assert cell.wrong == ["G10", "G10"]


def test_what_may_be_lost_is_not_judged() -> None:
    """An unclean election may have taken anything."""
    cell = ConsumerCell()
    cell.offsets.licensed = True
    cell.told(99, (0,))
    assert cell.wrong == []
    assert cast("Any", cell.ghost.image).partition(TopicPartition("t", 0))
