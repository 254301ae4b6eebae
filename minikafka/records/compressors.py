"""Compression codecs of record batches.

Used only where record bodies must be read or rewritten: batches pass through the log as they
came. Kafka's snappy is framed the way the Java library xerial does it; gzip, lz4 and zstd are
their standard frames. Counterpart: org.apache.kafka.common.compress. KIP-110 (zstd).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Protocol, TypeAlias, cast

from minikafka.base.errors import ErrorCode, KafkaError

__all__ = ["Codec", "compress", "decompress"]

_Bytes: TypeAlias = bytes | bytearray | memoryview


class Codec(IntEnum):
    """Compression codecs by their numbers in a batch's attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class _Module(Protocol):
    """What is used of each of cramjam's submodules; its own stubs say less."""

    def compress(self, data: _Bytes) -> _Bytes: ...
    def decompress(self, data: _Bytes) -> _Bytes: ...


class _Lz4Compressor(Protocol):
    def compress(self, data: bytes) -> int: ...
    def finish(self) -> _Bytes: ...


class _Lz4(_Module, Protocol):
    def Compressor(  # noqa: N802 - cramjam's name
        self, *, content_checksum: bool, block_linked: bool
    ) -> _Lz4Compressor: ...


class _Snappy(_Module, Protocol):
    def compress_raw(self, data: _Bytes) -> _Bytes: ...
    def decompress_raw(self, data: _Bytes) -> _Bytes: ...


# Magic, version, lowest version able to read it; then blocks of (length i32, raw snappy).
_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK_BYTES = 32 * 1024
_BLOCK_LENGTH = struct.Struct(">i")


def compress(codec: Codec, data: _Bytes) -> bytes:
    """Return `data` compressed the way Kafka's Java clients would."""
    if codec is Codec.NONE:
        return bytes(data)
    if codec is Codec.SNAPPY:
        return _compress_xerial(memoryview(data))
    if codec is Codec.LZ4:
        return _compress_lz4(data)
    return bytes(_module(codec).compress(data))


def decompress(codec: Codec, data: _Bytes) -> memoryview:
    """Return the bytes that were compressed into `data`; with NONE, `data` itself.

    Accepts snappy with and without the xerial frame: clients write both.

    Raises:
        KafkaError: CORRUPT_MESSAGE when `data` is not of that codec.
    """
    if codec is Codec.NONE:
        return memoryview(data)
    try:
        if codec is Codec.SNAPPY:
            return _decompress_snappy(memoryview(data))
        return memoryview(_module(codec).decompress(data))
    except (_decompression_error(), ValueError, struct.error) as error:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE, f"records are not valid {codec.name.lower()}: {error}"
        ) from error


def _module(codec: Codec) -> _Module:
    # cramjam costs several milliseconds to import, and most clusters never look inside a batch.
    import cramjam

    module: _Module = getattr(cramjam, codec.name.lower())
    return module


def _decompression_error() -> type[Exception]:
    import cramjam

    return cramjam.DecompressionError


def _compress_lz4(data: _Bytes) -> bytes:
    # Java's reader refuses frames whose blocks refer to one another.
    lz4 = cast("_Lz4", _module(Codec.LZ4))
    compressor = lz4.Compressor(content_checksum=False, block_linked=False)
    compressor.compress(bytes(data))  # takes nothing else
    return bytes(compressor.finish())


def _compress_xerial(data: memoryview) -> bytes:
    snappy = cast("_Snappy", _module(Codec.SNAPPY))
    parts: list[_Bytes] = [_XERIAL_HEADER]
    for position in range(0, len(data), _XERIAL_BLOCK_BYTES):
        block = bytes(snappy.compress_raw(data[position : position + _XERIAL_BLOCK_BYTES]))
        parts += (_BLOCK_LENGTH.pack(len(block)), block)
    return b"".join(parts)


def _decompress_snappy(data: memoryview) -> memoryview:
    snappy = cast("_Snappy", _module(Codec.SNAPPY))
    if data[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        return memoryview(snappy.decompress_raw(data))
    parts: list[_Bytes] = []
    position = len(_XERIAL_HEADER)
    while position < len(data):
        (length,) = _BLOCK_LENGTH.unpack_from(data, position)
        position += _BLOCK_LENGTH.size
        if not 0 < length <= len(data) - position:
            raise ValueError(f"block of {length} bytes at position {position}")
        parts.append(snappy.decompress_raw(data[position : position + length]))
        position += length
    return memoryview(b"".join(parts))
