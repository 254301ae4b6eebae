"""Classes of characters of RE2, as far as names of topics go: ASCII, one bit for each character.

Counterpart: CharGroup, UnicodeTables of re2j.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

__all__ = ["ALL", "PERL", "POSIX", "folded", "mask_of", "unicode_class"]

_SIZE = 128
ALL = (1 << _SIZE) - 1


def mask_of(low: int, high: int | None = None) -> int:
    """Return the bits of the characters from `low` to `high`, both inclusive."""
    last = min(low if high is None else high, _SIZE - 1)
    return ((1 << (last + 1)) - (1 << low)) if low <= last else 0


def _of(text: str) -> int:
    return sum(1 << ord(char) for char in dict.fromkeys(text))


def folded(mask: int) -> int:
    """Return the bits with those of the other case."""
    upper, lower = mask_of(65, 90), mask_of(97, 122)
    return mask | (mask & upper) << 32 | (mask & lower) >> 32


_DIGIT, _UPPER, _LOWER = mask_of(48, 57), mask_of(65, 90), mask_of(97, 122)
_ALPHA = _UPPER | _LOWER
_WORD = _ALPHA | _DIGIT | _of("_")
PERL: Mapping[str, int] = MappingProxyType({"d": _DIGIT, "s": _of("\t\n\f\r "), "w": _WORD})
"""What stands behind a backslash; in upper case all others."""
POSIX: Mapping[str, int] = MappingProxyType(
    {
        "alnum": _ALPHA | _DIGIT,
        "alpha": _ALPHA,
        "ascii": ALL,
        "blank": _of("\t "),
        "cntrl": mask_of(0, 31) | mask_of(127),
        "digit": _DIGIT,
        "graph": mask_of(33, 126),
        "lower": _LOWER,
        "print": mask_of(32, 126),
        "punct": mask_of(33, 126) & ~(_ALPHA | _DIGIT),
        "space": _of("\t\n\v\f\r "),
        "upper": _UPPER,
        "word": _WORD,
        "xdigit": _DIGIT | mask_of(65, 70) | mask_of(97, 102),
    }
)
_CATEGORIES = [
    "Cc",
    "Cf",
    "Co",
    "Cs",
    "Ll",
    "Lm",
    "Lo",
    "Lt",
    "Lu",
    "Mc",
    "Me",
    "Mn",
    "Nd",
    "Nl",
    "No",
    "Pc",
    "Pd",
    "Pe",
    "Pf",
    "Pi",
    "Po",
    "Ps",
    "Sc",
    "Sk",
    "Sm",
    "So",
    "Zl",
    "Zp",
    "Zs",
]
# The scripts that subscriptions have been seen to name; none but the first two has ASCII in it.
_SCRIPTS = [
    "Latin",
    "Common",
    "Arabic",
    "Armenian",
    "Bengali",
    "Cyrillic",
    "Devanagari",
    "Georgian",
    "Greek",
    "Han",
    "Hangul",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Katakana",
    "Thai",
]


def unicode_class(name: str) -> int | None:
    """Return the bits of a general category or a script; None where there is none."""
    if name == "Any":
        return ALL
    if name in _CATEGORIES or name in {each[0] for each in _CATEGORIES}:
        return _sum(code for code in range(_SIZE) if _category(code).startswith(name))
    if name not in _SCRIPTS:
        return None
    if name == "Latin":
        return _ALPHA
    return ALL & ~_ALPHA if name == "Common" else 0


def _category(code: int) -> str:
    return unicodedata.category(chr(code))


def _sum(codes: Iterable[int]) -> int:
    return sum(1 << code for code in codes)
