"""The readers refuse what the schema library would stumble over; `test_codec` shows that they agree with it."""

from __future__ import annotations

import pytest

from minikafka.wire.framing import FrameError
from minikafka.wire.schemas import EntityClass, request_class, response_class
from minikafka.wire.struct_reader import struct_reader
from minikafka.wire.versions import ApiKey
from tests.unit.wire.entities import frame_of

METADATA_1 = request_class(ApiKey.METADATA, 1)
METADATA_12 = request_class(ApiKey.METADATA, 12)


@pytest.mark.parametrize(
    ("struct", "body"),
    [
        (METADATA_12, b"\xff\xff\xff\xff\x07\0\0\0"),
        (METADATA_12, b"\x09" + b"\0" * 7),
        (METADATA_1, b"\x7f\xff\xff\xff\0\0"),
    ],
)
def test_array_longer_than_the_frame_is_refused(struct: EntityClass, body: bytes) -> None:
    """An array cannot have more elements than there are bytes left, as in Kafka."""
    with pytest.raises(FrameError, match="array of"):
        struct_reader(struct)(frame_of(body), 0)


@pytest.mark.parametrize(
    ("api_key", "version", "body"),
    [
        (ApiKey.METADATA, 0, b"\xff\xff\xff\xff"),
        (ApiKey.METADATA, 1, b"\0\0\0\1\xff\xff"),
        (ApiKey.METADATA, 9, b"\2\0\0\0\0\0\0"),
        (ApiKey.DELETE_TOPICS, 4, b"\0\0\0\0\0\0"),
    ],
)
def test_null_is_refused_where_the_schema_has_none(
    api_key: int, version: int, body: bytes
) -> None:
    """A null array or string in a field that may not be null is malformed."""
    with pytest.raises(FrameError, match="null"):
        struct_reader(request_class(api_key, version))(frame_of(body), 0)


def test_unknown_tagged_fields_are_skipped() -> None:
    """A message of the future is read as far as it is known (KIP-482)."""
    body = b"\0\1\0" + b"\2\x05\3abc\xff\x01\0"
    request, end = struct_reader(METADATA_12)(frame_of(body), 0)
    assert end == len(body)
    assert (request.topics, request.allow_auto_topic_creation) == (None, True)


def test_unknown_error_code_is_malformed() -> None:
    """A response with an error code that nobody knows is refused, not passed on."""
    body = b"\x7f\xff\0\0\0\0"
    with pytest.raises(FrameError, match="32767"):
        struct_reader(response_class(ApiKey.API_VERSIONS, 0))(frame_of(body), 0)


def test_string_above_the_protocols_limit_is_malformed() -> None:
    """No string may have more than 32,767 bytes, in compact form neither."""
    reader = struct_reader(request_class(ApiKey.API_VERSIONS, 3))
    longest = b"x" * 32_767
    request, _ = reader(frame_of(b"\x80\x80\x02" + longest + b"\1\0"), 0)
    assert len(request.client_software_name) == 32_767
    with pytest.raises(FrameError, match="32768"):
        reader(frame_of(b"\x81\x80\x02" + longest + b"x\1\0"), 0)
