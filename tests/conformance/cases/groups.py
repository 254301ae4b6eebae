"""Consumer groups of the classic protocol: JoinGroup (11), Heartbeat (12), LeaveGroup (13),
SyncGroup (14), DescribeGroups (15), ListGroups (16), DeleteGroups (42).
"""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

JOIN, HEARTBEAT, LEAVE, SYNC, DESCRIBE, LIST, DELETE = 11, 12, 13, 14, 15, 16, 42
TOPICS = b"\0\0\0\0\0\1\0\1t\xff\xff\xff\xff"
ASSIGNMENT = b"\0\0\0\0\0\0\xff\xff\xff\xff"
TIMEOUTS = {"session_timeout": 10_000, "rebalance_timeout": 10_000}
PROTOCOLS = [{"name": "range", "metadata": TOPICS}, {"name": "sticky", "metadata": TOPICS}]


def request(s: Script, version: int, **more: Any) -> dict[str, Any]:
    """Return a JoinGroup of this version; what it lacks is left out."""
    fields = {
        "group_id": s.name("-g"),
        "member_id": "",
        "protocol_type": "consumer",
        "protocols": PROTOCOLS,
        **TIMEOUTS,
        **more,
    }
    if version == 0:
        fields.pop("rebalance_timeout")
    if version < 5:
        fields.pop("group_instance_id", None)
    return fields


def coordinator(s: Script, group: str = "-g") -> None:
    """Wait until there is somebody to ask."""

    def found() -> bool:
        return bool(s.other(10, 3, key=s.name(group), key_type=0).error_code == 0)

    s.wait(found, "no coordinator")
    s.wait(
        lambda: s.other(15, 0, groups=[s.name(group)]).groups[0].error_code == 0, "not loaded"
    )


def known(s: Script, member_id: str, shown: str = "member") -> str:
    """Have a member id shown alike, whatever the server made of it."""
    if member_id:
        s.names.aliases[member_id] = f"<{shown}>"
    return member_id


def joined(s: Script, **more: Any) -> Any:
    """Join as the only member, unrecorded; return the answer."""
    coordinator(s)
    answer = s.other(JOIN, 3, **request(s, 3, **more))
    known(s, answer.member_id)
    return answer


def stable(s: Script) -> Any:
    """Have a stable group of one member, unrecorded; return what it was told on joining."""
    answer = joined(s)
    s.other(
        SYNC,
        3,
        group_id=s.name("-g"),
        generation_id=answer.generation_id,
        member_id=answer.member_id,
        assignments=[{"member_id": answer.member_id, "assignment": ASSIGNMENT}],
    )
    return answer


def join(s: Script, label: str, **more: Any) -> Any:
    """Send a recorded JoinGroup; the member id of the answer is known from then on."""
    fields = request(s, s.version, **more)
    answer = s.ask(label, **fields)
    if answer is not None and answer.member_id and answer.member_id != fields["member_id"]:
        known(s, answer.member_id)
        s.answers.pop(label)
        s.answers[label] = s.shown(answer)
    return answer


@case(JOIN, (0, 9))
def first_member(s: Script) -> None:
    coordinator(s)
    answer = join(s, "first")
    if s.version >= 4:
        join(s, "with its id", member_id=answer.member_id)
    join(s, "again", member_id=answer.member_id)


@case(JOIN, (5, 9))
def static_member(s: Script) -> None:
    coordinator(s)
    answer = join(s, "first", group_instance_id="i")
    s.other(
        SYNC,
        3,
        group_id=s.name("-g"),
        generation_id=answer.generation_id,
        member_id=answer.member_id,
        assignments=[{"member_id": answer.member_id, "assignment": ASSIGNMENT}],
    )
    known(s, answer.member_id, "old")
    join(s, "restarted", group_instance_id="i")
    join(s, "its former self", group_instance_id="i", member_id=answer.member_id)


@case(JOIN, (0, 9))
def refused_joins(s: Script) -> None:
    coordinator(s)
    join(s, "no group", group_id="")
    join(s, "short session", session_timeout=5_999)
    join(s, "long session", session_timeout=1_800_001)
    join(s, "unknown member", member_id="nobody")
    join(s, "no type", protocol_type="")
    join(s, "no protocols", protocols=[])


@case(JOIN, (0, 9))
def unlike_protocols(s: Script) -> None:
    stable(s)
    join(s, "other type", protocol_type="connect")
    join(s, "other protocol", protocols=[{"name": "mine", "metadata": TOPICS}])
    join(s, "unknown member", member_id="nobody")


@case(SYNC, (0, 5))
def assignments(s: Script) -> None:
    told = joined(s)
    fields: dict[str, Any] = {
        "group_id": s.name("-g"),
        "generation_id": told.generation_id,
        "member_id": told.member_id,
    }
    if s.version >= 5:
        fields |= {"protocol_type": "consumer", "protocol_name": "range"}
    given = [{"member_id": told.member_id, "assignment": ASSIGNMENT}]
    s.ask("no group", **fields | {"group_id": ""}, assignments=given)
    s.ask("other group", **fields | {"group_id": s.name("-none")}, assignments=given)
    s.ask("old generation", **fields | {"generation_id": 0}, assignments=given)
    s.ask("unknown member", **fields | {"member_id": "nobody"}, assignments=given)
    if s.version >= 5:
        s.ask("other type", **fields | {"protocol_type": "connect"}, assignments=given)
        s.ask("other protocol", **fields | {"protocol_name": "mine"}, assignments=given)
        s.ask("no protocol", **fields | {"protocol_name": None}, assignments=given)
    s.ask("leader", **fields, assignments=given)
    s.ask("again", **fields, assignments=[])


@case(HEARTBEAT, (0, 4))
def beats(s: Script) -> None:
    told = stable(s)
    fields = {
        "group_id": s.name("-g"),
        "generation_id": told.generation_id,
        "member_id": told.member_id,
    }
    s.ask("alive", **fields)
    s.ask("no group", **fields | {"group_id": ""})
    s.ask("other group", **fields | {"group_id": s.name("-none")})
    s.ask("old generation", **fields | {"generation_id": 0})
    s.ask("unknown member", **fields | {"member_id": "nobody"})
    if s.version >= 3:
        s.ask("unknown instance", **fields | {"group_instance_id": "i"})


@case(LEAVE, (0, 2))
def one_leaves(s: Script) -> None:
    told = stable(s)
    s.ask("no group", group_id="", member_id=told.member_id)
    s.ask("other group", group_id=s.name("-none"), member_id=told.member_id)
    s.ask("unknown member", group_id=s.name("-g"), member_id="nobody")
    s.ask("leaves", group_id=s.name("-g"), member_id=told.member_id)
    s.check("empty", DESCRIBE, 5, groups=[s.name("-g")])


@case(LEAVE, (3, 5))
def many_leave(s: Script) -> None:
    told = stable(s)

    def members(*ids: tuple[str, str | None]) -> list[dict[str, Any]]:
        return [{"member_id": each, "group_instance_id": name} for each, name in ids]

    s.ask("no group", group_id="", members=members((told.member_id, None)))
    s.ask("other group", group_id=s.name("-none"), members=members((told.member_id, None)))
    s.ask("none", group_id=s.name("-g"), members=[])
    s.ask(
        "some",
        group_id=s.name("-g"),
        members=members(("nobody", None), ("", "i"), (told.member_id, "i"), ("", None)),
    )
    s.ask("leaves", group_id=s.name("-g"), members=members((told.member_id, None)))
    s.check("empty", DESCRIBE, 5, groups=[s.name("-g")])


@case(DESCRIBE, (0, 6))
def described_groups(s: Script) -> None:
    stable(s)
    more = {"include_authorized_operations": True} if s.version >= 3 else {}
    s.ask("stable", groups=[s.name("-g")], **more)
    s.ask("several", groups=[s.name("-none"), s.name("-g"), ""], **more)
    s.ask("none", groups=[])


@case(LIST, (0, 5))
def listed_groups(s: Script) -> None:
    stable(s)
    filters: list[dict[str, Any]] = [{}]
    if s.version >= 4:
        filters += [{"states_filter": [each]} for each in ("STABLE", "Empty", "nonsense")]
    if s.version >= 5:
        filters += [{"types_filter": [each]} for each in ("Classic", "consumer")]
    for at, each in enumerate(filters):
        s.ask(f"list {at}", **each)
        s.only_mine(f"list {at}", "groups")


@case(DELETE, (0, 2))
def deleted_groups(s: Script) -> None:
    told = stable(s)
    s.ask("in use", groups_names=[s.name("-g"), s.name("-none"), ""])
    s.other(LEAVE, 0, group_id=s.name("-g"), member_id=told.member_id)
    s.ask("empty", groups_names=[s.name("-g")])
    s.ask("again", groups_names=[s.name("-g"), s.name("-g")])
    s.check("gone", DESCRIBE, 6, groups=[s.name("-g")])
