"""What a request is made of: read, refused, described."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.http.fields import (
    Blob,
    Choice,
    Field,
    Flag,
    ListOf,
    MapOf,
    Member,
    OneOf,
    OrNull,
    Struct,
    Text,
    Whole,
)
from minikafka.http.refusal import Refusal

PAIR = Struct(
    "Pair", {"a": Member(Whole(0, 9), required=True), "b": Member(Text(), default="x")}
)


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        (Whole(-1, 5), 5, 5),
        (Text(3), "abc", "abc"),
        (Choice((-1, 0, 1)), 1, 1),
        (Flag(), True, True),
        (Blob(), None, None),
        (Blob(), b"\xff", b"\xff"),
        (Blob(), "é", "é".encode()),
        (Blob(), {"base64": "/w=="}, b"\xff"),
        (Blob(), {"base64": ""}, b""),
        (OrNull(Flag()), None, None),
        (ListOf(Whole(0, 9), 2), [1, 2], [1, 2]),
        (MapOf(Flag()), {"a": True}, {"a": True}),
        (OneOf((Flag(), Text()), "either"), "x", "x"),
        (PAIR, {"a": 1}, {"a": 1, "b": "x"}),
    ],
)
def test_value_that_fits_is_read(field: Field, value: object, read: object) -> None:
    """What the description allows comes out as handlers take it, defaults filled in."""
    assert field.read(value, "it") == read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Whole(0, 5), 6),
        (Whole(0, 5), True),
        (Whole(0, 5), 1.0),
        (Whole(0, 5), "1"),
        (Text(3), "abcd"),
        (Text(3, 1), ""),
        (Text(), "\ud800"),
        (Text(), b"a"),
        (Choice((-1, 0, 1)), True),
        (Choice(("a",)), ["a"]),
        (Flag(), 1),
        (Blob(), "\udfff"),
        (Blob(), 1),
        (Blob(), {"base64": "!"}),
        (Blob(), {"base64": "é"}),
        (Blob(), {"base64": "", "more": 1}),
        (Blob(), {"base64": None}),
        (ListOf(Flag()), {}),
        (ListOf(Flag(), 1), [True, True]),
        (ListOf(Flag(), least=1), []),
        (MapOf(Flag()), {1: True}),
        (MapOf(Flag(), 1), {"a": True, "b": True}),
        (OneOf((Flag(), Text()), "either"), 1),
        (PAIR, {"b": "x"}),
        (PAIR, {"a": 1, "c": 1}),
        (PAIR, {"a": 1, 2: 1}),
        (PAIR, []),
    ],
)
def test_value_that_does_not_fit_is_refused_with_400(field: Field, value: object) -> None:
    """The refusal is one line that says where and what is wanted, in plain ASCII."""
    with pytest.raises(Refusal) as caught:
        field.read(value, "it")
    assert caught.value.status == 400
    assert "it" in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.message.isascii()


def test_refusal_of_a_long_value_is_short() -> None:
    """A megabyte that is refused does not come back."""
    with pytest.raises(Refusal) as caught:
        Whole(0, 1).read("x" * 1_000_000, "it")
    assert len(caught.value.message) < 200


def test_refusal_says_where_in_a_list_it_is() -> None:
    """The place is a path into the body."""
    with pytest.raises(Refusal, match=r"the body\[1\]\.a is a whole number"):
        ListOf(PAIR).read([{"a": 1}, {"a": "x"}], "the body")


@pytest.mark.parametrize(
    ("field", "text", "read"),
    [(Whole(-1, 9), "-1", -1), (Flag(), "true", True), (Text(), "true", "true")],
)
def test_text_of_a_url_is_read_as_its_kind(field: Field, text: str, read: object) -> None:
    """Numbers and flags are texts there."""
    assert Member(field).read_text(text, "it") == read


@pytest.mark.parametrize("text", ["", "+1", "0x1", "1_0", "١", "1e1", " 1", "9" * 20])
def test_number_in_a_url_is_decimal_digits(text: str) -> None:
    """What Python would take as a number besides is refused."""
    with pytest.raises(Refusal):
        Member(Whole(0, 2**63 - 1)).read_text(text, "it")


def test_struct_describes_what_it_reads() -> None:
    """Required members, defaults, and that there are no others."""
    schema: dict[str, Any] = PAIR.schema()
    assert schema["required"] == ["a"]
    assert schema["properties"]["b"]["default"] == "x"
    assert schema["additionalProperties"] is False
    outer = Struct("Outer", {"pairs": Member(ListOf(OrNull(PAIR)))})
    assert [each.name for each in outer.nested()] == ["Outer", "Pair"]
