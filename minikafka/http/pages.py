"""The files of the console, as they are sent.

A table made once from the folder beside this module: what is not in it is not there, whatever
a path says. Nobody needs a token to have them, for there is nothing of a cluster in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["PAGE_HEADERS", "Page", "pages"]

INDEX = "index.html"

_TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    # Scripts and styles come from these files alone, and no text ever becomes markup or code.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Page:
    """One file."""

    content_type: str
    body: bytes


@cache
def pages() -> Mapping[str, Page]:
    """Return the files by the path under which they are asked for; the console itself is `/`."""
    found = {}
    for entry in sorted(files("minikafka.http").joinpath("console").iterdir(), key=str):
        content_type = _TYPES.get(entry.name.rpartition(".")[2])
        if content_type is not None:
            path = "/" if entry.name == INDEX else f"/console/{entry.name}"
            found[path] = Page(content_type, entry.read_bytes())
    return found
