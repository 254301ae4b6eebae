"""From a frame to its handler and back: the only place that turns errors into answers.

Knows framing, versions and the registry; nothing of any single API but ApiVersions, whose
unknown versions are answered. Counterpart: KafkaRequestHandler and KafkaApis.handle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from types import CoroutineType
from typing import Any

from minikafka.apis import handlers
from minikafka.apis.k18_api_versions import unsupported_version
from minikafka.apis.registry import REGISTERED, CloseConnection, Registration
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.broker import Broker
from minikafka.broker.context import RequestContext
from minikafka.net.connection import Connection, Slot
from minikafka.wire.codec import (
    RequestHeader,
    decode_header,
    decode_request,
    encode_response,
)
from minikafka.wire.framing import FrameError
from minikafka.wire.shapes import build_response
from minikafka.wire.versions import SERVED, ApiKey, is_served

__all__ = ["Dispatcher"]

logger = logging.getLogger(__name__)
_HAND_WRITTEN = frozenset((ApiKey.PRODUCE, ApiKey.FETCH))
_INTERNAL = frozenset(key for key, row in SERVED.items() if row.internal)
assert handlers.REGISTERED is REGISTERED, "importing the handlers registers them"


class Dispatcher:
    """All requests of one broker, from sockets and from inside the process."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def on_frame(
        self,
        frame: memoryview,
        connection: Connection,
        slot: Slot,
        *,
        from_broker: bool = False,
    ) -> None:
        """Answer one frame, now or later; malformed and unserved ones close the connection.

        What only brokers say to each other is unserved unless it comes `from_broker`.
        """
        try:
            header = decode_header(frame)
            key, version = header.api_key, header.api_version
            if not is_served(key, version) or (key in _INTERNAL and not from_broker):
                self._unserved(header, slot)
                return
            registration = REGISTERED[key]
            request = decode_request(key, version, frame, header.body_position)
        except FrameError as error:
            logger.debug("connection %d: %s", connection.number, error)
            slot.close()
            return
        context = RequestContext(
            self._broker,
            version,
            header.client_id,
            connection.number,
            self._broker.clock.monotonic_ms(),
            from_broker,
            connection.peer_host,
        )
        result = self._run(registration, request, context)
        if isinstance(result, Deferred):
            result.on_done(lambda done: self._answer(header, request, done, slot, from_broker))
        else:
            self._send(header, request, result, slot, from_broker)

    def call(
        self,
        api_key: int,
        version: int,
        request: object,
        *,
        client_id: str,
        from_broker: bool = False,
    ) -> Deferred[Any]:
        """Answer one request given as an object, with a response object of `version`.

        A refusal of the whole request is a response too, where the API has room for it;
        otherwise the value fails with the `KafkaError`, or with `CloseConnection`.
        """
        if api_key in _INTERNAL and not from_broker:
            refused: Deferred[Any] = Deferred()
            refused.fail(CloseConnection(f"api key {api_key} is for brokers"))
            return refused
        now_ms = self._broker.clock.monotonic_ms()
        context = RequestContext(self._broker, version, client_id, 0, now_ms, from_broker)
        registration = REGISTERED[api_key]
        result = self._run(registration, request, context)
        if self._broker.observer is not None:
            result = self._observed(api_key, version, request, result, from_broker)
        waits = isinstance(result, Deferred)
        if waits and api_key in _HAND_WRITTEN and not result.done:
            # A waiting produce or fetch is never refused as a whole, and needs no conversion.
            waiting: Deferred[Any] = result
            return waiting
        answer: Deferred[Any] = Deferred()
        if not waits:
            answer.set(_as_object(api_key, version, result))
            return answer

        def finish(done: Deferred[Any]) -> None:
            try:
                value = self._result(registration, request, version, done)
            except (KafkaError, CloseConnection) as error:
                answer.fail(error)
                return
            answer.set(_as_object(api_key, version, value))

        result.on_done(finish)
        return answer

    def _observed(
        self, api_key: int, version: int, request: Any, result: Any, from_broker: bool
    ) -> Any:
        """Return `result` unchanged, after the observer has heard of the value."""
        broker, observer = self._broker, self._broker.observer
        assert observer is not None
        if not isinstance(result, Deferred):
            observer.answered(broker, api_key, version, request, result, from_broker)
            return result
        later: Deferred[Any] = Deferred()

        def hear(done: Deferred[Any]) -> None:
            try:
                value = done.result()
            except BaseException as error:
                later.fail(error)
                return
            observer.answered(broker, api_key, version, request, value, from_broker)
            later.set(value)

        result.on_done(hear)
        return later

    def _run(self, registration: Registration, request: Any, context: RequestContext) -> Any:
        """Return the handler's value, or a deferred one; errors settle a deferred one."""
        try:
            if registration.controller and not self._broker.is_controller:
                if context.from_broker:
                    # Who asks has forwarded it, or asks for itself: it has to look again.
                    raise KafkaError(ErrorCode.NOT_CONTROLLER)
                return self._broker.work.spawn(
                    self._broker.forward(registration.key, context.api_version, request)
                )
            result = registration.handler(request, context)
            if isinstance(result, CoroutineType):
                coroutine: Coroutine[Any, Any, Any] = result
                return self._broker.work.spawn(coroutine)
            return result
        except Exception as error:
            failed: Deferred[Any] = Deferred()
            failed.fail(error)
            return failed

    def _answer(
        self,
        header: RequestHeader,
        request: Any,
        done: Deferred[Any],
        slot: Slot,
        from_broker: bool,
    ) -> None:
        registration = REGISTERED[header.api_key]
        try:
            value = self._result(registration, request, header.api_version, done)
        except (KafkaError, CloseConnection) as error:
            logger.debug("closing a connection: %s", error)
            slot.close()
            return
        self._send(header, request, value, slot, from_broker)

    def _result(
        self, registration: Registration, request: Any, version: int, done: Deferred[Any]
    ) -> Any:
        """Return the value, or the shape that says why not; raise where there is no such."""
        try:
            return done.result()
        except KafkaError as error:
            refusal = error
        except (CloseConnection, asyncio.CancelledError) as error:
            raise CloseConnection(str(error)) from error
        except Exception as error:
            logger.exception("%s failed", registration.key.name)
            refusal = KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, type(error).__name__)
        if registration.on_error is None:
            raise refusal
        return registration.on_error(request, refusal, version)

    def _send(
        self, header: RequestHeader, request: Any, value: Any, slot: Slot, from_broker: bool
    ) -> None:
        if slot.closed:
            return
        observer = self._broker.observer
        if observer is not None:
            observer.answered(
                self._broker, header.api_key, header.api_version, request, value, from_broker
            )
        if value is None:
            slot.answer(())
            return
        key, version = header.api_key, header.api_version
        response = _as_object(key, version, value)
        slot.answer(encode_response(key, version, header.correlation_id, response))

    def _unserved(self, header: RequestHeader, slot: Slot) -> None:
        """Close, but for ApiVersions: version 0 and error 35 tell the client what to use."""
        if header.api_key != ApiKey.API_VERSIONS:
            slot.close()
            return
        response = build_response(ApiKey.API_VERSIONS, 0, unsupported_version())
        slot.answer(encode_response(ApiKey.API_VERSIONS, 0, header.correlation_id, response))


def _as_object(api_key: int, version: int, value: Any) -> Any:
    """Give in-process callers what a decoded answer would be."""
    if api_key not in _HAND_WRITTEN and isinstance(value, Mapping):
        return build_response(api_key, version, value)
    return value
