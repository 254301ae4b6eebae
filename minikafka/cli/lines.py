"""Lines of stdin as they come, without a thread and without blocking the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

__all__ = ["read_chunks", "split_lines"]

_CHUNK_BYTES = 1 << 18


async def read_chunks(file_descriptor: int) -> AsyncIterator[bytes]:
    """Yield what there is to read, as soon as there is something, until the end.

    The descriptor stays in blocking mode: a terminal shares that mode with the shell.
    """
    while True:
        await _readable(file_descriptor)
        chunk = os.read(file_descriptor, _CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


async def _readable(file_descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(file_descriptor, _settle, ready)
    except (OSError, NotImplementedError):
        # A regular file is always readable, and selectors refuse it.
        return
    try:
        await ready
    finally:
        loop.remove_reader(file_descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def split_lines(rest: bytes, chunk: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines in `rest + chunk`, without their ends, and what is left over."""
    *lines, rest = (rest + chunk).split(b"\n")
    return [line.removesuffix(b"\r") for line in lines], rest
