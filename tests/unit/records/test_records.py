"""Tests of minikafka.records.records and, as they undo one another, of builder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.records.batch import Batch, check_crc
from minikafka.records.builder import build_batch
from minikafka.records.compressors import Codec
from minikafka.records.records import Record, decode_records
from tests.support.builders import batch_of, record

_bytes = st.none() | st.binary(max_size=40)
_headers = st.lists(st.tuples(st.text(max_size=5), _bytes), max_size=3).map(tuple)
_records = st.lists(
    st.builds(Record, st.just(-1), st.integers(-1, 2**48), _bytes, _bytes, _headers),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize("codec", list(Codec))
@given(records=_records, base_offset=st.integers(0, 2**50))
def test_records_come_back_as_built(
    codec: Codec, records: list[Record], base_offset: int
) -> None:
    """Decoding gives the records that were put in, with dense offsets, for every codec."""
    batch = build_batch(records, base_offset=base_offset, codec=codec)
    check_crc(batch)
    want = [item._replace(offset=offset) for offset, item in enumerate(records, base_offset)]
    assert decode_records(batch) == want


def test_null_and_empty_are_not_the_same() -> None:
    """A missing key or value stays missing, an empty one stays empty."""
    batch = build_batch([record(None, b""), record(b"", None)])
    assert [(item.key, item.value) for item in decode_records(batch)] == [
        (b"", None),
        (None, b""),
    ]


@pytest.mark.parametrize("count", [0, 2, -1, 2**31 - 1])
def test_record_count_that_does_not_fit_is_corrupt(count: int) -> None:
    """The header's count must be exactly what follows."""
    data = bytearray(batch_of(1).view)
    data[57:61] = count.to_bytes(4, signed=True)
    with pytest.raises(KafkaError) as refused:
        decode_records(Batch(memoryview(data)))
    assert refused.value.code is ErrorCode.CORRUPT_MESSAGE


def test_unknown_codec_is_refused() -> None:
    """Codecs 5 to 7 do not exist."""
    batch = batch_of(1)
    batch.attributes |= 5
    with pytest.raises(KafkaError) as refused:
        decode_records(batch)
    assert refused.value.code is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
