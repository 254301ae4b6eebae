"""What one route is: the one entry from which routing, checks and description come.

Knows no handler. Counterpart: none in Kafka; its requests are described by JSON schemas, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from minikafka.base.errors import ErrorCode
from minikafka.http.fields import Field, Member, Struct, Text, Whole
from minikafka.http.refusal import BAD_REQUEST, NOT_FOUND, Refusal

__all__ = ["Kind", "Route", "find_route", "read_parameters"]

Kind: TypeAlias = Literal["data", "text", "events"]

READ_SECONDS = 30.0
"""How long an answer may take that waits for nothing by itself."""

PATH_PARAMETERS: Mapping[str, Member] = {
    # However they are quoted, a request line has room for so many.
    "topic": Member(Text(most=600, least=1), "Name of a topic.", required=True),
    "partition": Member(Whole(0, 2**31 - 1), "Number of a partition.", required=True),
    "broker": Member(Whole(0, 2**31 - 1), "Id of a broker.", required=True),
}


@dataclass(frozen=True)
class Route:
    """One method on one path.

    Args:
        path: with parameters in braces, whose names are those of PATH_PARAMETERS.
        name: of the operation, for generated clients.
        handler: takes a call, returns what is answered.
        answer: what a success looks like; None for what is neither JSON nor MessagePack.
        parameters: of the query.
        refusals: statuses besides those that every request may get.
        seconds: time limit of the handler; None where the handler sees to it itself.
    """

    method: str
    path: str
    name: str
    about: str
    handler: Callable[[Any], Awaitable[Any]]
    answer: Field | None = None
    status: int = 200
    kind: Kind = "data"
    parameters: Mapping[str, Member] = field(default_factory=dict)
    body: Struct | None = None
    refusals: tuple[int, ...] = ()
    seconds: float | None = READ_SECONDS

    @property
    def segments(self) -> list[str]:
        """Return the parts of the path."""
        return self.path.split("/")

    @property
    def path_parameters(self) -> dict[str, Member]:
        """Return the parameters in the path, in their order."""
        names = [part[1:-1] for part in self.segments if part.startswith("{")]
        return {name: PATH_PARAMETERS[name] for name in names}

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Return the texts of the path's parameters, None where this is another path."""
        if len(segments) != len(self.segments):
            return None
        found = {}
        for ours, given in zip(self.segments, segments, strict=True):
            if ours.startswith("{"):
                found[ours[1:-1]] = given
            elif ours != given:
                return None
        return found


def find_route(
    routes: Sequence[Route], method: str, raw_path: str
) -> tuple[Route, dict[str, str]]:
    """Return the route of a request, and the texts of its path's parameters.

    Args:
        raw_path: as it was sent, percent signs and all.

    Raises:
        Refusal: 404 or 405; 400 where the path is no UTF-8.
    """
    try:
        segments = [unquote(part, errors="strict") for part in raw_path.split("/")]
    except UnicodeDecodeError:
        message = "the path is no UTF-8"
        raise Refusal(BAD_REQUEST, ErrorCode.INVALID_REQUEST, message) from None
    allowed = []
    for route in routes:
        texts = route.match(segments)
        if texts is not None:
            if route.method == method:
                return route, texts
            allowed.append(route.method)
    if allowed:
        message = "this path has " + ", ".join(allowed)
        raise Refusal(405, ErrorCode.INVALID_REQUEST, message, {"Allow": ", ".join(allowed)})
    message = "there is nothing at this path; GET /v1/openapi.json says what there is"
    raise Refusal(NOT_FOUND, ErrorCode.RESOURCE_NOT_FOUND, message)


def read_parameters(
    route: Route, texts: Mapping[str, str], query: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return the values of all parameters, of path and query, by name.

    Raises:
        Refusal: 400; also for a parameter that the route does not have, or has twice.
    """
    given = {
        name: member.read_text(texts[name], name)
        for name, member in route.path_parameters.items()
    }
    for name, text in query:
        member = route.parameters.get(name)
        if member is None or name in given:
            known = ", ".join(route.parameters) or "no parameters"
            message = f"the query of {route.path} has {known}, each once, and no others"
            raise Refusal(BAD_REQUEST, ErrorCode.INVALID_REQUEST, message)
        given[name] = member.read_text(text, name)
    for name, member in route.parameters.items():
        if name not in given:
            if member.required:
                message = f"the parameter {name} is missing"
                raise Refusal(BAD_REQUEST, ErrorCode.INVALID_REQUEST, message)
            given[name] = member.default
    return given
