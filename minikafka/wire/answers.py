"""What an answer says, whatever API it is of."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode

__all__ = ["says"]


def says(entity: Any, code: ErrorCode) -> bool:
    """Say whether a response, or anything in it, has this error code."""
    if isinstance(entity, tuple):
        return any(says(item, code) for item in entity)
    names = getattr(entity, "__dataclass_fields__", None)
    if names is None:
        return False
    found = getattr(entity, "error_code", None)
    if found is not None and int(getattr(found, "value", found)) == code:
        return True
    return any(says(getattr(entity, name), code) for name in names)
