"""What the APIs of transactions have in common."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode

__all__ = ["shown_error"]


def shown_error(code: ErrorCode, knows_fenced: bool) -> ErrorCode:
    """Return what a client is told; older versions know no PRODUCER_FENCED (KIP-588)."""
    if code is ErrorCode.PRODUCER_FENCED and not knows_fenced:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return code
