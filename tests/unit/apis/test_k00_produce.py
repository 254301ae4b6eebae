"""Produce: what is appended, in which order it is refused, and what a refusal tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from crc32c import crc32c

from minikafka.apis.k00_produce import produce
from minikafka.apis.registry import CloseConnection
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode
from minikafka.broker.context import RequestContext
from minikafka.records.batch import HEADER_BYTES, check_crc
from minikafka.records.builder import build_batch
from minikafka.records.compressors import Codec
from minikafka.records.records import decode_records
from minikafka.wire.produce import (
    ProducePartition,
    ProducePartitionResult,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
)
from tests.support.broker_stub import BrokerStub
from tests.support.builders import batch_of, record

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

ALONE = [[1]]


def good(*timestamps_ms: int, **fields: Any) -> memoryview:
    """Return the bytes of a batch that any topic takes."""
    return batch_of(*timestamps_ms, **fields).view


def corrupt() -> memoryview:
    """Return a batch whose CRC is not that of its bytes."""
    view = good()
    view[-1] ^= 1
    return view


def topic_of(name: str | None, *partitions: tuple[int, memoryview | None]) -> ProduceTopic:
    """Return one topic of a request, with (partition, records)."""
    return ProduceTopic(name, None, [ProducePartition(*each) for each in partitions])


def send(
    stub: BrokerStub,
    *topics: ProduceTopic,
    acks: int = -1,
    version: int = 12,
    transactional_id: str | None = None,
) -> ProduceResponse | None:
    """Return what the handler answers at once; with acks=0 that is None."""
    context = RequestContext(cast("Broker", stub), version, "test", 1, 0)
    request = ProduceRequest(transactional_id, acks, 1000, list(topics))
    answer = produce(request, context)
    stub.close()
    assert not isinstance(answer, Deferred)
    return answer


def send_one(
    stub: BrokerStub, records: memoryview | None, name: str | None = "t", **more: Any
) -> ProducePartitionResult:
    """Return the result of one batch for partition 0."""
    response = send(stub, topic_of(name, (0, records)), **more)
    assert response is not None
    return response.topics[0].partitions[0]


async def stub_with(**configs: str) -> BrokerStub:
    """Return a broker with topic `t`, of which it is the only replica."""
    stub = BrokerStub(brokers=(1,))
    await stub.create("t", ALONE, **configs)
    return stub


async def test_partition_named_twice_is_appended_once() -> None:
    """The batch that comes last counts, and there is one answer."""
    stub = await stub_with()
    response = send(stub, topic_of("t", (0, good(1, 2)), (0, good(3))))
    assert response is not None
    (result,) = response.topics[0].partitions
    assert (result.error_code, result.base_offset) == (0, 0)
    assert stub.hosted("t").log.log_end_offset == 1


async def test_topic_named_twice_is_answered_once() -> None:
    """Its partitions are answered together, whichever mention they come from."""
    stub = BrokerStub(brokers=(1,))
    await stub.create("t", [[1], [1]])
    response = send(stub, topic_of("t", (1, good())), topic_of("t", (0, good())))
    assert response is not None
    (topic,) = response.topics
    assert [result.index for result in topic.partitions] == [1, 0]


async def test_topic_without_partitions_is_left_out() -> None:
    """Nothing was asked of it, so nothing is answered."""
    stub = await stub_with()
    assert send(stub, topic_of("t")) == ProduceResponse(topics=[])


async def test_bad_batch_does_not_spoil_its_neighbour() -> None:
    """Each partition succeeds or fails on its own."""
    stub = BrokerStub(brokers=(1,))
    await stub.create("t", [[1], [1]])
    response = send(stub, topic_of("t", (0, corrupt()), (1, good())))
    assert response is not None
    codes = [result.error_code for result in response.topics[0].partitions]
    assert codes == [ErrorCode.CORRUPT_MESSAGE, ErrorCode.NONE]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("t", ErrorCode.INVALID_REQUIRED_ACKS),
        ("absent", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (None, ErrorCode.UNKNOWN_TOPIC_ID),
    ],
)
async def test_what_is_unknown_is_found_before_acks(name: str | None, code: ErrorCode) -> None:
    """Only for a partition that is there, acks of 2 is what is wrong."""
    assert send_one(await stub_with(), good(), name, acks=2).error_code == code


async def test_refusal_of_the_log_tells_its_start() -> None:
    """A header that cannot be is found by the log; the message stays with us."""
    stub = await stub_with()
    stub.append("t", 1, 2, 3)
    stub.hosted("t").log.advance_log_start(2)
    result = send_one(stub, good(base_offset=7))
    assert result == ProducePartitionResult(0, ErrorCode.INVALID_RECORD, log_start_offset=2)


async def test_too_few_in_sync_replicas_tell_the_log_start() -> None:
    """NOT_ENOUGH_REPLICAS comes from the log's leader, too, and has no message."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]], min_insync_replicas="2")
    leader = stub.hosted("t").leader
    assert leader is not None
    leader.isr = (1,)
    result = send_one(stub, good())
    assert result == ProducePartitionResult(
        0, ErrorCode.NOT_ENOUGH_REPLICAS, log_start_offset=0
    )


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (corrupt(), ErrorCode.CORRUPT_MESSAGE),
        (good()[:-1], ErrorCode.INVALID_RECORD),
        (None, ErrorCode.INVALID_RECORD),
        (good(value=b"x" * 300), ErrorCode.MESSAGE_TOO_LARGE),
    ],
    ids=["crc", "cut off", "null", "too large"],
)
async def test_refusal_before_the_log_tells_the_code_alone(
    records: memoryview | None, code: ErrorCode
) -> None:
    """No message and no log start offset, as in Kafka."""
    stub = await stub_with(max_message_bytes="200")
    assert send_one(stub, records) == ProducePartitionResult(0, code)


async def test_bytes_that_are_no_batch_get_a_message() -> None:
    """Kafka says what it stumbled over when it cannot even find the batch."""
    result = send_one(await stub_with(), memoryview(b"\xff" * 80))
    assert result.error_code == ErrorCode.CORRUPT_MESSAGE
    assert result.error_message


async def test_bad_records_are_named() -> None:
    """Where single records are to blame, each is named, with a message on the whole."""
    stub = await stub_with(cleanup_policy="compact")
    result = send_one(stub, build_batch([record(key=b"k"), record()]).view)
    assert (result.error_code, result.log_start_offset) == (ErrorCode.INVALID_RECORD, 0)
    assert [index for index, _ in result.record_errors] == [1]
    assert "in topic partition t-0" in str(result.error_message)


async def test_transactional_batch_needs_a_transactional_id() -> None:
    """Without one nobody may write it, and nothing is appended."""
    stub = await stub_with()
    result = send_one(stub, good(transactional=True, producer_id=7, base_sequence=0))
    assert result == ProducePartitionResult(0, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    assert stub.hosted("t").log.log_end_offset == 0


@pytest.mark.parametrize(
    ("compression_type", "sent", "kept"),
    [
        ("producer", Codec.GZIP, Codec.GZIP),
        ("uncompressed", Codec.GZIP, Codec.NONE),
        ("zstd", Codec.NONE, Codec.ZSTD),
        ("lz4", Codec.SNAPPY, Codec.LZ4),
    ],
)
async def test_topic_decides_how_batches_are_compressed(
    compression_type: str, sent: Codec, kept: Codec
) -> None:
    """With compression.type other than `producer`, batches are stored under that codec."""
    stub = await stub_with(compression_type=compression_type)
    result = send_one(stub, good(5, 9, codec=sent, value=b"x" * 100))
    assert result.error_code == 0
    (batch,) = stub.hosted("t").log.batches()
    check_crc(batch)
    assert batch.codec == kept
    assert [each.timestamp_ms for each in decode_records(batch)] == [5, 9]


async def test_batch_that_suits_the_topic_is_stored_as_it_came() -> None:
    """The same codec again costs nothing: not a byte is copied."""
    stub = await stub_with(compression_type="gzip")
    sent = good(codec=Codec.GZIP)
    assert send_one(stub, sent).error_code == 0
    (batch,) = stub.hosted("t").log.batches()
    assert batch.view.obj is sent.obj


async def test_batch_that_grows_too_large_is_refused() -> None:
    """max.message.bytes also holds for what is stored in place of what came."""
    stub = await stub_with(compression_type="uncompressed", max_message_bytes="300")
    result = send_one(stub, good(codec=Codec.GZIP, value=b"x" * 1000))
    assert result == ProducePartitionResult(0, ErrorCode.MESSAGE_TOO_LARGE)


async def test_batch_that_cannot_be_recompressed_is_refused() -> None:
    """Data that is not what its header says cannot be stored under another codec."""
    stub = await stub_with(compression_type="uncompressed")
    broken = bytearray(good(codec=Codec.GZIP))
    broken[HEADER_BYTES:] = bytes(len(broken) - HEADER_BYTES)
    result = send_one(stub, with_crc(broken))
    assert result.error_code == ErrorCode.INVALID_RECORD
    assert stub.hosted("t").log.log_end_offset == 0


def with_crc(data: bytearray) -> memoryview:
    """Return the batch with the CRC that its bytes have now."""
    data[17:21] = crc32c(bytes(data[21:])).to_bytes(4)
    return memoryview(data)


async def test_no_acknowledgement_is_no_answer() -> None:
    """With acks=0 the batch is stored and nothing is said."""
    stub = await stub_with()
    assert send(stub, topic_of("t", (0, good())), acks=0) is None
    assert stub.hosted("t").log.log_end_offset == 1


async def test_refusal_without_acknowledgement_closes_the_connection() -> None:
    """It is the only way left to say that something went wrong."""
    stub = await stub_with()
    with pytest.raises(CloseConnection):
        send(stub, topic_of("t", (0, corrupt())), acks=0)


@pytest.mark.parametrize(
    ("index", "want"),
    [(0, ErrorCode.INVALID_TOPIC_EXCEPTION), (9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)],
)
async def test_brokers_own_topics_are_not_for_clients(index: int, want: ErrorCode) -> None:
    """A record from outside in `__consumer_offsets` would be taken for a group's."""
    stub = BrokerStub(brokers=(1,))
    await stub.create("__consumer_offsets", [[1]])
    response = send(stub, topic_of("__consumer_offsets", (index, good())))
    assert response is not None
    assert response.topics[0].partitions[0].error_code == want
    assert stub.hosted("__consumer_offsets").log.log_end_offset == 0


async def test_a_duplicate_is_answered_with_its_first_place() -> None:
    """Its offset and its timestamp, as Kafka tells them; the log does not grow."""
    stub = await stub_with()
    stub.append("t", 1, 2)
    sent = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0}
    assert send_one(stub, good(77, **sent)).base_offset == 2
    result = send_one(stub, good(77, **sent))
    assert (result.error_code, result.base_offset) == (ErrorCode.NONE, 2)
    assert (result.log_append_time_ms, result.log_start_offset) == (77, 0)
    assert stub.hosted("t").log.log_end_offset == 3


async def test_a_duplicate_waits_for_the_watermark_like_the_first_one() -> None:
    """What one replica may still lose is not acknowledged because it came twice."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    sent = good(producer_id=5, producer_epoch=0, base_sequence=0)
    request = ProduceRequest(None, -1, 1000, [topic_of("t", (0, sent))])
    context = RequestContext(cast("Broker", stub), 12, "test", 1, 0)
    answers = [produce(request, context) for _ in range(2)]
    assert all(isinstance(answer, Deferred) and not answer.done for answer in answers)
    assert stub.hosted("t").log.log_end_offset == 1
    stub.close()


@pytest.mark.parametrize(
    ("epoch", "sequence", "code"),
    [
        (1, 2, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (2, 1, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (0, 1, ErrorCode.INVALID_PRODUCER_EPOCH),
    ],
)
async def test_a_producer_is_told_what_is_wrong_with_its_sequence(
    epoch: int, sequence: int, code: ErrorCode
) -> None:
    """By the code alone, and the log start, as of everything that the log refuses."""
    stub = await stub_with()
    send_one(stub, good(producer_id=5, producer_epoch=1, base_sequence=0))
    batch = good(producer_id=5, producer_epoch=epoch, base_sequence=sequence)
    result = send_one(stub, batch)
    assert result == ProducePartitionResult(0, code, log_start_offset=0)
