"""The metadata quorum: Vote (52), BeginQuorumEpoch (53), EndQuorumEpoch (54), DescribeQuorum (55), voters (80-82).

The first three are asked at the controllers' listener, and only for what changes nothing there.
"""

from __future__ import annotations

import uuid
from typing import Any

from tests.conformance.case import Script, case

VOTE, BEGIN, END, DESCRIBE = 52, 53, 54, 55
VOTE_VERSIONS, EPOCH_VERSIONS, DESCRIBE_VERSIONS = (0, 2), (0, 1), (0, 2)
LOG = "__cluster_metadata"
# How long each server has run already says how far its log and its epochs have come.
GROWING = frozenset({"leader_epoch", "log_end_offset", "high_watermark"})


def ask(s: Script, label: str, *topics: tuple[str, list[int]]) -> None:
    """Ask how the quorum stands; what grows is only said to be there."""
    asked = [
        {"topic_name": name, "partitions": [{"partition_index": each} for each in partitions]}
        for name, partitions in topics
    ]
    s.ask(label, topics=asked)
    s.answers[label] = _steady(s.answers[label])


def _steady(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: "<grows>"
        if name in GROWING and isinstance(each, int) and each > 0
        else _steady(each)
        for name, each in value.items()
    }


@case(DESCRIBE, DESCRIBE_VERSIONS)
def metadata_log(s: Script) -> None:
    ask(s, "alone", (LOG, [0]))


@case(DESCRIBE, DESCRIBE_VERSIONS)
def other_partitions(s: Script) -> None:
    ask(s, "not there", (LOG, [7]))
    ask(s, "one too many", (LOG, [0, 7]))
    ask(s, "negative", (LOG, [-1]))
    ask(s, "the same twice", (LOG, [0, 0]))
    ask(s, "none of it", (LOG, []))


@case(DESCRIBE, DESCRIBE_VERSIONS)
def other_topics(s: Script) -> None:
    topic = s.create()
    ask(s, "a topic like any other", (topic, [0]))
    ask(s, "not there", ("no-such-topic", [0]))
    ask(s, "empty name", ("", [0]))
    ask(s, "beside the log", (LOG, [0]), (topic, [0]))
    ask(s, "before the log", (topic, [0]), (LOG, [0]))
    ask(s, "the log twice", (LOG, [0]), (LOG, [0]))
    ask(s, "nothing")


# What voters tell each other. Whoever leads is not moved by any of this.


def tell(
    s: Script, label: str, *partitions: dict[str, Any], topic: str = LOG, **more: Any
) -> None:
    """Ask as a voter would, for partitions of a topic."""
    topics = [{"topic_name": topic, "partitions": list(partitions)}]
    s.ask(label, **{"topics": topics, "cluster_id": None, **more})
    s.answers[label] = _steady(s.answers[label])


def epoch(s: Script) -> int:
    """Return the epoch that the quorum is in."""
    asked = [{"topic_name": LOG, "partitions": [{"partition_index": 0}]}]
    return int(s.other(DESCRIBE, 0, topics=asked).topics[0].partitions[0].leader_epoch)


def refused_as_a_whole(s: Script, partition: dict[str, Any]) -> None:
    """Ask about another cluster, and about what is not the metadata log."""
    tell(s, "another cluster", partition, cluster_id="not-this-cluster-at-all")
    tell(s, "another topic", partition, topic="orders")
    tell(s, "another partition", partition | {"partition_index": 7})
    tell(s, "the same twice", partition, partition)
    tell(s, "no partition")
    tell(s, "no topic", topics=[])


def vote(s: Script, voter: int, in_epoch: int, **more: Any) -> dict[str, Any]:
    """Return what a candidate asks."""
    asked = {
        "partition_index": 0,
        "replica_id": voter,
        "replica_epoch": in_epoch,
        "last_offset_epoch": 0,
        "last_offset": 0,
    }
    return asked | more


@case(VOTE, VOTE_VERSIONS, controllers=True)
def votes_refused(s: Script) -> None:
    refused_as_a_whole(s, vote(s, 1, 0))
    now = epoch(s)
    tell(s, "no earlier log", vote(s, 1, now, last_offset_epoch=now, last_offset=9))
    tell(s, "of this epoch, by a stranger", vote(s, 99, now))
    tell(s, "negative offset", vote(s, 99, now, last_offset=-1))
    tell(s, "negative epoch", vote(s, 99, -1))
    tell(s, "log of a later epoch", vote(s, 99, now, last_offset_epoch=now + 7, last_offset=9))
    if s.version:
        tell(s, "for another voter", vote(s, 99, now), voter_id=7)
    if s.version >= 2:
        tell(s, "a pre-vote", vote(s, 99, now, pre_vote=True))
        tell(s, "of the past", vote(s, 99, now - 1, pre_vote=True))
        ahead = vote(s, 99, now, last_offset_epoch=now, last_offset=9_999_999, pre_vote=True)
        tell(s, "ahead of the leader", ahead)


@case(BEGIN, EPOCH_VERSIONS, controllers=True)
def beginnings_refused(s: Script) -> None:
    asked = {"partition_index": 0, "leader_id": 1, "leader_epoch": 0}
    refused_as_a_whole(s, asked)
    tell(s, "epoch of the past", asked)
    tell(s, "negative epoch", asked | {"leader_epoch": -1})
    tell(s, "the leader itself", asked | {"leader_epoch": epoch(s)})
    if s.version:
        tell(s, "for another voter", asked | {"leader_epoch": epoch(s)}, voter_id=7)


@case(END, EPOCH_VERSIONS, controllers=True)
def ends_refused(s: Script) -> None:
    asked = {"partition_index": 0, "leader_id": 1, "leader_epoch": 0}
    refused_as_a_whole(s, asked)
    tell(s, "epoch of the past", asked)
    tell(s, "negative epoch", asked | {"leader_epoch": -1})


@case(VOTE, VOTE_VERSIONS)
def votes_asked_of_brokers(s: Script) -> None:
    tell(s, "as a client", vote(s, 1, 0))


@case(BEGIN, EPOCH_VERSIONS)
def beginnings_told_to_brokers(s: Script) -> None:
    tell(s, "as a client", {"partition_index": 0, "leader_id": 1, "leader_epoch": 0})


@case(END, EPOCH_VERSIONS)
def ends_told_to_brokers(s: Script) -> None:
    tell(s, "as a client", {"partition_index": 0, "leader_id": 1, "leader_epoch": 0})


# Voters that come and go, and what they begin with. Nothing here changes who votes.

ADD, REMOVE, UPDATE, FETCH_SNAPSHOT = 80, 81, 82, 59
STRANGER = uuid.UUID(int=0x77)
LISTENERS = [{"name": "CONTROLLER", "host": "127.0.0.1", "port": 1}]


@case(ADD, (0, 0))
def voters_not_added(s: Script) -> None:
    def add(label: str, voter: int, **more: Any) -> None:
        asked = {"voter_directory_id": STRANGER, "listeners": LISTENERS, "timeout": 200}
        s.ask(label, **{"cluster_id": None, "voter_id": voter, **asked, **more})

    add("another cluster", 99, cluster_id="not-this-cluster-at-all")
    add("negative", -1)
    add("without listeners", 99, listeners=[])
    add("a voter with another disk", 1)
    add("one that is not there", 99)


@case(REMOVE, (0, 0))
def voters_not_removed(s: Script) -> None:
    def remove(label: str, voter: int, **more: Any) -> None:
        asked = {"cluster_id": None, "voter_directory_id": STRANGER}
        s.ask(label, **{"voter_id": voter, **asked, **more})

    remove("another cluster", 99, cluster_id="not-this-cluster-at-all")
    remove("negative", -1)
    remove("not there", 99)
    remove("a voter with another disk", 1)


@case(UPDATE, (0, 0), controllers=True)
def voters_not_updated(s: Script) -> None:
    def update(label: str, voter: int, **more: Any) -> None:
        asked = {
            "voter_directory_id": STRANGER,
            "current_leader_epoch": epoch(s),
            "listeners": LISTENERS,
            "k_raft_version_feature": {"min_supported_version": 0, "max_supported_version": 1},
        }
        s.ask(label, **{"cluster_id": None, "voter_id": voter, **asked, **more})
        s.answers[label] = _steady(s.answers[label])

    update("another cluster", 1, cluster_id="not-this-cluster-at-all")
    update("epoch of the past", 1, current_leader_epoch=0)
    update("negative", -1)
    update("not there", 99)
    update("a voter with another disk", 1)


@case(FETCH_SNAPSHOT, (0, 1), controllers=True)
def snapshots_not_sent(s: Script) -> None:
    def fetch(label: str, topic: str = LOG, cluster_id: str | None = None, **more: Any) -> None:
        asked = {
            "partition": 0,
            "current_leader_epoch": epoch(s),
            "snapshot_id": {"end_offset": 999_999, "epoch": 1},
            "position": 0,
        }
        topics = [{"name": topic, "partitions": [asked | more]}]
        s.ask(label, cluster_id=cluster_id, replica_id=99, max_bytes=1000, topics=topics)
        s.answers[label] = _steady(s.answers[label])

    fetch("another cluster", cluster_id="not-this-cluster-at-all")
    fetch("another topic", topic="orders")
    fetch("another partition", partition=7)
    fetch("not there")
    fetch("epoch of the past", current_leader_epoch=0)
    fetch("epoch of the future", current_leader_epoch=999)
