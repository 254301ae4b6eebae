"""States that are written down one after the other come to one list."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from minikafka.shares.state_batches import StateBatch, combine

_batches = st.lists(
    st.builds(
        lambda first, size, state, count: StateBatch(first, first + size, state, count),
        st.integers(0, 12),
        st.integers(0, 6),
        st.sampled_from([0, 2, 4]),
        st.integers(1, 3),
    ),
    max_size=8,
)


def _by_offset(batches: list[StateBatch], start: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for each in batches:
        for offset in range(max(start, each.first), each.last + 1):
            found[offset] = max(found.get(offset, (0, 0)), (each.delivery_count, each.state))
    return found


@given(_batches, _batches, st.integers(-1, 10))
def test_of_each_record_the_state_with_most_deliveries_holds(
    so_far: list[StateBatch], later: list[StateBatch], start: int
) -> None:
    """What is combined says of each offset the same as all the batches together."""
    found = combine(so_far, later, start)
    want = _by_offset([*so_far, *later], start)
    got = {
        offset: (each.delivery_count, each.state)
        for each in found
        for offset in range(each.first, each.last + 1)
    }
    assert got == want


@given(_batches, st.integers(-1, 10))
def test_combined_batches_are_apart_and_as_few_as_it_takes(
    batches: list[StateBatch], start: int
) -> None:
    """They are in order, do not overlap, and no two neighbours could be one."""
    found = combine(batches, (), start)
    for left, right in pairwise(found):
        assert left.last < right.first
        assert left.last + 1 < right.first or left[2:] != right[2:]


def test_what_lies_below_the_start_is_left_out() -> None:
    """A batch across the start offset begins there; one below it is gone."""
    batches = [StateBatch(0, 3, 2, 1), StateBatch(4, 9, 0, 1)]
    assert combine(batches, (), 6) == (StateBatch(6, 9, 0, 1),)
