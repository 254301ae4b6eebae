"""Where replicas go."""

from __future__ import annotations

import uuid
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.metadata.placement import place
from minikafka.metadata.states import BrokerImage


def _broker(
    broker_id: int, rack: str | None = None, *, fenced: bool = False, leaving: bool = False
) -> BrokerImage:
    return BrokerImage(broker_id, 0, uuid.UUID(int=1), "h", 1, rack, fenced, leaving)


def _spread(counts: dict[int, int]) -> int:
    return max(counts.values()) - min(counts.values())


@given(
    broker_count=st.integers(1, 9),
    rounds=st.integers(1, 4),
    replication_factor=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_replicas_spread_evenly_over_brokers(
    broker_count: int, rounds: int, replication_factor: int, seed: int
) -> None:
    """In whole rounds every broker leads and holds the same number; replicas are distinct."""
    replication_factor = min(replication_factor, broker_count)
    brokers = [_broker(broker_id) for broker_id in range(1, broker_count + 1)]
    placed = place(brokers, rounds * broker_count, replication_factor, Random(seed))
    leaders = dict.fromkeys(range(1, broker_count + 1), 0)
    held = dict.fromkeys(range(1, broker_count + 1), 0)
    for replicas in placed:
        assert len(set(replicas)) == replication_factor
        leaders[replicas[0]] += 1
        for broker_id in replicas:
            held[broker_id] += 1
    assert (_spread(leaders), _spread(held)) == (0, 0)


@given(st.integers(1, 7), st.integers(1, 12), st.integers(0, 1000))
def test_leaders_differ_by_at_most_one(broker_count: int, partitions: int, seed: int) -> None:
    """Without racks no broker leads two partitions more than another within a round."""
    brokers = [_broker(broker_id) for broker_id in range(broker_count)]
    placed = place(brokers, min(partitions, broker_count), 1, Random(seed))
    leaders = dict.fromkeys(range(broker_count), 0)
    for replicas in placed:
        leaders[replicas[0]] += 1
    assert _spread(leaders) <= 1


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 8), st.data())
def test_replicas_of_a_partition_spread_over_racks_within_one(
    racks: int, per_rack: int, partitions: int, data: st.DataObject
) -> None:
    """No rack holds two replicas more of a partition than another rack of the same size."""
    brokers = [_broker(n, f"rack-{n % racks}") for n in range(racks * per_rack)]
    factor = data.draw(st.integers(1, len(brokers)))
    seed = data.draw(st.integers(0, 1000))
    for replicas in place(brokers, partitions, factor, Random(seed)):
        held = dict.fromkeys(range(racks), 0)
        for broker_id in replicas:
            held[broker_id % racks] += 1
        assert _spread(held) <= 1


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000))
def test_leaders_spread_over_racks(racks: int, per_rack: int, seed: int) -> None:
    """Racks take turns in leading."""
    brokers = [_broker(n, f"rack-{n % racks}") for n in range(racks * per_rack)]
    leaders = dict.fromkeys(range(racks), 0)
    for replicas in place(brokers, racks * per_rack, 1, Random(seed)):
        leaders[replicas[0] % racks] += 1
    assert _spread(leaders) == 0


@given(st.sets(st.integers(0, 5), max_size=5), st.integers(1, 3), st.integers(0, 1000))
def test_fenced_brokers_never_lead(fenced: set[int], racks: int, seed: int) -> None:
    """The first replica can lead at once, also where a whole rack is fenced."""
    brokers = [_broker(n, f"rack-{n % racks}", fenced=n in fenced) for n in range(6)]
    for replicas in place(brokers, 6, 4, Random(seed)):
        assert replicas[0] not in fenced


@given(st.sets(st.integers(0, 5), max_size=5), st.integers(0, 1000))
def test_fenced_brokers_come_last_in_their_rack(fenced: set[int], seed: int) -> None:
    """A partition leans on fenced brokers only where too few others are left."""
    brokers = [_broker(n, fenced=n in fenced) for n in range(6)]
    for replicas in place(brokers, 6, 4, Random(seed)):
        states = [broker_id in fenced for broker_id in replicas]
        assert states == sorted(states)
        assert sum(states) == max(0, 4 - (6 - len(fenced)))


def test_broker_on_its_way_out_gets_nothing() -> None:
    """A broker in controlled shutdown is given no new partitions."""
    brokers = [_broker(1), _broker(2, leaving=True), _broker(3)]
    placed = place(brokers, 6, 2, Random(1))
    assert {broker_id for replicas in placed for broker_id in replicas} == {1, 3}


def test_same_generator_gives_the_same_placement() -> None:
    """Nothing but the generator is left to chance."""
    brokers = [_broker(n, f"rack-{n % 2}") for n in range(5)]
    assert place(brokers, 20, 3, Random(4)) == place(brokers[::-1], 20, 3, Random(4))


@pytest.mark.parametrize(
    ("brokers", "factor", "message"),
    [
        (
            [_broker(1)],
            2,
            (
                "The target replication factor of 2 cannot be reached because only 1 broker(s) are "
                "registered."
            ),
        ),
        ([_broker(1, fenced=True)], 1, "All brokers are currently fenced."),
        ([], 1, "All brokers are currently fenced."),
        (
            [_broker(1)],
            0,
            "Invalid replication factor 0: the replication factor must be positive.",
        ),
    ],
)
def test_impossible_placement_is_refused(
    brokers: list[BrokerImage], factor: int, message: str
) -> None:
    """The refusal says what is missing."""
    with pytest.raises(KafkaError) as raised:
        place(brokers, 1, factor, Random(1))
    assert (raised.value.code, raised.value.message) == (
        ErrorCode.INVALID_REPLICATION_FACTOR,
        message,
    )
