"""The server's assignors: everybody's share, and who keeps what."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.ids import TopicId
from minikafka.groups.assignors import GroupSpec, MemberSpec, assign_ranges
from minikafka.groups.partitions import Partitions
from minikafka.groups.targets import ASSIGNORS
from minikafka.groups.uniform import assign_uniformly

T, U, V = UUID(int=1), UUID(int=2), UUID(int=3)


def spec(
    counts: Mapping[TopicId, int],
    wanted: Mapping[str, tuple[TopicId, ...]],
    had: Mapping[str, Partitions] | None = None,
    instances: Mapping[str, str] | None = None,
) -> GroupSpec:
    """Return a group whose members want these topics."""
    members = {
        name: MemberSpec(topics, (had or {}).get(name, {}), (instances or {}).get(name))
        for name, topics in wanted.items()
    }
    same = len(set(wanted.values())) <= 1
    return GroupSpec(members, counts, same)


def test_range_gives_contiguous_ranges_in_the_order_of_member_ids() -> None:
    """The first members get one more; members have the same numbers of each topic."""
    group = spec({T: 3, U: 3}, {"b": (T, U), "a": (T, U)})
    assert assign_ranges(group) == {"a": {T: (0, 1), U: (0, 1)}, "b": {T: (2,), U: (2,)}}


def test_range_puts_static_members_first() -> None:
    """By their instance id, so that a restart under another member id changes nothing."""
    group = spec({T: 3}, {"a": (T,), "z": (T,), "y": (T,)}, instances={"z": "i1", "y": "i2"})
    assert assign_ranges(group) == {"z": {T: (0,)}, "y": {T: (1,)}, "a": {T: (2,)}}


def test_range_shares_a_topic_among_its_subscribers_alone() -> None:
    """Who does not want it does not count."""
    group = spec({T: 2, U: 2}, {"a": (T,), "b": (T, U)})
    assert assign_ranges(group) == {"a": {T: (0,)}, "b": {T: (1,), U: (0, 1)}}


def test_range_leaves_members_without_a_share() -> None:
    """More members than partitions."""
    assert assign_ranges(spec({T: 1}, {"a": (T,), "b": (T,)})) == {"a": {T: (0,)}, "b": {}}


def test_uniform_counts_over_all_topics() -> None:
    """Two topics of three partitions are three for each of two members."""
    found = assign_uniformly(spec({T: 3, U: 3}, {"a": (T, U), "b": (T, U)}))
    assert found == {"a": {T: (0, 1, 2)}, "b": {U: (0, 1, 2)}}


def test_uniform_takes_only_what_a_newcomer_is_due() -> None:
    """Everybody keeps its first partitions."""
    found = assign_uniformly(spec({T: 4}, {"a": (T,), "b": (T,)}, had={"a": {T: (0, 1, 2, 3)}}))
    assert found == {"a": {T: (0, 1)}, "b": {T: (2, 3)}}


def test_uniform_gives_what_is_left_behind_to_who_is_there() -> None:
    """A member has left; the other keeps all it has."""
    found = assign_uniformly(spec({T: 4}, {"b": (T,)}, had={"b": {T: (2, 3)}}))
    assert found == {"b": {T: (0, 1, 2, 3)}}


def test_uniform_drops_topics_that_are_not_wanted_any_more() -> None:
    """What a member had of another topic is not counted."""
    found = assign_uniformly(spec({U: 2}, {"a": (U,)}, had={"a": {T: (0,)}}))
    assert found == {"a": {U: (0, 1)}}


def test_uniform_without_topics_assigns_nothing() -> None:
    """Members may want nothing at all."""
    assert assign_uniformly(spec({}, {"a": (), "b": ()})) == {}
    assert assign_uniformly(spec({}, {})) == {}


def test_uniform_mixed_evens_out_what_can_be_evened_out() -> None:
    """The member that alone wants a topic has all of it, and less of the other."""
    found = assign_uniformly(spec({T: 4, U: 2}, {"a": (T,), "b": (T, U)}))
    sizes = {name: sum(map(len, partitions.values())) for name, partitions in found.items()}
    assert sizes == {"a": 3, "b": 3}
    assert found["b"][U] == (0, 1)


def test_uniform_mixed_moves_from_who_has_most() -> None:
    """A newcomer that wants one topic gets some of it, and nothing of the other moves."""
    had = {"a": {T: (0, 1, 2, 3), U: (0,)}}
    found = assign_uniformly(spec({T: 4, U: 1}, {"a": (T, U), "b": (T,)}, had=had))
    assert found["a"][U] == (0,)
    assert found["b"] == {T: (2, 3)}


TOPICS = st.lists(st.sampled_from([T, U, V]), unique=True).map(lambda ids: tuple(sorted(ids)))


@st.composite
def groups(draw: st.DrawFn, *, same: bool) -> GroupSpec:
    """Return any group, with what its members had under another membership."""
    counts = {topic: draw(st.integers(1, 12)) for topic in (T, U, V)}
    names = [f"m{number}" for number in range(draw(st.integers(1, 6)))]
    topics = draw(TOPICS)
    wanted = {name: topics if same else draw(TOPICS) for name in names}
    had: dict[str, dict[TopicId, tuple[int, ...]]] = {name: {} for name in names}
    for topic, count in counts.items():
        owners = [draw(st.sampled_from([*names, ""])) for _ in range(count)]
        for name in names:
            mine = tuple(number for number, owner in enumerate(owners) if owner == name)
            if mine:
                had[name][topic] = mine
    return spec(counts, wanted, had)


def pairs(found: Mapping[str, Partitions]) -> list[tuple[TopicId, int]]:
    """Return every partition that was given, as often as it was."""
    return [
        (topic, number)
        for partitions in found.values()
        for topic, numbers in partitions.items()
        for number in numbers
    ]


@pytest.mark.parametrize("name", sorted(ASSIGNORS))
@given(st.data())
def test_every_partition_has_one_owner_that_wants_it(name: str, data: st.DataObject) -> None:
    """Nothing is left over, nothing is given twice, nobody gets what it does not want."""
    group = data.draw(groups(same=data.draw(st.booleans())))
    found = ASSIGNORS[name](group)
    given_pairs = pairs(found)
    wanted = {topic for member in group.members.values() for topic in member.topic_ids}
    want = [
        (topic, number) for topic in wanted for number in range(group.partition_counts[topic])
    ]
    assert sorted(given_pairs) == sorted(want)
    for member_id, partitions in found.items():
        assert set(partitions) <= set(group.members[member_id].topic_ids)
        assert all(numbers == tuple(sorted(numbers)) for numbers in partitions.values())


@given(groups(same=True))
def test_uniform_is_balanced(group: GroupSpec) -> None:
    """Shares differ by one at most."""
    found = assign_uniformly(group)
    sizes = [sum(map(len, partitions.values())) for partitions in found.values()]
    assert not sizes or max(sizes) - min(sizes) <= 1


@given(groups(same=True))
def test_uniform_moves_no_more_than_it_has_to(group: GroupSpec) -> None:
    """Who has no more than its share loses nothing."""
    found = assign_uniformly(group)
    for member_id, partitions in found.items():
        member = group.members[member_id]
        had = {
            (topic, number)
            for topic, numbers in member.assigned.items()
            if topic in member.topic_ids
            for number in numbers
        }
        has = set(pairs({member_id: partitions}))
        assert has <= had or had <= has


@given(groups(same=False))
def test_uniform_mixed_leaves_nobody_with_two_more_than_a_co_subscriber(
    group: GroupSpec,
) -> None:
    """Of a topic with several subscribers nothing can be moved that would even them out."""
    found = assign_uniformly(group)
    sizes = {name: sum(map(len, partitions.values())) for name, partitions in found.items()}
    for name, partitions in found.items():
        for topic in partitions:
            others = [
                other for other, member in group.members.items() if topic in member.topic_ids
            ]
            assert sizes[name] - min(sizes[other] for other in others) <= 2


@pytest.mark.parametrize("name", sorted(ASSIGNORS))
@given(st.data())
def test_assignment_that_was_assigned_stays(name: str, data: st.DataObject) -> None:
    """To assign again what was assigned moves nothing."""
    group = data.draw(groups(same=data.draw(st.booleans())))
    first = ASSIGNORS[name](group)
    again = GroupSpec(
        {
            member_id: MemberSpec(member.topic_ids, first.get(member_id, {}))
            for member_id, member in group.members.items()
        },
        group.partition_counts,
        group.homogeneous,
    )
    assert ASSIGNORS[name](again) == first
