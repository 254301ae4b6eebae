"""One TCP connection to a broker of any Kafka cluster, for the command line.

One request at a time, versions agreed by ApiVersions (KIP-35). Unlike `net/channel.py` it
knows no links and no broker of this process. Counterpart: NetworkClient of the Java client.
"""

from __future__ import annotations

import asyncio
import os
import struct
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.wire.codec import decode_response, encode_request
from minikafka.wire.framing import FrameError
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import SERVED, ApiKey

__all__ = ["Connection", "ConnectionLost"]

_LENGTH = struct.Struct(">i")
_RESPONSE_BYTES_MAX = 1 << 30


class ConnectionLost(ConnectionError):
    """No answer will come; the request may have been carried out all the same."""


class Connection:
    """Made by `open`.

    Args:
        name: `host:port`, for messages.
        timeout_s: how long an answer may take.
    """

    def __init__(
        self,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client_id: str,
        timeout_s: float,
    ) -> None:
        self.name = name
        self._reader = reader
        self._writer = writer
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._correlation_id = 0
        self._versions: dict[int, tuple[int, int]] = {}
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, host: str, port: int, client_id: str, timeout_s: float) -> Connection:
        """Return a connection whose versions are agreed.

        Raises:
            ConnectionLost: nobody listens there, or not a Kafka broker.
        """
        name = f"{host}:{port}"
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            raise ConnectionLost(f"cannot connect to {name}: no answer in time") from None
        except OSError as error:
            # asyncio's own text repeats the address.
            reason = str(error) if error.errno is None else os.strerror(error.errno)
            raise ConnectionLost(f"cannot connect to {name}: {reason}") from error
        connection = cls(name, reader, writer, client_id, timeout_s)
        try:
            await connection._agree_on_versions()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """The socket is closed. Twice is once."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            # Closed by the other side first: the end is the same.
            return

    def version(self, key: ApiKey, highest: int | None = None) -> int:
        """Return the greatest version that both sides speak, `highest` at most.

        Raises:
            KafkaError: UNSUPPORTED_VERSION.
        """
        ours = SERVED[key]
        low, high = self._versions.get(key, (0, -1))
        best = min(high, ours.max if highest is None else highest)
        if best < max(low, ours.min):
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION,
                f"{self.name} and we share no {ours.name} version",
            )
        return best

    async def ask(self, key: ApiKey, shape: Shape, highest: int | None = None) -> Any:
        """Return the answer to a request given as a shape, in the best common version."""
        version = self.version(key, highest)
        return await self.request(key, version, build_request(key, version, shape))

    async def request(self, key: ApiKey, version: int, request: object) -> Any:
        """Return the answer to one request.

        Cancellation: closes the connection, as an answer may be half read.

        Raises:
            ConnectionLost: the broker hung up, was silent too long, or answered nonsense.
        """
        async with self._turn:
            self._send(key, version, request)
            return await self._answer(key, version)

    async def send_only(self, key: ApiKey, version: int, request: object) -> None:
        """Send a request that is never answered: Produce with acks=0."""
        async with self._turn:
            self._send(key, version, request)
            await self._writer.drain()

    def _send(self, key: ApiKey, version: int, request: object) -> None:
        self._correlation_id = (self._correlation_id + 1) & 0x7FFFFFFF
        buffers = encode_request(key, version, self._correlation_id, self._client_id, request)
        self._writer.writelines(buffers)

    async def _answer(self, key: ApiKey, version: int) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._writer.drain()
                (length,) = _LENGTH.unpack(await self._reader.readexactly(4))
                if not 4 <= length <= _RESPONSE_BYTES_MAX:
                    raise FrameError(f"an answer of {length} bytes")
                # A bytearray: batches are cut out of it, and views of it must be writable.
                frame = memoryview(bytearray(await self._reader.readexactly(length)))
            correlation_id, response = decode_response(key, version, frame)
            if correlation_id != self._correlation_id:
                raise FrameError(f"answer {correlation_id} to request {self._correlation_id}")
        except TimeoutError:
            self._writer.close()
            raise ConnectionLost(f"{self.name} did not answer in time") from None
        except FrameError as error:
            self._writer.close()
            raise ConnectionLost(f"{self.name} speaks no Kafka we know: {error}") from error
        except (OSError, EOFError):
            self._writer.close()
            raise ConnectionLost(f"{self.name} closed the connection") from None
        except asyncio.CancelledError:
            self._writer.close()
            raise
        return response

    async def _agree_on_versions(self) -> None:
        # Version 0 is the one that every broker since 0.10 answers.
        request = build_request(ApiKey.API_VERSIONS, 0, {})
        answer = await self.request(ApiKey.API_VERSIONS, 0, request)
        if answer.error_code != ErrorCode.NONE:
            raise KafkaError(answer.error_code, f"{self.name} refused ApiVersions")
        self._versions = {
            each.api_key: (each.min_version, each.max_version) for each in answer.api_keys
        }
