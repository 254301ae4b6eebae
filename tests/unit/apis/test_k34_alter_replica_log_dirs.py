"""AlterReplicaLogDirs: there is one directory, and everything is in it."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("path", "topic", "index", "want"),
    [
        ("/tmp/kafka-logs", "t", 0, ErrorCode.NONE),
        ("/tmp/kafka-logs", "t", 1, ErrorCode.REPLICA_NOT_AVAILABLE),
        ("/tmp/kafka-logs", "no", 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("/elsewhere", "t", 0, ErrorCode.LOG_DIR_NOT_FOUND),
        ("/tmp/kafka-logs", "t" * 249, 0, ErrorCode.INVALID_TOPIC_EXCEPTION),
    ],
)
async def test_replica_stays_where_it_is(
    version: int, path: str, topic: str, index: int, want: ErrorCode
) -> None:
    """Moving it there is done already; anywhere else it cannot go."""
    stub = BrokerStub()
    await stub.create("t", [[1], [2]])
    wanted = [{"path": path, "topics": [{"name": topic, "partitions": [index]}]}]
    answer = await stub.ask(34, version, dirs=wanted)
    stub.close()
    (result,) = answer.results
    assert result.topic_name == topic
    assert code(result.partitions[0]) is want
