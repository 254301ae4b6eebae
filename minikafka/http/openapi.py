"""The description of the API, made from the routes themselves: OpenAPI 3.1. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikafka import __version__
from minikafka.http.fields import Member, Struct
from minikafka.http.media import CONTENT_TYPES
from minikafka.http.routes import Route

__all__ = ["EVERYWHERE", "describe_api", "statuses"]

EVERYWHERE = (400, 401, 403, 406, 503)
"""Refusals that any request may get."""

_REFUSED = {
    400: "The request, or what it asks of Kafka, makes no sense.",
    401: "The token is missing or wrong.",
    403: "Another Host or Origin than this server's.",
    404: "There is no such thing.",
    406: "Neither JSON nor MessagePack is accepted.",
    408: "The body did not come in time.",
    409: "Not in this state.",
    413: "The body, or a record, is too large.",
    415: "The body is neither JSON nor MessagePack.",
    503: "Not now; Kafka's clients would try again.",
    504: "No answer in time; the request may still take effect.",
}
_WITH_BODY = (408, 413, 415)

_BYTES = {
    "description": "Bytes: a string where they are UTF-8; in MessagePack always bytes or nil.",
    "anyOf": [
        {"type": "string"},
        {"type": "null"},
        {
            "type": "object",
            "properties": {"base64": {"type": "string", "contentEncoding": "base64"}},
            "required": ["base64"],
            "additionalProperties": False,
        },
    ],
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Kafka's name of the error."},
                "code": {"type": "integer", "description": "Kafka's number of the error."},
                "message": {"type": "string"},
            },
            "required": ["name", "code", "message"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}


def describe_api(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Bytes": _BYTES, "Error": _ERROR}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
        for struct in (route.answer, route.body):
            if isinstance(struct, Struct):
                for each in struct.nested():
                    schemas[each.name] = each.schema()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "minikafka",
            "version": __version__,
            "description": "A running Kafka cluster: look at it, write, read, break it.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def statuses(route: Route) -> list[int]:
    """Return every status that a request on this route may get, ascending."""
    # A route without a time limit of its own may wait too long for a broker.
    late = () if route.seconds is None else (504,)
    body = () if route.body is None else _WITH_BODY
    refused = (*EVERYWHERE, *route.refusals, *late, *body)
    return sorted({route.status, *refused})


def _operation(route: Route) -> dict[str, Any]:
    responses = {}
    for status in statuses(route):
        if status == route.status:
            responses[str(status)] = _success(route)
        else:
            responses[str(status)] = {
                "description": _REFUSED[status],
                "content": _content({"$ref": "#/components/schemas/Error"}),
            }
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "parameters": [
            *(_parameter(name, each, "path") for name, each in route.path_parameters.items()),
            *(_parameter(name, each, "query") for name, each in route.parameters.items()),
        ],
        "responses": responses,
    }
    if route.body is not None:
        content = _content(route.body.describe())
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _success(route: Route) -> dict[str, Any]:
    if route.kind == "text":
        return {"description": route.about, "content": {"text/plain": {}}}
    if route.kind == "events":
        return {"description": route.about, "content": {"text/event-stream": {}}}
    schema = {"type": "object"} if route.answer is None else route.answer.describe()
    return {"description": route.about, "content": _content(schema)}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: {"schema": schema} for name in CONTENT_TYPES.values()}


def _parameter(name: str, member: Member, place: str) -> dict[str, Any]:
    schema = member.field.describe()
    if not member.required and member.default is not None:
        schema["default"] = member.default
    shown: dict[str, Any] = {"name": name, "in": place, "schema": schema}
    if member.required:
        shown["required"] = True
    if member.about:
        shown["description"] = member.about
    return shown
