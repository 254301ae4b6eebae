"""What a planted bug is; the bugs themselves are in `mutations` and beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Mutation", "Patch"]

Patch: TypeAlias = tuple[Any, str, Any]
"""Owner, name of its attribute, and what takes its place."""


@dataclass(frozen=True)
class Mutation:
    """One planted bug.

    Args:
        name: what it does wrong, in a few words.
        caught_by: the rules that may find it.
        patches: returns (owner, attribute, replacement); called at the start of a run.
        kinds: names of the fault kinds that show it; a trial then has no others.
    """

    name: str
    caught_by: tuple[str, ...]
    patches: Callable[[], list[Patch]]
    kinds: tuple[str, ...] = ()
