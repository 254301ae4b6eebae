"""Record batches as bytes: good ones, spoilt ones and the message sets of old.

Written apart from the code under test, so that both servers of a comparison are fed by a
third hand. Knows the wire format only.

Kafka counterpart: `DefaultRecordBatch` (magic 2, KIP-98), `LegacyRecord` (magic 0 and 1).
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cramjam
import crc32c

__all__ = ["FIRST_TIMESTAMP", "batch", "describe", "message_set", "patched", "spoilt_crc"]

# 2024-01-01T00:00:00Z in milliseconds: within Kafka's default bounds for a produced record.
FIRST_TIMESTAMP: Final = 1_704_067_200_000
HEADER: Final = struct.Struct(">qiibIhiqqqhii")
AFTER_CRC: Final = 21
CODECS: Final = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}

Pair = tuple[bytes | None, bytes | None]


def _varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value & ~0x7F:
        out.append((value & 0x7F) | 0x80)
        value = (value >> 7) & (2**57 - 1)
    out.append(value)
    return bytes(out)


def _sized(data: bytes | None) -> bytes:
    return _varint(-1) if data is None else _varint(len(data)) + data


def _record(delta: int, timestamp_delta: int, pair: Pair, headers: Sequence[Pair]) -> bytes:
    body = b"\0" + _varint(timestamp_delta) + _varint(delta) + _sized(pair[0]) + _sized(pair[1])
    body += _varint(len(headers)) + b"".join(_sized(k) + _sized(v) for k, v in headers)
    return _varint(len(body)) + body


def _xerial(data: bytes) -> bytes:
    block = bytes(cramjam.snappy.compress_raw(data))
    return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(block)) + block


def _compress(codec: int, data: bytes) -> bytes:
    if codec == 1:
        return gzip.compress(data, mtime=0)
    if codec == 2:
        return _xerial(data)
    if codec == 3:
        lz4 = cramjam.lz4.Compressor(block_linked=False)  # Kafka reads no linked blocks
        lz4.compress(data)
        return bytes(lz4.finish())
    if codec == 4:
        return bytes(cramjam.zstd.compress(data))
    return data


def batch(
    *pairs: Pair | bytes,
    base_offset: int = 0,
    timestamps: Sequence[int] | None = None,
    codec: int = 0,
    attributes: int = 0,
    producer: tuple[int, int, int] = (-1, -1, -1),
    leader_epoch: int = -1,
    headers: Sequence[Pair] = (),
    count: int | None = None,
    last_offset_delta: int | None = None,
) -> bytes:
    """Return one record batch of magic 2.

    Args:
        pairs: a record each: (key, value), or the value alone.
        base_offset: what a producer leaves at 0; the broker writes the real one.
        timestamps: of each record, milliseconds; by default one second apart.
        codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        attributes: further attribute bits (0x08 log append time, 0x10 transactional,
            0x20 control).
        producer: producer id, producer epoch, base sequence.
        leader_epoch: what a producer leaves at -1.
        headers: the headers of every record.
        count: record count to write in place of the true one.
        last_offset_delta: delta to write in place of the true one.
    """
    stamps = timestamps or [FIRST_TIMESTAMP + 1000 * at for at in range(len(pairs))]
    records = b"".join(
        _record(at, stamps[at] - stamps[0], (None, p) if isinstance(p, bytes) else p, headers)
        for at, p in enumerate(pairs)
    )
    body = HEADER.pack(
        0, 0, 0, 0, 0,
        codec | attributes,
        len(pairs) - 1 if last_offset_delta is None else last_offset_delta,
        stamps[0] if stamps else -1,
        max(stamps) if stamps else -1,
        *producer,
        len(pairs) if count is None else count,
    )[AFTER_CRC:] + _compress(codec, records)  # fmt: skip
    head = struct.pack(">qiib", base_offset, len(body) + 9, leader_epoch, 2)
    return head + struct.pack(">I", crc32c.crc32c(body)) + body


def spoilt_crc(data: bytes) -> bytes:
    """Return the batch with its last byte turned over, so that the CRC no longer fits."""
    return data[:-1] + bytes([data[-1] ^ 0xFF])


def patched(data: bytes, at: int, new: bytes, *, crc: bool = True) -> bytes:
    """Return the batch with bytes replaced at a position, and by default a CRC that fits."""
    out = bytearray(data)
    out[at : at + len(new)] = new
    if crc:
        out[17:21] = struct.pack(">I", crc32c.crc32c(bytes(out[21:])))
    return bytes(out)


def message_set(magic: int, *values: bytes) -> bytes:
    """Return a message set of magic 0 or 1, one uncompressed message per value."""
    out = b""
    for at, value in enumerate(values):
        stamp = b"" if magic == 0 else struct.pack(">q", FIRST_TIMESTAMP)
        body = struct.pack(">bb", magic, 0) + stamp
        body += struct.pack(">i", -1) + struct.pack(">i", len(value)) + value
        message = struct.pack(">I", zlib.crc32(body)) + body
        out += struct.pack(">qi", at, len(message)) + message
    return out


@dataclass(frozen=True)
class _Header:
    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int


def describe(data: bytes) -> list[str]:
    """Return one line for each batch in fetched records, and one for a cut-off rest."""
    lines = []
    at = 0
    while at + HEADER.size <= len(data):
        head = _Header(*HEADER.unpack_from(data, at))
        end = at + 12 + head.length
        if end > len(data):
            break
        good = crc32c.crc32c(data[at + AFTER_CRC : end]) == head.crc
        lines.append(
            f"batch {head.base_offset}+{head.last_offset_delta} epoch={head.leader_epoch} "
            f"magic={head.magic} attributes={head.attributes:#x} count={head.count} "
            f"times={head.base_timestamp}..{head.max_timestamp} "
            f"producer={head.producer_id}/{head.producer_epoch}/{head.base_sequence} "
            f"bytes={end - at} crc={'good' if good else 'bad'} {head.crc:08x}"
        )
        at = end
    if at < len(data):
        lines.append(f"rest of {len(data) - at} bytes")
    return lines
