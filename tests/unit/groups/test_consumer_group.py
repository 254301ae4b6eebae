"""A consumer group as a fold of its records."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.groups.consumer_group import ConsumerGroup, replay_consumer_record
from minikafka.groups.consumer_records import (
    ConsumerRecord,
    CurrentAssignment,
    GroupEpoch,
    MemberMetadata,
    PartitionMetadata,
    RegularExpression,
    StoredAssignment,
    StoredConsumer,
    StoredEpoch,
    TargetAssignment,
    TargetEpoch,
)
from tests.unit.groups.consumer_desk import ConsumerDesk

T = UUID(int=1)
ABOUT = StoredConsumer(None, None, "c", "/h", ("t",), "", 1, None)
OWNS_0 = StoredAssignment(1, 0, 0, {T: (0,)}, {})


def folded(*records: ConsumerRecord) -> dict[str, ConsumerGroup]:
    """Return the groups that records make."""
    groups: dict[str, ConsumerGroup] = {}
    for record in records:
        replay_consumer_record(groups, record)
    return groups


def test_any_record_makes_its_group() -> None:
    """Whichever comes first."""
    for record in (
        GroupEpoch("g", StoredEpoch(1)),
        MemberMetadata("g", "m", ABOUT),
        TargetEpoch("g", 1),
        CurrentAssignment("g", "m", OWNS_0),
    ):
        assert list(folded(record)) == ["g"]


@pytest.mark.parametrize(
    "record",
    [
        GroupEpoch("g", None),
        MemberMetadata("g", "m", None),
        TargetAssignment("g", "m", None),
        CurrentAssignment("g", "m", None),
        RegularExpression("g", "x", None),
        PartitionMetadata("g", None),
        TargetEpoch("g", None),
    ],
)
def test_tombstone_of_what_is_not_there_says_nothing(record: ConsumerRecord) -> None:
    """It may be replayed twice, or come first in a log whose beginning is gone."""
    assert folded(record) == {}
    groups = folded(GroupEpoch("h", StoredEpoch(1)), record)
    assert list(groups) == ["h"]


def test_partition_of_two_is_the_later_ones() -> None:
    """A log may lack the last word of the former one; and be rid of it once that one is out."""
    both = (CurrentAssignment("g", "a", OWNS_0), CurrentAssignment("g", "b", OWNS_0))
    group = folded(*both)["g"]
    [place] = group.owners
    assert group.owners[place] == "b"
    group = folded(*both, CurrentAssignment("g", "a", None))["g"]
    assert group.owners == {place: "b"}
    group = folded(*both, CurrentAssignment("g", "b", None))["g"]
    assert group.owners == {}


def test_member_that_only_describes_itself_anew_claims_nothing() -> None:
    """What it has by an older record may long be another's: its last word came with compaction."""
    group = folded(
        GroupEpoch("g", StoredEpoch(2)),
        CurrentAssignment("g", "a", OWNS_0),
        CurrentAssignment("g", "b", OWNS_0),
        MemberMetadata("g", "a", ABOUT),
        CurrentAssignment("g", "a", StoredAssignment(2, 1, 0, {}, {})),
    )["g"]
    assert group.owners == {(T, 0): "b"}
    group.check_invariants()


def test_member_that_goes_with_its_assignment_left_is_a_bug() -> None:
    """Its tombstones come in an order."""
    with pytest.raises(BrokerBug):
        folded(
            MemberMetadata("g", "m", ABOUT),
            CurrentAssignment("g", "m", OWNS_0),
            MemberMetadata("g", "m", None),
        )


def test_deleted_group_with_members_is_a_bug() -> None:
    """It is deleted last."""
    with pytest.raises(BrokerBug):
        folded(MemberMetadata("g", "m", ABOUT), GroupEpoch("g", None))


def test_state_of_a_newer_release_is_kept_as_unknown() -> None:
    """The member is fenced when it comes."""
    groups = folded(CurrentAssignment("g", "m", StoredAssignment(1, 0, 9, {}, {})))
    assert groups["g"].members["m"].state.name == "UNKNOWN"


def test_tombstones_delete_the_group_when_replayed() -> None:
    """All of it, with expressions and what Kafka 4.0 wrote."""
    desk = ConsumerDesk()
    first = desk.join_new("a", regex="t.*")
    desk.join_new("b")
    desk.advance(0)
    first.beat()
    group = desk.consumers()
    assert folded(*desk.consumer_log(), *group.tombstones()) == {}


def test_records_of_kafka_4_0_about_topics_are_deleted() -> None:
    """With the next change of the group's topics."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    desk.log.append(PartitionMetadata("g", b"\0\0\1\0"))
    desk.fail_over()
    assert desk.consumers().has_partition_metadata
    member.beat()
    assert desk.log[-1] == PartitionMetadata("g", None)
    assert not desk.consumers().has_partition_metadata


def test_group_is_what_its_log_says() -> None:
    """Who reads the log has the same group as who wrote it."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a", instance_id="i"), desk.join_new("b", regex="t")
    desk.advance(0)
    first.beat()
    before = desk.consumers()
    desk.fail_over()
    after = desk.consumers()
    for name in (
        "epoch", "metadata_hash", "assignment_epoch", "members", "static_members", "targets",
        "owners", "expressions",
    ):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name
    assert second.epoch == 2


def test_offsets_are_for_members_in_their_epoch() -> None:
    """Fetching them as well, where a member says who it is."""
    desk = ConsumerDesk()
    desk.join_new("a")
    check = desk.coordinator.check_fetch
    check("g", None, -1)
    check("g", "a", 1)
    check("none", "a", 1)
    for member_id, epoch, want in (
        ("a", 0, ErrorCode.STALE_MEMBER_EPOCH),
        ("b", 1, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, ErrorCode.UNKNOWN_MEMBER_ID),
    ):
        with pytest.raises(KafkaError) as refused:
            check("g", member_id, epoch)
        assert refused.value.code == want
