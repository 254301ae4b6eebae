"""Expressions of RE2: what is read, what is refused, and what matches, as re2j has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.groups.re2 import RegexError
from minikafka.groups.re2_parser import compile_regex

TEXTS = (
    "", "a", "b", "aa", "ab", "abA", "A", "a.b", "-", "AB", "aab", "aaab", "1", "a1", "{", "a{", "{a",
)  # fmt: skip
# Made with re2j 1.8, which Apache Kafka 4.1.1 comes with: those of TEXTS that match as a whole,
# and the word for what is no expression.
MATCHED = [
    ("", '""'),
    ("a", "a"),
    ("a|b", "a b"),
    ("a*", '"" a aa'),
    ("(ab)+", "ab"),
    ("a{2}", "aa"),
    ("a{1,}", "a aa"),
    ("a{,2}", ""),
    ("a{2,3}b?", "aa aab aaab"),
    ("a.b", "a.b aab"),
    (r"a\.b", "a.b"),
    ("[a-c]+", "a b aa ab aab aaab"),
    ("[^a]", "b A - 1 {"),
    ("[]a]", "a"),
    ("[a-]", "a -"),
    ("[[:alpha:]]+", "a b aa ab abA A AB aab aaab"),
    ("[^[:digit:]]", "a b A - {"),
    (r"\d+", "1"),
    (r"\D", "a b A - {"),
    (r"\w+", "a b aa ab abA A AB aab aaab 1 a1"),
    (r"\pL+", "a b aa ab abA A AB aab aaab"),
    (r"\p{Lu}", "A"),
    (r"\P{Lu}+", "a b aa ab a.b - aab aaab 1 a1 { a{ {a"),
    (r"\p{^Lu}", "a b - 1 {"),
    (r"\p{Latin}+", "a b aa ab abA A AB aab aaab"),
    ("(?i)ab", "ab AB"),
    ("(?i:a)b", "ab"),
    ("a(?i)b", "ab"),
    ("(?-i)a", "a"),
    ("(?s).", "a b A - 1 {"),
    ("^a$", "a"),
    ("(?m)^a$", "a"),
    (r"\Aa\z", "a"),
    (r"a\b.*", "a a.b a{"),
    (r"a\B.", "aa ab a1"),
    (r"\Qa.b\E", "a.b"),
    (r"\Qa.b", "a.b"),
    (r"\x61", "a"),
    (r"\x{62}", "b"),
    (r"\141", "a"),
    (r"\-", "-"),
    ("(?P<n>a)b", "ab"),
    ("(?<n>a)b", "ab"),
    ("a(?i)*", '"" a aa'),
    ("a*?b", "b ab aab aaab"),
    ("x*", '""'),
    ("{", "{"),
    ("a{", "a{"),
    ("{a", "{a"),
]
REFUSED = [
    ("(", "missing closing )"),
    ("[a", "missing closing ]"),
    (")", "regexp/syntax: internal error"),
    ("a**", "invalid nested repetition operator"),
    ("*", "missing argument to repetition operator"),
    ("a|*", "missing argument to repetition operator"),
    ("(?=a)", "invalid or unsupported Perl syntax"),
    ("(?<!a)b", "invalid named capture"),
    ("(?P=n)", "invalid or unsupported Perl syntax"),
    ("(?>a)", "invalid or unsupported Perl syntax"),
    (r"\1", "invalid escape sequence"),
    (r"\8", "invalid escape sequence"),
    (r"\Z", "invalid escape sequence"),
    (r"\C", "invalid escape sequence"),
    (r"\e", "invalid escape sequence"),
    ("a++", "invalid nested repetition operator"),
    ("a{1001}", "invalid repeat count"),
    ("a{3,1}", "invalid repeat count"),
    ("[b-a]", "invalid character class range"),
    ("[[:foo:]]", "invalid character class range"),
    (r"\pX", "invalid character class range"),
    (r"\p{Greek", "invalid character class range"),
    ("(?P<n", "invalid named capture"),
    ("(?P<>a)", "invalid named capture"),
    ("(?P<n>a)(?P<n>b)", "duplicate capture group name"),
    ("\\", "trailing backslash at end of expression"),
    (r"\xg", "invalid escape sequence"),
    (r"\x{}", "invalid escape sequence"),
    ("(?z)", "invalid or unsupported Perl syntax"),
    ("{*", "invalid nested repetition operator"),
    ("(?i-)", "invalid or unsupported Perl syntax"),
]


@pytest.mark.parametrize(("regex", "want"), MATCHED)
def test_whole_texts_match_as_in_re2j(regex: str, want: str) -> None:
    """Each expression with each text."""
    program = compile_regex(regex)
    assert " ".join(text or '""' for text in TEXTS if program.matches(text)) == want


@pytest.mark.parametrize(("regex", "want"), REFUSED)
def test_what_is_no_expression_is_refused_in_the_same_words(regex: str, want: str) -> None:
    """Python would understand some of them."""
    with pytest.raises(RegexError) as refused:
        compile_regex(regex)
    assert str(refused.value) == want


@given(st.text(alphabet="ab()[]{}|*+?^$.\\-,:0123dpQELi<>P!=_é", max_size=12))
def test_any_text_is_read_or_refused(regex: str) -> None:
    """Nothing else comes of it."""
    try:
        program = compile_regex(regex)
    except RegexError:
        return
    assert program.matches("ab") in {True, False}


@pytest.mark.parametrize(
    "regex", ["(" * 500 + ")" * 500, "(a{1000}){1000}", "((a{99}){99}){99}"]
)
def test_what_would_be_too_large_is_refused(regex: str) -> None:
    """Depth and size of a program are bounded."""
    with pytest.raises(RegexError):
        compile_regex(regex)
