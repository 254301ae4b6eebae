"""What the writers refuse; `test_codec` shows that they write the schema library's bytes."""

from __future__ import annotations

import pytest

from minikafka.wire.schemas import response_class
from minikafka.wire.shapes import build_request, build_response
from minikafka.wire.struct_writer import struct_writer
from minikafka.wire.versions import ApiKey


def test_null_string_is_refused_where_the_schema_has_none() -> None:
    """A handler that forgets a name hears of it, instead of sending an answer nobody can read."""
    entity = build_request(ApiKey.CREATE_TOPICS, 7, {"topics": [{"name": None}]})
    with pytest.raises(TypeError, match="name"):
        struct_writer(type(entity))(bytearray(), entity)


@pytest.mark.parametrize("version", [0, 13])
def test_null_array_is_refused_where_the_schema_has_none(version: int) -> None:
    """Brokers in a Metadata response are a list, at worst an empty one."""
    struct = response_class(ApiKey.METADATA, version)
    entity = build_response(ApiKey.METADATA, version, {})
    object.__setattr__(entity, "brokers", None)
    with pytest.raises(TypeError, match="array"):
        struct_writer(struct)(bytearray(), entity)
