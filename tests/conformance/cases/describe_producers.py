"""DescribeProducers (api key 61), version 0."""

from __future__ import annotations

from tests.conformance.batches import batch
from tests.conformance.case import Script, case

KEY = 61
ALL = (0, 0)


def produce(s: Script, topic: str, partition: int, producer: tuple[int, int, int]) -> None:
    """Produce one batch of two records."""
    data = {"index": partition, "records": batch(b"a", b"b", producer=producer)}
    topics = [{"name": topic, "partition_data": [data]}]
    s.check(
        f"{producer}", 0, 9, acks=-1, timeout=5000, transactional_id=None, topic_data=topics
    )


@case(KEY, ALL)
def producers_of_partitions(s: Script) -> None:
    topic = s.create(partitions=3)
    for partition, producer in (
        (0, (7, 0, 0)), (0, (7, 0, 2)), (0, (7, 0, 2)), (1, (8, 4, 0)), (1, (8, 5, 0)),
        (1, (8, 4, 2)), (1, (9, 0, 6)), (2, (-1, -1, -1)),
    ):  # fmt: skip
        produce(s, topic, partition, producer)
    s.ask("all", topics=[{"name": topic, "partition_indexes": [0, 1, 2]}])


@case(KEY, ALL)
def producers_of_what_is_not_there(s: Script) -> None:
    topic = s.create()
    for label, name in (("partition", topic), ("topic", s.name("-none")), ("name", "a/b")):
        s.ask(label, topics=[{"name": name, "partition_indexes": [0, 1, -1]}])
    s.ask("empty name", topics=[{"name": "", "partition_indexes": [0]}])
    s.ask("nothing", topics=[])
    s.ask("no partitions", topics=[{"name": topic, "partition_indexes": []}])
