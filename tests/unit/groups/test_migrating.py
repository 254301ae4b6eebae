"""A group changes its protocol while it has members: up, down, and not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import GroupProtocol, LeavingMember
from minikafka.groups.consumer_records import GroupEpoch
from minikafka.groups.embedded import assignment_bytes
from minikafka.groups.records import GroupMetadata
from tests.unit.groups.consumer_desk import ConsumerDesk
from tests.unit.groups.test_mixed import ClassicReader, mixed, settle, subscription

CLASSIC = (GroupProtocol("range", subscription("t")),)


def classic_group(desk: ConsumerDesk, *shares: tuple[int, ...]) -> list[ClassicReader]:
    """Let a classic group come to rest whose members have these partitions."""
    joined = desk.join_all(*[None for _ in shares], speaks=CLASSIC)
    given = {
        each.member_id: assignment_bytes(1, [("t", share)])
        for each, share in zip(joined, shares, strict=True)
    }
    readers = []
    for each, share in zip(joined, shares, strict=True):
        desk.sync(each, **given)
        reader = ClassicReader(desk, each.member_id)
        reader.joined, reader.has = each, {"t": share}
        readers.append(reader)
    assert desk.state() == "Stable"
    return readers


def test_classic_group_is_upgraded_by_the_first_heartbeat() -> None:
    """Its members keep what they have until they hear of the rebalance with a heartbeat."""
    desk = ConsumerDesk()
    first, second = classic_group(desk, (0, 1), (2, 3))
    newcomer = desk.join_new("n")
    assert (newcomer.epoch, newcomer.has) == (2, {})
    group = desk.consumers()
    assert group.members[first.member_id].classic is not None
    assert desk.coordinator.group("g") is None
    for _ in range(4):
        first.beat()
        second.beat()
        newcomer.beat()
    shares = [each.has.get("t", ()) for each in (first, second, newcomer)]
    assert sorted(number for share in shares for number in share) == [0, 1, 2, 3]
    assert all(shares)


def test_upgrade_is_all_in_the_log() -> None:
    """The classic group is deleted in the same batch; another coordinator goes on."""
    desk = ConsumerDesk()
    first, _ = classic_group(desk, (0, 1), (2, 3))
    written = len(desk.log)
    desk.join_new("n")
    assert desk.log[written] == GroupMetadata("g", None)
    before = desk.consumers().members
    desk.fail_over()
    assert desk.consumers().members == before
    assert first.beat() == ErrorCode.REBALANCE_IN_PROGRESS


def test_rebalancing_classic_group_is_told_to_join_anew() -> None:
    """Who waits for JoinGroup is answered REBALANCE_IN_PROGRESS."""
    desk = ConsumerDesk()
    first, _ = classic_group(desk, (0, 1), (2, 3))
    waiting = desk.join(first.member_id, speaks=(GroupProtocol("range", subscription("u")),))
    assert not waiting.done
    desk.join_new("n")
    assert waiting.result().error == ErrorCode.REBALANCE_IN_PROGRESS


def test_group_that_has_no_generation_yet_is_upgraded() -> None:
    """During the initial delay there is no assignment to keep."""
    desk = ConsumerDesk()
    waiting = desk.join(speaks=CLASSIC)
    newcomer = desk.join_new("n")
    assert waiting.result().error == ErrorCode.REBALANCE_IN_PROGRESS
    assert len(desk.consumers().members) == 2
    assert newcomer.epoch == 1


def test_partition_that_was_given_twice_stays_with_the_first() -> None:
    """A client's assignor may err; a group of the consumer protocol may not."""
    desk = ConsumerDesk()
    first, second = classic_group(desk, (0, 1), (1, 2))
    desk.join_new("n")
    members = desk.consumers().members
    assert [len(n) for n in members[first.member_id].assigned.values()] == [2]
    assert [len(n) for n in members[second.member_id].assigned.values()] == [1]


@pytest.mark.parametrize("reason", ["policy", "protocol", "size", "subscription", "user data"])
def test_what_cannot_be_upgraded_stays_classic(reason: str) -> None:
    """GROUP_ID_NOT_FOUND, as for any classic group."""
    desk = ConsumerDesk()
    if reason == "policy":
        desk.limits_consumer(upgrades=False)
    if reason == "size":
        desk.limits_consumer(max_size=1)
    speaks = CLASSIC
    if reason == "subscription":
        speaks = (GroupProtocol("range", b"\0"),)
    kind = "connect" if reason == "protocol" else "consumer"
    joined = desk.join_all(None, None, speaks=speaks, protocol_type=kind)
    extra = b"\0\0\0\1x" if reason == "user data" else b"\xff\xff\xff\xff"
    given = assignment_bytes(1, [("t", (0,))])[:-4] + extra
    for each in joined:
        desk.sync(each, **{other.member_id: given for other in joined})
    refused = desk.refusal("n", 0, rebalance_timeout_ms=1, topic_names=("t",), owned={})
    assert refused == ErrorCode.GROUP_ID_NOT_FOUND
    assert desk.group().members


def test_last_member_of_the_consumer_protocol_leaves_a_classic_group() -> None:
    """Its members rebalance the way they know."""
    desk, reader, classic = mixed()
    epoch = desk.consumers().epoch
    reader.leave()
    assert desk.coordinator.consumer_group("g") is None
    assert desk.group().generation_id == epoch
    assert desk.state() == "PreparingRebalance"
    assert classic.joined is not None
    assert desk.heartbeat(classic.joined) == ErrorCode.REBALANCE_IN_PROGRESS
    again = desk.join(classic.member_id, speaks=CLASSIC).result()
    assert (again.error, again.generation_id) == (ErrorCode.NONE, epoch + 1)
    assert again.leader == classic.member_id


def test_downgrade_is_all_in_the_log() -> None:
    """Another coordinator finds a stable classic group, with what was meant for each."""
    desk, reader, classic = mixed()
    written = len(desk.log)
    reader.leave()
    assert desk.log[-2] == GroupEpoch("g", None)
    assert isinstance(desk.log[-1], GroupMetadata)
    assert len(desk.log) > written
    desk.fail_over()
    assert desk.state() == "Stable"
    assert desk.group().members[classic.member_id].assignment == assignment_bytes(
        1, [("t", (2, 3))]
    )


def test_silent_member_of_the_consumer_protocol_leaves_a_classic_group() -> None:
    """Whether it says so or not."""
    desk, _, classic = mixed()
    assert classic.joined is not None
    for _ in range(9):
        desk.advance(5_000)
        desk.heartbeat(classic.joined)
    assert desk.coordinator.consumer_group("g") is None
    assert list(desk.group().members) == [classic.member_id]


def test_group_is_not_downgraded_where_that_is_off() -> None:
    """The classic member goes on as it is."""
    desk, reader, classic = mixed()
    desk.limits_consumer(downgrades=False)
    reader.leave()
    assert classic.beat() == ErrorCode.REBALANCE_IN_PROGRESS
    assert classic.has == {"t": (0, 1, 2, 3)}
    assert desk.consumers().classic_count == 1


def test_group_is_not_downgraded_beyond_the_size_of_classic_groups() -> None:
    """group.max.size."""
    desk, reader, classic = mixed()
    other = ClassicReader(desk)
    other.join()
    desk.limits = replace(desk.limits, group_max_size=1)
    desk.fail_over()
    reader.leave()
    assert desk.coordinator.consumer_group("g") is not None
    assert classic.beat() == ErrorCode.REBALANCE_IN_PROGRESS


def test_last_member_of_all_leaves_an_empty_consumer_group() -> None:
    """There is nobody to downgrade for."""
    desk, reader, classic = mixed()
    desk.leave(LeavingMember(classic.member_id))
    reader.leave()
    assert desk.state() == "Empty"
    assert desk.coordinator.consumer_group("g") is not None


def test_static_member_that_comes_back_as_a_classic_one_downgrades_the_group() -> None:
    """It takes its former self's place; with the same topics nobody has to join anew."""
    desk = ConsumerDesk()
    reader = desk.join_new("a", instance_id="i")
    classic = ClassicReader(desk)
    classic.join()
    settle(desk, reader, classic)
    reader.leave(-2)
    again = desk.join(instance_id="i", speaks=CLASSIC).result()
    assert again.error == ErrorCode.NONE
    assert desk.coordinator.consumer_group("g") is None
    assert desk.state() == "Stable"
    group = desk.group()
    assert group.members[again.member_id].assignment == assignment_bytes(1, [("t", (0, 1))])
    assert group.generation_id == again.generation_id


def test_empty_consumer_group_becomes_classic_with_its_first_member() -> None:
    """And the other way round: what is empty is whatever comes first."""
    desk = ConsumerDesk()
    desk.join_new("a").leave()
    assert desk.join("old", speaks=CLASSIC).result().error == ErrorCode.UNKNOWN_MEMBER_ID
    desk.join_all(None, speaks=CLASSIC)
    assert desk.coordinator.consumer_group("g") is None
    assert GroupEpoch("g", None) in desk.log
    desk.fail_over()
    assert desk.coordinator.consumer_group("g") is None
    assert desk.coordinator.group("g") is not None
