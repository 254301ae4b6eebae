"""The assignor of share groups: nobody idle, nothing unread, and little moved."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.ids import TopicId
from minikafka.groups.assignors import GroupSpec, MemberSpec
from minikafka.groups.partitions import Partitions
from minikafka.groups.simple import assign_simply

T, U = UUID(int=1), UUID(int=2)


def assign(
    counts: dict[TopicId, int],
    wanted: dict[str, tuple[TopicId, ...]],
    had: dict[str, Partitions] | None = None,
) -> dict[str, Partitions]:
    """Return who reads what."""
    members = {
        name: MemberSpec(topics, (had or {}).get(name, {})) for name, topics in wanted.items()
    }
    assignable = {topic: tuple(range(count)) for topic, count in counts.items() if count}
    same = len(set(wanted.values())) <= 1
    return assign_simply(GroupSpec(members, {}, same), assignable)


def test_one_member_reads_all() -> None:
    """Alone it gets every partition."""
    assert assign({T: 2, U: 1}, {"a": (T, U)}) == {"a": {T: (0, 1), U: (0,)}}


def test_many_members_share_one_partition() -> None:
    """Which is what a share group is for."""
    found = assign({T: 1}, {"a": (T,), "b": (T,), "c": (T,)})
    assert found == {key: {T: (0,)} for key in "abc"}


_topics = st.sampled_from([(T,), (U,), (T, U), ()])


@given(
    st.integers(0, 5),
    st.integers(0, 5),
    st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1), _topics, max_size=6),
    st.booleans(),
)
def test_everything_wanted_is_read_and_nobody_is_idle(
    first: int, second: int, wanted: dict[str, tuple[TopicId, ...]], alike: bool
) -> None:
    """Each member reads of its own topics only, and has something where there is something."""
    if alike:
        wanted = dict.fromkeys(wanted, (T, U))
    counts = {T: first, U: second}
    found = assign(counts, wanted)
    found = assign(counts, wanted, found)
    read = {
        (topic, number)
        for each in found.values()
        for topic, numbers in each.items()
        for number in numbers
    }
    subscribed = {topic for topics in wanted.values() for topic in topics}
    assert read == {(topic, n) for topic in subscribed for n in range(counts[topic])}
    for name, topics in wanted.items():
        assert found[name].keys() <= set(topics)
        assert bool(found[name]) == any(counts[topic] for topic in topics)


@given(st.integers(1, 8), st.integers(1, 6))
def test_members_alike_have_alike_shares(partitions: int, members: int) -> None:
    """None has more than one above its share."""
    wanted = {f"member-{each}": (T,) for each in range(members)}
    share = -(-partitions // members)
    for target in assign({T: partitions}, wanted).values():
        assert len(target[T]) <= share + 1
