"""What is not committed is not seen: followers cut off from their leader, real consumers.

Each test has a cluster of its own, whose brokers' links are cut and healed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from minikafka import Cluster, ErrorCode, KafkaError
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap

confluent_kafka = pytest.importorskip(
    "confluent_kafka", reason="confluent-kafka is not installed"
)

pytestmark = [
    pytest.mark.client,
    pytest.mark.kafka(brokers=3, topics={"t": 3}),
    pytest.mark.skipif(
        external_bootstrap() is not None, reason=f"{BOOTSTRAP_VARIABLE}: no links to cut there"
    ),
]

PARTITION = 0


def cut_followers_off(kafka: Cluster, partition: int = PARTITION) -> int:
    """Cut both followers off from the leader of the partition and return the leader."""
    leader = kafka.leader("t", partition)
    assert leader is not None
    kafka.network.partition({leader}, set(kafka.brokers) - {leader})
    return leader


def producer(kafka: Cluster, acks: str) -> Any:
    """Return a producer that gives up after a second and has its metadata."""
    made = confluent_kafka.Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "acks": acks,
            "linger.ms": 0,
            "request.timeout.ms": 300,
            "message.timeout.ms": 1_000,
        }
    )
    made.list_topics("t", timeout=5)
    return made


def send(made: Any, value: bytes) -> Any:
    """Produce one record, wait for its outcome and return the error, None on success."""
    outcome: list[Any] = []
    made.produce(
        "t",
        value,
        partition=PARTITION,
        on_delivery=lambda error, _message: outcome.append(error),
    )
    assert made.flush(10) == 0
    return outcome[0]


@pytest.fixture
def consumer(kafka: Cluster) -> Iterator[Any]:
    """A consumer that reads the partition from its beginning."""
    made = confluent_kafka.Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
        }
    )
    made.assign([confluent_kafka.TopicPartition("t", PARTITION, 0)])
    yield made
    made.close()


def test_acks_1_record_is_hidden_from_raw_fetch_until_the_cut_heals(kafka: Cluster) -> None:
    """The leader has it, its high watermark does not pass it, a fetch does not return it."""
    client = kafka.client()
    client.produce("t", PARTITION, [b"before"])
    leader = cut_followers_off(kafka)
    assert client.produce("t", PARTITION, [b"hidden"], acks=1).base_offset == 1
    hidden = client.fetch("t", PARTITION, 1, max_wait_ms=200)
    assert (hidden.records, hidden.high_watermark) == ([], 1)
    states = kafka.describe("t", PARTITION).replica_states
    ends = {broker: state.log_end_offset for broker, state in states.items()}
    assert ends == {broker: 2 if broker == leader else 1 for broker in kafka.brokers}
    kafka.network.heal()
    seen = client.fetch("t", PARTITION, 1, max_wait_ms=5_000)
    assert ([record.value for record in seen.records], seen.high_watermark) == ([b"hidden"], 2)


def test_acks_1_record_is_hidden_from_a_consumer_until_the_cut_heals(
    kafka: Cluster, consumer: Any
) -> None:
    """The consumer gets what was committed before, then nothing, then the record."""
    made = producer(kafka, acks="1")
    kafka.client().produce("t", PARTITION, [b"before"])
    first = consumer.poll(5)
    assert first is not None
    assert (first.error(), first.value()) == (None, b"before")
    cut_followers_off(kafka)
    assert send(made, b"hidden") is None
    assert consumer.poll(0.5) is None
    kafka.network.heal()
    seen = consumer.poll(5)
    assert seen is not None
    assert (seen.error(), seen.value(), seen.offset()) == (None, b"hidden", 1)


def test_acks_all_times_out_while_followers_are_cut_off(kafka: Cluster) -> None:
    """REQUEST_TIMED_OUT is indefinite: the record is committed after all when the cut heals."""
    client = kafka.client()
    cut_followers_off(kafka)
    with pytest.raises(KafkaError) as refused:
        client.produce("t", PARTITION, [b"late"], acks=-1, timeout_ms=200)
    assert refused.value.code == ErrorCode.REQUEST_TIMED_OUT
    assert client.fetch("t", PARTITION, 0, max_wait_ms=0).records == []
    kafka.network.heal()
    kafka.wait_until(lambda: [r.value for r in kafka.records("t", PARTITION)] == [b"late"])


def test_acks_all_fails_in_a_producer_while_followers_are_cut_off(kafka: Cluster) -> None:
    """The producer is told that its record timed out."""
    made = producer(kafka, acks="all")
    cut_followers_off(kafka)
    error = send(made, b"late")
    codes = confluent_kafka.KafkaError
    assert error is not None
    assert error.code() in {codes._MSG_TIMED_OUT, codes.REQUEST_TIMED_OUT}


@pytest.mark.kafka(
    voters=1,
    config={
        "min.insync.replicas": 2,
        "replica.lag.time.max.ms": 300,
        "replica.fetch.wait.max.ms": 100,
    },
)
def test_acks_all_is_refused_once_the_isr_is_below_min_insync_replicas(kafka: Cluster) -> None:
    """What waits is told that it was appended but not replicated; what comes later is refused.

    Cut off is a partition led by the controller's broker: a leader that cannot reach the
    controller cannot shrink its ISR.
    """
    partition = next(each for each in range(3) if kafka.leader("t", each) == 1)
    client = kafka.client()
    cut_followers_off(kafka, partition)
    with pytest.raises(KafkaError) as waited:
        client.produce("t", partition, [b"waits"], acks=-1, timeout_ms=1_500)
    assert waited.value.code in {
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode.REQUEST_TIMED_OUT,
    }
    kafka.wait_until(lambda: kafka.isr("t", partition) == {1})
    with pytest.raises(KafkaError) as refused:
        client.produce("t", partition, [b"refused"], acks=-1, timeout_ms=1_500)
    assert refused.value.code == ErrorCode.NOT_ENOUGH_REPLICAS
    kafka.network.heal()
    kafka.wait_until(lambda: [r.value for r in kafka.records("t", partition)] == [b"waits"])
