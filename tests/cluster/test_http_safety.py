"""What the HTTP server does not let happen: strangers, pages, floods, and anything left behind."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest

from minikafka import AsyncCluster
from minikafka.http.limits import Limits
from minikafka.http.server import HttpServer
from tests.support.http_api import Api, api_of, serving
from tests.support.process import live_tasks, needs_proc, socket_count

RECORDS = "/v1/topics/orders/partitions/0/records"


async def raw(api: Api, data: bytes) -> bytes:
    """Send bytes on a connection of their own; return all that comes until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def request(text: str) -> bytes:
    """Return a GET by hand, after which the server closes."""
    return f"{text}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "kafka.test"])
def test_others_are_let_in_only_with_a_token(host: str) -> None:
    """An address that other machines reach wants one; loopback does not."""
    cluster = AsyncCluster(1)
    with pytest.raises(ValueError, match="only with a token"):
        HttpServer(cluster, host=host)
    HttpServer(cluster, host=host, token="s3cret")
    with pytest.raises(ValueError, match="empty"):
        HttpServer(cluster, token=" ")


async def test_stranger_gets_nothing_done() -> None:
    """Another Host, another Origin, no token: 403 and 401, and the topic is not there."""
    async with serving(token="s3cret") as api:
        token = {"Authorization": "Bearer s3cret"}
        topic = {"name": "orders"}
        for headers, want in (
            ({**token, "Host": "evil.example"}, (403, "CLUSTER_AUTHORIZATION_FAILED")),
            ({**token, "Origin": "http://evil.example"}, (403, "CLUSTER_AUTHORIZATION_FAILED")),
            ({}, (401, "SASL_AUTHENTICATION_FAILED")),
            ({"Authorization": "Bearer x"}, (401, "SASL_AUTHENTICATION_FAILED")),
        ):
            assert (await api.post("/v1/topics", topic, headers=headers)).error == want
            assert (await api.get("/metrics", headers=headers)).status == want[0]
        assert (await api.get("/v1/topics/orders", headers=token)).status == 404


async def test_form_of_another_page_is_refused() -> None:
    """Types that a page may post to anywhere are no types of a body here."""
    async with serving() as api:
        for content_type in ("text/plain", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": content_type}
            answer = await api.ask("POST", "/v1/topics", data=b'{"name":"a"}', headers=headers)
            assert answer.error == (415, "INVALID_REQUEST")


async def test_no_answer_lets_a_browser_guess_keep_or_load() -> None:
    """Headers of every answer, refusals included; no other origin is let in by CORS."""
    async with serving() as api:
        for path in ("/v1/cluster", "/metrics", "/nope", "/v1/topics/%3Cscript%3E"):
            headers = (await api.get(path)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "Access-Control-Allow-Origin" not in headers
            assert "html" not in headers["Content-Type"]


async def test_body_that_is_too_large_is_refused_early() -> None:
    """By its length before it is read, by its bytes where it hides them, unpacked ones counted."""
    async with serving(limits=Limits(body_bytes=1_000)) as api:
        await api.cluster.create_topic("orders")
        body = json.dumps({"records": [{"value": "a" * 2_000}]}).encode()
        kind = {"Content-Type": "application/json"}

        async def in_pieces() -> Any:
            for start in range(0, len(body), 100):
                yield body[start : start + 100]

        want = (413, "MESSAGE_TOO_LARGE")
        assert (await api.ask("POST", RECORDS, data=body, headers=kind)).error == want
        assert (await api.ask("POST", RECORDS, data=in_pieces(), headers=kind)).error == want
        packed = {**kind, "Content-Encoding": "gzip"}
        answer = await api.ask("POST", RECORDS, data=gzip.compress(body), headers=packed)
        assert answer.error == want
        fine = gzip.compress(b'{"records":[{"value":"a"}]}')
        assert (await api.ask("POST", RECORDS, data=fine, headers=packed)).status == 200


async def test_body_that_does_not_come_is_408() -> None:
    """A client that promises ten bytes and sends two is not waited for."""
    async with serving(limits=Limits(request_seconds=0.2)) as api:
        head = (
            f"POST {RECORDS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n"
            "Content-Type: application/json\r\n\r\n{}"
        )
        assert (await raw(api, head.encode())).startswith(b"HTTP/1.1 408")


async def test_connection_that_says_nothing_is_closed() -> None:
    """Neither silence nor half a request holds one of the connections for ever."""
    async with serving(limits=Limits(request_seconds=0.2)) as api:
        assert await raw(api, b"") == b""
        assert await raw(api, b"GET /v1/cluster HT") == b""


async def test_idle_connection_is_closed() -> None:
    """After an answer, too."""
    async with serving(limits=Limits(idle_seconds=0.2)) as api:
        answer = await raw(api, b"GET /v1/cluster HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")


async def test_one_connection_too_many_is_told_so() -> None:
    """503 at once, and the others go on."""
    async with serving(limits=Limits(connections=2)) as api:
        assert (await api.get("/v1/cluster")).status == 200
        _, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
        refused = await raw(api, request("GET /v1/cluster HTTP/1.1"))
        assert refused.startswith(b"HTTP/1.1 503")
        assert json.loads(refused.partition(b"\r\n\r\n")[2])["error"]["code"] == 89
        assert (await api.get("/v1/cluster")).status == 200
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x10 hello kafka\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"<script>alert(1)</script>\r\n\r\n",
        request("GET /v1/cluster HTTP/1.1\r\nX: " + "a" * 20_000),
        request("GET /" + "a" * 20_000 + " HTTP/1.1"),
        request("GET /v1/cluster HTTP/1.1\r\nContent-Length: x"),
    ],
    ids=["kafka", "version", "script", "header", "path", "length"],
)
async def test_what_is_no_http_is_400_and_silence(
    data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is refused without being shown, and whoever runs the cluster does not read of it."""
    async with serving() as api:
        answer = await raw(api, data)
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"Content-Type: application/json" in answer
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(body)["error"]["name"] == "INVALID_REQUEST"
    assert len(body) < 200
    assert b"script" not in body
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /v1/topics/%FF HTTP/1.1", 400),
        ("GET /v1/../metrics HTTP/1.1", 404),
        ("GET //metrics HTTP/1.1", 404),
        ("GET http://127.0.0.1/v1/cluster HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 404),
        ("TRACE /v1/cluster HTTP/1.1", 405),
        ("HEAD /v1/cluster HTTP/1.1", 405),
        ("GET /v1/topics?internal=1 HTTP/1.1", 400),
        ("GET /v1/topics?internal=%FF HTTP/1.1", 400),
        ("GET /v1/topics?%FF HTTP/1.1", 400),
    ],
)
async def test_odd_request_lines_have_plain_answers(line: str, status: int) -> None:
    """No way of writing a path leads anywhere else."""
    async with serving() as api:
        answer = await raw(api, request(line))
    assert answer.partition(b" ")[2].startswith(str(status).encode()), answer


@needs_proc
async def test_nothing_is_left_of_a_server() -> None:
    """Idle connections, a long poll, a listener, a silent client: all end with it."""
    async with AsyncCluster(1) as cluster:
        await cluster.create_topic("orders")
        await cluster.wait_until(lambda: True)
        tasks, sockets = len(live_tasks()), socket_count()
        server = HttpServer(cluster)
        await server.start()
        async with aiohttp.ClientSession(server.url) as session:
            loop = asyncio.get_running_loop()
            poll = loop.create_task(session.get(f"{RECORDS}?offset=0&max_wait_ms=60000"))
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            async with session.get("/v1/events") as events:
                await events.content.readline()
                await server.close()
                await server.close()
                while await events.content.readline():
                    pass
            with pytest.raises(aiohttp.ClientError):
                await poll
            writer.close()
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get("/v1/cluster")
        await cluster.wait_until(lambda: socket_count() == sockets)
        await cluster.wait_until(lambda: len(live_tasks()) == tasks)


async def test_port_in_use_is_an_error_and_nothing_is_left() -> None:
    """The caller hears of it as of any port."""
    async with AsyncCluster(1) as cluster, api_of(cluster) as one:
        other = HttpServer(cluster, port=one.server.port)
        with pytest.raises(OSError, match="in use"):
            await other.start()
        await other.close()


async def test_address_is_written_as_a_url() -> None:
    """IPv6 in brackets."""
    async with AsyncCluster(1) as cluster:
        assert HttpServer(cluster, host="::1", port=8080).url == "http://[::1]:8080"
        async with HttpServer(cluster) as server:
            assert server.url == f"http://127.0.0.1:{server.port}"


async def test_bug_in_a_handler_is_500_and_reported_to_the_loop() -> None:
    """The client learns that it is not its fault, and no more; the process says what it was."""
    reported: list[dict[str, Any]] = []
    async with serving() as api:
        asyncio.get_running_loop().set_exception_handler(lambda _, it: reported.append(it))

        def broken() -> None:
            raise ZeroDivisionError("a secret")

        api.cluster.overview = broken  # type: ignore[method-assign,assignment]
        answer = await api.get("/v1/brokers")
        del api.cluster.overview  # type: ignore[method-assign]
        assert answer.error == (500, "UNKNOWN_SERVER_ERROR")
        assert b"secret" not in answer.body
    assert [type(each["exception"]) for each in reported] == [ZeroDivisionError]
