"""Differences between two servers' answers, and which of them are accounted for.

Knows the table in `divergences` and plain values; talks to nobody.

Kafka counterpart: none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.conformance.divergences import DIVERGENCES, Divergence

__all__ = ["ABSENT", "Difference", "differences", "explanation"]

ABSENT = "(absent)"
ORDER = "(order)"
FIELD = re.compile(r"[a-z][a-z_]*")


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
    """Return every path at which the two differ, in Kafka's order.

    What only one side has is one difference, not one for each value in it.
    """
    found: list[Difference] = []
    for label in _keys(kafka, ours):
        left, right = kafka.get(label, ABSENT), ours.get(label, ABSENT)
        found += _walk(Difference(where, f"{label}:", left, right))
    return found


def _keys(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    return [*left, *(key for key in right if key not in left)]


def _walk(at: Difference) -> Iterator[Difference]:
    """Yield the differences within two values; an empty list is also an empty mapping.

    Two orders of different things are not compared: what is missing says it all.
    """
    left, right = at.kafka, at.ours
    if left == right:
        return
    if isinstance(left, dict) and right == []:
        right = {}
    if isinstance(right, dict) and left == []:
        left = {}
    if not isinstance(left, dict) or not isinstance(right, dict):
        yield at
        return
    for key in _keys(left, right):
        if key == ORDER and left.keys() != right.keys():
            continue
        path = f"{at.path}{_step(key)}"
        yield from _walk(
            Difference(at.where, path, left.get(key, ABSENT), right.get(key, ABSENT))
        )


def _step(key: str) -> str:
    is_field = FIELD.fullmatch(key) is not None
    return f".{key}" if is_field else f"[{key}]"


def explanation(difference: Difference) -> Divergence | None:
    """Return the first entry of the table that accounts for a difference, or None."""
    for entry in DIVERGENCES:
        if fnmatchcase(difference.where, entry.case) and entry.matches(difference.path):
            return entry
    return None
