"""Single characters and classes of RE2: what stands for one character of a text.

Counterpart: the parts of com.google.re2j.Parser below a term.
"""

from __future__ import annotations

from minikafka.groups.re2 import RegexError
from minikafka.groups.re2_classes import ALL, PERL, POSIX, folded, mask_of, unicode_class

__all__ = ["CharacterReader"]

INVALID_ESCAPE = "invalid escape sequence"
INVALID_RANGE = "invalid character class range"


class CharacterReader:
    """A position in an expression, and what reads single characters from there."""

    def __init__(self, regex: str) -> None:
        self._text = regex
        self._at = 0

    # --- the text --------------------------------------------------------------------------

    def more(self) -> bool:
        """Say whether there is more to read."""
        return self._at < len(self._text)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._next()
        self._at += 1
        return char

    def _skip(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _escaped_class(self) -> int | None:
        """Read a class behind a backslash; None where it is none."""
        char = self._next()
        if char and char in "dswDSW":
            self._at += 1
            mask = PERL[char.lower()]
            return mask if char.islower() else ALL & ~mask
        if char and char in "pP":
            self._at += 1
            return self._unicode_class(negated=char == "P")
        return None

    def _unicode_class(self, *, negated: bool) -> int:
        name = self._take()
        if name == "{":
            name, end, _ = self._text[self._at :].partition("}")
            if not end:
                raise RegexError(INVALID_RANGE)
            self._at += len(name) + 1
        if name.startswith("^"):
            name, negated = name[1:], not negated
        mask = unicode_class(name)
        if mask is None:
            raise RegexError(INVALID_RANGE)
        return ALL & ~mask if negated else mask

    def _escaped_code(self) -> int:
        """Read a character behind a backslash; return its code."""
        if not self.more():
            raise RegexError("trailing backslash at end of expression")
        char = self._take()
        octal = tuple("01234567")
        if char in octal and (char == "0" or self._next() in octal):
            digits = char
            while len(digits) < 3 and self._next() in octal:
                digits += self._take()
            return int(digits, 8)
        if char == "x":
            return self._hexadecimal()
        known = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
        if char in known:
            return known[char]
        if not (char.isascii() and char.isalnum()):
            return ord(char)
        raise RegexError(INVALID_ESCAPE)

    def _hexadecimal(self) -> int:
        if self._skip("{"):
            digits, end, _ = self._text[self._at :].partition("}")
            self._at += len(digits) + 1
            if not end:
                raise RegexError(INVALID_ESCAPE)
        else:
            digits = self._text[self._at : self._at + 2]
            self._at += 2
            if len(digits) < 2:
                raise RegexError(INVALID_ESCAPE)
        if not digits or not all(c in "0123456789abcdefABCDEF" for c in digits):
            raise RegexError(INVALID_ESCAPE)
        code = int(digits, 16)
        if code > 0x10FFFF:
            raise RegexError(INVALID_ESCAPE)
        return code

    # --- classes ---------------------------------------------------------------------------

    def _class(self, *, folds: bool) -> int:
        """Read a class, behind its bracket; `folds` where case does not matter."""
        negated = self._skip("^")
        mask, first = 0, True
        while first or self._next() != "]":
            first = False
            if not self.more():
                raise RegexError("missing closing ]")
            mask |= self._class_item()
        self._at += 1
        if folds:
            mask = folded(mask)
        return ALL & ~mask if negated else mask

    def _class_item(self) -> int:
        if self._text.startswith("[:", self._at):
            name, end, _ = self._text[self._at + 2 :].partition(":]")
            if end:
                self._at += len(name) + 4
                found = POSIX.get(name.removeprefix("^"))
                if found is None:
                    raise RegexError(INVALID_RANGE)
                return ALL & ~found if name.startswith("^") else found
        begin = self._at
        if self._skip("\\"):
            known = self._escaped_class()
            if known is not None:
                return known
            self._at = begin
        low = self._class_code()
        high = low
        if self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
            self._at += 1
            high = self._class_code()
            if high < low:
                raise RegexError(INVALID_RANGE)
        return mask_of(low, high)

    def _class_code(self) -> int:
        if not self.more():
            raise RegexError("missing closing ]")
        return self._escaped_code() if self._skip("\\") else ord(self._take())
