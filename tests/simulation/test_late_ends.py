"""An EndTxn that comes late: by the older rules it ends the next transaction, by the newer ones nothing (KIP-890)."""

from __future__ import annotations

from random import Random

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.connection import ConnectionLost
from minikafka.transactions.metadata import V2
from minikafka.trials.ledger import committed_values
from minikafka.trials.own_producer import OwnProducer
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation

CONFIG = {"transaction.state.log.num.partitions": 1}


async def two_transactions(s: Simulation, version: int) -> tuple[ErrorCode, str]:
    """Commit one, and let its end come once more while another goes on, which is aborted then.

    Returns:
        What the late end is answered, and how the abort went.
    """
    producer = OwnProducer(s.bootstrap, "shop", ["t"], Random(1), version)
    await producer.begin(60_000)
    await producer.send(producer.make(TopicPartition("t", 0), [b"first"]))
    asked = await producer.end(committed=True)
    await producer.send(producer.make(TopicPartition("t", 0), [b"second"]))
    code = await producer.ask_again(asked)
    try:
        await producer.send(producer.make(TopicPartition("t", 1), [b"third"]))
        await producer.end(committed=False)
    except (KafkaError, ConnectionLost) as error:
        return code, repr(error)
    finally:
        await producer.close()
    return code, "aborted"


def visible(s: Simulation) -> list[bytes]:
    """Return what readers of committed records are given, of both partitions."""
    found = []
    for index in range(2):
        leader = s.cluster.leader("t", index)
        assert leader is not None
        partition = s.invariants.ghost.brokers[leader].replicas.partition(("t", index))
        assert partition is not None
        found += [value for _, value in committed_values(partition.log)]
    return found


@pytest.mark.parametrize("version", [0, V2])
def test_late_end_of_an_earlier_transaction(version: int) -> None:
    """It commits half of the next one, as in Kafka; where each has its epoch, it is refused."""

    async def scenario(s: Simulation) -> tuple[ErrorCode, str, list[bytes]]:
        # Who asks here knows what the rules of trials take for a broker's mistake.
        for name in ("transacted", "appended"):
            s.invariants.hooks[name].clear()  # type: ignore[index]
        code, end = await s.host("shop").spawn(two_transactions(s, version))
        await s.sleep(5)
        return code, end, visible(s)

    result = run(scenario, seed=1, topics={"t": 2}, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    code, end, seen = result.value
    if version == V2:
        assert (code, end, seen) == (ErrorCode.PRODUCER_FENCED, "aborted", [b"first"])
    else:
        # "second" is committed by nobody's wish, and "third" aborted: torn.
        assert (code, end, seen) == (ErrorCode.NONE, "aborted", [b"first", b"second"])
