"""The simulator's own generators, told apart from those of client code by their type."""

from __future__ import annotations

import random

__all__ = ["Draws"]


class Draws(random.Random):
    """A generator of the run itself, seeded by name; nobody seeds it anew."""

    def __init__(self, seed: int | str, name: str) -> None:
        super().__init__(f"{seed}:{name}")
