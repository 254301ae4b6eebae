"""From a request of aiohttp to its answer: checked, read, handed over, written.

The one place where errors become answers. Every answer says that no browser shall guess what
it is, keep it, or let it load anything. Counterpart: apis/dispatch.py, for the other protocol.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.http.call import Call, Desk
from minikafka.http.changes import Event
from minikafka.http.feed import Listener
from minikafka.http.guard import Admission
from minikafka.http.limits import Limits
from minikafka.http.media import CONTENT_TYPES, Media, decode, encode, media_asked_for, media_of
from minikafka.http.pages import PAGE_HEADERS, Page, pages
from minikafka.http.refusal import BUG, TOO_LARGE, TOO_LATE, Refusal, error_shape, refusal_of
from minikafka.http.routes import Route, find_route, read_parameters

__all__ = ["App", "refusal_response"]

PING_SECONDS = 15.0

_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NO_ROUTE, _PAGE = "none", "console"
_DEFAULT_MEDIA: Media = "json"


class App:
    """Answers the requests of one server.

    Args:
        desk: what the handlers share.
    """

    def __init__(self, desk: Desk, admission: Admission, limits: Limits) -> None:
        self._desk = desk
        self._admission = admission
        self._limits = limits

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the answer to a request, whatever becomes of it."""
        name, media = _NO_ROUTE, _DEFAULT_MEDIA
        page = pages().get(request.rel_url.raw_path)
        try:
            is_page = page is not None
            self._admission.check(request.method, request.headers, open_to_all=is_page)
            if page is not None:
                return self._page(request.method, page)
            route, texts = find_route(
                self._desk.routes, request.method, request.rel_url.raw_path
            )
            name = route.name
            if route.kind == "data":
                media = media_asked_for(request.headers.get("Accept"))
            given = read_parameters(route, texts, list(request.rel_url.query.items()))
            body = await self._body(request, route)
            value = await _carried_out(route, Call(self._desk, given, body))
            if isinstance(value, Listener):
                self._count(name, route.status)
                return await self._stream(request, value)
            response = _success(route, value, media)
        except Refusal as refusal:
            response = refusal_response(refusal, media)
        self._count(name, response.status)
        return response

    def _page(self, method: str, page: Page) -> web.Response:
        if method != "GET":
            message = "a page can be read, and nothing else"
            raise Refusal(405, ErrorCode.INVALID_REQUEST, message, {"Allow": "GET"})
        self._count(_PAGE, 200)
        headers = {**PAGE_HEADERS, "Content-Type": page.content_type}
        return web.Response(headers=headers, body=page.body)

    def _count(self, name: str, status: int) -> None:
        key = (name, status)
        self._desk.answered[key] = self._desk.answered.get(key, 0) + 1

    async def _body(self, request: web.BaseRequest, route: Route) -> dict[str, Any]:
        if route.body is None:
            return {}
        media = media_of(request.headers.get("Content-Type", ""))
        data = await self._read(request)
        found: dict[str, Any] = route.body.read(decode(data, media), "the body")
        return found

    async def _read(self, request: web.BaseRequest) -> bytes:
        """Return the body, refused as soon as it is too large or too slow."""
        most = self._limits.body_bytes
        too_large = Refusal(
            TOO_LARGE, ErrorCode.MESSAGE_TOO_LARGE, f"a body has {most} bytes at most"
        )
        if (request.content_length or 0) > most:
            raise too_large
        data = bytearray()
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                async for chunk in request.content.iter_any():
                    data += chunk
                    if len(data) > most:
                        raise too_large
        except TimeoutError:
            message = "the body did not come in time"
            raise Refusal(408, ErrorCode.REQUEST_TIMED_OUT, message) from None
        except web.RequestPayloadError as error:
            message = "the body is cut short, or not encoded as it says"
            raise Refusal(400, ErrorCode.INVALID_REQUEST, message) from error
        return bytes(data)

    async def _stream(self, request: web.BaseRequest, listener: Listener) -> web.StreamResponse:
        """Send events as they come, until the client or the server leaves."""
        response = web.StreamResponse(headers=_HEADERS)
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        try:
            await response.prepare(request)
            number = 1
            while True:
                try:
                    events = await listener.take(PING_SECONDS)
                except TimeoutError:
                    await self._send(response, b": still here\n\n")
                    continue
                if not events:
                    break
                lines = [_event_bytes(number + n, each) for n, each in enumerate(events)]
                await self._send(response, b"".join(lines))
                number += len(events)
        except (ConnectionError, TimeoutError):
            # It left without a word, or takes nothing: there is nobody to tell.
            response.force_close()
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._desk.feed.leave(listener)
        return response

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._limits.send_seconds):
            await response.write(data)


async def _carried_out(route: Route, call: Call) -> Any:
    """Return what the handler returns; every error of it is a refusal."""
    try:
        async with asyncio.timeout(route.seconds):
            return await route.handler(call)
    except KafkaError as error:
        raise refusal_of(error) from error
    except Refusal:
        raise
    except TimeoutError as error:
        message = "no answer in time; the request may still take effect"
        raise Refusal(TOO_LATE, ErrorCode.REQUEST_TIMED_OUT, message) from error
    except Exception as error:  # as in apis/dispatch.py, every error is answered
        context = {"message": f"{route.name} failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
        message = "an error of minikafka; its own output says which"
        raise Refusal(BUG, ErrorCode.UNKNOWN_SERVER_ERROR, message) from error


def _success(route: Route, value: Any, media: Media) -> web.Response:
    if route.kind == "text":
        content_type, text = value
        headers = {**_HEADERS, "Content-Type": content_type}
        return web.Response(status=route.status, headers=headers, body=text.encode("utf-8"))
    return _data(route.status, value, media, {})


def refusal_response(refusal: Refusal, media: Media) -> web.Response:
    """Return a refusal as it is sent."""
    response = _data(refusal.status, error_shape(refusal), media, refusal.headers)
    if refusal.status in (408, TOO_LARGE):
        # The rest of the body is not read.
        response.force_close()
    return response


def _data(status: int, value: object, media: Media, more: Mapping[str, str]) -> web.Response:
    headers = {**_HEADERS, **more, "Content-Type": CONTENT_TYPES[media]}
    return web.Response(status=status, headers=headers, body=encode(value, media))


def _event_bytes(number: int, event: Event) -> bytes:
    data = json.dumps(event.data, separators=(",", ":"))
    return f"id: {number}\nevent: {event.kind}\ndata: {data}\n\n".encode()
