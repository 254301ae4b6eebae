"""The state of a cluster in the text format that Prometheus scrapes. Pure.

The names are documented in docs/http.md, and a test compares. Labels are escaped: a group's
name is whatever a client has called it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from minikafka.cluster.overview import Overview

__all__ = ["METRICS", "metrics_text"]

METRICS: Mapping[str, tuple[str, str]] = {
    "minikafka_controller": ("gauge", "Broker that leads the metadata quorum; -1 for none."),
    "minikafka_metadata_offset": ("gauge", "Offset of the newest applied metadata."),
    "minikafka_broker_up": ("gauge", "1 for a broker that runs, paused or not."),
    "minikafka_broker_paused": ("gauge", "1 for a broker that stands still."),
    "minikafka_broker_fenced": ("gauge", "1 for a broker that the controller has fenced."),
    "minikafka_partition_leader": ("gauge", "Broker that leads the partition; -1 for none."),
    "minikafka_partition_leader_epoch": ("gauge", "Leader epoch of the partition."),
    "minikafka_partition_replicas": ("gauge", "Replicas of the partition."),
    "minikafka_partition_in_sync_replicas": ("gauge", "Size of the partition's ISR."),
    "minikafka_log_start_offset": ("gauge", "First offset of a replica's log."),
    "minikafka_log_end_offset": ("gauge", "Next offset of a replica's log."),
    "minikafka_high_watermark": ("gauge", "High watermark as a replica knows it."),
    "minikafka_last_stable_offset": ("gauge", "Last stable offset as a replica knows it."),
    "minikafka_log_size_bytes": ("gauge", "Size of a replica's log."),
    "minikafka_group_committed_offset": ("gauge", "Offset that a group has committed."),
    "minikafka_group_lag": ("gauge", "High watermark less committed offset of a group."),
    "minikafka_http_requests_total": ("counter", "Requests answered, by route and status."),
}
"""Type and meaning of every metric, by name."""

_Sample: TypeAlias = tuple[Mapping[str, object], int]


def metrics_text(
    state: Overview,
    groups: Sequence[Mapping[str, Any]],
    answered: Mapping[tuple[str, int], int],
) -> str:
    """Return all samples.

    Args:
        groups: as `/v1/groups` answers them.
        answered: requests by route and status.
    """
    samples: dict[str, list[_Sample]] = {name: [] for name in METRICS}
    samples["minikafka_controller"].append(({}, _id(state.controller)))
    samples["minikafka_metadata_offset"].append(({}, state.metadata_offset))
    for broker in state.brokers:
        label = {"broker": broker.id}
        samples["minikafka_broker_up"].append((label, int(broker.condition != "down")))
        samples["minikafka_broker_paused"].append((label, int(broker.condition == "paused")))
        if broker.fenced is not None:
            samples["minikafka_broker_fenced"].append((label, int(broker.fenced)))
    _add_partitions(samples, state)
    for group in groups:
        for offset in group["offsets"]:
            labels = {
                "group": group["group_id"],
                "topic": offset["topic"],
                "partition": offset["partition"],
            }
            committed = offset["committed_offset"]
            samples["minikafka_group_committed_offset"].append((labels, committed))
            if offset["lag"] is not None:
                samples["minikafka_group_lag"].append((labels, offset["lag"]))
    for (route, status), count in sorted(answered.items()):
        labels = {"route": route, "status": status}
        samples["minikafka_http_requests_total"].append((labels, count))
    return "".join(_lines(samples))


def _add_partitions(samples: Mapping[str, list[_Sample]], state: Overview) -> None:
    for topic in state.topics.values():
        for partition in topic.partitions:
            place = {"topic": partition.topic, "partition": partition.partition}
            for name, value in (
                ("leader", _id(partition.leader)),
                ("leader_epoch", partition.leader_epoch),
                ("replicas", len(partition.replicas)),
                ("in_sync_replicas", len(partition.isr)),
            ):
                samples[f"minikafka_partition_{name}"].append((place, value))
            sizes = topic.log_bytes[partition.partition]
            for broker, replica in partition.replica_states.items():
                labels = {**place, "broker": broker}
                for name, value in (
                    ("log_start_offset", replica.log_start_offset),
                    ("log_end_offset", replica.log_end_offset),
                    ("high_watermark", replica.high_watermark),
                    ("last_stable_offset", replica.last_stable_offset),
                    ("log_size_bytes", sizes.get(broker, 0)),
                ):
                    samples[f"minikafka_{name}"].append((labels, value))


def _lines(samples: Mapping[str, Sequence[_Sample]]) -> Iterable[str]:
    for name, (kind, about) in METRICS.items():
        yield f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
        for labels, value in samples[name]:
            shown = ",".join(f'{label}="{_escaped(each)}"' for label, each in labels.items())
            yield f"{name}{{{shown}}} {value}\n" if shown else f"{name} {value}\n"


def _escaped(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    # Kafka's strings may hold what no encoding has.
    return text.replace("\n", "\\n").encode("utf-8", "replace").decode("utf-8")


def _id(broker: int | None) -> int:
    return -1 if broker is None else broker
