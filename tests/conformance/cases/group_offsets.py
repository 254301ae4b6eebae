"""Committed offsets: OffsetCommit (8), OffsetFetch (9), OffsetDelete (47)."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case
from tests.conformance.cases.groups import coordinator, stable

COMMIT, FETCH, DELETE = 8, 9, 47


def offset(index: int, value: int, version: int, metadata: str | None = "m") -> dict[str, Any]:
    """Return a partition of an OffsetCommit."""
    epoch = {"committed_leader_epoch": 3} if version >= 6 else {}
    return {
        "partition_index": index,
        "committed_offset": value,
        "committed_metadata": metadata,
        **epoch,
    }


def request(s: Script, topics: dict[str, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    """Return the fields of an OffsetCommit by nobody."""
    return {
        "group_id": s.name("-g"),
        "generation_id_or_member_epoch": -1,
        "member_id": "",
        "topics": [{"name": name, "partitions": each} for name, each in topics.items()],
        **({"retention_time": -1} if s.version < 5 and s.api_key == COMMIT else {}),
        **more,
    }


def asked(s: Script, topics: dict[str, list[int]] | None, group: str = "-g") -> dict[str, Any]:
    """Return the fields of an OffsetFetch of one group."""
    wanted = (
        None
        if topics is None
        else [{"name": name, "partition_indexes": each} for name, each in topics.items()]
    )
    if s.version >= 8:
        return {"groups": [{"group_id": s.name(group), "topics": wanted}]}
    return {"group_id": s.name(group), "topics": wanted}


@case(COMMIT, (2, 9))
def commits_of_nobody(s: Script) -> None:
    topic = s.create(partitions=2)
    coordinator(s)
    v = s.version
    long, longer = "x" * 4096, "x" * 4097
    s.ask("two", **request(s, {topic: [offset(0, 5, v), offset(1, 6, v, None)]}))
    s.ask(
        "missing", **request(s, {topic: [offset(9, 5, v)], s.name("-none"): [offset(0, 1, v)]})
    )
    s.ask("some", **request(s, {topic: [offset(9, 5, v), offset(0, 7, v)]}))
    s.ask("long", **request(s, {topic: [offset(0, 8, v, long), offset(1, 8, v, longer)]}))
    s.ask("negative", **request(s, {topic: [offset(0, -5, v)]}))
    s.ask("nothing", **request(s, {}))
    s.ask("no group", **request(s, {topic: [offset(0, 5, v)]}, group_id=""))
    everything = [{"name": topic, "partition_indexes": [0, 1, 9]}]
    s.check("seen", FETCH, 7, group_id=s.name("-g"), topics=everything)


@case(COMMIT, (2, 9))
def commits_of_members(s: Script) -> None:
    topic = s.create()
    told = stable(s)
    wanted = {topic: [offset(0, 5, s.version)]}

    def ask(label: str, member_id: str, generation: int, **more: Any) -> None:
        who = {"member_id": member_id, "generation_id_or_member_epoch": generation}
        s.ask(label, **request(s, wanted, **who, **more))

    ask("member", told.member_id, told.generation_id)
    ask("nobody", "", -1)
    ask("old generation", told.member_id, 0)
    ask("no generation", told.member_id, -1)
    ask("unknown member", "nobody", told.generation_id)
    ask("other group", told.member_id, 3, group_id=s.name("-none"))
    if s.version >= 7:
        ask("unknown instance", told.member_id, told.generation_id, group_instance_id="i")


@case(FETCH, (1, 9))
def fetched_offsets(s: Script) -> None:
    topic = s.create(partitions=2)
    coordinator(s)
    s.other(COMMIT, 8, **request(s, {topic: [offset(0, 5, 8)]}))
    s.ask("two", **asked(s, {topic: [0, 1], s.name("-none"): [0]}))
    s.ask("other group", **asked(s, {topic: [0]}, "-none"))
    s.ask("nothing", **asked(s, {}))
    if s.version >= 2:
        s.ask("all", **asked(s, None))
        s.ask("all of none", **asked(s, None, "-none"))
    if s.version >= 7:
        s.ask("stable", **asked(s, {topic: [0]}), require_stable=True)
    if s.version >= 8:
        topics = [{"name": topic, "partition_indexes": [0]}]
        groups = [{"group_id": s.name(each), "topics": topics} for each in ("-none", "-g")]
        s.ask("several", groups=groups)


@case(DELETE, (0, 0))
def deleted_offsets(s: Script) -> None:
    topic = s.create(partitions=2)
    told = stable(s)
    s.other(
        COMMIT,
        8,
        **request(
            s,
            {topic: [offset(0, 5, 8), offset(1, 6, 8)]},
            member_id=told.member_id,
            generation_id_or_member_epoch=told.generation_id,
        ),
    )

    def ask(label: str, group: str, *partitions: tuple[str, int]) -> None:
        topics = [
            {"name": name, "partitions": [{"partition_index": at}]} for name, at in partitions
        ]
        s.ask(label, group_id=group, topics=topics)

    ask("some", s.name("-g"), (topic, 0), (s.name("-none"), 0))
    ask("again", s.name("-g"), (topic, 0))
    ask("other group", s.name("-other"), (topic, 0))
    ask("no group", "", (topic, 0))
    ask("nothing", s.name("-g"))
    left = [{"name": topic, "partition_indexes": [0, 1]}]
    s.check("left", FETCH, 7, group_id=s.name("-g"), topics=left)
