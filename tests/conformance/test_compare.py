"""The comparison itself: a planted difference is found, and only what is listed passes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kio.index import load_response_schema
from kio.schema.errors import ErrorCode

from minikafka.records.batch import check_crc, split_batches
from tests.conformance import compare
from tests.conformance.batches import batch, describe, spoilt_crc
from tests.conformance.compare import ABSENT, Difference, differences, explanation
from tests.conformance.divergences import Divergence
from tests.conformance.plain import Names, normalise
from tests.conformance.raw_client import build
from tests.conformance.tally import Tally

__all__: list[str] = []

KAFKA = {"asked": {"topics": {"~a": {"error_code": "0 NONE", "offset": 5}}}}


def test_equal_answers_do_not_differ() -> None:
    """Two equal answers give no difference."""
    assert differences("api/case/v1", KAFKA, KAFKA) == []


@pytest.mark.parametrize(
    ("ours", "path", "values"),
    [
        ({"asked": {"topics": {"~a": {"error_code": "0 NONE", "offset": 6}}}},
         "asked:.topics[~a].offset", (5, 6)),
        ({"asked": {"topics": []}},
         "asked:.topics[~a]", (KAFKA["asked"]["topics"]["~a"], ABSENT)),
        ({}, "asked:", (KAFKA["asked"], ABSENT)),
        (KAFKA | {"more": 1}, "more:", (ABSENT, 1)),
    ],
)  # fmt: skip
def test_planted_difference_is_found_at_its_path(
    ours: dict[str, object], path: str, values: tuple[object, object]
) -> None:
    """A difference is reported once, at the highest place where one side has nothing."""
    assert differences("api/case/v1", KAFKA, ours) == [Difference("api/case/v1", path, *values)]


def test_null_and_empty_differ() -> None:
    """Null is not an empty list, and an empty text is not null."""
    found = differences("api/case/v1", {"a": {"x": None, "y": ""}}, {"a": {"x": [], "y": None}})
    assert [each.path for each in found] == ["a:.x", "a:.y"]


@pytest.mark.parametrize(
    ("case", "path", "explained"),
    [
        ("api/case/v*", "asked:.topics[*].offset", True),
        ("api/case/v2", "asked:.topics[*].offset", False),
        ("api/*", "asked:.topics[*].error_code", False),
        ("api/*", "*.offset", True),
        ("api/*", "asked:", False),
    ],
)
def test_an_entry_explains_what_it_names_and_no_more(
    case: str, path: str, explained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry of the table covers a difference when both its patterns fit."""
    entry = Divergence(case, path, "planted", "planted")
    monkeypatch.setattr(compare, "DIVERGENCES", (entry,))
    difference = Difference("api/case/v1", "asked:.topics[~a].offset", 5, 6)
    assert explanation(difference) == (entry if explained else None)


def test_tally_counts_a_case_once() -> None:
    """A case with two unexplained differences is one different case."""
    tally = Tally(expected=3)
    difference = Difference("api/case/v1", "asked:.x", 1, 2)
    tally.add([])
    assert tally.add([difference, difference]) == [difference, difference]
    assert tally.line() == "conformance: 1 equal, 0 explained, 1 skipped, 1 different"


@pytest.mark.parametrize("codec", range(5))
def test_batches_are_what_the_broker_takes_for_good(codec: int) -> None:
    """What the comparison produces has the framing and the CRC of a record batch."""
    data = batch((b"k", b"v"), b"w" * 300, codec=codec, headers=[(b"h", None)])
    (found,) = split_batches(memoryview(bytearray(data)))
    check_crc(found)
    assert (found.record_count, found.last_offset, found.size) == (2, 1, len(data))


def test_spoilt_batch_is_described_as_bad() -> None:
    """A turned byte shows as a CRC that does not fit."""
    good, bad = describe(batch(b"x"))[0], describe(spoilt_crc(batch(b"x")))[0]
    assert "crc=good" in good
    assert "crc=bad" in bad


def test_requests_refuse_a_name_that_no_version_has() -> None:
    """A typing mistake in a case is an error, a field of another version is dropped."""
    with pytest.raises(ValueError, match="no field 'topicz'"):
        build(3, 1, topicz=[])
    assert not hasattr(build(3, 1, topics=[], allow_auto_topic_creation=False), "topic_id")


def test_addresses_and_texts_are_masked_but_their_absence_shows() -> None:
    """A message is any message, but none at all is something else."""
    found: Any = load_response_schema(10, 1)
    given = {"throttle_time": timedelta(0), "error_code": ErrorCode.none, "node_id": 3}
    full = found(**given, error_message="why", host="here", port=9092)
    empty = found(**given, error_message=None, host="", port=-1)
    shown = {"error_code": "0 NONE", "node_id": 3}
    names = Names("case")
    assert normalise(10, full, names) == shown | {
        "error_message": "<text>", "host": "<host>", "port": "<port>"
    }  # fmt: skip
    assert normalise(10, empty, names) == shown | {
        "error_message": None,
        "host": "",
        "port": -1,
    }
