"""Golden scripts: commands, `----`, and what the machine said to them.

A file is one scenario. Blocks are set apart by empty lines; a block has comments, commands,
`----` and the output. With GOLDENS=rewrite in the environment the outputs are written anew, and
the difference is reviewed like code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["Command", "check_script"]

LINES_MAX = 120
SEPARATOR = "----"


class Command:
    """One line: its name, the words after it, and the `key=value` pairs among them."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.name, *words = line.split()
        self.words = [word for word in words if "=" not in word]
        self.options = dict(word.split("=", 1) for word in words if "=" in word)

    def number(self, key: str, default: int | None = None) -> int:
        """Return an option as a number."""
        text = self.options.get(key)
        if text is None:
            assert default is not None, f"{self.line}: {key}= is missing"
            return default
        return int(text)

    def numbers(self, text: str) -> tuple[int, ...]:
        """Return `1,2,3` as numbers."""
        return tuple(int(number) for number in text.split(","))

    def broker(self) -> int:
        """Return the broker that the first word names, `b2` as 2."""
        return int(self.words[0].removeprefix("b"))


def run_block(block: str, run: Callable[[Command], list[str]]) -> str:
    """Return the block with what its commands say now."""
    before, separator, _ = block.partition(f"\n{SEPARATOR}")
    lines = before.split("\n")
    commands = [line for line in lines if line and not line.startswith("#")]
    if not commands:
        assert not separator, f"output without a command: {block}"
        return block
    said = [line for command in commands for line in run(Command(command))]
    return "\n".join([before, SEPARATOR, *said])


def check_script(path: Path, run: Callable[[Command], list[str]]) -> None:
    """Fail where a script says something else than the machine; or rewrite it, if asked to."""
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LINES_MAX, f"{path.name}: one scenario, {LINES_MAX} lines"
    assert text.startswith("#"), f"{path.name}: begins with the claim it shows"
    now = "\n\n".join(run_block(block, run) for block in text.strip().split("\n\n")) + "\n"
    if os.environ.get("GOLDENS") == "rewrite":
        path.write_text(now, "utf-8")
        return
    assert now.splitlines() == text.splitlines()
