"""Regular expressions of RE2, by which consumers subscribe: read, and matched in linear time.

Only what can be in the name of a topic is looked at, so characters are ASCII. A text is matched as a
whole. Python's `re` understands other expressions, and may take exponential time for some.
Counterpart: com.google.re2j.Pattern, Parser. KIP-848.

Rules of this file
    An expression becomes a program; all its threads go through the text together, so the time is
    bounded by the length of the text times that of the program, whatever the expression.
    Greedy or not makes no difference to whether a whole text matches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Assertion", "Program", "RegexError", "Step"]


class RegexError(Exception):
    """The text is no expression of RE2; the message is RE2's."""


@dataclass(slots=True)
class Step:
    """One instruction of a program.

    Attributes:
        mask: characters to read, by bits; 0 reads none.
        reads: a character is read here.
        check: an assertion about the place in the text, None for none.
        to: where to go on; several are tried together. Empty: the text matches if it ends here.
    """

    reads: bool = False
    mask: int = 0
    check: Assertion | None = None
    to: tuple[int, ...] = ()


Assertion: TypeAlias = Callable[[str, int], bool]


class Program:
    """What an expression was compiled to; begins at step `start`."""

    def __init__(self, steps: list[Step], start: int) -> None:
        self._steps = steps
        self._start = start

    def matches(self, text: str) -> bool:
        """Say whether the whole text matches."""
        threads = self._reached([self._start], text, 0)
        for position, char in enumerate(text):
            bit = 1 << ord(char)
            following: list[int] = []
            for number in threads:
                step = self._steps[number]
                if step.reads and step.mask & bit:
                    following += step.to
            if not following:
                return False
            threads = self._reached(following, text, position + 1)
        return any(self._ends(number) for number in threads)

    def _ends(self, number: int) -> bool:
        step = self._steps[number]
        return not step.reads and not step.to

    def _reached(self, begin: list[int], text: str, position: int) -> list[int]:
        """Return the steps that read or end, reached without reading."""
        seen = bytearray(len(self._steps))
        waiting, found = list(begin), []
        while waiting:
            number = waiting.pop()
            if seen[number]:
                continue
            seen[number] = 1
            step = self._steps[number]
            if step.reads or not step.to:
                found.append(number)
            elif step.check is None or step.check(text, position):
                waiting += step.to
        return found
