"""Chance as an argument: every generator is derived from one seed by name.

A new draw in one place must not shift the numbers of another, so each use has a generator of
its own, seeded with the text `<seed>:<name>`.
"""

from __future__ import annotations

import random
import uuid

__all__ = ["Seeds", "random_id"]


class Seeds:
    """A family of named random generators.

    Args:
        seed: any text or number; the same seed gives the same family in every process.
    """

    __slots__ = ("_seed",)

    def __init__(self, seed: int | str) -> None:
        self._seed = str(seed)

    def generator(self, name: str) -> random.Random:
        """Return a new generator for `name`; the same name starts the same sequence again."""
        return random.Random(f"{self._seed}:{name}")  # noqa: S311 - reproducible by intent

    def child(self, name: str) -> Seeds:
        """Return the family of a part, e.g. of one broker."""
        return Seeds(f"{self._seed}:{name}")


def random_id(generator: random.Random) -> uuid.UUID:
    """Return a version 4 UUID drawn from `generator`, never one of Kafka's reserved ids."""
    return uuid.UUID(int=generator.getrandbits(128), version=4)
