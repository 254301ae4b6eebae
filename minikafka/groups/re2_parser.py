"""Reads expressions of RE2 and compiles them; refuses what RE2 refuses, in its words.

A descent from alternatives through sequences and repetitions to single characters. Each part
becomes a function from where to go on to where to begin, so that a repetition can lay its part
down as often as it needs. Counterpart: com.google.re2j.Parser, Compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from minikafka.groups.re2 import Assertion, Program, RegexError, Step
from minikafka.groups.re2_characters import CharacterReader
from minikafka.groups.re2_classes import ALL, PERL, folded, mask_of

__all__ = ["compile_regex"]

INVALID_PERL = "invalid or unsupported Perl syntax"
MISSING_PAREN = "missing closing )"
INVALID_REPEAT = "invalid repeat count"
INVALID_NESTING = "invalid nested repetition operator"

_REPEAT_MAX = 1000
_STEPS_MAX = 100_000
"""Bound of a program: repetitions of long parts lay these down again and again."""
_NEST_MAX = 100
"""Bound of nested groups; the reader calls itself for each."""

Part: TypeAlias = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class _Flags:
    fold: bool = False
    dot_newline: bool = False
    one_line: bool = True


def compile_regex(regex: str) -> Program:
    """Return the program of an expression; raises RegexError for what is none."""
    parser = _Parser(regex)
    part = parser.alternatives(_Flags())
    if parser.more():
        # A parenthesis that closes nothing; re2j has no better word for it.
        raise RegexError("regexp/syntax: internal error")
    end = parser.lay(Step())
    return Program(parser.steps, part(end))


class _Parser(CharacterReader):
    def __init__(self, regex: str) -> None:
        super().__init__(regex)
        self.steps: list[Step] = []
        self._depth = 0
        self._names: dict[str, None] = {}
        self._flags = _Flags()

    # --- the program -----------------------------------------------------------------------

    def lay(self, step: Step) -> int:
        """Add a step, return its number."""
        if len(self.steps) >= _STEPS_MAX:
            raise RegexError(INVALID_REPEAT)
        self.steps.append(step)
        return len(self.steps) - 1

    def _char(self, mask: int) -> Part:
        return lambda to: self.lay(Step(reads=True, mask=mask, to=(to,)))

    def _check(self, check: Assertion) -> Part:
        return lambda to: self.lay(Step(check=check, to=(to,)))

    def _sequence(self, parts: list[Part]) -> Part:
        def begin(to: int) -> int:
            for part in reversed(parts):
                to = part(to)
            return to

        return begin

    def _either(self, parts: list[Part]) -> Part:
        if len(parts) == 1:
            return parts[0]
        return lambda to: self.lay(Step(to=tuple(part(to) for part in parts)))

    def _star(self, part: Part) -> Part:
        def begin(to: int) -> int:
            loop = Step()
            number = self.lay(loop)
            loop.to = (part(number), to)
            return number

        return begin

    def _repeat(self, part: Part, low: int, high: int | None) -> Part:
        parts = [part] * low
        if high is None:
            return self._sequence([*parts, self._star(part)])

        def rest(to: int) -> int:
            begin = to
            for _ in range(high - low):
                begin = self.lay(Step(to=(part(begin), to)))
            return begin

        return self._sequence([*parts, rest])

    # --- the grammar -----------------------------------------------------------------------

    def alternatives(self, flags: _Flags) -> Part:
        """Read up to the end, or to the parenthesis that closes."""
        self._depth += 1
        if self._depth > _NEST_MAX:
            raise RegexError("expression nests too deeply")
        outer, self._flags = self._flags, flags
        parts: list[Part] = []
        sequence: list[Part] = []
        while self.more() and self._next() != ")":
            if self._skip("|"):
                parts.append(self._sequence(sequence))
                sequence = []
            else:
                self._item(sequence)
        parts.append(self._sequence(sequence))
        self._flags = outer
        self._depth -= 1
        return self._either(parts)

    def _item(self, sequence: list[Part]) -> None:
        """Read one thing and what repeats it."""
        if self._skip(r"\Q"):
            literal, _, rest = self._text[self._at :].partition(r"\E")
            self._at = len(self._text) - len(rest)
            sequence += [self._char(self._literal(char)) for char in literal]
            if not literal:
                return
        else:
            # RE2 takes a brace that counts nothing for a character, which cannot be repeated.
            brace = self._next() == "{"
            part = self._atom()
            if brace and self._is_counts():
                raise RegexError(INVALID_NESTING)
            if part is not None:
                sequence.append(part)
        if sequence:
            self._repetitions(sequence)

    def _repetitions(self, sequence: list[Part]) -> None:
        bounds = self._bounds()
        if bounds is None:
            return
        low, high = bounds
        self._skip("?")
        sequence[-1] = self._repeat(sequence[-1], low, high)
        before = self._at
        if self._bounds() is not None:
            self._at = before
            raise RegexError(INVALID_NESTING)

    def _bounds(self) -> tuple[int, int | None] | None:
        """Read how often something is repeated; None where it is not."""
        for char, low, high in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._skip(char):
                return low, high
        begin = self._at
        if self._skip("{"):
            found = self._counts()
            if found is not None:
                return found
        self._at = begin
        return None

    def _counts(self) -> tuple[int, int | None] | None:
        low = self._number()
        high: int | None = low
        if low is not None and self._skip(","):
            high = None if self._next() == "}" else self._number()
            if high is None and self._next() != "}":
                return None
        if low is None or not self._skip("}"):
            return None
        if low > _REPEAT_MAX or (high is not None and (high > _REPEAT_MAX or low > high)):
            raise RegexError(INVALID_REPEAT)
        return low, high

    def _number(self) -> int | None:
        begin = self._at
        while self._next() in tuple("0123456789"):
            self._at += 1
        digits = self._text[begin : self._at]
        if not digits or (len(digits) > 1 and digits[0] == "0"):
            return None
        return int(digits) if len(digits) < 6 else _REPEAT_MAX + 1

    def _atom(self) -> Part | None:
        """Read a single thing; None for one that only sets flags."""
        if self._next() in ("*", "+", "?") or (self._next() == "{" and self._is_counts()):
            raise RegexError("missing argument to repetition operator")
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._char(self._class(folds=self._flags.fold))
        if char == ".":
            newline = 0 if self._flags.dot_newline else mask_of(10)
            return self._char(ALL & ~newline)
        if char == "^":
            return self._check(_at_begin if self._flags.one_line else _at_line_begin)
        if char == "$":
            return self._check(_at_end if self._flags.one_line else _at_line_end)
        return self._escaped() if char == "\\" else self._char(self._literal(char))

    def _is_counts(self) -> bool:
        begin = self._at
        found = self._bounds()
        self._at = begin
        return found is not None

    def _literal(self, char: str) -> int:
        mask = mask_of(ord(char))
        return folded(mask) if self._flags.fold else mask

    def _group(self) -> Part | None:
        flags = self._flags
        if self._skip("?"):
            if self._skip("P<") or self._skip("<"):
                self._name()
            else:
                found = self._group_flags()
                if found is None:
                    return None
                flags = found
        part = self.alternatives(flags)
        if not self._skip(")"):
            raise RegexError(MISSING_PAREN)
        return part

    def _name(self) -> None:
        name, end, _ = self._text[self._at :].partition(">")
        if (
            not end
            or not name
            or not all(c == "_" or (c.isascii() and c.isalnum()) for c in name)
        ):
            raise RegexError("invalid named capture")
        if name in self._names:
            raise RegexError("duplicate capture group name")
        self._names[name] = None
        self._at += len(name) + 1

    def _group_flags(self) -> _Flags | None:
        """Read flags; return those of the group, None where they are for what follows."""
        flags, value, any_since = self._flags, True, False
        while self.more():
            char = self._take()
            if char in "imsU":
                flags = _with_flag(flags, char, value)
                any_since = True
            elif char == "-" and value:
                value, any_since = False, False
            elif char in ":)" and (value or any_since):
                if char == ":":
                    return flags
                self._flags = flags
                return None
            else:
                break
        raise RegexError(INVALID_PERL)

    # --- escapes ---------------------------------------------------------------------------

    def _escaped(self) -> Part:
        char = self._next()
        checks = {"A": _at_begin, "z": _at_end, "b": _at_word_edge, "B": _not_at_word_edge}
        if char in checks:
            self._at += 1
            return self._check(checks[char])
        found = self._escaped_class()
        if found is not None:
            return self._char(folded(found) if self._flags.fold else found)
        mask = mask_of(self._escaped_code())
        return self._char(folded(mask) if self._flags.fold else mask)


def _with_flag(flags: _Flags, char: str, value: bool) -> _Flags:
    if char == "i":
        return replace(flags, fold=value)
    if char == "s":
        return replace(flags, dot_newline=value)
    return replace(flags, one_line=not value) if char == "m" else flags


def _at_begin(text: str, position: int) -> bool:
    return position == 0


def _at_end(text: str, position: int) -> bool:
    return position == len(text)


def _at_line_begin(text: str, position: int) -> bool:
    return position == 0 or text[position - 1] == "\n"


def _at_line_end(text: str, position: int) -> bool:
    return position == len(text) or text[position] == "\n"


def _is_word(text: str, position: int) -> bool:
    return 0 <= position < len(text) and bool(PERL["w"] >> ord(text[position]) & 1)


def _at_word_edge(text: str, position: int) -> bool:
    return _is_word(text, position - 1) != _is_word(text, position)


def _not_at_word_edge(text: str, position: int) -> bool:
    return not _at_word_edge(text, position)
