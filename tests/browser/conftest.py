"""The console in a browser: a cluster of its own process, and a fresh profile for each test.

`MINIKAFKA_CHROMIUM` names the browser, `MINIKAFKA_SHOTS` a folder for pictures of each state.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.running_up import Up

CHROMIUM = os.environ.get("MINIKAFKA_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS = os.environ.get("MINIKAFKA_SHOTS")
# Written down by the page itself: what is shown when, and what keeps it busy.
DIARY = """
window.diary = { lines: [], cells: [], long: [] };
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) diary.long.push(each.duration);
}).observe({ type: "longtask", buffered: true });
addEventListener("DOMContentLoaded", () => {
  if (document.getElementById("timeline") === null) return;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const li of addedNodes) {
      if (li.dataset?.time) diary.lines.push({
        kind: li.dataset.kind, late: Date.now() - Number(li.dataset.time),
        at: Number(li.dataset.time), text: li.textContent,
      });
    }
  }).observe(document.getElementById("timeline"), { childList: true });
  new MutationObserver((changes) => {
    for (const { target } of changes) if (target.dataset.role) diary.cells.push({
      place: target.parentElement.dataset.partition, broker: Number(target.dataset.broker),
      role: target.dataset.role, at: Date.now(),
    });
  }).observe(document.getElementById("rows"), { subtree: true, attributeFilter: ["data-role"] });
});
"""


def leave(page: Any) -> None:
    """Leave the console before its cluster ends: it would complain, and rightly."""
    page.goto("about:blank")


@contextmanager
def load(up: Up, topic: str, partitions: int, per_second: int = 400) -> Iterator[None]:
    """Produce with acks=all from a thread of its own."""
    from confluent_kafka import Producer

    end = threading.Event()

    def work() -> None:
        producer = Producer({"bootstrap.servers": up.bootstrap, "acks": "all", "linger.ms": 5})
        number = 0
        while not end.wait(0.02):
            for _ in range(max(1, per_second // 50)):
                producer.produce(topic, b"order %d" % number, partition=number % partitions)
                number += 1
            producer.poll(0)
        producer.flush(20)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(30)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser."""
    api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.fail(f"there is no browser at {CHROMIUM}; MINIKAFKA_CHROMIUM names another")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser's console says; at the end of a test there may be nothing."""
    said: list[str] = []
    yield said
    assert said == []


@pytest.fixture
def page(chromium: Any, complaints: list[str]) -> Iterator[Any]:
    """A page in a fresh profile."""
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light"
    )
    context.add_init_script(DIARY)
    page = context.new_page()
    page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    yield page
    context.close()


@pytest.fixture
def shot(page: Any) -> Callable[[str], None]:
    """Take a picture of the page as it is, where somebody wants to look at it."""

    def take(name: str) -> None:
        if SHOTS is not None:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(SHOTS, f"{name}.png"))

    return take
