"""What `minikafka top` draws, from two looks."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from minikafka.cli.top import Look, frame

CLUSTER = {
    "bootstrap_servers": "127.0.0.1:9092",
    "controller": 1,
    "brokers": [1, 2, 3],
    "brokers_up": [1, 3],
    "partitions": 2,
    "under_replicated_partitions": 1,
    "leaderless_partitions": 0,
}
BROKERS = [
    {"id": 1, "state": "up", "fenced": False, "controller": True, "leads": 2, "host": "h",
     "port": 9},
    {"id": 2, "state": "down", "fenced": True, "controller": False, "leads": 0, "host": None,
     "port": None},
]  # fmt: skip


def partition(number: int, end: int, **changed: object) -> dict[str, Any]:
    """Return a partition of three replicas that broker 1 leads, as the API answers it."""
    logs = [
        {"broker": each, "log_end_offset": end, "high_watermark": end} for each in (1, 2, 3)
    ]
    state = {"partition": number, "leader": 1, "leader_epoch": 4, "replicas": [1, 2, 3],
             "isr": [1, 2, 3], "logs": logs}  # fmt: skip
    return {**state, **changed}


def look(seconds: float, *partitions: Mapping[str, Any], **more: Any) -> Look:
    """Return a look at a topic of these partitions."""
    topics = [{"name": "orders", "partitions": partitions}]
    groups = more.get("groups", [])
    return Look(seconds, more.get("cluster", CLUSTER), BROKERS, topics, groups)


def drawn(before: Look | None, now: Look, rows: int | None = None) -> list[str]:
    """Return the lines of a frame."""
    file = io.StringIO()
    Console(file=file, width=120).print(frame(before, now, rows=rows))
    return [line.strip() for line in file.getvalue().splitlines() if line.strip()]


def line_of(lines: list[str], start: str) -> list[str]:
    """Return the words of the line that begins so."""
    (found,) = [line.split() for line in lines if line.split()[:1] == [start]]
    return found


def test_frame_shows_the_whole_in_its_first_line_and_each_broker() -> None:
    """Controller, who is up, what is in trouble."""
    lines = drawn(None, look(0, partition(0, 5)))
    assert "controller 1  2 of 3 up  2 partitions  1 under-replicated" in lines[0]
    assert line_of(lines, "1") == ["1", "up,", "controller", "2", "h:9"]
    assert line_of(lines, "2")[:3] == ["2", "down,", "fenced"]


def test_rate_is_what_came_between_two_looks() -> None:
    """Ten records in two seconds; none without a look before."""
    before, now = look(10, partition(0, 5)), look(12, partition(0, 15))
    assert line_of(drawn(None, now), "orders-0")[-1] == "15"
    assert line_of(drawn(before, now), "orders-0")[-2:] == ["15", "5"]


def test_replicas_show_who_leads_and_who_is_behind() -> None:
    """A star, a distance, a cross."""
    logs = [{"broker": 1, "log_end_offset": 9, "high_watermark": 7},
            {"broker": 2, "log_end_offset": 2, "high_watermark": 2}]  # fmt: skip
    lines = drawn(None, look(0, partition(0, 0, isr=[1], logs=logs)))
    assert line_of(lines, "orders-0") == ["orders-0", "1", "4", "1*", "2-7", "3x", "7"]


def test_partition_without_a_leader_has_no_watermark() -> None:
    """None, and a dash."""
    words = line_of(drawn(None, look(0, partition(0, 5, leader=None))), "orders-0")
    assert words == ["orders-0", "none", "4", "1", "2", "3", "-"]


def test_trouble_comes_first_then_what_moves_and_the_rest_is_counted() -> None:
    """Leaderless, short of replicas, quick, slow; two rows are two."""
    before = look(0, *(partition(number, 0) for number in range(4)))
    now = look(
        1,
        partition(0, 1),
        partition(1, 100),
        partition(2, 0, isr=[1]),
        partition(3, 0, leader=None),
    )
    lines = drawn(before, now)
    order = [line.split()[0] for line in lines if line.startswith("orders-")]
    assert order == ["orders-3", "orders-2", "orders-1", "orders-0"]
    few = drawn(before, now, rows=2)
    assert [line for line in few if line.startswith("orders-")] == [
        line for line in lines if line.startswith("orders-")
    ][:2]
    assert "and 2 more partitions" in few[-2]


def test_groups_are_shown_with_their_lag_and_names_are_no_markup() -> None:
    """The sum over partitions; square brackets stay what they are."""
    group = {
        "group_id": "[red]shop[/red]",
        "type": "classic",
        "state": "Stable",
        "members": [{}],
        "offsets": [{"lag": 1_000}, {"lag": 234}, {"lag": None}],
    }
    lines = drawn(None, look(0, partition(0, 5), groups=[group]))
    assert line_of(lines, "[red]shop[/red]")[1:] == ["classic", "Stable", "1", "1,234"]
