"""Groups with members of both protocols: JoinGroup (11), Heartbeat (12), LeaveGroup (13), SyncGroup (14)
to a group of the consumer protocol, and groups that change their protocol.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case
from tests.conformance.cases.consumer_groups import (
    BEAT,
    CONSUMERS,
    beat,
    described,
    fields,
    joined,
    joining,
    owned,
)
from tests.conformance.cases.groups import (
    ASSIGNMENT,
    DESCRIBE,
    HEARTBEAT,
    JOIN,
    LEAVE,
    SYNC,
    coordinator,
    join,
    known,
    request,
)


def embedded(*topics: str, has: dict[str, tuple[int, ...]] | None = None) -> bytes:
    """Return a ConsumerProtocolSubscription of version 1."""
    data = b"\0\1" + len(topics).to_bytes(4)
    data += b"".join(len(name).to_bytes(2) + name.encode() for name in topics)
    data += b"\xff\xff\xff\xff" + len(has or {}).to_bytes(4)
    for name, numbers in (has or {}).items():
        data += len(name).to_bytes(2) + name.encode() + len(numbers).to_bytes(4)
        data += b"".join(number.to_bytes(4) for number in numbers)
    return data


def speaking(data: bytes) -> list[dict[str, Any]]:
    """Return the protocols of a JoinGroup."""
    return [{"name": "range", "metadata": data}]


def classic(s: Script, data: bytes, **more: Any) -> Any:
    """Join by JoinGroup, unrecorded; return the answer."""
    answer = s.other(JOIN, 3, **request(s, 3, protocols=speaking(data), **more))
    known(s, answer.member_id)
    return answer


def mixed(s: Script) -> tuple[str, Any]:
    """Have a group at rest with a member of each protocol and four partitions."""
    topic = s.create(partitions=4)
    joined(s, topic)
    told = classic(s, embedded(topic))
    answer = beat(s, 1, topic_partitions=owned(s, topic, 0, 1, 2, 3))
    left = answer.assignment.topic_partitions[0].partitions
    s.wait(
        lambda: beat(s, 1, topic_partitions=owned(s, topic, *left)).member_epoch == 2,
        "not given up",
    )
    told = classic(s, embedded(topic), member_id=told.member_id)
    return topic, told


def about(s: Script, told: Any, **more: Any) -> dict[str, Any]:
    """Return what a member says of itself in Heartbeat and SyncGroup."""
    return {
        "group_id": s.name("-g"),
        "generation_id": told.generation_id,
        "member_id": told.member_id,
        **more,
    }


@case(JOIN, (0, 9))
def joins_of_classic_members(s: Script) -> None:
    topic = s.create(partitions=2)
    joined(s, topic)
    mine = speaking(embedded(topic))
    answer = join(s, "joins", protocols=mine)
    if answer is not None and answer.error_code != 0:
        answer = join(s, "joins with its id", protocols=mine, member_id=answer.member_id)
    described(s, "waits")
    join(s, "other type", protocol_type="connect", protocols=mine)
    join(s, "no protocols", protocols=[])
    join(s, "other protocol", protocols=[{"name": "mine", "metadata": embedded(topic)}])
    if s.version >= 5:
        join(s, "unknown static", protocols=mine, member_id="nobody", group_instance_id="i")
        first = join(s, "static", protocols=mine, group_instance_id="i")
        known(s, first.member_id, "old")
        join(s, "static again", protocols=mine, group_instance_id="i")


@case(SYNC, (0, 5))
def syncs_of_classic_members(s: Script) -> None:
    topic, told = mixed(s)
    more: dict[str, Any] = {"assignments": []}
    if s.version >= 5:
        more |= {"protocol_type": "consumer", "protocol_name": "range"}
    # Partitions are a set, and so are their bytes; what there is to compare is who has how many.
    answer = s.ask("syncs", **about(s, told, **more))
    s.answers["syncs"]["assignment"] = len(answer.assignment)
    s.ask("next generation", **about(s, told, **{**more, "generation_id": 7}))
    s.ask("unknown", **about(s, told, **{**more, "member_id": "nobody"}))
    s.ask("consumer", **about(s, told, **{**more, "member_id": "member-of-my-own-making"}))
    if s.version >= 5:
        s.ask("other type", **about(s, told, **{**more, "protocol_type": "connect"}))
        s.ask("other name", **about(s, told, **{**more, "protocol_name": "sticky"}))
    beat(s, 0, **{**joining(s, topic), "member_id": "third-member-of-my-making"})
    s.ask("rebalance", **about(s, told, **more))


@case(HEARTBEAT, (0, 4))
def heartbeats_of_classic_members(s: Script) -> None:
    topic, told = mixed(s)
    s.ask("at rest", **about(s, told))
    s.ask("next generation", **about(s, told, generation_id=7))
    s.ask("unknown", **about(s, told, member_id="nobody"))
    s.ask("consumer", **about(s, told, member_id="member-of-my-own-making"))
    if s.version >= 3:
        s.ask("unknown static", **about(s, told, group_instance_id="i"))
    beat(s, 0, **{**joining(s, topic), "member_id": "third-member-of-my-making"})
    s.ask("rebalance", **about(s, told))


@case(LEAVE, (0, 5))
def leaving_classic_members(s: Script) -> None:
    _, told = mixed(s)

    def leaves(member_id: str) -> dict[str, Any]:
        if s.version >= 3:
            member = {"member_id": member_id, "group_instance_id": None}
            return {"group_id": s.name("-g"), "members": [member]}
        return {"group_id": s.name("-g"), "member_id": member_id}

    s.ask("nobody", **leaves("nobody"))
    s.ask("classic", **leaves(told.member_id))
    described(s, "one left")
    s.ask("consumer", **leaves("member-of-my-own-making"))
    described(s, "none left")


@case(BEAT, (0, 1))
def upgraded_groups(s: Script) -> None:
    topic = s.create(partitions=2)
    coordinator(s)
    told = classic(s, embedded(topic))
    given = b"\0\1\0\0\0\1" + len(topic).to_bytes(2) + topic.encode()
    given += b"\0\0\0\2\0\0\0\0\0\0\0\1\xff\xff\xff\xff"
    assigned = [{"member_id": told.member_id, "assignment": given}]
    s.other(SYNC, 3, **about(s, told, assignments=assigned))
    s.ask("goes on without joining", **fields(s, 1))
    s.ask("joins", **joining(s, topic))
    described(s, "upgraded")
    s.check("classic", DESCRIBE, 6, groups=[s.name("-g")])
    s.check("hears", HEARTBEAT, 3, **about(s, told, group_instance_id=None))
    again = classic(s, embedded(topic, has={topic: (0, 1)}), member_id=told.member_id)
    described(s, "revoking")
    s.check("is to join", HEARTBEAT, 3, **about(s, again, group_instance_id=None))
    classic(s, embedded(topic, has={topic: (0,)}), member_id=told.member_id)
    s.ask("gets", **fields(s, 2, topic_partitions=()))
    described(s, "shared")
    s.ask("leaves", **fields(s, -1))
    s.check("downgraded", DESCRIBE, 6, groups=[s.name("-g")])
    s.check("no consumer group", CONSUMERS, 1, group_ids=[s.name("-g")])


@case(BEAT, (0, 1))
def groups_that_stay_classic(s: Script) -> None:
    topic = s.create()
    coordinator(s)
    told = classic(s, b"\0", protocol_type="connect")
    s.other(
        SYNC,
        3,
        **about(s, told, assignments=[{"member_id": told.member_id, "assignment": ASSIGNMENT}]),
    )
    s.ask("other type", **joining(s, topic))
    s.other(LEAVE, 0, group_id=s.name("-g"), member_id=told.member_id)
    s.ask("empty", **joining(s, topic))
    s.check("gone", DESCRIBE, 6, groups=[s.name("-g")])
