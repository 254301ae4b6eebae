"""A raw, synchronous Kafka client: one socket, one request at a time, any version.

Requests are built version-neutrally from keywords and answers come back as kio entities;
bytes that no schema would write can be sent as they are. Knows nothing about the server at
the other end, so that both servers of a comparison get exactly the same bytes.

Kafka counterpart: none; `kafka.server.IntegrationTestUtils` is the nearest.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import io
import socket
import struct
import typing
from types import NoneType, TracebackType, UnionType
from typing import Any, Self, Union, get_args, get_origin

from kio.index import load_request_schema, load_response_schema
from kio.schema.index import api_key_map, schema_name_map
from kio.serial import entity_reader, entity_writer
from kio.static.constants import EntityType

__all__ = [
    "ConnectionClosedError",
    "NoAnswerError",
    "RawClient",
    "UndecodableAnswerError",
    "build",
    "decode_response",
    "encode_request",
    "frame",
]

CLIENT_ID = "conformance"


class ConnectionClosedError(Exception):
    """The server closed the connection instead of answering."""


class NoAnswerError(Exception):
    """The server kept the connection open and said nothing until the time was up."""


class UndecodableAnswerError(Exception):
    """The answer does not follow the schema of the version that was asked for."""


def frame(payload: bytes) -> bytes:
    """Return the payload behind its four-byte length."""
    return struct.pack(">i", len(payload)) + payload


@functools.cache
def _known_names(api_key: int) -> frozenset[str]:
    """Return every field name that any version of this API's request has."""
    names: set[str] = set()

    def collect(cls: type) -> None:
        for field in dataclasses.fields(cls):
            names.add(field.name)
            inner = _nested(typing.get_type_hints(cls)[field.name])
            if inner is not None:
                collect(inner)

    for version, entities in schema_name_map[api_key_map[api_key]].items():
        if EntityType.request in entities:
            collect(load_request_schema(api_key, version))
    return frozenset(names)


def _strip_none(hint: Any) -> Any:
    if get_origin(hint) in {Union, UnionType}:
        return next(each for each in get_args(hint) if each is not NoneType)
    return hint


def _nested(hint: Any) -> type | None:
    """Return the entity class inside a field's type, through tuples, or None."""
    hint = _strip_none(hint)
    if get_origin(hint) is tuple:
        hint = _strip_none(get_args(hint)[0])
    return hint if dataclasses.is_dataclass(hint) and isinstance(hint, type) else None


def _implicit(hint: Any) -> Any:
    """Return Kafka's own default for a field without one: zero, empty or null."""
    if get_origin(hint) in {Union, UnionType}:
        return None
    if get_origin(hint) is tuple:
        return ()
    inner = _nested(hint)
    if inner is not None:
        return _fill(inner, {})
    base = getattr(hint, "__supertype__", hint)
    for kind, value in ((str, ""), (bytes, b""), (bool, False)):
        if isinstance(base, type) and issubclass(base, kind):
            return value
    return 0


def _convert(value: Any, hint: Any, kafka_type: str | None) -> Any:
    inner = _nested(hint)
    if value is None:
        return None
    if kafka_type is not None and kafka_type.startswith("timedelta"):
        return datetime.timedelta(milliseconds=value)
    if get_origin(_strip_none(hint)) is tuple:
        return tuple(each if inner is None else _fill(inner, each) for each in value)
    return value if inner is None else _fill(inner, value)


def _fill(cls: type, given: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        kafka_type = field.metadata.get("kafka_type")
        if field.name in given:
            values[field.name] = _convert(given[field.name], hints[field.name], kafka_type)
        elif field.default is dataclasses.MISSING:
            implicit = _implicit(hints[field.name])
            values[field.name] = _convert(implicit, hints[field.name], kafka_type)
    return cls(**values)


def _check_names(api_key: int, given: Any) -> None:
    """Raise ValueError for a keyword that no version of the API has: a typing mistake."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name not in _known_names(api_key):
                raise ValueError(f"{api_key_map[api_key]} has no field {name!r}")
            _check_names(api_key, value)
    elif isinstance(given, (list, tuple)):
        for each in given:
            _check_names(api_key, each)


def build(api_key: int, version: int, **fields: Any) -> Any:
    """Return the request entity of this version, from the fullest set of keywords.

    Nested structures are dicts, arrays lists, durations milliseconds. What the version
    lacks is dropped; what it has and is not given gets Kafka's default.

    Raises:
        ValueError: no version of this API has a field of that name.
    """
    _check_names(api_key, fields)
    return _fill(load_request_schema(api_key, version), fields)


def encode_request(
    request: Any, correlation_id: int = 1, client_id: str | None = CLIENT_ID
) -> bytes:
    """Return header and body, without the length in front."""
    header_type = type(request).__header_schema__
    names = {field.name for field in dataclasses.fields(header_type)}
    header = {
        "request_api_key": type(request).__api_key__,
        "request_api_version": type(request).__version__,
        "correlation_id": correlation_id,
        "client_id": client_id,
    }
    buffer = io.BytesIO()
    fields = {name: value for name, value in header.items() if name in names}
    entity_writer(header_type)(buffer, header_type(**fields))
    entity_writer(type(request))(buffer, request)
    return buffer.getvalue()


def decode_response(api_key: int, version: int, payload: bytes) -> Any:
    """Return the response entity held in a payload (header and body).

    Raises:
        UndecodableAnswerError: the bytes do not fit the schema, or some are left over.
    """
    cls = load_response_schema(api_key, version)
    try:
        _, size = entity_reader(cls.__header_schema__)(payload, 0)
        entity, body_size = entity_reader(cls)(payload, size)
    except Exception as error:
        raise UndecodableAnswerError(f"{error!r}: {payload.hex()}") from error
    if size + body_size != len(payload):
        raise UndecodableAnswerError(f"{len(payload) - size - body_size} bytes left over")
    return entity


class RawClient:
    """One connection. A context manager; not safe for use by several threads.

    Args:
        host: address of the broker.
        port: its port.
        timeout_s: longest wait for an answer, in seconds.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 15.0) -> None:
        self._socket = socket.create_connection((host, port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation_id = 0

    @classmethod
    def to(cls, bootstrap_servers: str, timeout_s: float = 15.0) -> Self:
        """Connect to the first address of a bootstrap line."""
        host, _, port = bootstrap_servers.split(",")[0].rpartition(":")
        return cls(host, int(port), timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, api_key: int, version: int, **fields: Any) -> Any:
        """Send one request and return the decoded answer.

        Raises:
            ConnectionClosedError: no answer, the connection is gone.
            UndecodableAnswerError: the answer does not follow its schema.
        """
        self._correlation_id += 1
        request = build(api_key, version, **fields)
        payload = self.exchange(encode_request(request, self._correlation_id))
        answered = struct.unpack_from(">i", payload)[0]
        if answered != self._correlation_id:
            raise UndecodableAnswerError(f"correlation id {answered}")
        return decode_response(api_key, version, payload)

    def exchange(self, payload: bytes) -> bytes:
        """Send a payload behind its length, return the payload that comes back."""
        self.write(frame(payload))
        return self.read()

    def write(self, data: bytes) -> None:
        """Send bytes as they are, with no length in front."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionClosedError from error

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise ConnectionClosedError from error

    def read(self) -> bytes:
        """Return the next payload the server sends, without its length."""
        return self._read_exactly(struct.unpack(">i", self._read_exactly(4))[0])

    def _read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                chunk = self._socket.recv(size - len(data))
            except TimeoutError as error:
                raise NoAnswerError from error
            except OSError as error:
                raise ConnectionClosedError from error
            if not chunk:
                raise ConnectionClosedError
            data += chunk
        return bytes(data)
