"""The text that Prometheus scrapes."""

from __future__ import annotations

import re
from pathlib import Path

from minikafka.cluster.overview import BrokerState, Overview, TopicState
from minikafka.cluster.partition_state import PartitionState, ReplicaState
from minikafka.http.metrics import METRICS, metrics_text

LINE = re.compile(r'([a-z_]+)(?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?\d+)')


def text() -> str:
    """Return the metrics of a cluster that has some of everything."""
    partition = PartitionState(
        topic="orders",
        partition=0,
        leader=None,
        leader_epoch=3,
        partition_epoch=4,
        replicas=(1, 2),
        isr=frozenset({2}),
        elr=(),
        replica_states={1: ReplicaState(1, 9, 8, 7)},
    )
    topic = TopicState("orders", "id", False, {}, (partition,), ({1: 321},))
    brokers = (
        BrokerState(1, "paused", True, "h", 9, None),
        BrokerState(2, "down", None, None, None, None),
    )
    state = Overview("c", None, 7, brokers, {"orders": topic}, 0)
    offset = {"topic": "orders", "partition": 0, "committed_offset": 5, "lag": 3}
    group = {"group_id": 'a"b\\c\nd\ud800', "offsets": [offset]}
    return metrics_text(state, [group], {("topics", 200): 2})


def test_every_line_is_a_sample_or_a_comment() -> None:
    """Whatever a group is called: its name cannot make a line of its own."""
    for line in text().splitlines():
        assert line.startswith("# ") or LINE.fullmatch(line), line


def test_every_metric_has_help_type_and_a_sample() -> None:
    """In that order, and each once."""
    names = re.findall(r"^# HELP (\S+)", text(), re.MULTILINE)
    assert names == list(METRICS) == re.findall(r"^# TYPE (\S+)", text(), re.MULTILINE)
    assert {match[1] for match in LINE.finditer(text()) if match} >= set(METRICS)


def test_samples_say_what_is_there() -> None:
    """Leader, ISR, offsets, sizes, lag."""
    lines = text().splitlines()
    for line in (
        "minikafka_controller -1",
        'minikafka_broker_up{broker="1"} 1',
        'minikafka_broker_paused{broker="1"} 1',
        'minikafka_broker_up{broker="2"} 0',
        'minikafka_partition_leader{topic="orders",partition="0"} -1',
        'minikafka_partition_in_sync_replicas{topic="orders",partition="0"} 1',
        'minikafka_high_watermark{topic="orders",partition="0",broker="1"} 8',
        'minikafka_log_size_bytes{topic="orders",partition="0",broker="1"} 321',
        'minikafka_group_lag{group="a\\"b\\\\c\\nd?",topic="orders",partition="0"} 3',
        'minikafka_http_requests_total{route="topics",status="200"} 2',
    ):
        assert line in lines


def test_names_are_documented() -> None:
    """docs/http.md has a row for each metric, and for no other."""
    document = Path(__file__).parents[3] / "docs" / "http.md"
    rows = re.findall(r"^\| `(minikafka_\w+)`", document.read_text("utf-8"), re.MULTILINE)
    assert rows == list(METRICS)
