"""The command line's own client of the HTTP API, against servers that are none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minikafka.cli.api import Api, quoted
from minikafka.cli.failures import CommandFailed


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """Serve one connection with these bytes; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def http(status: int, body: bytes) -> bytes:
    """Return an answer."""
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"\x00\x00\x00\x04kafk", "speaks no HTTP we know"),
        (b"", "cannot connect|speaks no HTTP we know"),
        (http(200, b"<html>"), "is no HTTP API of minikafka"),
        (http(500, b"[]"), "answered with status 500"),
        (http(404, b'{"error": {"name": "N", "code": 1, "message": "m"}}'), "N: m"),
    ],
)
def test_what_goes_wrong_is_said(answer: bytes, said: str) -> None:
    """Whoever answers there instead, and whatever."""
    with server(answer) as url:
        api = Api("minikafka x", url, 5.0)
        with pytest.raises(CommandFailed, match=said):
            api.get("/")
        api.close()


def test_silent_server_is_not_waited_for() -> None:
    """The time limit is the caller's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = Api("minikafka x", f"http://127.0.0.1:{listener.getsockname()[1]}", 0.05)
        with pytest.raises(CommandFailed, match="did not answer in time"):
            api.get("/")
        api.close()


def test_name_is_one_part_of_a_path() -> None:
    """Whatever is in it."""
    assert quoted("a/b é?") == "a%2Fb%20%C3%A9%3F"
