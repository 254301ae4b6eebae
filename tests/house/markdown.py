"""Reads what the documents claim: links, code blocks, paths, commands."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.tree import tracked

__all__ = [
    "anchors",
    "code_blocks",
    "commands",
    "documents",
    "headings",
    "links",
    "named_paths",
    "prose",
]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^[\w.-]+(?:/[\w.-]+)*/(?:[\w.-]+\.(?:py|md|toml|yml))?$")
COMMAND = re.compile(r"(?:^|\$ |`)((?:minikafka|make) [^`\n]+)", re.MULTILINE)


def documents(root: Path) -> list[Path]:
    """Return every Markdown file of the project."""
    return [path for path in tracked(root) if path.suffix == ".md"]


def prose(text: str) -> str:
    """Return a document without its code blocks."""
    return FENCE.sub("", text)


def code_blocks(text: str, language: str) -> list[str]:
    """Return the bodies of the code blocks in one language."""
    return [body for name, body in FENCE.findall(text) if name == language]


def headings(text: str, level: int) -> list[str]:
    """Return the headings of one level, in order."""
    mark = "#" * level + " "
    lines = prose(text).splitlines()
    return [line.removeprefix(mark).strip() for line in lines if line.startswith(mark)]


def anchors(text: str) -> set[str]:
    """Return the names by which headings can be linked to."""
    found = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in found}


def links(text: str) -> list[str]:
    """Return the targets of the links that stay inside the project."""
    return [target for target in LINK.findall(prose(text)) if "://" not in target]


def named_paths(text: str) -> list[str]:
    """Return what stands in backticks and looks like `folder/file.py` or `folder/`."""
    return [span for span in SPAN.findall(prose(text)) if PATH.match(span)]


def commands(text: str) -> list[list[str]]:
    """Return the `make …` and `minikafka …` commands a document shows, as words."""
    blocks = "\n".join(body for name, body in FENCE.findall(text) if name in ("console", "sh"))
    found = COMMAND.findall(blocks) + COMMAND.findall(
        "\n".join(f"`{s}`" for s in SPAN.findall(prose(text)))
    )
    return [command.split() for command in found]
