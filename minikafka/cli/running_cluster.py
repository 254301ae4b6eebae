"""`minikafka status`, `crash` and the like: a running `minikafka up`, over its HTTP API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikafka.cli.api import Api, quoted
from minikafka.cli.output import on_terminal, show_lines, show_table

__all__ = ["change_broker", "heal", "status"]


def status(url: str, timeout_s: float) -> int:
    """The cluster is shown: itself, its brokers, partitions and groups; a pipe gets lines."""
    api = Api("minikafka status", url, timeout_s)
    try:
        cluster = api.get("/v1/cluster")
        brokers = api.get("/v1/brokers")["brokers"]
        topics = _topics(api) if cluster["brokers_up"] else []
        groups = api.get("/v1/groups")["groups"]
    finally:
        api.close()
    controller = "none" if cluster["controller"] is None else cluster["controller"]
    head = f"cluster id={cluster['cluster_id']} controller={controller}"
    show_lines([f"{head} bootstrap.servers={cluster['bootstrap_servers']}"])
    _show("broker", ("broker", "state", "fenced", "leads"), map(_broker_row, brokers))
    columns = ("partition", "leader", "epoch", "replicas", "isr", "high_watermark")
    rows = [_partition_row(topic, each) for topic in topics for each in topic["partitions"]]
    _show("partition", columns, rows)
    _show("group", ("group", "type", "state", "lag"), map(_group_row, groups))
    return 0


def change_broker(verb: str, action: str, url: str, timeout_s: float, broker: int) -> int:
    """The broker is in another state, which is shown.

    Args:
        verb: as it was typed.
        action: as the API calls it.
    """
    api = Api(f"minikafka {verb}", url, timeout_s)
    try:
        shown = api.post(f"/v1/brokers/{broker}/{action}")
    finally:
        api.close()
    _show("broker", ("broker", "state", "fenced", "leads"), [_broker_row(shown)])
    return 0


def heal(url: str, timeout_s: float) -> int:
    """All links are perfect again."""
    api = Api("minikafka heal", url, timeout_s)
    try:
        api.post("/v1/network/heal")
    finally:
        api.close()
    return 0


def _topics(api: Api) -> list[Any]:
    lines = api.get("/v1/topics?internal=true")["topics"]
    return [api.get(f"/v1/topics/{quoted(line['name'])}") for line in lines]


def _show(kind: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Draw a table, or write a line for each row: kind, name, then name=value."""
    if on_terminal():
        show_table(None, columns, rows)
        return
    show_lines(
        " ".join(
            [
                kind,
                row[0],
                *(
                    f"{column}={cell}"
                    for column, cell in zip(columns[1:], row[1:], strict=True)
                ),
            ]
        )
        for row in rows
    )


def _broker_row(broker: Any) -> Sequence[str]:
    fenced = {True: "yes", False: "no", None: "unregistered"}[broker["fenced"]]
    return (str(broker["id"]), broker["state"], fenced, str(broker["leads"]))


def _partition_row(topic: Any, partition: Any) -> Sequence[str]:
    leader = partition["leader"]
    watermarks = [log["high_watermark"] for log in partition["logs"] if log["broker"] == leader]
    return (
        f"{topic['name']}-{partition['partition']}",
        "none" if leader is None else str(leader),
        str(partition["leader_epoch"]),
        _numbers(partition["replicas"]),
        _numbers(partition["isr"]),
        str(watermarks[0]) if watermarks else "-",
    )


def _group_row(group: Any) -> Sequence[str]:
    lags = [each["lag"] for each in group["offsets"] if each["lag"] is not None]
    return (group["group_id"], group["type"], group["state"], str(sum(lags)) if lags else "-")


def _numbers(brokers: Sequence[int]) -> str:
    return ",".join(str(broker) for broker in brokers) or "-"
