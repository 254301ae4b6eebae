"""The console's model of a cluster, tried without a page: events in, state out."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from minikafka.cluster.overview import BrokerState, Overview, TopicState
from minikafka.cluster.partition_state import PartitionState, ReplicaState
from minikafka.http.changes import changes, moved
from tests.house.tree import ROOT

MODEL = ROOT / "minikafka" / "http" / "console" / "model.js"

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")

HELLO = (
    "hello",
    {
        "time_ms": 0,
        "cluster_id": "c",
        "controller": 1,
        "brokers": [{"id": each, "state": "up", "fenced": False} for each in (1, 2, 3)],
        "partitions": [
            {"topic": "orders", "partition": 0, "leader": 1, "leader_epoch": 0,
             "replicas": [1, 2, 3], "isr": [1, 2, 3]}
        ],
        "cuts": [[1, 2]],
    },
)  # fmt: skip


def offsets(time_ms: int, **ends: int) -> tuple[str, dict[str, Any]]:
    """Return where the replicas stand, e.g. `b1=9`; the watermark is the least."""
    logs = {name[1:]: end for name, end in ends.items()}
    line = {"partition": 0, "high_watermark": min(logs.values()), "log_end_offsets": logs}
    return "offsets", {"time_ms": time_ms, "topics": {"orders": [line]}}


def after(events: Sequence[tuple[str, dict[str, Any]]], expression: str) -> Any:
    """Return the value of an expression on the model after these events."""
    script = f"""{MODEL.read_text("utf-8")}
        const model = new Model();
        for (const [kind, data] of {json.dumps(events)}) model.apply(kind, data);
        console.log(JSON.stringify({expression}));
    """
    command = ["node", "--input-type=module", "--no-warnings", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_lag_is_the_distance_to_the_leaders_end() -> None:
    """Of each follower; of who cannot be seen there is none."""
    events = [HELLO, offsets(1, b1=9, b2=7)]
    lag = "[1, 2, 3].map((broker) => model.partition('orders', 0).lag(broker))"
    assert after(events, lag) == [0, 2, None]


def test_rate_is_what_came_in_a_second_or_more() -> None:
    """Not sooner, for two looks may be close together."""
    rate = "model.rate()"
    assert after([HELLO, offsets(0, b1=0), offsets(500, b1=50)], rate) == 0
    assert after([HELLO, offsets(0, b1=0), offsets(2_000, b1=50)], rate) == 25


def test_broker_that_goes_down_cannot_be_seen_any_more() -> None:
    """Nor does it count as up; leader and ISR are what the controller has said last."""
    down = ("broker", {"time_ms": 2, "id": 2, "state": "down", "fenced": False})
    events = [HELLO, offsets(1, b1=9, b2=9), down]
    assert after(events, "model.partition('orders', 0).lag(2)") is None
    assert after(events, "model.summary()") == {
        "brokers": 3,
        "up": 2,
        "partitions": 1,
        "underReplicated": 0,
        "leaderless": 0,
    }


def test_links_are_cut_one_by_one_and_healed_at_once() -> None:
    """From and to."""
    cut = ("partition", {"time_ms": 1, "a": [3], "b": [1], "oneway": False})
    assert after([HELLO, cut], "[...model.cuts]") == ["1>2", "3>1", "1>3"]
    assert after([HELLO, cut, ("heal", {"time_ms": 2})], "[...model.cuts]") == []


def test_model_follows_what_the_feed_tells() -> None:
    """The server's own events, from nothing to a topic that is led and to its end."""
    brokers = tuple(BrokerState(each, "up", False, "h", 9, None) for each in (1, 2))
    states = {1: ReplicaState(0, 5, 4, 4), 2: ReplicaState(0, 4, 4, 4)}
    partition = PartitionState("orders", 0, 1, 3, 0, (1, 2), frozenset({1}), (), states)
    topic = TopicState("orders", "id", False, {}, (partition,), ({},))
    before = Overview("c", None, 1, brokers, {}, 0)
    now = Overview("c", 2, 2, brokers, {"orders": topic}, 0)
    told = [*changes(before, now), moved(before, now)]
    events = [(each.kind, {"time_ms": 0, **each.data}) for each in told if each is not None]
    state = """(({ leader, leaderEpoch, replicas, isr, highWatermark, underReplicated }) =>
        [leader, leaderEpoch, replicas, isr, highWatermark, underReplicated])(
            model.partition("orders", 0))"""
    assert after(events, state) == [1, 3, [1, 2], [1], 4, True]
    assert after(events, "[model.controller, model.leads(1)]") == [2, 1]
    gone = [(each.kind, {"time_ms": 1, **each.data}) for each in changes(now, before)]
    assert after([*events, *gone], "model.topicNames()") == []
