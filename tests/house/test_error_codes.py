"""Our own error codes are Kafka's, number for number."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from kio.schema.errors import ErrorCode as KioErrorCode

from minikafka.base.errors import RETRIABLE, ErrorCode

OURS = {code.name: int(code) for code in ErrorCode}
THEIRS = {code.name.upper(): int(code) for code in KioErrorCode}


def differences(ours: Mapping[str, int], theirs: Mapping[str, int]) -> list[str]:
    """Return the codes that one side lacks or numbers otherwise."""
    return [
        f"{name}: ours {ours.get(name)}, Kafka's {theirs.get(name)}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]


def test_error_codes_are_those_of_the_protocol() -> None:
    """Every code of the schemas is here under Kafka's name and number, and no other."""
    assert differences(OURS, THEIRS) == []


def test_retriable_codes_are_those_of_the_protocol() -> None:
    """A client retries the codes that Kafka calls retriable, and only those."""
    retriable = {code.name: int(code) for code in RETRIABLE}
    theirs = {code.name.upper(): int(code) for code in KioErrorCode if code.retriable}
    assert differences(retriable, theirs) == []


@pytest.mark.parametrize(
    "ours",
    [
        {name: number for name, number in OURS.items() if name != "NONE"},
        {**OURS, "NONE": 1},
        {**OURS, "MADE_UP": 999},
    ],
)
def test_planted_difference_is_found(ours: dict[str, int]) -> None:
    """A missing, a wrong and an invented code are each a difference."""
    assert len(differences(ours, THEIRS)) == 1
