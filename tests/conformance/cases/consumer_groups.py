"""Consumer groups of the consumer protocol: ConsumerGroupHeartbeat (68), ConsumerGroupDescribe (69),
and what other APIs say of such groups.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case
from tests.conformance.cases.group_offsets import offset
from tests.conformance.cases.groups import coordinator

BEAT, CONSUMERS = 68, 69
COMMIT, FETCH, DESCRIBE, LIST, DELETE, OFFSET_DELETE = 8, 9, 15, 16, 42, 47
MEMBER = "member-of-my-own-making"
OTHER = "other-member-of-my-making"


def fields(s: Script, epoch: int, **more: Any) -> dict[str, Any]:
    """Return a heartbeat; of what may be left out all is left out."""
    return {
        "group_id": s.name("-g"),
        "member_id": MEMBER,
        "member_epoch": epoch,
        "topic_partitions": None,
        **more,
    }


def joining(s: Script, *topics: str, **more: Any) -> dict[str, Any]:
    """Return a heartbeat that joins."""
    wanted = {
        "rebalance_timeout": 10_000,
        "subscribed_topic_names": topics,
        "topic_partitions": (),
    }
    return fields(s, 0, **{**wanted, **more})


def owned(s: Script, topic: str, *numbers: int) -> tuple[dict[str, Any], ...]:
    """Return what a member says that it has of a topic."""
    return ({"topic_id": s.id(topic), "partitions": numbers},)


def joined(s: Script, *topics: str, **more: Any) -> Any:
    """Let a member join, unrecorded; return the answer."""
    coordinator(s)
    return s.other(BEAT, 1, **joining(s, *topics, **more))


def beat(s: Script, epoch: int, **more: Any) -> Any:
    """Send a heartbeat, unrecorded."""
    return s.other(BEAT, 1, **fields(s, epoch, **more))


def described(s: Script, label: str) -> None:
    """Record what the group is like."""
    s.check(label, CONSUMERS, 1, group_ids=[s.name("-g")])


@case(BEAT, (0, 1))
def joins_goes_on_and_leaves(s: Script) -> None:
    topic = s.create(partitions=4)
    coordinator(s)
    s.ask("joins", **joining(s, topic))
    s.ask("goes on", **fields(s, 1))
    s.ask("owns", **fields(s, 1, topic_partitions=owned(s, topic, 0, 1, 2, 3)))
    s.ask(
        "tells all",
        **fields(
            s,
            1,
            rebalance_timeout=20_000,
            subscribed_topic_names=(topic,),
            topic_partitions=owned(s, topic, 0, 1),
        ),
    )
    described(s, "stable")
    s.ask("joins again", **joining(s, topic))
    s.ask("ahead", **fields(s, 2))
    s.ask("behind", **fields(s, 0))
    s.ask("leaves", **fields(s, -1))
    s.ask("leaves again", **fields(s, -1))
    described(s, "empty")
    s.ask("goes on after all", **fields(s, 1))
    s.ask("joins anew", **joining(s, topic))


@case(BEAT, (0, 1))
def malformed_heartbeats(s: Script) -> None:
    topic = s.create()
    coordinator(s)
    for label, more in {
        "no group": {"group_id": ""},
        "blank group": {"group_id": "  "},
        "no member": {"member_id": ""},
        "blank member": {"member_id": " "},
        "empty instance": {"instance_id": ""},
        "empty rack": {"rack_id": ""},
        "no timeout": {"rebalance_timeout": -1},
        "owns something": {"topic_partitions": owned(s, topic, 0)},
        "says nothing of what it owns": {"topic_partitions": None},
        "no subscription": {"subscribed_topic_names": None},
        "odd epoch": {"member_epoch": -3},
        "away without instance": {"member_epoch": -2},
        "odd assignor": {"server_assignor": "mine"},
    }.items():
        answer = s.ask(label, **joining(s, topic, **more))
        if answer is not None and answer.member_id not in {None, "", MEMBER}:
            s.names.aliases[answer.member_id] = "<member>"
            s.answers[label] = s.shown(answer)
            beat(s, -1, member_id=answer.member_id)
    for epoch in (1, -1):
        s.ask(f"no member {epoch}", **fields(s, epoch, member_id=""))
        s.ask(f"no group {epoch}", **fields(s, epoch, group_id=s.name("-none")))


@case(BEAT, (0, 1))
def shared_partitions(s: Script) -> None:
    topic = s.create(partitions=4)
    joined(s, topic)
    s.ask("second joins", **joining(s, topic, member_id=OTHER))
    described(s, "assigned")
    s.ask("second waits", **fields(s, 2, member_id=OTHER, topic_partitions=()))
    s.ask("first hears", **fields(s, 1, topic_partitions=owned(s, topic, 0, 1, 2, 3)))
    described(s, "revoking")
    s.ask("first says nothing", **fields(s, 1))
    s.ask("first keeps", **fields(s, 1, topic_partitions=owned(s, topic, 0, 1, 2, 3)))
    label = s.check("kept", CONSUMERS, 1, group_ids=[s.name("-g")])
    members = label.groups[0].members
    left = next(
        each.assignment.topic_partitions[0].partitions
        for each in members
        if each.member_id == MEMBER
    )
    s.ask("first gives up", **fields(s, 1, topic_partitions=owned(s, topic, *left)))
    s.ask("answer was lost", **fields(s, 1, topic_partitions=owned(s, topic, *left)))
    s.ask("nothing was lost", **fields(s, 1, topic_partitions=owned(s, topic, 0, 1, 2, 3)))
    s.ask("second gets", **fields(s, 2, member_id=OTHER, topic_partitions=()))
    described(s, "shared")
    s.ask("second leaves", **fields(s, -1, member_id=OTHER))
    described(s, "left")
    s.ask("first takes over", **fields(s, 2, topic_partitions=owned(s, topic, *left)))
    described(s, "taken over")


@case(BEAT, (0, 1))
def static_members(s: Script) -> None:
    topic = s.create(partitions=2)
    joined(s, topic, instance_id="i")
    s.ask("in use", **joining(s, topic, member_id=OTHER, instance_id="i"))
    s.ask("away", **fields(s, -2, instance_id="i"))
    described(s, "away:")
    s.ask("back", **joining(s, topic, member_id=OTHER, instance_id="i"))
    described(s, "back:")
    s.ask("fenced", **fields(s, 1, instance_id="i"))
    s.ask("fenced without a word of it", **fields(s, 1))
    s.ask("unknown instance", **fields(s, 1, instance_id="j"))
    s.ask("unknown instance leaves", **fields(s, -1, instance_id="j"))
    s.ask("fenced leaves", **fields(s, -1, instance_id="i"))
    s.ask("leaves", **fields(s, -1, member_id=OTHER, instance_id="i"))
    described(s, "left")


@case(BEAT, (0, 1))
def range_of_static_members(s: Script) -> None:
    topic, second = s.create(partitions=3), s.create("-u", partitions=3)
    joined(s, topic, second, instance_id="b", server_assignor="range")
    s.ask(
        "second",
        **joining(s, topic, second, member_id=OTHER, instance_id="a", server_assignor="range"),
    )
    described(s, "targets")


@case(BEAT, (0, 1))
def changing_topics(s: Script) -> None:
    topic = s.create(partitions=2)
    later = s.name("-later")
    joined(s, topic, later)
    s.create("-later")
    s.wait(lambda: beat(s, 1).member_epoch == 2, "a new topic does nothing")
    described(s, "new topic")
    s.other(
        37,
        3,
        topics=[{"name": topic, "count": 4, "assignments": None}],
        timeout=10_000,
        validate_only=False,
    )
    s.wait(lambda: beat(s, 2).member_epoch == 3, "new partitions do nothing")
    described(s, "new partitions")
    s.ask("subscribes to less", **fields(s, 3, subscribed_topic_names=(topic,)))
    described(s, "less")
    s.ask("gave up", **fields(s, 3, topic_partitions=owned(s, topic, 0, 1, 2, 3)))
    described(s, "given up")


@case(BEAT, (0, 1))
def several_assignors(s: Script) -> None:
    topic, second = s.create(partitions=2), s.create("-u", partitions=2)
    joined(s, topic, second, server_assignor="range")
    described(s, "range")
    s.ask("uniform", **fields(s, 1, server_assignor="uniform"))
    described(s, "uniform:")
    s.ask("different topics", **joining(s, second, member_id=OTHER))
    described(s, "different topics:")


@case(BEAT, (1, 1))
def regular_expressions(s: Script) -> None:
    s.create("-one"), s.create("-two")
    coordinator(s)
    for label, regex in {
        "look ahead": "(?=a)b",
        "back reference": r"(a)\1",
        "bracket": "[a",
        "repeat": "**",
        "empty group": "(",
        "possessive": "a++",
    }.items():
        s.ask(label, **joining(s, subscribed_topic_regex=regex))
    mine = s.name("-(one|three)")
    s.ask("joins", **joining(s, subscribed_topic_names=None, subscribed_topic_regex=mine))
    s.wait(lambda: beat(s, 1).member_epoch == 2, "the expression is not resolved")
    described(s, "resolved")
    s.ask(
        "second with the same",
        **joining(s, subscribed_topic_regex=mine, member_id=OTHER),
    )
    described(s, "second")
    s.ask("none any more", **fields(s, 2, subscribed_topic_regex=""))
    described(s, "none")


@case(BEAT, (0, 1))
def joins_again_in_a_later_epoch(s: Script) -> None:
    topic = s.create()
    joined(s, topic)
    s.ask("second", **joining(s, topic, member_id=OTHER))
    s.ask("second again", **joining(s, topic, member_id=OTHER))
    s.ask("second goes", **fields(s, -1, member_id=OTHER))
    s.ask("first goes on", **fields(s, 1, topic_partitions=owned(s, topic, 0)))
    s.ask("first again", **joining(s, topic))


@case(CONSUMERS, (0, 1))
def described_consumer_groups(s: Script) -> None:
    topic = s.create(partitions=2)
    joined(s, topic, rack_id="r", instance_id="i")
    groups = [s.name("-g"), s.name("-none"), ""]
    s.ask("several", group_ids=groups)
    s.ask("operations", group_ids=groups, include_authorized_operations=True)
    s.ask("none", group_ids=[])
    s.other(
        8,
        8,
        group_id=s.name("-simple"),
        generation_id_or_member_epoch=-1,
        member_id="",
        topics=[{"name": topic, "partitions": [offset(0, 1, 8)]}],
    )
    s.ask("classic", group_ids=[s.name("-simple")])


@case(DESCRIBE, (0, 6))
def described_as_classic(s: Script) -> None:
    joined(s, s.create())
    s.ask("consumer", groups=[s.name("-g")])


@case(LIST, (0, 5))
def listed_consumer_groups(s: Script) -> None:
    joined(s, s.create())
    filters: list[dict[str, Any]] = [{}]
    if s.version >= 4:
        filters += [{"states_filter": [each]} for each in ("STABLE", "Empty", "Assigning")]
    if s.version >= 5:
        filters += [{"types_filter": [each]} for each in ("Classic", "consumer")]
    for at, each in enumerate(filters):
        s.ask(f"list {at}", **each)
        s.only_mine(f"list {at}", "groups")


@case(DELETE, (0, 2))
def deleted_consumer_groups(s: Script) -> None:
    joined(s, s.create())
    s.ask("in use", groups_names=[s.name("-g")])
    beat(s, -1)
    s.ask("empty", groups_names=[s.name("-g")])
    described(s, "gone")


def commit(s: Script, topic: str, member: str, epoch: int, value: int) -> dict[str, Any]:
    """Return an OffsetCommit of a member."""
    return {
        "group_id": s.name("-g"),
        "generation_id_or_member_epoch": epoch,
        "member_id": member,
        "topics": [{"name": topic, "partitions": [offset(0, value, s.version)]}],
        **({"retention_time": -1} if s.version < 5 else {}),
    }


@case(COMMIT, (2, 9))
def commits_of_consumers(s: Script) -> None:
    topic = s.create()
    joined(s, topic)
    s.ask("member", **commit(s, topic, MEMBER, 1, 5))
    s.ask("former epoch", **commit(s, topic, MEMBER, 0, 6))
    s.ask("next epoch", **commit(s, topic, MEMBER, 2, 6))
    s.ask("nobody", **commit(s, topic, "", -1, 6))
    s.ask("other", **commit(s, topic, OTHER, 1, 6))
    s.ask("member without an epoch", **commit(s, topic, MEMBER, -1, 6))
    beat(s, -1)
    s.ask("nobody, empty group", **commit(s, topic, "", -1, 7))
    s.ask("member that left", **commit(s, topic, MEMBER, 1, 8))


@case(FETCH, (8, 9))
def fetches_of_consumers(s: Script) -> None:
    topic = s.create()
    joined(s, topic)
    s.other(
        COMMIT,
        9,
        group_id=s.name("-g"),
        generation_id_or_member_epoch=1,
        member_id=MEMBER,
        topics=[{"name": topic, "partitions": [offset(0, 5, 9)]}],
    )
    topics = [{"name": topic, "partition_indexes": [0, 9]}]
    who: list[dict[str, Any]] = [{}]
    if s.version >= 9:
        who = [
            {"member_id": None, "member_epoch": -1},
            {"member_id": "", "member_epoch": -1},
            {"member_id": MEMBER, "member_epoch": 1},
            {"member_id": MEMBER, "member_epoch": 0},
            {"member_id": MEMBER, "member_epoch": 2},
            {"member_id": OTHER, "member_epoch": 1},
        ]
    for at, each in enumerate(who):
        for wanted in (topics, None):
            group = {"group_id": s.name("-g"), "topics": wanted, **each}
            s.ask(f"{at} {wanted is None}", groups=[group])
    if s.version >= 9:
        none = {"group_id": s.name("-none"), "topics": topics}
        s.ask("no group", groups=[none | {"member_id": MEMBER, "member_epoch": 1}])


@case(OFFSET_DELETE, (0, 0))
def deleted_offsets_of_consumers(s: Script) -> None:
    topic, other = s.create(), s.create("-other")
    joined(s, topic)
    topics = [{"name": name, "partitions": [{"partition_index": 0}]} for name in (topic, other)]
    s.ask("subscribed", group_id=s.name("-g"), topics=topics)
    beat(s, -1)
    s.ask("empty", group_id=s.name("-g"), topics=topics)
