"""The table of versions, what is told of it, and the document made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikafka.wire.schemas import request_class, response_class
from minikafka.wire.versions import (
    SERVED,
    ApiKey,
    advertised,
    is_served,
    request_is_flexible,
    response_header_is_flexible,
)
from tests.unit.wire.entities import EVERY_VERSION
from tools.gen_docs import ROOT, apis_document, main

# What Apache Kafka 4.1.1 lists of these APIs.
KAFKA_4_1 = [
    (0, 0, 13), (1, 4, 18), (2, 1, 10), (3, 0, 13), (8, 2, 9), (9, 1, 9), (10, 0, 6), (11, 0, 9), (12, 0, 4),
    (13, 0, 5), (14, 0, 5), (15, 0, 6), (16, 0, 5), (17, 0, 1), (18, 0, 4), (19, 2, 7),
    (20, 1, 6), (21, 0, 2), (22, 0, 5), (23, 2, 4), (24, 0, 5), (26, 0, 5), (27, 1, 1), (32, 1, 4), (34, 1, 2), (35, 1, 4), (37, 0, 3),
    (42, 0, 2), (43, 0, 2), (44, 0, 1), (45, 0, 1), (46, 0, 0), (47, 0, 0), (55, 0, 2), (60, 0, 2), (61, 0, 0), (64, 0, 0), (65, 0, 0), (66, 0, 2),
    (68, 0, 1), (69, 0, 1), (75, 0, 0), (76, 1, 1), (77, 1, 1), (78, 1, 1), (79, 1, 1), (80, 0, 0), (81, 0, 0), (83, 0, 0), (84, 0, 0), (85, 0, 0), (86, 0, 0), (87, 0, 0), (90, 0, 0), (91, 0, 0), (92, 0, 0),
]  # fmt: skip


def test_advertised_versions_equal_kafka() -> None:
    """Clients guess the broker's version from this list: it is that of one Kafka release."""
    assert advertised() == KAFKA_4_1


def test_internal_apis_are_served_but_not_advertised() -> None:
    """What brokers say to each other is no client's business."""
    assert is_served(ApiKey.ALTER_PARTITION, 3)
    assert not {56, 62, 63, 67} & {key for key, _, _ in advertised()}


@pytest.mark.parametrize(
    ("api_key", "version", "served"),
    [(0, 2, False), (0, 3, True), (0, 13, True), (0, 14, False), (1, 3, False), (4, 0, False)],
)
def test_listed_is_not_served(api_key: int, version: int, served: bool) -> None:
    """Produce 0-2 stand in the list for librdkafka's sake and are refused."""
    assert is_served(api_key, version) is served


@EVERY_VERSION
def test_flexible_versions_equal_the_schemas(api_key: int, version: int) -> None:
    """Header versions follow from the table, so the table must follow the schemas."""
    request, response = request_class(api_key, version), response_class(api_key, version)
    request_header = 2 if request_is_flexible(api_key, version) else 1
    response_header = 1 if response_header_is_flexible(api_key, version) else 0
    assert request.__header_schema__.__version__ == request_header
    assert response.__header_schema__.__version__ == response_header


def test_every_key_has_its_row() -> None:
    """The enumeration and the table name the same APIs."""
    assert sorted(ApiKey) == sorted(row.key for row in SERVED.values()) == sorted(SERVED)


def test_document_of_apis_is_up_to_date() -> None:
    """docs/apis.md says what the table says."""
    assert (ROOT / "docs" / "apis.md").read_text("utf-8") == apis_document()


def test_stale_document_is_found_and_rewritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check fails with one line until the document is made again."""
    path = tmp_path / "docs" / "apis.md"
    path.parent.mkdir()
    path.write_text("old")
    assert main(["--check"], tmp_path) == 1
    assert "docs/apis.md is stale: make docs" in capsys.readouterr().out.splitlines()
    assert path.read_text() == "old"
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
