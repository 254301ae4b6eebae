"""Lines as records, records in batches."""

from __future__ import annotations

from minikafka.cli.produce import batches, record_of_line
from minikafka.cluster.remote_producer import Outgoing


def test_key_stands_before_the_first_separator() -> None:
    """The rest of the line, further separators included, is the value."""
    assert record_of_line(b"k::a::b", b"::", ()) == Outgoing(b"k", b"a::b")


def test_line_without_separator_has_no_key() -> None:
    """No key is not an empty key."""
    assert record_of_line(b"value", b":", ()) == Outgoing(None, b"value")
    assert record_of_line(b":value", b":", ()) == Outgoing(b"", b"value")


def test_every_record_gets_the_headers() -> None:
    """Headers given once are in each record."""
    headers = (("source", b"test"),)
    assert record_of_line(b"v", None, headers).headers == headers


def test_batches_keep_order_and_stay_small() -> None:
    """Runs stay below half a megabyte; a record above it travels alone."""
    sizes = [300_000, 300_000, 100_000, 2_000_000, 1]
    records = [Outgoing(None, bytes(size)) for size in sizes]
    runs = [[len(record.value or b"") for record in run] for run in batches(records)]
    assert runs == [[300_000], [300_000, 100_000], [2_000_000], [1]]


def test_no_records_make_no_batch() -> None:
    """Nothing to send is nothing sent."""
    assert list(batches([])) == []
