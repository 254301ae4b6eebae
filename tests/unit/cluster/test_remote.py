"""Addresses as they are typed."""

from __future__ import annotations

import pytest

from minikafka.cluster.remote import parse_bootstrap_servers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9092", [("127.0.0.1", 9092)]),
        ("a:1, b:2,", [("a", 1), ("b", 2)]),
        ("kafka", [("kafka", 9092)]),
        ("[::1]:9093", [("::1", 9093)]),
        ("[::1]", [("::1", 9092)]),
    ],
)
def test_addresses_are_read_as_kafka_tools_read_them(
    text: str, expected: list[tuple[str, int]]
) -> None:
    """Several addresses are separated by commas; the port may be left out."""
    assert parse_bootstrap_servers(text) == expected


@pytest.mark.parametrize("text", ["", ",", ":9092", "host:port", "host:0", "host:65536"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """A typing error is said, not tried."""
    with pytest.raises(ValueError, match=r"host:port|no bootstrap"):
        parse_bootstrap_servers(text)
