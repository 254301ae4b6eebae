"""Java's transactional producer of the release that we follow, against brokers of ours (KIP-98, KIP-890).

It is the one client here whose every transaction has an epoch of its own: transaction.version 2.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from minikafka import Cluster
from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC
from tests.conformance.kafka import fetch_jars, missing_tools
from tests.conformance.test_java_share_consumer import JVM

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.time_limit(120),
    pytest.mark.skipif(missing_tools() is not None, reason=f"{missing_tools()} is missing"),
]
PROGRAM = Path(__file__).with_name("TransactionalCopier.java")
RECORDS = 1_500
CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 500,
    "min.insync.replicas": 2,
}


@pytest.mark.parametrize("dies", [False, True], ids=["calm", "coordinator-dies"])
def test_copies_each_record_once_and_in_order(dies: bool) -> None:
    """Though some transactions are aborted, and who coordinates them is killed under way."""
    with Cluster(brokers=3, config=CONFIG) as kafka:
        for topic in ("in", "out"):
            kafka.create_topic(topic, partitions=2, replication_factor=3)
        for partition in range(2):
            for at in range(0, RECORDS // 2, 50):
                values = [b"%d" % each for each in range(at, at + 50)]
                kafka.client().produce("in", partition, values)
        copier = subprocess.Popen(
            [
                *("java", *JVM, "-cp", f"{fetch_jars()}/*", str(PROGRAM)),
                *(kafka.bootstrap_servers, str(RECORDS)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if dies:
                _kill_the_coordinator(kafka)
            out, log = copier.communicate(timeout=100)
        finally:
            copier.kill()
        assert out.startswith("ended "), out + log
        commits, aborts = (int(each) for each in out.split()[1:])
        assert commits >= 15
        assert aborts >= 5
        for partition in range(2):
            found = kafka.records("out", partition)
            assert [int(record.value or b"-1") for record in found] == [*range(RECORDS // 2)]


def _kill_the_coordinator(kafka: Cluster) -> None:
    """Once something is copied; it is back after a while."""
    kafka.wait_until(lambda: len(kafka.records("out", 0)) > 50, timeout=60)
    leaders = [kafka.leader(TRANSACTIONS_TOPIC, index) for index in range(50)]
    busy = max((each for each in leaders if each is not None), key=leaders.count)
    kafka.broker(busy).crash()
    kafka.wait_until(lambda: busy not in [kafka.leader("out", index) for index in range(2)])
    kafka.broker(busy).start()
