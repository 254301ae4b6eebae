"""Share groups: membership (76, 77), fetching (78, 79), state (83 to 87), offsets (90 to 92)."""

from __future__ import annotations

from typing import Any

from tests.conformance.batches import batch
from tests.conformance.case import Script, case
from tests.conformance.cases.groups import coordinator

BEAT, SHARES, FETCH, ACKNOWLEDGE = 76, 77, 78, 79
INITIALIZE, READ, WRITE, FORGET, SUMMARY = 83, 84, 85, 86, 87
OFFSETS, DELETE_OFFSETS = 90, 92
FIND, LIST, DELETE = 10, 16, 42
MEMBER, OTHER = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"
ACCEPT, RELEASE, REJECT = 1, 2, 3
THREE = batch(b"a", b"b", b"c")
ONE = batch(b"d")


def fields(s: Script, epoch: int, **more: Any) -> dict[str, Any]:
    """Return a heartbeat; of what may be left out all is left out."""
    return {"group_id": s.name("-g"), "member_id": MEMBER, "member_epoch": epoch, **more}


def joined(s: Script, *topics: str, member: str = MEMBER) -> int:
    """Let a member join and be assigned partitions, unrecorded; return its epoch."""
    coordinator(s)
    answer = s.other(BEAT, 1, **fields(s, 0, member_id=member, subscribed_topic_names=topics))

    def assigned() -> bool:
        nonlocal answer
        found = answer.assignment
        if found is not None and found.topic_partitions:
            return True
        answer = s.other(BEAT, 1, **fields(s, answer.member_epoch, member_id=member))
        return False

    s.wait(assigned, "nothing is assigned")
    return int(answer.member_epoch)


def places(s: Script, topic: str, *acks: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return partition 0 of a topic; of an acknowledgement first, last and types."""
    batches = [
        {"first_offset": first, "last_offset": last, "acknowledge_types": types}
        for first, last, *types in acks
    ]
    partition = {"partition_index": 0, "acknowledgement_batches": batches}
    return [{"topic_id": s.id(topic), "partitions": [partition]}]


def fetching(s: Script, epoch: int, *topics: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a fetch."""
    return {
        "group_id": s.name("-g"),
        "member_id": MEMBER,
        "share_session_epoch": epoch,
        "max_wait": 500,
        "min_bytes": 1,
        "max_bytes": 1 << 20,
        "max_records": 100,
        "batch_size": 100,
        "topics": topics,
        "forgotten_topics_data": [],
        **more,
    }


def reading(s: Script, *batches: bytes) -> str:
    """Return a topic that a member reads, with these batches in it; its session epoch is 1."""
    topic = s.create()
    joined(s, topic)
    s.other(FETCH, 1, **fetching(s, 0, *places(s, topic), max_wait=1_000))
    if batches:
        s.produce(topic, *batches)
    return topic


# --- membership --------------------------------------------------------------------------


@case(BEAT, (1, 1))
def share_member_joins_goes_on_and_leaves(s: Script) -> None:
    topic = s.create(partitions=2)
    coordinator(s)
    s.ask("joins", **fields(s, 0, subscribed_topic_names=[topic], rack_id="r"))
    joined(s, topic, member=OTHER)
    s.ask("unknown", **fields(s, 1, member_id="nobody-with-this-member"))
    s.ask("leaves", **fields(s, -1))
    s.ask("has left", **fields(s, 2))


@case(BEAT, (1, 1))
def share_heartbeats_that_are_refused(s: Script) -> None:
    topic = s.create()
    coordinator(s)
    s.ask("no topics", **fields(s, 0))
    s.ask("empty topics", **fields(s, 0, subscribed_topic_names=[]))
    s.ask("no member", **fields(s, 0, member_id="", subscribed_topic_names=[topic]))
    s.ask("no group", **fields(s, 0, group_id="", subscribed_topic_names=[topic]))
    s.ask("rack", **fields(s, 0, rack_id="", subscribed_topic_names=[topic]))
    s.ask("epoch", **fields(s, -2))
    s.ask("unknown group", **fields(s, 1))
    s.ask("leaves unknown group", **fields(s, -1))
    epoch = joined(s, topic)
    s.ask("ahead", **fields(s, epoch + 1))
    s.ask("joins again", **fields(s, 0, subscribed_topic_names=[topic]))


@case(SHARES, (1, 1))
def share_groups_for_people(s: Script) -> None:
    topic = s.create(partitions=2)
    joined(s, topic)
    groups = [s.name("-g"), s.name("-none"), ""]
    s.ask("with members", group_ids=groups)
    s.check("list", LIST, 5, states_filter=[], types_filter=["share"])
    s.other(BEAT, 1, **fields(s, -1))
    s.ask("empty", group_ids=[s.name("-g")])


@case(DELETE, (2, 2))
def share_groups_are_deleted(s: Script) -> None:
    topic = s.create()
    joined(s, topic)
    s.ask("with a member", groups_names=[s.name("-g")])
    s.other(BEAT, 1, **fields(s, -1))
    s.ask("empty", groups_names=[s.name("-g")])
    s.ask("gone", groups_names=[s.name("-g")])


# --- fetching ----------------------------------------------------------------------------


@case(FETCH, (1, 1))
def share_fetch_gives_what_nobody_holds(s: Script) -> None:
    topic = reading(s, THREE, ONE)
    s.ask("all", **fetching(s, 1))
    s.ask("nothing left", **fetching(s, 0, *places(s, topic), member_id=OTHER))
    said = places(s, topic, (0, 2, ACCEPT, RELEASE, RELEASE))
    told = {"group_id": s.name("-g"), "member_id": MEMBER, "share_session_epoch": 2}
    s.other(ACKNOWLEDGE, 1, **told, topics=said)
    s.ask("released", **fetching(s, 3))
    s.ask("end", **fetching(s, -1))


@case(FETCH, (1, 1))
def share_fetch_in_pieces(s: Script) -> None:
    topic = reading(s, THREE, ONE, THREE, ONE)
    s.ask("records", **fetching(s, 1, max_records=4))
    s.ask("pieces", **fetching(s, 2, batch_size=1))
    s.ask("wrong", **fetching(s, 3, *places(s, topic, (0, 9, ACCEPT))))
    s.ask("types", **fetching(s, 4, *places(s, topic, (0, 2, 9))))
    s.ask("few types", **fetching(s, 5, *places(s, topic, (0, 2, ACCEPT, ACCEPT))))


@case(FETCH, (1, 1))
def share_sessions(s: Script) -> None:
    topic = reading(s)
    s.ask("no session", **fetching(s, 1, member_id=OTHER))
    s.ask("epoch", **fetching(s, 7))
    s.ask("begins with acknowledgements", **fetching(s, 0, *places(s, topic, (0, 0, ACCEPT))))
    s.ask("ends none", **fetching(s, -1, member_id=OTHER))
    index = {"partition_index": 9, "acknowledgement_batches": []}
    unknown = {"topic_id": s.id(topic), "partitions": [index]}
    s.ask("unknown partition", **fetching(s, 0, unknown))


@case(ACKNOWLEDGE, (1, 1))
def share_acknowledgements(s: Script) -> None:
    topic = reading(s, THREE, ONE)
    s.other(FETCH, 1, **fetching(s, 1))
    base = {"group_id": s.name("-g"), "member_id": MEMBER}

    def say(label: str, epoch: int, *acks: tuple[int, ...], **more: Any) -> None:
        topics = places(s, topic, *acks)
        s.ask(label, **{**base, "share_session_epoch": epoch, "topics": topics, **more})

    say("part", 2, (0, 0, ACCEPT))
    say("again", 3, (0, 0, ACCEPT))
    say("each", 4, (1, 2, REJECT, RELEASE))
    say("released already", 5, (2, 2, ACCEPT))
    say("past", 6, (3, 5, ACCEPT))
    say("begins none", 0, (3, 3, ACCEPT))
    say("epoch", 3, (3, 3, ACCEPT))
    say("nobody", 1, (3, 3, ACCEPT), member_id=OTHER)
    say("last", -1, (3, 3, ACCEPT))


# --- state -------------------------------------------------------------------------------


def share_coordinator(s: Script, topic: str) -> None:
    """Wait until the share coordinator of partition 0 is there."""

    def ready() -> bool:
        asked = {"topic_id": s.id(topic), "partitions": [{"partition": 0}]}
        answer = s.other(SUMMARY, 0, group_id=s.name("-g"), topics=[asked])
        return bool(answer.results[0].partitions[0].error_code == 0)

    joined(s, topic)
    s.wait(ready, "no share coordinator")


def of(s: Script, topic: str, **more: Any) -> dict[str, Any]:
    """Return a request about partition 0 of a topic, in a group that has no members."""
    asked = {"topic_id": s.id(topic), "partitions": [{"partition": 0, **more}]}
    return {"group_id": s.name("-h"), "topics": [asked]}


@case(WRITE, (0, 0))
def share_state_is_written_and_read(s: Script) -> None:
    topic = s.create()
    share_coordinator(s, topic)
    state = {"first_offset": 3, "last_offset": 5, "delivery_state": 2, "delivery_count": 1}
    wanted = {"state_epoch": 2, "leader_epoch": 4, "start_offset": 3, "state_batches": [state]}
    s.ask("never begun", **of(s, topic, **wanted))
    s.check("read, never begun", READ, 0, **of(s, topic, leader_epoch=0))
    s.check("summary, never begun", SUMMARY, 0, **of(s, topic))
    s.check("forget, never begun", FORGET, 0, **of(s, topic))
    s.check("begin", INITIALIZE, 0, **of(s, topic, state_epoch=2, start_offset=-1))
    s.check("read", READ, 0, **of(s, topic, leader_epoch=4))
    s.ask("write", **of(s, topic, **wanted))
    s.ask("former leader", **of(s, topic, **{**wanted, "leader_epoch": 3}))
    s.ask("former state", **of(s, topic, **{**wanted, "state_epoch": 1}))
    s.check("read again", READ, 0, **of(s, topic, leader_epoch=4))
    s.check("read as former leader", READ, 0, **of(s, topic, leader_epoch=3))
    s.check("summary", SUMMARY, 0, **of(s, topic))
    s.check("begin as before", INITIALIZE, 0, **of(s, topic, state_epoch=1, start_offset=0))
    s.check("forget", FORGET, 0, **of(s, topic))
    s.check("forgotten", SUMMARY, 0, **of(s, topic))


@case(SUMMARY, (0, 0))
def share_state_that_is_not_there(s: Script) -> None:
    topic = s.create()
    share_coordinator(s, topic)
    s.ask("no group", **{**of(s, topic), "group_id": ""})
    none = {"topic_id": s.id(topic), "partitions": []}
    s.ask("no partitions", group_id=s.name("-h"), topics=[none])
    negative = {"topic_id": s.id(topic), "partitions": [{"partition": -1}]}
    s.ask("negative", group_id=s.name("-h"), topics=[negative])
    unknown = {"topic_id": s.id(topic), "partitions": [{"partition": 7}]}
    s.ask("unknown", group_id=s.name("-h"), topics=[unknown])


# --- offsets -----------------------------------------------------------------------------


@case(OFFSETS, (0, 0))
def share_offsets_are_described_and_deleted(s: Script) -> None:
    topic = reading(s, THREE)
    named = [
        {"group_id": s.name("-g"), "topics": [{"topic_name": topic, "partitions": [0, 5]}]},
        {"group_id": s.name("-none"), "topics": None},
        {"group_id": s.name("-g"), "topics": None},
    ]
    s.ask("with a member", groups=named)
    forget = [{"topic_name": topic}, {"topic_name": s.name("-none")}]
    wanted = {"group_id": s.name("-g"), "topics": forget}
    s.check("forget with a member", DELETE_OFFSETS, 0, **wanted)
    s.other(FETCH, 1, **fetching(s, -1))
    s.other(BEAT, 1, **fields(s, -1))
    s.check("forget", DELETE_OFFSETS, 0, **wanted)
    s.check("forget again", DELETE_OFFSETS, 0, **wanted)
    s.check("forget of none", DELETE_OFFSETS, 0, group_id=s.name("-none"), topics=forget)
    s.ask("forgotten", groups=named)


@case(FIND, (6, 6))
def share_coordinator_is_found(s: Script) -> None:
    topic = s.create()
    share_coordinator(s, topic)
    key = f"{s.name('-g')}:AAAAAAAAAAAAAAAAAAAAAQ:0"
    s.ask("found", key_type=2, coordinator_keys=[key, "g", "g::0"])
