"""A cluster with its HTTP API, and a client that asks it one thing at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgpack

from minikafka import AsyncCluster
from minikafka.base.errors import ErrorCode
from minikafka.http.server import HttpServer

__all__ = ["Answer", "Api", "api_of", "serving"]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    value: Any

    @property
    def error(self) -> tuple[int, str]:
        """Return status and name of a refusal, whose shape is checked, too."""
        assert list(self.value) == ["error"], self.value
        error = self.value["error"]
        assert sorted(error) == ["code", "message", "name"]
        assert ErrorCode[error["name"]] == error["code"]
        return self.status, error["name"]


class Api:
    """Asks a server."""

    def __init__(self, cluster: AsyncCluster, server: HttpServer, session: Any) -> None:
        self.cluster = cluster
        self.server = server
        self.session = session

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """Return the answer; `more` is aiohttp's: json, data, headers."""
        async with self.session.request(method, path, **more) as response:
            body = await response.read()
            return Answer(response.status, response.headers, body, _value(response, body))

    async def get(self, path: str, **more: Any) -> Answer:
        """Return the answer to a GET."""
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> Answer:
        """Return the answer to a POST, of JSON where there is a body."""
        given = {} if body is None else {"json": body}
        return await self.ask("POST", path, **given, **more)

    async def post_packed(self, path: str, body: object) -> Answer:
        """Return the answer to a POST of MessagePack, in MessagePack."""
        headers = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
        return await self.ask("POST", path, data=msgpack.packb(body), headers=headers)


@asynccontextmanager
async def serving(
    brokers: int = 1, config: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[Api]:
    """Run a cluster and its API; `options` are the server's."""
    async with AsyncCluster(brokers, config) as cluster, api_of(cluster, **options) as api:
        yield api


@asynccontextmanager
async def api_of(cluster: AsyncCluster, **options: Any) -> AsyncIterator[Api]:
    """Run the API of a cluster."""
    async with (
        HttpServer(cluster, **options) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        yield Api(cluster, server, session)


def _value(response: aiohttp.ClientResponse, body: bytes) -> Any:
    if response.content_type == "application/msgpack":
        return msgpack.unpackb(body)
    if response.content_type == "application/json":
        import json

        return json.loads(body)
    return body.decode("utf-8")
