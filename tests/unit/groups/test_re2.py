"""Programs of expressions: the time they take is bounded."""

from __future__ import annotations

import pytest

from minikafka.groups import re2
from minikafka.groups.re2 import Program
from minikafka.groups.re2_parser import compile_regex


@pytest.mark.parametrize(
    "regex", ["(a+)+b", "(a|aa)+b", "(a*)*b", "(.*a){20}b", "(a?){50}a{50}b"]
)
def test_nested_repetitions_take_no_exponential_time(
    regex: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of 249 characters, the longest a name of a topic can be, is read once."""
    program = compile_regex(regex)
    turns = 0
    original = Program._reached

    def counted(self: Program, begin: list[int], text: str, position: int) -> list[int]:
        nonlocal turns
        turns += 1
        return original(self, begin, text, position)

    monkeypatch.setattr(re2.Program, "_reached", counted)
    assert not program.matches("a" * 249)
    assert turns <= 250


def test_threads_are_not_doubled() -> None:
    """However many ways lead to a step, it is tried once."""
    program = compile_regex("(a|a|a|a)*")
    assert len(program._reached([program._start], "", 0)) == 5
    assert program.matches("a" * 1000)
