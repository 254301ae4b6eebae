"""`minikafka top`: a running `minikafka up` on the terminal, again and again.

What is drawn is a pure function of two looks over the HTTP API: rates are what changed between
them. Names are data: rich's Text keeps them from being read as markup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from minikafka.cli.api import Api, quoted
from minikafka.cli.output import on_terminal
from minikafka.cli.running import run_until_signal

__all__ = ["Look", "frame", "top"]

COMMAND = "minikafka top"
GROUPS_MAX = 8
PIPE_WIDTH = 160
# What is no row: the first two lines, two heads of tables with their air, the legend.
OTHER_LINES = 13
LEGEND = "1* leads   2 in sync   3-7 not in sync, 7 behind   4x cannot be seen"


@dataclass(frozen=True)
class Look:
    """What was seen at one time.

    Args:
        seconds: when, by a clock that only goes forward.
        topics: as `/v1/topics/{topic}` answers them.
    """

    seconds: float
    cluster: Mapping[str, Any]
    brokers: Sequence[Mapping[str, Any]]
    topics: Sequence[Mapping[str, Any]]
    groups: Sequence[Mapping[str, Any]]


def top(url: str, timeout_s: float, *, interval_s: float, once: bool, internal: bool) -> int:
    """The cluster was shown until a signal, or once."""
    api = Api(COMMAND, url, timeout_s)
    try:
        return run_until_signal(_watch(api, interval_s, once=once, internal=internal))
    finally:
        api.close()


async def _watch(api: Api, interval_s: float, *, once: bool, internal: bool) -> int:
    loop = asyncio.get_running_loop()
    # A pipe has no width: names are not cut there.
    console = Console(width=None if on_terminal() else PIPE_WIDTH)
    now = _look(api, loop.time(), internal=internal)
    if once:
        console.print(frame(None, now, rows=None))
        return 0
    with Live(console=console, screen=on_terminal(), auto_refresh=False) as live:
        before = None
        while True:
            live.update(frame(before, now, rows=_room(console, now)), refresh=True)
            await asyncio.sleep(interval_s)
            # One answer after the other: there is nobody else on this loop to wait for it.
            before, now = now, _look(api, loop.time(), internal=internal)


def _look(api: Api, seconds: float, *, internal: bool) -> Look:
    cluster = api.get("/v1/cluster")
    topics = []
    if cluster["brokers_up"]:
        query = "?internal=true" if internal else ""
        lines = api.get(f"/v1/topics{query}")["topics"]
        topics = [api.get(f"/v1/topics/{quoted(line['name'])}") for line in lines]
    brokers = api.get("/v1/brokers")["brokers"]
    return Look(seconds, cluster, brokers, topics, api.get("/v1/groups")["groups"])


def _room(console: Console, look: Look) -> int:
    taken = OTHER_LINES + len(look.brokers) + min(len(look.groups), GROUPS_MAX)
    return max(3, console.size.height - taken)


def frame(before: Look | None, now: Look, *, rows: int | None) -> RenderableType:
    """Return what is drawn.

    Args:
        before: the look before this one, for rates; None for none.
        rows: of partitions, at most; None for all.
    """
    lines = sorted(_partition_lines(before, now), key=_interest)
    shown = lines[:rows]
    parts: list[RenderableType] = [_head(now), _brokers(now), _partitions(shown)]
    if len(shown) < len(lines):
        parts.append(Text(f"  and {len(lines) - len(shown)} more partitions", style="dim"))
    if now.groups:
        parts.append(_groups(now.groups))
    return Group(*parts, Text(f"  {LEGEND}", style="dim"))


def _head(now: Look) -> Text:
    cluster = now.cluster
    controller = "none" if cluster["controller"] is None else cluster["controller"]
    line = Text.assemble(
        ("minikafka", "bold"),
        f"  controller {controller}"
        f"  {len(cluster['brokers_up'])} of {len(cluster['brokers'])} up"
        f"  {cluster['partitions']} partitions",
    )
    for name, style in (("under_replicated", "yellow"), ("leaderless", "bold red")):
        count = cluster[f"{name}_partitions"]
        line.append(f"  {count} {name.replace('_', '-')}", style=style if count else "")
    line.append(f"\n{cluster['bootstrap_servers']}", style="dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _brokers(now: Look) -> Table:
    table = _table("broker", "state", "leads", "address")
    for each in now.brokers:
        state, style = str(each["state"]), ""
        if state != "up" or each["fenced"] is not False:
            style = "red" if state == "down" else "yellow"
        if each["fenced"]:
            state += ", fenced"
        if each["controller"]:
            state += ", controller"
        address = "" if each["host"] is None else f"{each['host']}:{each['port']}"
        cells = (str(each["id"]), state, str(each["leads"]), address)
        table.add_row(*(Text(cell) for cell in cells), style=style)
    return table


@dataclass(frozen=True)
class _Line:
    place: tuple[str, int]
    state: Mapping[str, Any]
    watermark: int | None
    per_second: float


def _partition_lines(before: Look | None, now: Look) -> list[_Line]:
    was = {} if before is None else _watermarks(before)
    lines = []
    for place, (state, watermark) in _partitions_of(now).items():
        per_second = 0.0
        if before is not None and watermark is not None and was.get(place) is not None:
            passed = max(now.seconds - before.seconds, 0.001)
            per_second = max(0.0, (watermark - (was[place] or 0)) / passed)
        lines.append(_Line(place, state, watermark, per_second))
    return lines


def _partitions_of(look: Look) -> dict[tuple[str, int], tuple[Mapping[str, Any], int | None]]:
    found = {}
    for topic in look.topics:
        for state in topic["partitions"]:
            marks = [
                log["high_watermark"]
                for log in state["logs"]
                if log["broker"] == state["leader"]
            ]
            place = (topic["name"], state["partition"])
            found[place] = (state, marks[0] if marks else None)
    return found


def _watermarks(look: Look) -> dict[tuple[str, int], int | None]:
    return {place: watermark for place, (_, watermark) in _partitions_of(look).items()}


def _interest(line: _Line) -> tuple[bool, bool, float, tuple[str, int]]:
    """Sort what is in trouble first, then what moves."""
    short = len(line.state["isr"]) < len(line.state["replicas"])
    return (line.state["leader"] is not None, not short, -line.per_second, line.place)


def _partitions(lines: Sequence[_Line]) -> Table:
    table = _table("partition", "leader", "epoch", "replicas", "watermark", "per second")
    for line in lines:
        leader = line.state["leader"]
        table.add_row(
            Text(f"{line.place[0]}-{line.place[1]}"),
            Text("none", style="bold red") if leader is None else Text(str(leader)),
            str(line.state["leader_epoch"]),
            _replicas(line.state),
            "-" if line.watermark is None else f"{line.watermark:,}",
            f"{line.per_second:,.0f}" if line.per_second else "",
        )
    return table


def _replicas(state: Mapping[str, Any]) -> Text:
    ends = {log["broker"]: log["log_end_offset"] for log in state["logs"]}
    text = Text()
    for broker in state["replicas"]:
        if text:
            text.append(" ")
        if broker == state["leader"]:
            text.append(f"{broker}*", style="bold")
        elif broker in state["isr"]:
            text.append(str(broker))
        elif broker not in ends or state["leader"] not in ends:
            text.append(f"{broker}x", style="red")
        else:
            behind = max(0, ends[state["leader"]] - ends[broker])
            text.append(f"{broker}-{behind}", style="yellow")
    return text


def _groups(groups: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("group", "type", "state", "members", "lag")
    for group in groups[:GROUPS_MAX]:
        lags = [each["lag"] for each in group["offsets"] if each["lag"] is not None]
        cells = (
            group["group_id"],
            group["type"],
            group["state"],
            str(len(group["members"])),
            f"{sum(lags):,}" if lags else "-",
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for column in columns:
        right = column in ("leads", "epoch", "watermark", "per second", "members", "lag")
        table.add_column(column, justify="right" if right else "left")
    return table
