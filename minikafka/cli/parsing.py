"""Texts of the command line to values; `ValueError` says what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "TopicSpec",
    "one_of",
    "parse_address",
    "parse_pairs",
    "parse_topic",
    "parse_voters",
]


class TopicSpec(NamedTuple):
    """A topic to create; None as replication factor is the cluster's default."""

    name: str
    partitions: int
    replication_factor: int | None


def parse_topic(text: str) -> TopicSpec:
    """Return the topic of `NAME[:PARTITIONS[:RF]]`; one partition where it is not said.

    >>> parse_topic("orders:6")
    TopicSpec(name='orders', partitions=6, replication_factor=None)
    """
    name, *numbers = text.split(":")
    if not name or len(numbers) > 2 or not all(_is_count(each) for each in numbers):
        raise ValueError(f"--topic is NAME[:PARTITIONS[:RF]], not {text!r}")
    counts = [int(each) for each in numbers]
    partitions = counts[0] if counts else 1
    return TopicSpec(name, partitions, counts[1] if len(counts) == 2 else None)


def parse_pairs(option: str, items: Sequence[str]) -> dict[str, str]:
    """Return the mapping of `KEY=VALUE` items; a later one wins."""
    pairs = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{option} is KEY=VALUE, not {item!r}")
        pairs[key.strip()] = value
    return pairs


def parse_address(option: str, text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`; port 0 is a free one.

    >>> parse_address("--listen", "[::1]:9092")
    ('::1', 9092)
    """
    host, colon, port = text.strip().rpartition(":")
    bare = host.strip("[]")
    if not colon or not bare or not _is_port(port) or (":" in bare) != host.startswith("["):
        raise ValueError(f"{option} is HOST:PORT, not {text!r}")
    return bare, int(port)


def parse_voters(text: str) -> dict[int, tuple[str, int]]:
    """Return the voters of `ID@HOST:PORT,...` by id.

    >>> parse_voters("1@a:9193,2@b:9193")
    {1: ('a', 9193), 2: ('b', 9193)}
    """
    voters: dict[int, tuple[str, int]] = {}
    for item in text.split(","):
        voter, at, address = item.strip().partition("@")
        if not at or not voter.isdecimal() or not voter.isascii():
            raise ValueError(f"--voters is ID@HOST:PORT,..., not {text!r}")
        host, port = parse_address("the address of a voter", address)
        if not port:
            raise ValueError(f"voter {voter} must have a port that others can know, not 0")
        if int(voter) in voters or (host, port) in voters.values():
            raise ValueError(f"--voters names {item.strip()!r} twice")
        voters[int(voter)] = (host, port)
    return voters


def one_of(option: str, text: str, choices: Sequence[str]) -> str:
    """Return `text` if it is one of the choices."""
    if text not in choices:
        raise ValueError(f"{option} is {', '.join(choices)}, not {text!r}")
    return text


def _is_port(text: str) -> bool:
    return text.isdecimal() and text.isascii() and int(text) < 65_536


def _is_count(text: str) -> bool:
    return text.isdecimal() and text.isascii() and int(text) > 0
