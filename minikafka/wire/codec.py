"""Frames to requests and responses, and back.

A frame here is what follows the four bytes of length. Produce and Fetch come out as the
classes of `produce` and `fetch`, all others as the schema library's entities. Knows neither
sockets nor handlers. Counterpart: RequestHeader, RequestContext, ResponseHeader. KIP-482,
KIP-511.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

from minikafka.wire.fetch_codec import decode_fetch_request, encode_fetch_request
from minikafka.wire.fetch_response_codec import decode_fetch_response, encode_fetch_response
from minikafka.wire.framing import LENGTH_BYTES, FrameError, UnsupportedVersion
from minikafka.wire.primitives import Buffer, legacy_string, skip_tagged_fields
from minikafka.wire.produce_codec import (
    decode_produce_request,
    decode_produce_response,
    encode_produce_request,
    encode_produce_response,
)
from minikafka.wire.schemas import EntityClass, request_class, response_class
from minikafka.wire.struct_reader import struct_reader
from minikafka.wire.struct_writer import struct_writer
from minikafka.wire.versions import (
    SERVED,
    ApiKey,
    request_is_flexible,
    response_header_is_flexible,
)

__all__ = [
    "RequestHeader",
    "decode_header",
    "decode_request",
    "decode_response",
    "encode_request",
    "encode_response",
    "preload",
]

# What reading malformed bytes raises, besides FrameError itself: past the end, no UTF-8,
# a date out of range.
_MALFORMED = (IndexError, struct.error, ValueError, OverflowError)

_REQUEST_HEAD = Struct(">hhih")
_REQUEST_START = Struct(">ihhi")
_RESPONSE_START = Struct(">ii")
_FLEXIBLE_RESPONSE_START = Struct(">iib")
_CORRELATION_ID = Struct(">i")

_Decode: TypeAlias = Callable[[int, memoryview, int], tuple[Any, int]]
_Encode: TypeAlias = Callable[[int, Any], list[Buffer]]

_NEVER = 1 << 15  # no version of 16 bits
# As `response_header_is_flexible` says it, which is asked for each answer.
_FLEXIBLE_ANSWERS_FROM: dict[int, int] = {
    key: row.flexible_from if response_header_is_flexible(key, row.flexible_from) else _NEVER
    for key, row in SERVED.items()
}
_REQUEST_DECODERS: dict[int, _Decode] = {
    ApiKey.PRODUCE: decode_produce_request,
    ApiKey.FETCH: decode_fetch_request,
}
_REQUEST_ENCODERS: dict[int, _Encode] = {
    ApiKey.PRODUCE: encode_produce_request,
    ApiKey.FETCH: encode_fetch_request,
}
_RESPONSE_DECODERS: dict[int, _Decode] = {
    ApiKey.PRODUCE: decode_produce_response,
    ApiKey.FETCH: decode_fetch_response,
}
_RESPONSE_ENCODERS: dict[int, _Encode] = {
    ApiKey.PRODUCE: encode_produce_response,
    ApiKey.FETCH: encode_fetch_response,
}


class RequestHeader(NamedTuple):
    """What stands before every request."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    # Where in the frame the body starts.
    body_position: int


def decode_header(frame: memoryview) -> RequestHeader:
    """Read the header of a request.

    The version may be one that is not served: a client that asks ApiVersions in a version
    of the future still gets an answer, for which its correlation id is needed.

    Raises:
        UnsupportedVersion: the API is not in the table of versions.
        FrameError: the header is malformed.
    """
    try:
        api_key, api_version, correlation_id, size = _REQUEST_HEAD.unpack_from(frame)
        row = SERVED.get(api_key)
        if row is None:
            raise UnsupportedVersion(f"api key {api_key} is not served")
        position = 10
        client_id = None
        if size >= 0:
            position += size
            client_id = str(frame[10:position], "utf-8", "replace")
        if api_version >= row.flexible_from:
            if frame[position]:
                _, position = skip_tagged_fields(frame, position)
            else:
                position += 1
    except _MALFORMED as error:
        raise FrameError(f"malformed request header: {error}") from error
    if position > len(frame):
        raise _too_short(frame, position, "request header")
    return RequestHeader(api_key, api_version, correlation_id, client_id, position)


def decode_request(api_key: int, version: int, frame: memoryview, position: int) -> Any:
    """Read the body of a request; bytes behind it are ignored, as Kafka ignores them.

    Args:
        api_key: from the header, like `version`.
        version: a version outside the table is refused here.
        frame: stays in use: the records of a Produce request are spans of it.
        position: `RequestHeader.body_position`.

    Raises:
        UnsupportedVersion: this version is not served.
        FrameError: the body is malformed.
    """
    row = SERVED.get(api_key)
    if row is None or not row.min <= version <= row.max:
        raise UnsupportedVersion(f"api key {api_key} version {version} is not served")
    decode = _REQUEST_DECODERS.get(api_key)
    try:
        if decode is not None:
            request, end = decode(version, frame, position)
        else:
            request, end = struct_reader(request_class(api_key, version))(frame, position)
    except _MALFORMED as error:
        raise FrameError(f"malformed request {api_key} version {version}: {error}") from error
    if end > len(frame):
        raise _too_short(frame, end, f"request {api_key} version {version}")
    return request


def decode_response(api_key: int, version: int, frame: memoryview) -> tuple[int, Any]:
    """Read a whole response; return its correlation id and its body.

    Raises:
        UnsupportedVersion: there is no such API or version.
        FrameError: the response is malformed.
    """
    row = SERVED.get(api_key)
    if row is None or not row.min <= version <= row.max:
        raise UnsupportedVersion(f"api key {api_key} version {version} is not served")
    decode = _RESPONSE_DECODERS.get(api_key)
    try:
        (correlation_id,) = _CORRELATION_ID.unpack_from(frame)
        position = 4
        if version >= _FLEXIBLE_ANSWERS_FROM[api_key]:
            if frame[4]:
                _, position = skip_tagged_fields(frame, position)
            else:
                position = 5
        if decode is not None:
            response, end = decode(version, frame, position)
        else:
            response, end = struct_reader(response_class(api_key, version))(frame, position)
    except _MALFORMED as error:
        raise FrameError(f"malformed response {api_key} version {version}: {error}") from error
    if end > len(frame):
        raise _too_short(frame, end, f"response {api_key} version {version}")
    return correlation_id, response


def _too_short(frame: memoryview, end: int, what: str) -> FrameError:
    # Slices that reach past the end of the frame come out short instead of raising.
    return FrameError(f"{what} ends {end - len(frame)} bytes behind its frame")


def encode_response(
    api_key: int, version: int, correlation_id: int, response: Any
) -> list[Buffer]:
    """Return the bytes of a response, its length before it, as what to send in turn.

    Stored batches in a Fetch response are handed on as views, not copied.
    """
    encode = _RESPONSE_ENCODERS.get(api_key)
    if encode is not None:
        body = encode(version, response)
    else:
        body = _encode_entity(response_class(api_key, version), response)
    size = len(body[0]) if len(body) == 1 else sum(map(len, body))
    if version >= _FLEXIBLE_ANSWERS_FROM[api_key]:
        start = _FLEXIBLE_RESPONSE_START.pack(size + 5, correlation_id, 0)
    else:
        start = _RESPONSE_START.pack(size + 4, correlation_id)
    return _headed(start, body)


def encode_request(
    api_key: int, version: int, correlation_id: int, client_id: str | None, request: Any
) -> list[Buffer]:
    """Return the bytes of a request, its length before it, as what to send in turn."""
    encode = _REQUEST_ENCODERS.get(api_key)
    if encode is not None:
        body = encode(version, request)
    else:
        body = _encode_entity(request_class(api_key, version), request)
    client = _client(client_id, request_is_flexible(api_key, version))
    size = _REQUEST_START.size - LENGTH_BYTES + len(client) + sum(map(len, body))
    return _headed(_REQUEST_START.pack(size, api_key, version, correlation_id) + client, body)


@lru_cache(maxsize=64)
def _client(client_id: str | None, flexible: bool) -> bytes:
    # The end of a header, the same in all requests of one who asks.
    return legacy_string(client_id) + (b"\0" if flexible else b"")


def _encode_entity(schema: EntityClass, entity: Any) -> list[Buffer]:
    # An entity of another version would be written without complaint where fields coincide.
    assert isinstance(entity, schema), f"{type(entity)} is not {schema}"
    out = bytearray()
    struct_writer(schema)(out, entity)
    return [out]


def _headed(start: bytes, body: list[Buffer]) -> list[Buffer]:
    if len(body) == 1:
        return [start + body[0]]
    body.insert(0, start)
    return body


def preload(versions: Iterable[tuple[int, int]]) -> None:
    """Load the schemas of these (api key, version) pairs, which else happens on first use."""
    for api_key, version in versions:
        if api_key not in _REQUEST_DECODERS:
            struct_reader(request_class(api_key, version))
            struct_writer(response_class(api_key, version))
