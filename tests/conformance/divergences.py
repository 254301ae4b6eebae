"""Where minikafka is known to answer unlike Apache Kafka, and why.

Each entry names a heading of docs/divergence.md. A difference that no entry covers fails
the comparison; so does an entry that covers no difference any more.

Kafka counterpart: none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DIVERGENCES", "Divergence"]


@dataclass(frozen=True)
class Divergence:
    """One accepted kind of difference.

    Attributes:
        case: shell-style pattern of case ids, such as `produce/null_records/v*`.
        path: shell-style pattern of paths. `[` stands for itself here, `*` for anything.
        reason: why, in one sentence.
        entry: name of the entry in docs/divergence.md.
    """

    case: str
    path: str
    reason: str
    entry: str

    def matches(self, path: str) -> bool:
        """Return whether a path fits the pattern."""
        return _fits(path, self.path.split("*"))


def _fits(text: str, parts: list[str]) -> bool:
    """Return whether the text is these parts with anything between them."""
    first, *rest = parts
    if not text.startswith(first):
        return False
    if not rest:
        return text == first
    text = text[len(first) :]
    for part in rest[:-1]:
        at = text.find(part)
        if at < 0:
            return False
        text = text[at + len(part) :]
    return text.endswith(rest[-1])


DIVERGENCES: Final[tuple[Divergence, ...]] = ()
