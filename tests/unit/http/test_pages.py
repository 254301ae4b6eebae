"""The console's files: what is sent, under which headers, and that they are whole."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict
from yarl import URL

from minikafka.http.app import App
from minikafka.http.guard import Admission
from minikafka.http.limits import Limits
from minikafka.http.media import decode
from minikafka.http.pages import PAGE_HEADERS, pages
from tests.house.tree import ROOT

FOLDER = ROOT / "minikafka" / "http" / "console"
PAGES = pages()
SCRIPTS = sorted(FOLDER.glob("*.js"))
LOAD_BYTES_MAX = 150_000


async def ask(
    path: str, *, method: str = "GET", admission: Admission | None = None, **headers: str
) -> Any:
    """Return the answer of a server that has the console and no routes."""
    desk: Any = SimpleNamespace(routes=(), answered={})
    app = App(desk, admission or Admission(), Limits())
    given = CIMultiDict({"Host": "127.0.0.1:8080", **headers})
    request: Any = SimpleNamespace(
        method=method, headers=given, rel_url=URL(path, encoded=True)
    )
    return await app.handle(request)


async def test_console_is_at_the_root_under_a_strict_policy() -> None:
    """Scripts and styles from its own files alone, and nobody may frame it."""
    answer = await ask("/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(
        each.split(" ", 1) for each in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in PAGE_HEADERS["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/console/",
        "/console/../app.py",
        "/console/..%2fapp.py",
        "/console/%2e%2e/app.py",
        "/console/index.html",
        "/console//app.js",
        "/console/app.js/",
        "/console/app.js%00",
        "//console/app.js",
        "/app.js",
        "/console/C:%5Cwindows",
    ],
)
async def test_no_other_path_leads_to_a_file(path: str) -> None:
    """What is not in the table is 404, however it is written."""
    answer = await ask(path)
    assert answer.status == 404
    assert decode(answer.body, "json")["error"]["name"] == "RESOURCE_NOT_FOUND"


async def test_pages_are_only_read() -> None:
    """Another method is 405."""
    answer = await ask("/", method="POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_page_needs_no_token_and_no_stranger_gets_it() -> None:
    """There is nothing of a cluster in it; Host and Origin are looked at all the same."""
    admission = Admission(token="s3cret")
    assert (await ask("/", admission=admission)).status == 200
    assert (await ask("/v1/cluster", admission=admission)).status == 401
    assert (await ask("/", admission=admission, Host="evil.example")).status == 403
    assert (await ask("/", Origin="http://evil.example")).status == 403
    assert (await ask("/console/app.js", **{"Sec-Fetch-Site": "cross-site"})).status == 403


def test_every_file_is_sent_as_what_it_is() -> None:
    """No file lies there that is not sent, and none is sent that a browser has to guess."""
    names = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert {"/" if n == "index.html" else f"/console/{n}" for n in names} == set(PAGES)


def test_a_page_load_is_small() -> None:
    """All files together, as they are sent."""
    assert sum(len(page.body) for page in PAGES.values()) < LOAD_BYTES_MAX


def test_every_file_that_is_referred_to_is_there() -> None:
    """From the page and between modules, and no file is there that nothing refers to."""
    page = PAGES["/"].body.decode()
    wanted = {f"/{name}" for name in re.findall(r'(?:href|src)="(console/[^"]+)"', page)}
    for path in SCRIPTS:
        wanted |= {
            f"/console/{name}"
            for name in re.findall(r'from "\./([\w.]+)"', path.read_text("utf-8"))
        }
    assert wanted | {"/"} == set(PAGES)


def test_page_has_no_script_or_style_of_its_own() -> None:
    """The policy would not let it run: no inline script, handler or style; nothing from outside."""
    page = PAGES["/"].body.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
    assert not re.search(r'(?:href|src)="(?:https?:)?//', page)


def test_every_id_that_a_script_looks_for_is_in_the_page() -> None:
    """`byId` fails where there is none."""
    page = PAGES["/"].body.decode()
    found = set(re.findall(r'\sid="([\w-]+)"', page))
    assert len(found) == page.count(' id="')
    for path in SCRIPTS:
        wanted = set(re.findall(r'byId\("([\w-]+)"\)', path.read_text("utf-8")))
        assert wanted <= found, path.name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_becomes_markup_or_code(path: Path) -> None:
    """Data goes onto the page by textContent and attributes alone."""
    text = path.read_text("utf-8")
    ways = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    )
    assert not re.search(ways, text)
    assert len(text.splitlines()) <= 400
