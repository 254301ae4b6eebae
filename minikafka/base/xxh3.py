"""XXH3, the hash by which Kafka tells whether the topics of a group have changed.

64 bits, seed 0, the algorithm's own secret. Written after its specification; knows nothing of what
is hashed. Counterpart: Hashing.xxh3_64 of hash4j, which Kafka 4.1 uses (KIP-1101).
"""

from __future__ import annotations

import struct

__all__ = ["xxh3_64"]

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_P32_1, _P32_2, _P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
_P64_1, _P64_2, _P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P64_4, _P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MX1, _MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_STRIPE_BYTES = 64
_STRIPES_PER_BLOCK = 16
_BLOCK_BYTES = _STRIPE_BYTES * _STRIPES_PER_BLOCK


def xxh3_64(data: bytes) -> int:
    """Return the hash of `data` as a number from 0 to 2**64 - 1.

    >>> hex(xxh3_64(b""))
    '0x2d06800538d394c2'
    """
    size = len(data)
    if size <= 16:
        return _upto_16(data)
    if size <= 128:
        return _upto_128(data)
    return _upto_240(data) if size <= 240 else _long(data)


def _read32(data: bytes, at: int) -> int:
    value: int = _U32.unpack_from(data, at)[0]
    return value


def _read64(data: bytes, at: int) -> int:
    value: int = _U64.unpack_from(data, at)[0]
    return value


def _fold(left: int, right: int) -> int:
    """Multiply to 128 bits, and lay the halves over each other."""
    product = left * right
    return (product & _MASK) ^ (product >> 64)


def _avalanche(value: int) -> int:
    value ^= value >> 37
    value = value * _MX1 & _MASK
    return value ^ (value >> 32)


def _old_avalanche(value: int) -> int:
    value ^= value >> 33
    value = value * _P64_2 & _MASK
    value ^= value >> 29
    value = value * _P64_3 & _MASK
    return value ^ (value >> 32)


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _flip(at: int) -> int:
    return _read64(_SECRET, at) ^ _read64(_SECRET, at + 8)


def _upto_16(data: bytes) -> int:
    size = len(data)
    if size > 8:
        low = _read64(data, 0) ^ _flip(24)
        high = _read64(data, size - 8) ^ _flip(40)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return _avalanche((size + swapped + high + _fold(low, high)) & _MASK)
    if size > 3:
        value = (_read32(data, size - 4) + (_read32(data, 0) << 32)) ^ _flip(8)
        value ^= _rotated(value, 49) ^ _rotated(value, 24)
        value = value * _MX2 & _MASK
        value ^= (value >> 35) + size
        value = value * _MX2 & _MASK
        return value ^ (value >> 28)
    if size:
        first, middle, last = data[0], data[size >> 1], data[-1]
        value = first << 16 | middle << 24 | last | size << 8
        return _old_avalanche(value ^ _read32(_SECRET, 0) ^ _read32(_SECRET, 4))
    return _old_avalanche(_flip(56))


def _mix(data: bytes, at: int, secret_at: int) -> int:
    return _fold(
        _read64(data, at) ^ _read64(_SECRET, secret_at),
        _read64(data, at + 8) ^ _read64(_SECRET, secret_at + 8),
    )


def _upto_128(data: bytes) -> int:
    size = len(data)
    total = size * _P64_1
    for turn in range((size - 1) // 32, -1, -1):
        total += _mix(data, 16 * turn, 32 * turn)
        total += _mix(data, size - 16 * (turn + 1), 32 * turn + 16)
    return _avalanche(total & _MASK)


def _upto_240(data: bytes) -> int:
    size = len(data)
    total = size * _P64_1
    for turn in range(8):
        total += _mix(data, 16 * turn, 16 * turn)
    total = _avalanche(total & _MASK)
    for turn in range(8, size // 16):
        total += _mix(data, 16 * turn, 16 * (turn - 8) + 3)
    total += _mix(data, size - 16, 119)
    return _avalanche(total & _MASK)


def _long(data: bytes) -> int:
    size = len(data)
    lanes = [_P32_3, _P64_1, _P64_2, _P64_3, _P64_4, _P32_2, _P64_5, _P32_1]
    blocks = (size - 1) // _BLOCK_BYTES
    for block in range(blocks):
        start = block * _BLOCK_BYTES
        for stripe in range(_STRIPES_PER_BLOCK):
            _accumulate(lanes, data, start + stripe * _STRIPE_BYTES, 8 * stripe)
        _scramble(lanes)
    start = blocks * _BLOCK_BYTES
    for stripe in range((size - 1 - start) // _STRIPE_BYTES):
        _accumulate(lanes, data, start + stripe * _STRIPE_BYTES, 8 * stripe)
    _accumulate(lanes, data, size - _STRIPE_BYTES, 121)
    total = size * _P64_1
    for pair in range(4):
        total += _fold(
            lanes[2 * pair] ^ _read64(_SECRET, 11 + 16 * pair),
            lanes[2 * pair + 1] ^ _read64(_SECRET, 19 + 16 * pair),
        )
    return _avalanche(total & _MASK)


def _accumulate(lanes: list[int], data: bytes, at: int, secret_at: int) -> None:
    for lane in range(8):
        value = _read64(data, at + 8 * lane)
        keyed = value ^ _read64(_SECRET, secret_at + 8 * lane)
        lanes[lane ^ 1] = (lanes[lane ^ 1] + value) & _MASK
        lanes[lane] = (lanes[lane] + (keyed & 0xFFFF_FFFF) * (keyed >> 32)) & _MASK


def _scramble(lanes: list[int]) -> None:
    for lane in range(8):
        value = lanes[lane]
        value ^= value >> 47
        value ^= _read64(_SECRET, 128 + 8 * lane)
        lanes[lane] = value * _P32_1 & _MASK
