"""The HTTP API of a running cluster, asked from the command line.

By the standard library's client: it is there at once, and takes no proxy from the environment.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.cli.up_options import TOKEN_VARIABLE

__all__ = ["Api", "quoted"]

_ANSWER_BYTES_MAX = 256 << 20


class Api:
    """Asks one server, over one connection.

    Args:
        command: whose failures these are.
        url: `http://host:port`.
        timeout_s: how long an answer may take.
    """

    def __init__(self, command: str, url: str, timeout_s: float) -> None:
        self._command = command
        self._url = url.rstrip("/")
        try:
            parts = urlsplit(self._url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if host is None or parts.scheme != "http" or parts.path or parts.query:
            raise UsageFailed(command, f"--http is http://HOST:PORT, not {url!r}")
        self._connection = http.client.HTTPConnection(host, port or 80, timeout=timeout_s)

    def close(self) -> None:
        """The connection is closed."""
        self._connection.close()

    def get(self, path: str) -> Any:
        """Return the answer to a GET; raises `CommandFailed`."""
        return self._ask("GET", path)

    def post(self, path: str) -> Any:
        """Return the answer to a POST; raises `CommandFailed`."""
        return self._ask("POST", path)

    def _ask(self, method: str, path: str) -> Any:
        try:
            self._connection.request(method, path, headers=_headers())
            response = self._connection.getresponse()
            body = response.read(_ANSWER_BYTES_MAX)
        except TimeoutError as error:
            raise CommandFailed(self._command, f"{self._url} did not answer in time") from error
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"cannot connect to {self._url}: {reason}"
            raise CommandFailed(self._command, message) from error
        except (http.client.HTTPException, ValueError) as error:
            message = f"{self._url} speaks no HTTP we know: {error}"
            raise CommandFailed(self._command, message) from error
        try:
            value = json.loads(body)
        except ValueError as error:
            message = f"{self._url} is no HTTP API of minikafka"
            raise CommandFailed(self._command, message) from error
        if response.status >= 400:
            raise CommandFailed(self._command, _reason(response.status, value))
        return value


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")


def _headers() -> Mapping[str, str]:
    token = os.environ.get(TOKEN_VARIABLE)
    accept = {"Accept": "application/json"}
    return accept if not token else {**accept, "Authorization": f"Bearer {token}"}


def _reason(status: int, value: Any) -> str:
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return f"answered with status {status}"
    return f"{error.get('name')}: {error.get('message')}"
