"""One member on its way to its target, step by step."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.consumer_members import ConsumerMember, MemberState
from minikafka.groups.partitions import Partitions
from minikafka.groups.reconciling import reconcile

T, U = UUID(int=1), UUID(int=2)
STABLE, UNREVOKED, UNRELEASED = (
    MemberState.STABLE,
    MemberState.UNREVOKED_PARTITIONS,
    MemberState.UNRELEASED_PARTITIONS,
)


def member(
    assigned: Partitions,
    state: MemberState = STABLE,
    pending: Partitions | None = None,
    epoch: int = 3,
) -> ConsumerMember:
    """Return a member in epoch 3 that has these."""
    return ConsumerMember(
        "m", epoch, epoch - 1, state, assigned=assigned, pending_revocation=pending or {}
    )


def step(
    of: ConsumerMember,
    target: Partitions,
    owned: Partitions | None = None,
    others: tuple[tuple[TopicId, int], ...] = (),
    epoch: int = 5,
) -> ConsumerMember:
    """Return the member one step on; `others` are owned by somebody else."""
    return reconcile(of, epoch, target, lambda topic, number: (topic, number) in others, owned)


def test_member_with_its_target_has_nothing_to_do() -> None:
    """It is the same object even."""
    there = member({T: (0,)}, epoch=5)
    assert step(there, {T: (0,)}) is there


def test_more_is_given_at_once_where_it_is_free() -> None:
    """The member is in the epoch of the target with one step."""
    got = step(member({T: (0,)}), {T: (0, 1), U: (2,)})
    assert (got.state, got.epoch, got.previous_epoch) == (STABLE, 5, 3)
    assert got.assigned == {T: (0, 1), U: (2,)}


def test_what_another_owns_is_waited_for() -> None:
    """What is free comes at once, the rest when it is released."""
    waits = step(member({}), {T: (0, 1)}, others=((T, 1),))
    assert (waits.state, waits.epoch, waits.assigned) == (UNRELEASED, 5, {T: (0,)})
    assert step(waits, {T: (0, 1)}, others=((T, 1),)).assigned == {T: (0,)}
    got = step(waits, {T: (0, 1)})
    assert (got.state, got.assigned) == (STABLE, {T: (0, 1)})


def test_less_is_revoked_first() -> None:
    """The member stays in its epoch, and gets nothing new meanwhile."""
    told = step(member({T: (0, 1)}), {T: (0,), U: (0,)}, owned={T: (0, 1)})
    assert (told.state, told.epoch) == (UNREVOKED, 3)
    assert (told.assigned, told.pending_revocation) == ({T: (0,)}, {T: (1,)})


@pytest.mark.parametrize("owned", [None, {T: (0, 1)}, {T: (1,)}])
def test_revocation_waits_for_the_members_word(owned: Partitions | None) -> None:
    """Silence is no word; owning part of it is none either."""
    told = member({T: (0,)}, UNREVOKED, {T: (1,)})
    assert step(told, {T: (0,)}, owned) is told


@pytest.mark.parametrize("owned", [{}, {T: (0,)}])
def test_acknowledged_revocation_lets_the_member_go_on(owned: Partitions) -> None:
    """Also who owns less than it may has given up what it had to."""
    told = member({T: (0,)}, UNREVOKED, {T: (1,)})
    done = step(told, {T: (0,), U: (0,)}, owned)
    assert (done.state, done.epoch) == (STABLE, 5)
    assert (done.assigned, done.pending_revocation) == ({T: (0,), U: (0,)}, {})


def test_next_revocation_begins_in_the_next_epoch() -> None:
    """The target has moved on while the member gave up what an older one asked for."""
    told = member({T: (0, 2)}, UNREVOKED, {T: (1,)})
    again = step(told, {T: (0,)}, owned={T: (0, 2)})
    assert (again.state, again.epoch, again.previous_epoch) == (UNREVOKED, 4, 3)
    assert again.pending_revocation == {T: (2,)}


def test_what_is_not_owned_any_more_need_not_be_revoked() -> None:
    """The member says that it has less already."""
    done = step(member({T: (0, 1)}), {T: (0,)}, owned={T: (0,)})
    assert (done.state, done.epoch, done.assigned) == (STABLE, 5, {T: (0,)})


def test_state_of_a_newer_release_begins_anew() -> None:
    """With nothing in its hands the member goes on, else it is fenced."""
    odd = replace(member({T: (0,)}), state=MemberState.UNKNOWN)
    with pytest.raises(KafkaError) as refused:
        step(odd, {T: (0,)}, owned={T: (0,)})
    assert refused.value.code == ErrorCode.FENCED_MEMBER_EPOCH
    assert step(odd, {T: (0,)}, owned={}).state is STABLE


NUMBERS = st.sets(st.integers(0, 5)).map(lambda found: tuple(sorted(found)))


@given(NUMBERS, NUMBERS, NUMBERS, st.booleans())
def test_nothing_owned_by_others_is_ever_assigned(
    had: tuple[int, ...], target: tuple[int, ...], others: tuple[int, ...], says: bool
) -> None:
    """And what is given up is not lost sight of before the member has said so."""
    others = tuple(number for number in others if number not in had)
    begin = member({T: had} if had else {})
    goal = {T: target} if target else {}
    got = step(
        begin, goal, begin.assigned if says else None, tuple((T, each) for each in others)
    )
    assigned = got.assigned.get(T, ())
    assert not set(assigned) & set(others)
    assert set(assigned) <= set(target)
    assert set(had) <= set(assigned) | set(got.pending_revocation.get(T, ()))
