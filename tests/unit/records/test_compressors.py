"""Tests of minikafka.records.compressors."""

from __future__ import annotations

import gzip
import struct

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.records.compressors import Codec, compress, decompress

CODECS = list(Codec)


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.binary(max_size=2_000))
def test_what_is_compressed_comes_back(codec: Codec, data: bytes) -> None:
    """Decompression undoes compression, for any bytes."""
    assert bytes(decompress(codec, compress(codec, data))) == data


@pytest.mark.parametrize("codec", CODECS)
def test_large_data_comes_back(codec: Codec) -> None:
    """Data of many blocks survives as well."""
    data = bytes(range(256)) * 1_000
    assert bytes(decompress(codec, compress(codec, data))) == data


def test_raw_snappy_is_read_too() -> None:
    """Some clients leave the xerial frame out."""
    assert (
        bytes(decompress(Codec.SNAPPY, cramjam.snappy.compress_raw(b"abc" * 50))) == b"abc" * 50
    )


def test_snappy_is_written_in_blocks_with_the_xerial_header() -> None:
    """Java's reader wants magic, version and lowest version, then length and block."""
    data = compress(Codec.SNAPPY, b"a" * 40_000)
    assert data[:16] == b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    (length,) = struct.unpack_from(">i", data, 16)
    assert len(bytes(cramjam.snappy.decompress_raw(data[20 : 20 + length]))) == 32 * 1024


def test_lz4_blocks_are_independent() -> None:
    """Java's reader refuses blocks that refer to one another."""
    flags = compress(Codec.LZ4, b"abc" * 50)[4]
    assert flags & 0x20


def test_gzip_is_standard() -> None:
    """Anybody's gzip can read it."""
    assert gzip.decompress(compress(Codec.GZIP, b"abc")) == b"abc"


@pytest.mark.parametrize("codec", CODECS[1:])
@given(data=st.binary(min_size=1, max_size=100))
def test_bytes_of_no_codec_are_corrupt(codec: Codec, data: bytes) -> None:
    """Whatever does not decompress is CORRUPT_MESSAGE and nothing else."""
    code = None
    try:
        decompress(codec, data)
    except KafkaError as error:
        code = error.code
    assert code in (None, ErrorCode.CORRUPT_MESSAGE)


@pytest.mark.parametrize("length", [-1, 0, 1_000])
def test_xerial_block_of_impossible_length_is_corrupt(length: int) -> None:
    """A block's length must fit into what is there."""
    data = compress(Codec.SNAPPY, b"")[:16] + struct.pack(">i", length) + b"abc"
    with pytest.raises(KafkaError, match="CORRUPT_MESSAGE"):
        decompress(Codec.SNAPPY, data)
