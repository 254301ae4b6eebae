"""Lines out of chunks."""

from __future__ import annotations

import os
from pathlib import Path

from minikafka.cli.lines import read_chunks, split_lines


def test_line_cut_by_a_chunk_is_put_together() -> None:
    """What has no end yet waits for the next chunk."""
    lines, rest = split_lines(b"", b"one\ntw")
    assert (lines, rest) == ([b"one"], b"tw")
    assert split_lines(rest, b"o\r\n\n") == ([b"two", b""], b"")


async def test_pipe_is_read_to_its_end() -> None:
    """Chunks come as they are written; the end of the pipe ends the iteration."""
    reader, writer = os.pipe()
    try:
        os.write(writer, b"first")
        chunks = read_chunks(reader)
        assert await anext(chunks) == b"first"
        os.write(writer, b"second")
        assert await anext(chunks) == b"second"
        os.close(writer)
        assert [chunk async for chunk in chunks] == []
    finally:
        os.close(reader)


async def test_regular_file_is_read_to_its_end(tmp_path: Path) -> None:
    """Files, which no selector takes, are read all the same."""
    path = tmp_path / "lines"
    path.write_bytes(b"a\nb\n")
    with path.open("rb") as file:
        assert [chunk async for chunk in read_chunks(file.fileno())] == [b"a\nb\n"]
