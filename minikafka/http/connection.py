"""aiohttp's connections, but for what they say of requests that are none."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from minikafka.base.errors import ErrorCode
from minikafka.http.app import refusal_response
from minikafka.http.refusal import BAD_REQUEST, Refusal

__all__ = ["Server"]

_NO_REQUEST = Refusal(
    BAD_REQUEST,
    ErrorCode.INVALID_REQUEST,
    "this is no HTTP request, or its head is longer than 8 KB",
)


class Server(web.Server):
    """Makes a handler for each connection."""

    def __call__(self) -> web.RequestHandler:
        """Return the handler of a new connection."""
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(web.RequestHandler):
    __slots__ = ()

    def handle_error(self, *_: Any, **__: Any) -> web.StreamResponse:
        """Answer what could not be read; aiohttp would show what came, in plain text."""
        response = refusal_response(_NO_REQUEST, "json")
        response.force_close()
        return response
