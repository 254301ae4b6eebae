"""What is read out of the schema library's classes."""

from __future__ import annotations

import pytest

from minikafka.wire.framing import UnsupportedVersion
from minikafka.wire.schemas import (
    NO_DEFAULT,
    field_names,
    request_class,
    response_class,
    schema_fields,
)
from minikafka.wire.versions import ApiKey


@pytest.mark.parametrize("load", [request_class, response_class])
@pytest.mark.parametrize(("api_key", "version"), [(3, 99), (999, 0), (0, 2)])
def test_missing_schema_is_an_unsupported_version(load, api_key, version) -> None:  # type: ignore[no-untyped-def]
    """No error of the schema library itself leaves this module."""
    with pytest.raises(UnsupportedVersion):
        load(api_key, version)


def test_fields_are_described_in_wire_order() -> None:
    """Type, nullability, tag and default come out of the class."""
    replica_epochs, topics, *_ = schema_fields(request_class(ApiKey.FETCH, 4))
    assert (replica_epochs.name, replica_epochs.kafka_type) == ("replica_id", "int32")
    assert (replica_epochs.default, topics.default) == (-1, NO_DEFAULT)
    cluster_id = schema_fields(request_class(ApiKey.FETCH, 12))[0]
    assert (cluster_id.name, cluster_id.tag, cluster_id.nullable) == ("cluster_id", 0, True)


def test_nullable_array_of_structs_is_both() -> None:
    """An array may be null while its elements may not."""
    topics = schema_fields(request_class(ApiKey.METADATA, 12))[0]
    assert (topics.is_array, topics.nullable, topics.kafka_type) == (True, True, None)
    assert field_names(topics.struct) == {"topic_id", "name"}
