"""Records as lines."""

from __future__ import annotations

import json

import pytest

from minikafka.cli.consume import FORMATS, json_value
from minikafka.cluster.partition_state import Record

RECORD = Record("orders", 2, 7, 1_700, b"k", b"v", (("h", b"\xff"),))


@pytest.mark.parametrize(
    ("form", "line"), [("value", b"v"), ("key", b"k\tv"), ("full", b"2:7\t1700\tk\tv")]
)
def test_line_holds_what_the_format_says(form: str, line: bytes) -> None:
    """Fields are separated by tabs; bytes go out as they are."""
    assert FORMATS[form](RECORD) == line


def test_json_line_holds_everything() -> None:
    """One object per record, with every field of it."""
    assert json.loads(FORMATS["json"](RECORD)) == {
        "topic": "orders",
        "partition": 2,
        "offset": 7,
        "timestamp_ms": 1_700,
        "key": "k",
        "value": "v",
        "headers": [["h", {"base64": "/w=="}]],
    }


def test_null_is_not_empty() -> None:
    """A tombstone is shown as null, in every format."""
    tombstone = Record("orders", 0, 0, -1, None, None)
    assert FORMATS["key"](tombstone) == b"null\tnull"
    assert json_value(None) is None
    assert json_value(b"") == ""
