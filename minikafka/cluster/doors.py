"""The doors through which chance and the wall clock come into a cluster: nothing else asks them."""

from __future__ import annotations

import secrets  # noqa: TID251 - for a seed nobody gave, see `fresh_seed`
import time

__all__ = ["fresh_seed", "wall_ms"]


def fresh_seed() -> str:
    """Return a seed that nobody else has.

    Clients tell a topic from its namesake in a later cluster by its id, so no two clusters may
    have the same ids unless they are asked to; and each start of a broker must be another one.
    """
    return secrets.token_hex(16)


def wall_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - injected from here
