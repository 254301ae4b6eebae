"""The writers produce the schema library's bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.wire.schemas import request_class, response_class
from minikafka.wire.shapes import build_request, build_response
from minikafka.wire.struct_writer import struct_writer
from minikafka.wire.versions import ApiKey
from tests.unit.wire.entities import EVERY_API, PER_API, entities, versions, written


@EVERY_API
@PER_API
@given(data=st.data())
def test_writer_equals_schema_library(api_key: int, data: st.DataObject) -> None:
    """Any entity has the same bytes by both writers."""
    version = data.draw(versions(api_key))
    for struct in (request_class(api_key, version), response_class(api_key, version)):
        entity = data.draw(entities(struct))
        out = bytearray(b"before")
        struct_writer(struct)(out, entity)
        assert bytes(out) == b"before" + written(entity)


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
