"""DescribeLogDirs, versions 1 to 4, and AlterReplicaLogDirs, versions 1 and 2."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

ALTER, DESCRIBE = 34, 35
ALTER_ALL, DESCRIBE_ALL = (1, 2), (1, 4)


def describe(s: Script, label: str, topics: list[dict[str, Any]] | None) -> str:
    """Ask, record the answer without what no two servers share, and return the directory."""
    answer = s.ask(label, topics=topics)
    s.note(
        label,
        {
            "code": int(getattr(answer, "error_code", 0)),
            "results": [
                {
                    "code": int(result.error_code),
                    "topics": {
                        topic.name.replace(s.names.prefix, "~"): sorted(
                            (each.partition_index, each.offset_lag, each.is_future_key)
                            for each in topic.partitions
                        )
                        for topic in result.topics
                        if topic.name.startswith(s.names.prefix)
                    },
                }
                for result in answer.results
            ],
        },
    )
    path: str = answer.results[0].log_dir
    return path


@case(DESCRIBE, DESCRIBE_ALL)
def replicas_of_a_broker(s: Script) -> None:
    topic = s.create(partitions=2)
    describe(s, "all", None)
    describe(s, "one", [{"topic": topic, "partitions": [1, 1]}])
    describe(s, "absent partition", [{"topic": topic, "partitions": [7]}])
    describe(s, "absent topic", [{"topic": s.name("-no"), "partitions": [0]}])
    describe(s, "none", [])


@case(ALTER, ALTER_ALL)
def replica_that_stays(s: Script) -> None:
    topic = s.create()
    path: str = s.other(DESCRIBE, 2, topics=[]).results[0].log_dir
    for label, where, name, index in (
        ("already there", path, topic, 0),
        ("absent partition", path, topic, 9),
        ("absent topic", path, s.name("-no"), 0),
        ("another directory", "/nowhere", topic, 0),
        ("relative", "nowhere", topic, 0),
        ("long name", path, "t" * 249, 0),
    ):
        wanted = [{"name": name, "partitions": [index]}]
        s.ask(label, dirs=[{"path": where, "topics": wanted}])
    s.ask("nothing", dirs=[])
