"""Differences between two servers' answers, and which of them are accounted for.

Knows the table in `divergences` and plain values; talks to nobody.

Kafka counterpart: none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.conformance.divergences import DIVERGENCES, Divergence
from tests.conformance.plain import flatten

__all__ = ["ABSENT", "Difference", "differences", "explanation"]

ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """One value in which two answers differ.

    Attributes:
        where: case id, as `api/case/v7`.
        path: label of the question and the path in its answer.
        kafka: what Apache Kafka says there; `ABSENT` if nothing.
        ours: what minikafka says there; `ABSENT` if nothing.
    """

    where: str
    path: str
    kafka: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.path}: kafka {self.kafka!r}, ours {self.ours!r}"


def differences(
    where: str, kafka: Mapping[str, Any], ours: Mapping[str, Any]
) -> list[Difference]:
    """Return every path at which the two differ, in Kafka's order."""
    left: dict[str, Any] = {}
    right: dict[str, Any] = {}
    for answers, into in ((kafka, left), (ours, right)):
        for label, answer in answers.items():
            into.update(flatten(answer, f"{label}:"))
    paths = [*left, *(path for path in right if path not in left)]
    return [
        Difference(where, path, left.get(path, ABSENT), right.get(path, ABSENT))
        for path in paths
        if left.get(path, ABSENT) != right.get(path, ABSENT)
    ]


def explanation(difference: Difference) -> Divergence | None:
    """Return the first entry of the table that accounts for a difference, or None."""
    for entry in DIVERGENCES:
        if fnmatchcase(difference.where, entry.case) and entry.matches(difference.path):
            return entry
    return None
