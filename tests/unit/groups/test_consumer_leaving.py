"""Members that go, or are sent away: by their own word, or because time is up."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.consumer_records import GroupEpoch, RegularExpression
from minikafka.groups.timers import RETRY_MS
from tests.unit.groups.consumer_desk import REVOKE_MS, ConsumerDesk

SESSION_MS = 45_000


def test_silent_member_is_out_after_its_session() -> None:
    """The others share what it had."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    desk.settle_all(first, second)
    desk.advance(SESSION_MS - 1)
    first.beat()
    desk.advance(1)
    assert list(desk.consumers().members) == ["a"]
    first.beat()
    assert first.has == {"t": (0, 1, 2, 3)}
    assert desk.refusal("b", 2) == ErrorCode.UNKNOWN_MEMBER_ID


def test_static_member_that_does_not_come_back_is_out_after_its_session() -> None:
    """-2 is no longer than that."""
    desk = ConsumerDesk()
    first = desk.join_new("a", instance_id="i")
    first.leave(-2)
    desk.advance(SESSION_MS)
    assert desk.state() == "Empty"


def test_member_that_does_not_give_up_is_out_after_its_rebalance_timeout() -> None:
    """Though it sends heartbeats: else nobody would ever read its partitions."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    kept = first.owned
    first.beat()
    for _ in range(REVOKE_MS // 10_000 - 1):
        desk.advance(10_000)
        desk.send("a", 1, owned=kept)
        second.beat()
    desk.advance(10_000)
    assert desk.refusal("a", 1, owned=kept) == ErrorCode.UNKNOWN_MEMBER_ID
    second.beat()
    assert second.has == {"t": (0, 1, 2, 3)}


def test_member_that_gives_up_in_time_stays() -> None:
    """The timeout ends with the revocation."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    first.beat()
    first.beat()
    for _ in range(REVOKE_MS // 10_000 + 1):
        desk.advance(10_000)
        first.beat()
        second.beat()
    assert list(desk.consumers().members) == ["a", "b"]


@pytest.mark.parametrize("revoking", [False, True])
def test_timeouts_begin_anew_with_another_coordinator(revoking: bool) -> None:
    """Sessions, and what is left of a revocation."""
    desk = ConsumerDesk()
    first = desk.join_new("a")
    if revoking:
        desk.join_new("b")
        first.beat()
    desk.advance(SESSION_MS - 1)
    desk.fail_over()
    desk.advance(SESSION_MS - 1)
    assert "a" in desk.consumers().members
    desk.advance(1)
    assert desk.state() == "Empty"


def test_revocation_is_awaited_by_another_coordinator() -> None:
    """From the log it knows who has to give something up."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    kept = first.owned
    first.beat()
    desk.fail_over()
    for _ in range(REVOKE_MS // 10_000):
        desk.send("a", 1, owned=kept)
        second.beat()
        desk.advance(10_000)
    assert list(desk.consumers().members) == ["b"]


def test_last_member_leaves_an_empty_group() -> None:
    """With its epoch one further, and no topics."""
    desk = ConsumerDesk()
    desk.join_new("a").leave()
    group = desk.consumers()
    assert (group.state.value, group.epoch, group.metadata_hash) == ("Empty", 2, 0)
    assert not group.targets
    last = desk.log[-1]
    assert isinstance(last, GroupEpoch)


def test_expression_goes_with_its_last_subscriber() -> None:
    """Its record is deleted."""
    desk = ConsumerDesk()
    first = desk.join_new("a", topics=None, regex="t.*")
    second = desk.join_new("b", topics=None, regex="t.*")
    desk.advance(0)
    first.leave()
    assert list(desk.consumers().expressions) == ["t.*"]
    second.leave()
    assert not desk.consumers().expressions
    assert any(
        isinstance(record, RegularExpression) and record.value is None for record in desk.log
    )


def test_refused_append_leaves_the_member_in() -> None:
    """A decision counts once it is in the log."""
    desk = ConsumerDesk()
    member = desk.join_new("a")
    desk.refuse = ErrorCode.NOT_ENOUGH_REPLICAS
    assert desk.refusal("a", -1) == ErrorCode.NOT_ENOUGH_REPLICAS
    desk.refuse = None
    assert member.beat().member_epoch == 1
    assert list(desk.consumers().members) == ["a"]


def test_silent_member_is_out_as_soon_as_the_log_takes_it() -> None:
    """One refusal does not make it a member for ever, whose partitions nobody reads."""
    desk = ConsumerDesk()
    first, second = desk.join_new("a"), desk.join_new("b")
    desk.settle_all(first, second)
    desk.advance(SESSION_MS - 1)
    first.beat()
    desk.refuse = ErrorCode.NOT_ENOUGH_REPLICAS
    with pytest.raises(KafkaError):
        desk.advance(1)
    assert list(desk.consumers().members) == ["a", "b"]
    desk.refuse = None
    desk.advance(RETRY_MS)
    assert list(desk.consumers().members) == ["a"]


def test_member_whose_leaving_the_log_does_not_take_is_out_after_its_session() -> None:
    """It may be gone for good, and say so only once."""
    desk = ConsumerDesk()
    first = desk.join_new("a")
    desk.refuse = ErrorCode.NOT_ENOUGH_REPLICAS
    with pytest.raises(KafkaError):
        first.leave(-1)
    desk.refuse = None
    desk.advance(SESSION_MS - 1)
    assert desk.state() == "Stable"
    desk.advance(1)
    assert desk.state() == "Empty"
