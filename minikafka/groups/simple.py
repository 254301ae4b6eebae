"""The assignor of share groups, called `simple`: every partition to somebody, evenly, and stably.

Pure. With more members than partitions, several read the same one. Counterpart:
org.apache.kafka.coordinator.group.assignor.SimpleAssignor. KIP-932.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from minikafka.base.ids import TopicId
from minikafka.base.java_hash import java_hash
from minikafka.groups.assignors import GroupSpec
from minikafka.groups.partitions import Partitions, partitions_of

__all__ = ["assign_simply"]

_Place = tuple[TopicId, int]
_Owners = dict[_Place, list[str]]


def assign_simply(spec: GroupSpec, assignable: Partitions) -> dict[str, Partitions]:
    """Return what each member is to read.

    Each member begins with one partition, which its hash says; it keeps what it had and nobody
    began with, as far as that is its share; and what is left is dealt out in turn.

    Args:
        assignable: the partitions whose state has begun.
    """
    wanted = {
        member_id: _places(member.topic_ids, assignable)
        for member_id, member in spec.members.items()
    }
    begun = _begin(wanted)
    if spec.homogeneous:
        owners = _deal_evenly(spec, wanted, begun)
    else:
        owners = _deal_unlike(spec, wanted, begun)
    found: dict[str, list[_Place]] = {member_id: [] for member_id in spec.members}
    for place, member_ids in owners.items():
        for member_id in dict.fromkeys(member_ids):
            found[member_id].append(place)
    return {
        member_id: partitions_of((topic_id, (number,)) for topic_id, number in places)
        for member_id, places in found.items()
    }


def _places(topic_ids: Iterable[TopicId], assignable: Partitions) -> list[_Place]:
    return [(each, number) for each in topic_ids for number in assignable.get(each, ())]


def _begin(wanted: Mapping[str, Sequence[_Place]]) -> _Owners:
    begun: _Owners = {}
    for member_id, places in wanted.items():
        if places:
            # Java's remainder has the sign of the hash: its amount is that of the amounts.
            place = places[abs(java_hash(member_id)) % len(places)]
            begun.setdefault(place, []).append(member_id)
    return begun


def _deal_evenly(
    spec: GroupSpec, wanted: Mapping[str, Sequence[_Place]], begun: _Owners
) -> _Owners:
    places = next(iter(wanted.values()), ())
    share = -(-len(places) // max(1, len(wanted)))
    owners = {place: list(begun.get(place, ())) for place in places}
    counts = dict.fromkeys(wanted, 0)
    for member_ids in begun.values():
        for member_id in member_ids:
            counts[member_id] += 1
    for member_id, member in spec.members.items():
        for topic_id, numbers in member.assigned.items():
            for number in numbers:
                place = (topic_id, number)
                if place in owners and place not in begun and counts[member_id] < share:
                    owners[place].append(member_id)
                    counts[member_id] += 1
    turn = [member_id for member_id in wanted if counts[member_id] <= share]
    for member_ids in owners.values():
        if member_ids:
            continue
        while counts[turn[0]] > share:
            turn.pop(0)
        member_id = turn.pop(0)
        member_ids.append(member_id)
        counts[member_id] += 1
        turn.append(member_id)
    return owners


def _deal_unlike(
    spec: GroupSpec, wanted: Mapping[str, Sequence[_Place]], begun: _Owners
) -> _Owners:
    owners = {place: list(member_ids) for place, member_ids in begun.items()}
    kept: _Owners = {}
    readers: dict[TopicId, list[str]] = {}
    for member_id, member in spec.members.items():
        for topic_id in member.topic_ids:
            readers.setdefault(topic_id, []).append(member_id)
        for place in _places(member.assigned, member.assigned):
            if place in wanted[member_id] and place not in begun:
                kept.setdefault(place, []).append(member_id)
    owners |= kept
    turns: dict[TopicId, int] = {}
    for place in dict.fromkeys(place for places in wanted.values() for place in places):
        if place in owners:
            continue
        topic_id = place[0]
        turn = turns.get(topic_id, 0)
        owners[place] = [readers[topic_id][turn % len(readers[topic_id])]]
        turns[topic_id] = turn + 1
    return owners
