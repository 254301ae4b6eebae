"""`minikafka topics ...`: topics of any Kafka cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from minikafka.cli.failures import failures_of
from minikafka.cli.output import on_terminal, show_lines, show_table
from minikafka.cli.parsing import parse_pairs
from minikafka.cli.running import run_until_signal
from minikafka.cluster.remote import RemoteCluster, RemoteTopic, TopicConfig

__all__ = ["create", "delete", "describe", "list_topics"]


def list_topics(bootstrap_servers: str, timeout_s: float, *, internal: bool) -> int:
    """Every topic is shown, by name; into a pipe the names alone, one a line."""

    async def work(cluster: RemoteCluster) -> None:
        found = await cluster.topics()
        shown = [
            topic for _, topic in sorted(found.items()) if internal or not topic.is_internal
        ]
        if not on_terminal():
            show_lines(topic.name for topic in shown)
            return
        rows = [
            (topic.name, str(len(topic.partitions)), str(_replication_factor(topic)))
            for topic in shown
        ]
        show_table(None, ("topic", "partitions", "replication factor"), rows)

    return _run("list", bootstrap_servers, timeout_s, work)


def create(
    bootstrap_servers: str,
    timeout_s: float,
    topic: str,
    partitions: int,
    replication_factor: int,
    config: Sequence[str],
) -> int:
    """The topic is there."""
    with failures_of("minikafka topics create"):
        pairs = parse_pairs("--config", config)
    return _run(
        "create",
        bootstrap_servers,
        timeout_s,
        lambda cluster: cluster.create_topic(topic, partitions, replication_factor, pairs),
    )


def delete(bootstrap_servers: str, timeout_s: float, topic: str) -> int:
    """The topic is gone."""
    return _run(
        "delete", bootstrap_servers, timeout_s, lambda cluster: cluster.delete_topic(topic)
    )


def describe(bootstrap_servers: str, timeout_s: float, topic: str | None) -> int:
    """One line for the topic, one for each partition; on a terminal a table."""

    async def work(cluster: RemoteCluster) -> None:
        if topic is None:
            found = await cluster.topics()
            shown = [each for _, each in sorted(found.items()) if not each.is_internal]
        else:
            shown = [await cluster.topic(topic)]
        for each in shown:
            _show(each, await cluster.topic_configs(each.name))

    return _run("describe", bootstrap_servers, timeout_s, work)


def _run(
    name: str,
    bootstrap_servers: str,
    timeout_s: float,
    work: Callable[[RemoteCluster], Awaitable[None]],
) -> int:
    async def connected() -> int:
        with failures_of(f"minikafka topics {name}"):
            cluster = await RemoteCluster.connect(bootstrap_servers, timeout_s)
            try:
                await work(cluster)
            finally:
                await cluster.close()
        return 0

    return run_until_signal(connected())


def _show(topic: RemoteTopic, configs: Sequence[TopicConfig]) -> None:
    given = ",".join(f"{each.name}={each.value}" for each in configs if each.given) or "-"
    head = (
        f"{topic.name} id={topic.topic_id or '-'} partitions={len(topic.partitions)} "
        f"replication_factor={_replication_factor(topic)} configs={given}"
    )
    rows = [
        (
            str(each.number),
            "none" if each.leader < 0 else str(each.leader),
            _numbers(each.replicas),
            _numbers(each.isr),
            _numbers(each.offline),
        )
        for each in topic.partitions
    ]
    if on_terminal():
        show_table(head, ("partition", "leader", "replicas", "isr", "offline"), rows)
        return
    show_lines([head])
    show_lines(
        f"{topic.name} partition={number} leader={leader} replicas={replicas} isr={isr} "
        f"offline={offline}"
        for number, leader, replicas, isr, offline in rows
    )


def _replication_factor(topic: RemoteTopic) -> int:
    return max((len(each.replicas) for each in topic.partitions), default=0)


def _numbers(brokers: Sequence[int]) -> str:
    return ",".join(str(broker) for broker in brokers) or "-"
