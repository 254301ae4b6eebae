"""Members of the consumer protocol: joining, sharing, taking over."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.groups.consumer_limits import GroupTimes
from minikafka.groups.consumer_records import CurrentAssignment, GroupEpoch
from tests.unit.groups.consumer_desk import ConsumerDesk, topic_id

T = topic_id("t")


def test_first_member_gets_everything_at_once() -> None:
    """Its first heartbeat is answered with epoch 1 and all partitions."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    assert (member.epoch, member.has) == (1, {"t": (0, 1, 2, 3)})
    assert desk.state() == "Stable"


def test_first_heartbeat_writes_what_kafka_writes() -> None:
    """Member, group epoch, target, its epoch, current assignment: one record each, in order."""
    desk = ConsumerDesk()
    desk.join_new("a")
    names = [type(record).__name__ for record in desk.log]
    assert names == [
        "MemberMetadata", "GroupEpoch", "TargetAssignment", "TargetEpoch", "CurrentAssignment",
    ]  # fmt: skip


def test_heartbeat_that_changes_nothing_writes_nothing() -> None:
    """And its answer has no assignment: the member goes on with what it has."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    written = len(desk.log)
    answer = desk.send("a", 1)
    assert (answer.member_epoch, answer.assignment, answer.heartbeat_interval_ms) == (
        1,
        None,
        5_000,
    )
    assert len(desk.log) == written
    assert member.beat().assignment is None


def test_full_request_is_answered_with_the_assignment() -> None:
    """Who tells all, after an error for instance, is told all."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    answer = member.beat(rebalance_timeout_ms=1, topic_names=("t",))
    assert answer.assignment == {T: (0, 1, 2, 3)}
    assert member.beat(rebalance_timeout_ms=1, regex="").assignment is not None
    assert member.beat(rebalance_timeout_ms=1).assignment is None


def test_newcomer_waits_until_the_former_owner_has_given_up() -> None:
    """Nobody has a partition that another may still read (NoDoubleClientAssignment)."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    assert (second.epoch, second.has) == (2, {})
    first.beat()  # hears that it is to give up 2 and 3
    assert (first.epoch, first.has) == (1, {"t": (0, 1)})
    assert desk.state() == "Reconciling"
    second.beat()
    assert second.has == {}
    first.beat()  # says that they are gone
    assert first.epoch == 2
    second.beat()
    assert second.has == {"t": (2, 3)}
    assert desk.state() == "Stable"


def test_revocation_is_not_over_while_the_member_says_nothing_of_what_it_owns() -> None:
    """A heartbeat without partitions leaves them with it."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    first.beat()
    assert desk.send("a", 1).member_epoch == 1
    second.beat()
    assert second.has == {}


def test_member_that_leaves_is_followed_at_the_next_heartbeat() -> None:
    """What it had is free at once."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    desk.settle_all(first, second)
    second.leave()
    assert desk.state() == "Assigning"
    first.beat()
    assert first.has == {"t": (0, 1, 2, 3)}


def test_former_epoch_is_let_pass_where_the_answer_was_lost() -> None:
    """The member owns no more than it may, and gets the answer once more."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    first.beat()
    answer = first.beat()
    assert answer.member_epoch == 2
    assert desk.send("a", 1, owned={T: (0, 1)}).member_epoch == 2
    assert desk.refusal("a", 1, owned={T: (0, 1, 2)}) == ErrorCode.FENCED_MEMBER_EPOCH
    assert desk.refusal("a", 1) == ErrorCode.FENCED_MEMBER_EPOCH
    assert second.epoch == 2


@pytest.mark.parametrize("epoch", [2, 7])
def test_epoch_that_was_never_given_is_fenced(epoch: int) -> None:
    """The member has to give up everything and join anew."""
    desk = ConsumerDesk()
    desk.join_new("a")
    assert desk.refusal("a", epoch) == ErrorCode.FENCED_MEMBER_EPOCH


def test_member_whose_first_answer_was_lost_joins_anew_and_keeps_its_share() -> None:
    """Epoch 0 again, with the same id: what it has is told, nothing moves."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    assert member.join().assignment == {T: (0, 1, 2, 3)}
    assert member.epoch == 1


def test_member_that_is_further_on_cannot_join_anew_with_its_id() -> None:
    """As in Kafka 4.1: epoch 0 is neither its epoch nor the former one; its session decides."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    desk.topics(t=5)
    member.beat()
    refused = desk.refusal("a", 0, rebalance_timeout_ms=1, topic_names=("t",), owned={})
    assert refused == ErrorCode.FENCED_MEMBER_EPOCH


def test_unknown_groups_and_members_are_refused() -> None:
    """Only who joins makes a group, or a member."""
    desk = ConsumerDesk()
    assert desk.refusal("a", 1) == ErrorCode.GROUP_ID_NOT_FOUND
    assert desk.refusal("a", -1) == ErrorCode.GROUP_ID_NOT_FOUND
    desk.join_new("a")
    assert desk.refusal("b", 1) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.refusal("b", -1) == ErrorCode.UNKNOWN_MEMBER_ID


def test_full_group_takes_nobody_more() -> None:
    """Who is in stays in."""
    desk = ConsumerDesk()
    desk.limits_consumer(max_size=1)
    member = desk.join_new("a")
    refused = desk.refusal("b", 0, rebalance_timeout_ms=1, topic_names=(), owned={})
    assert refused == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert member.beat().member_epoch == 1


def test_coordinator_makes_the_id_where_the_version_lets_it() -> None:
    """Version 0: 22 characters, like Kafka's own ids."""
    desk = ConsumerDesk()
    answer = desk.send(
        "", 0, rebalance_timeout_ms=1, topic_names=("t",), owned={}, makes_own_id=False
    )
    assert len(answer.member_id) == 22
    assert list(desk.consumers().members) == [answer.member_id]


def test_changed_subscription_moves_the_group_epoch() -> None:
    """The member gives up what it does not want, and gets what it wants now."""
    desk = ConsumerDesk()
    desk.topics(t=2, u=2)
    member = desk.join_new("a")
    member.beat(topic_names=("u",))
    assert (member.epoch, member.has) == (1, {})
    member.beat()
    assert (member.epoch, member.has) == (2, {"u": (0, 1)})


def test_same_subscription_in_another_order_changes_nothing() -> None:
    """Topics are a set."""
    desk = ConsumerDesk()
    desk.topics(t=1, u=1)
    member = desk.join_new("a", topics=("t", "u"))
    written = len(desk.log)
    member.beat(topic_names=("u", "t", "u"))
    assert len(desk.log) == written


def test_other_words_of_a_member_are_written_without_a_new_epoch() -> None:
    """Its rebalance timeout, for instance."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    written = len(desk.log)
    member.beat(rebalance_timeout_ms=5)
    assert [type(record).__name__ for record in desk.log[written:]] == ["MemberMetadata"]
    assert member.epoch == 1


def test_assignor_is_what_most_members_name() -> None:
    """Else the first of group.consumer.assignors."""
    desk = ConsumerDesk()
    desk.topics(t=3, u=3)
    both = ("t", "u")
    first = desk.join_new("a", topics=both, assignor="range")
    second = desk.join_new("b", topics=both, assignor="range")
    desk.settle_all(first, second)
    assert (first.has, second.has) == ({"t": (0, 1), "u": (0, 1)}, {"t": (2,), "u": (2,)})


# --- topics ------------------------------------------------------------------------------


def test_new_partitions_are_assigned_at_the_next_heartbeat() -> None:
    """The hash over the topics is another one, and so the group epoch."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    desk.topics(t=6)
    member.beat()
    assert (member.epoch, member.has) == (2, {"t": (0, 1, 2, 3, 4, 5)})


def test_topic_that_comes_later_is_assigned() -> None:
    """A group may wait for a topic; without any its hash is 0."""
    desk = ConsumerDesk()
    member = desk.join_new("a", topics=("later",))
    assert (member.epoch, member.has) == (1, {})
    assert desk.consumers().metadata_hash == 0
    desk.topics(t=4, later=1)
    member.beat()
    assert (member.epoch, member.has) == (2, {"later": (0,)})


def test_deleted_topic_is_given_up() -> None:
    """It is not in the target any more; the member acknowledges that as it does any other."""
    desk = ConsumerDesk()
    desk.topics(t=1, u=1)
    member = desk.join_new("a", topics=("t", "u"))
    desk.topics(t=1)
    assert member.beat().assignment == {T: (0,)}
    member.beat()
    assert member.epoch == 2


def test_other_topics_do_not_matter() -> None:
    """A topic that nobody is subscribed to changes no group."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    written = len(desk.log)
    desk.topics(t=4, other=1)
    member.beat()
    assert len(desk.log) == written


def test_topics_are_looked_at_again_after_a_failover() -> None:
    """What happened meanwhile is not missed."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    desk.counts = {"t": 5}
    desk.fail_over()
    member.beat()
    assert member.has == {"t": (0, 1, 2, 3, 4)}


# --- static members ----------------------------------------------------------------------


def test_static_member_that_will_be_back_keeps_its_share() -> None:
    """Epoch -2: nobody else gets it, and the group epoch stays."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a", instance_id="i"), desk.join_new("b")
    desk.settle_all(first, second)
    epoch = desk.consumers().epoch
    answer = first.leave(-2)
    assert (answer.member_epoch, answer.assignment) == (-2, None)
    second.beat()
    assert second.has == {"t": (2, 3)}
    back = desk.join_new("c", instance_id="i")
    assert (back.epoch, back.has) == (epoch, {"t": (0, 1)})
    assert list(desk.consumers().members) == ["b", "c"]


def test_static_member_in_use_is_not_replaced() -> None:
    """Two consumers with one instance id: the second is refused until the first leaves."""
    desk = ConsumerDesk()
    desk.join_new("a", instance_id="i")
    refused = desk.refusal(
        "b", 0, instance_id="i", rebalance_timeout_ms=1, topic_names=("t",), owned={}
    )
    assert refused == ErrorCode.UNRELEASED_INSTANCE_ID


def test_replaced_static_member_is_fenced() -> None:
    """Its heartbeats, and its leaving."""
    desk = ConsumerDesk()
    first = desk.join_new("a", instance_id="i")
    first.leave(-2)
    desk.join_new("b", instance_id="i")
    assert desk.refusal("a", 1, instance_id="i") == ErrorCode.FENCED_INSTANCE_ID
    assert desk.refusal("a", -1, instance_id="i") == ErrorCode.FENCED_INSTANCE_ID
    assert desk.refusal("a", 1, instance_id="j") == ErrorCode.UNKNOWN_MEMBER_ID


def test_static_member_that_leaves_for_good_is_gone() -> None:
    """Epoch -1."""
    desk = ConsumerDesk()
    first = desk.join_new("a", instance_id="i")
    first.leave()
    assert desk.state() == "Empty"


def test_static_member_back_with_another_subscription_moves_the_group_epoch() -> None:
    """It is the same member, who wants something else."""
    desk = ConsumerDesk()
    desk.topics(t=1, u=1)
    first = desk.join_new("a", instance_id="i")
    first.leave(-2)
    back = desk.join_new("b", instance_id="i", topics=("u",))
    desk.settle_all(back)
    assert back.has == {"u": (0,)}


# --- classic groups ----------------------------------------------------------------------


def test_empty_classic_group_becomes_one_of_the_consumer_protocol() -> None:
    """Its offsets stay."""
    desk = ConsumerDesk()
    desk.commit(7)
    member = desk.join_new("a")
    assert member.has == {"t": (0, 1, 2, 3)}
    assert desk.committed() == 7
    assert desk.coordinator.group("g") is None


def test_offsets_alone_make_no_record_of_a_group() -> None:
    """After a failover the group that holds them is there, and is replaced likewise."""
    desk = ConsumerDesk()
    desk.commit(7)
    desk.join_new("a")
    desk.fail_over()
    assert desk.coordinator.group("g") is None
    assert desk.committed() == 7


def test_commits_need_the_epoch_of_the_member() -> None:
    """STALE_MEMBER_EPOCH: the member looks up its epoch and tries again."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    assert desk.commit_as("a", 1, 5) == ErrorCode.NONE
    assert desk.commit_as("a", 0, 6) == ErrorCode.STALE_MEMBER_EPOCH
    assert desk.commit_as("b", 1, 6) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.commit_as("", -1, 6) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.commit_as("a", 1, 6, speaks_epochs=False) == ErrorCode.UNSUPPORTED_VERSION
    assert desk.committed() == 5
    member.leave()
    assert desk.commit_as("", -1, 8) == ErrorCode.NONE


def test_current_assignment_and_epoch_come_last_in_their_turn() -> None:
    """A replaced member's tombstones stand before the records of the new one."""
    desk = ConsumerDesk()
    first = desk.join_new("a", instance_id="i")
    first.leave(-2)
    written = len(desk.log)
    desk.join_new("b", instance_id="i")
    log = desk.log[written:]
    assert log[0] == CurrentAssignment("g", "a", None)
    assert isinstance(log[-1], CurrentAssignment)
    assert not any(isinstance(record, GroupEpoch) for record in log)


def test_times_of_a_group_are_its_own_where_it_has_any() -> None:
    """consumer.heartbeat.interval.ms and consumer.session.timeout.ms of the group."""
    desk = ConsumerDesk()
    desk.coordinator.on_times({"g": GroupTimes(50_000, 7_000)})
    answer = desk.send("a", 0, rebalance_timeout_ms=1, topic_names=("t",), owned={})
    assert answer.heartbeat_interval_ms == 7_000
    desk.advance(49_999)
    assert desk.state() == "Stable"
    desk.advance(1)
    assert desk.state() == "Empty"
