"""How the comparison stands: what was equal, explained, different, and what was used.

Kafka counterpart: none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.conformance.compare import Difference, explanation
from tests.conformance.divergences import DIVERGENCES, Divergence

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts over the cases compared so far; a case at a version counts once.

    Attributes:
        skipped_for: the tool whose absence skipped the rest, or None.
    """

    expected: int = 0
    equal: int = 0
    explained: int = 0
    different: int = 0
    skipped_for: str | None = None
    used: set[Divergence] = field(default_factory=set)

    @property
    def compared(self) -> int:
        """Cases compared so far."""
        return self.equal + self.explained + self.different

    def add(self, found: Sequence[Difference]) -> list[Difference]:
        """Count one case; return the differences that nothing explains."""
        unexplained = []
        for each in found:
            entry = explanation(each)
            if entry is None:
                unexplained.append(each)
            else:
                self.used.add(entry)
        self.equal += not found
        self.explained += bool(found) and not unexplained
        self.different += bool(unexplained)
        return unexplained

    def unused(self) -> list[Divergence]:
        """Return the table's entries that explained nothing, in the table's order."""
        return [entry for entry in DIVERGENCES if entry not in self.used]

    def line(self) -> str:
        """Return the summary, empty when no comparison was asked for."""
        if not self.expected:
            return ""
        skipped = self.expected - self.compared
        why = f" ({self.skipped_for} is not installed)" if self.skipped_for else ""
        text = f"conformance: {self.equal} equal, {self.explained} explained, {skipped} skipped"
        return f"{text}{why}" + (f", {self.different} different" if self.different else "")
