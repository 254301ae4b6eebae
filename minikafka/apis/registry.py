"""Which handler answers which API.

Each `kNN_*.py` registers its handler on import; `handlers` imports them all. Knows nothing of
frames and connections (`dispatch`). Counterpart: the big match in kafka.server.KafkaApis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from minikafka.base.errors import BrokerBug, KafkaError
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED", "CloseConnection", "ErrorShape", "Handler", "Registration", "api"]

# A handler returns a shape, a Deferred of one, or is a coroutine function.
Handler: TypeAlias = Callable[..., Any]
# The answer for a request refused as a whole: (request, error, version) -> shape.
ErrorShape: TypeAlias = Callable[[Any, KafkaError, int], Any]
H = TypeVar("H", bound=Handler)


class CloseConnection(Exception):
    """A request whose only answer is a closed connection."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One API's handler.

    Attributes:
        controller: True where only the active controller answers; others forward.
        on_error: shape of the answer when the handler raises `KafkaError`.
    """

    key: ApiKey
    handler: Handler
    controller: bool
    on_error: ErrorShape | None


REGISTERED: dict[int, Registration] = {}
"""Every handler by API key, complete once `handlers` is imported."""


def api(
    key: ApiKey, *, controller: bool = False, on_error: ErrorShape | None = None
) -> Callable[[H], H]:
    """Register the decorated function as the handler of `key`.

    Raises:
        BrokerBug: the API has a handler already.
    """

    def register(handler: H) -> H:
        if key in REGISTERED:
            raise BrokerBug(f"{key.name} has two handlers")
        REGISTERED[int(key)] = Registration(key, handler, controller, on_error)
        return handler

    return register
