"""Each rule of what members are told and of committed offsets, shown what breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.groups.commands import Decision
from minikafka.groups.records import CommittedOffset, OffsetCommitted
from minikafka.trials.rules_offsets import assigned_partitions
from minikafka.wire.versions import ApiKey
from tests.unit.trials.group_cell import GroupCell

LABEL = ("g", TopicPartition("t", 0))


def assignment(*partitions: int) -> bytes:
    """Return a ConsumerProtocolAssignment of partitions of t, version 0."""
    indexes = b"".join(each.to_bytes(4) for each in partitions)
    return (
        b"\0\0"
        + (1).to_bytes(4)
        + b"\0\1t"
        + len(partitions).to_bytes(4)
        + indexes
        + b"\xff" * 4
    )


def synced(cell: GroupCell, member: str, told: bytes, generation: int = 1) -> None:
    """Tell a member its assignment."""
    request = {"member_id": member, "generation_id": generation}
    cell.answered(ApiKey.SYNC_GROUP, request, {"assignment": told})


def joined(cell: GroupCell, member: str, leader: str, *members: str) -> None:
    """Tell a member of its generation; the leader of all members."""
    listed = [{"member_id": each} for each in members]
    told = {"generation_id": 1, "member_id": member, "leader": leader, "members": listed}
    cell.answered(ApiKey.JOIN_GROUP, {"member_id": member}, told)


def fetched(cell: GroupCell, offset: int, metadata: str = "") -> None:
    """Tell somebody what is committed for t-0."""
    shown = {
        "partition_index": 0,
        "committed_offset": offset,
        "metadata": metadata,
        "error_code": 0,
    }
    cell.answered(ApiKey.OFFSET_FETCH, {}, {"topics": [{"name": "t", "partitions": [shown]}]})


def acknowledged(cell: GroupCell, offset: int) -> None:
    """Tell somebody that its commit for t-0 is committed."""
    asked = SimpleNamespace(partition_index=0, committed_offset=offset, committed_metadata=None)
    topic = SimpleNamespace(name="t", partitions=[asked])
    told = {"topics": [{"name": "t", "partitions": [{"partition_index": 0, "error_code": 0}]}]}
    cell.answered(ApiKey.OFFSET_COMMIT, {"topics": [topic]}, told)


def committed(cell: GroupCell, *offsets: int) -> None:
    """Let offsets of t-0 be committed in the true log."""
    found = cell.offsets.commits.setdefault(LABEL, [])
    found += [CommittedOffset(offset, -1, "", 0) for offset in offsets]


def test_sound_answers_break_nothing() -> None:
    """Two members share two partitions, commit and read."""
    cell = GroupCell()
    joined(cell, "a", "a", "a", "b")
    joined(cell, "b", "a")
    synced(cell, "a", assignment(0))
    synced(cell, "b", assignment(1))
    synced(cell, "b", assignment(1))
    synced(cell, "a", assignment(0, 1), generation=2)
    fetched(cell, -1)
    committed(cell, 5, 7)
    acknowledged(cell, 5)
    fetched(cell, 5)
    fetched(cell, 7)
    assert cell.wrong == []


def test_partition_with_two_owners_breaks_g2() -> None:
    """Both would read it."""
    cell = GroupCell()
    synced(cell, "a", assignment(0, 1))
    synced(cell, "b", assignment(1))
    assert cell.wrong == ["G2"]


def test_second_assignment_in_a_generation_breaks_g2() -> None:
    """A member that asks again is given the same."""
    cell = GroupCell()
    synced(cell, "a", assignment(0))
    synced(cell, "a", assignment(1))
    assert cell.wrong == ["G2"]


def test_assignment_that_the_leader_has_not_sent_breaks_g2() -> None:
    """The coordinator hands out, and does not assign."""
    cell = GroupCell()
    [member] = cell.stable(None)
    cell.desk.group()
    cell.offsets.seen["g"].sent[1, member.member_id] = assignment(0)
    synced(cell, member.member_id, assignment(1))
    assert cell.wrong == ["G2"]


def test_coordinator_that_has_read_other_offsets_breaks_g4() -> None:
    """It begins with the fold of what is committed."""
    cell = GroupCell()
    committed(cell, 5)
    cell.look()
    assert cell.wrong == ["G4"]


@pytest.mark.parametrize("broken", [True, False])
def test_answer_before_the_log_is_committed_breaks_g4(broken: bool) -> None:
    """What was seen may be lost with the leader; a refusal promises nothing."""
    cell = GroupCell()
    answer: Deferred[None] = Deferred()
    if broken:
        answer.set(None)
    else:
        answer.fail(KafkaError(ErrorCode.NOT_COORDINATOR))
    cell.log.log_end_offset = 1
    cell.look(Decision((), None), answer)
    assert cell.wrong == ["G4"] * broken


def test_acknowledged_offset_that_is_not_committed_breaks_g4() -> None:
    """Its consumer will not commit it again."""
    cell = GroupCell()
    acknowledged(cell, 5)
    assert cell.wrong == ["G4"]


def test_offset_that_is_shown_before_it_is_in_the_log_breaks_g4() -> None:
    """The log may refuse it."""
    cell = GroupCell()
    [member] = cell.stable(None)
    cell.desk.commit(5, member)
    cell.look(Decision((OffsetCommitted("g", "u", 0, None),), None))
    assert cell.wrong == ["G4"]


def test_offset_that_nobody_has_committed_breaks_g4() -> None:
    """Neither now nor ever."""
    cell = GroupCell()
    committed(cell, 5)
    fetched(cell, 6)
    assert cell.wrong == ["G4"]


@pytest.mark.parametrize("know", [acknowledged, fetched])
def test_offset_older_than_one_that_somebody_knows_of_breaks_g4(know: Any) -> None:
    """Read before, or acknowledged."""
    cell = GroupCell()
    committed(cell, 5, 7)
    know(cell, 7)
    fetched(cell, 5)
    assert cell.wrong == ["G4"]


def test_lost_offset_breaks_g4() -> None:
    """None is as old as can be."""
    cell = GroupCell()
    committed(cell, 5)
    acknowledged(cell, 5)
    fetched(cell, -1)
    assert cell.wrong == ["G4"]


def test_member_that_its_leader_is_not_told_of_breaks_g9() -> None:
    """Nothing would be assigned to it."""
    cell = GroupCell()
    joined(cell, "a", "a", "a")
    joined(cell, "b", "a")
    assert cell.wrong == ["G9"]


def test_two_leaders_of_a_generation_break_g9() -> None:
    """Each would assign."""
    cell = GroupCell()
    cell.stable(None)
    joined(cell, "a", "a", "a", "b")
    joined(cell, "b", "b", "a", "b")
    assert cell.wrong == ["G9"]


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\0\0\0\1\0\5t", b"\0\0\0\0\0\1\0\1t\0\0\0\2\0\0\0\1"]
)
def test_assignment_that_cannot_be_read_has_what_can_be(data: bytes) -> None:
    """What members send each other is theirs."""
    assert list(assigned_partitions(data)) in ([], [("t", 1)])
