"""Where a share group begins to read: `share.auto.offset.reset`.

Counterpart: ShareGroupAutoOffsetResetStrategy. KIP-932.
"""

from __future__ import annotations

import re

__all__ = ["duration_ms"]

_BY_DURATION = re.compile(
    r"by_duration:P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1_000)


def duration_ms(reset: str) -> int | None:
    """Return how long ago a group begins; None for `earliest`, `latest`, and what is none.

    >>> (
    ...     duration_ms("by_duration:P1DT2H"),
    ...     duration_ms("by_duration:PT0.5S"),
    ...     duration_ms("latest"),
    ... )
    (93600000, 500, None)
    """
    found = _BY_DURATION.fullmatch(reset)
    if found is None:
        return None
    parts = zip(found.groups(), _UNITS_MS, strict=True)
    return sum(int(float(number) * unit) for number, unit in parts if number is not None)
