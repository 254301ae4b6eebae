"""Every case at every version, asked of Apache Kafka and of minikafka."""

from __future__ import annotations

import pytest

from tests.conformance.case import Case, all_cases
from tests.conformance.compare import differences
from tests.conformance.oracle import Oracle, Subject
from tests.conformance.tally import Tally

__all__: list[str] = []

CASES = all_cases()
pytestmark = [pytest.mark.conformance, pytest.mark.time_limit(120)]


@pytest.fixture(scope="session", autouse=True)
def _expected(tally: Tally, request: pytest.FixtureRequest) -> None:
    chosen = (item for item in request.session.items if "case_answers" in item.name)
    tally.expected = sum(1 for _ in chosen)


@pytest.mark.parametrize(
    ("case", "version"), CASES, ids=[case.at(version) for case, version in CASES]
)
def test_case_answers_as_apache_kafka_does(
    case: Case, version: int, tally: Tally, oracle: Oracle, subject: Subject
) -> None:
    """What minikafka answers equals what Apache Kafka answers, or the table says why not."""
    kafka = oracle.answers(case, version)
    assert "script" not in kafka, kafka["script"]
    found = differences(case.at(version), kafka, subject.answers(case, version))
    unexplained = tally.add(found)
    assert not unexplained, "\n".join(map(str, unexplained))


def test_every_listed_divergence_still_shows(tally: Tally) -> None:
    """No entry of the table outlives the difference that it explains."""
    if tally.compared < len(CASES):
        pytest.skip("only part of the cases was compared")
    assert tally.unused() == []
