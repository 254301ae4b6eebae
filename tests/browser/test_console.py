"""The console of a running cluster: what is seen, what a click does, and how soon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import leave, load
from tests.support.running_up import Up, running

pytestmark = [pytest.mark.browser, pytest.mark.time_limit(120)]

SOON_MS = 2_000
VIEWS = ("cluster", "records", "groups", "transactions", "events")
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """One cluster for all that breaks nothing for long."""
    with running("--topic", "orders:6:3", "--topic", "payments:3:3") as found:
        yield found


def opened(page: Any, up: Up, view: str = "cluster") -> None:
    """Open a view, which is live."""
    page.goto(f"{up.url}/#{view}")
    page.wait_for_selector("#live[data-tone=good]")


def cell(partition: str, broker: int) -> str:
    """Return the selector of what a broker is to a partition."""
    return f'[data-partition="{partition}"] [data-broker="{broker}"]'


def told(page: Any, kind: str, words: str) -> Any:
    """Return the first event of that kind with those words, once it is shown."""
    find = """([kind, words]) => diary.lines.find((line) =>
        line.kind === kind && new RegExp(words).test(line.text))"""
    return page.wait_for_function(find, arg=[kind, words], timeout=30_000).json_value()


def test_crash_by_a_click_shows_the_election_and_the_isr(
    page: Any, shot: Callable[[str], None]
) -> None:
    """Leaders, then broker 2 dies: others lead, the ISR shrinks, and grows again, within 2 s of it."""
    with running("--topic", "orders:6:3") as up, load(up, "orders", 6):
        opened(page, up)
        page.wait_for_selector('[data-partition="orders-5"] [data-role=leader]')
        partitions = up.ask("/v1/topics/orders")["partitions"]
        for each in partitions:
            place = f"orders-{each['partition']}"
            for broker in each["replicas"]:
                role = "leader" if broker == each["leader"] else "in-sync"
                assert page.get_attribute(cell(place, broker), "data-role") == role
        watermark = page.inner_text('[data-partition="orders-0"] .offset')
        page.wait_for_function(
            """(was) => document.querySelector('[data-partition="orders-0"] .offset')
                .innerText !== was""",
            arg=watermark,
        )
        shot("light")
        page.click('[aria-label="Crash broker 2"]')
        page.wait_for_selector('[data-broker="2"][data-state=down]')
        led = [f"orders-{each['partition']}" for each in partitions if each["leader"] == 2]
        events = [
            told(page, "broker", "Broker 2 is down"),
            told(page, "isr", "shrinks? by 2|shrink by 2"),
        ]
        if led:
            events.append(told(page, "leader", "instead of 2"))
        shot("broker-down")
        for place in led:
            page.wait_for_selector(
                f'[data-partition="{place}"] [data-role=leader]:not([data-broker="2"])'
            )
        page.click('[aria-label="Start broker 2"]')
        events.append(told(page, "isr", "grows? by 2|grow by 2"))
        page.wait_for_selector(cell("orders-0", 2) + "[data-role=in-sync]")
        shot("broker-back")
        assert [each["late"] for each in events if each["late"] > SOON_MS] == []
        cells = page.evaluate("diary.cells")
        for event, role in ((events[1], "down"), (events[-1], "in-sync")):
            shown = [
                each["at"]
                for each in cells
                if each["broker"] == 2 and each["role"] == role and each["at"] >= event["at"]
            ]
            assert min(shown) - event["at"] <= SOON_MS
        leave(page)


def test_a_page_load_is_small_and_comes_from_here(page: Any, up: Up) -> None:
    """All that the page loads to be there: less than 150 KB, from no other host."""
    sizes: dict[str, int] = {}

    def came(response: Any) -> None:
        if "/v1/" not in response.url:
            sizes[response.url] = len(response.body())

    page.on("response", came)
    opened(page, up)
    page.wait_for_load_state("load")
    assert len(sizes) > 10
    assert all(url.startswith(f"{up.url}/") for url in sizes)
    assert sum(sizes.values()) < 150_000


def test_everything_can_be_done_with_the_keyboard(page: Any, up: Up) -> None:
    """Tab reaches all, focus is seen, dialogs open, close, and give the focus back."""
    opened(page, up)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "cut"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.is_visible("#cut-dialog")
    page.keyboard.press("Escape")
    assert not page.is_visible("#cut-dialog")
    assert page.evaluate("document.activeElement.id") == "cut"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.type("pay")
    page.wait_for_selector('[data-topic="orders"]', state="detached")
    assert page.is_visible('[data-topic="payments"]')
    page.fill("#filter", "")
    page.focus('[aria-label="Pause broker 3"]')
    page.keyboard.press("Enter")
    page.wait_for_selector('[aria-label="Resume broker 3"]')
    page.focus('[aria-label="Resume broker 3"]')
    page.keyboard.press("Enter")
    page.wait_for_selector('[aria-label="Pause broker 3"]')


def test_links_are_cut_and_healed(page: Any, up: Up, shot: Callable[[str], None]) -> None:
    """The dialog wants two sides that are not the same; what is cut is shown until it is healed."""
    opened(page, up)
    page.click("#cut")
    assert page.is_disabled("#cut-dialog [type=submit]")
    page.check('#side-a input[value="1"]')
    page.check('#side-b input[value="2"]')
    shot("cut-dialog")
    page.click("#cut-dialog [type=submit]")
    page.wait_for_selector("text=1 ↔ 2 cut")
    page.click("#heal")
    page.wait_for_selector("text=1 ↔ 2 cut", state="detached")
    assert told(page, "heal", "healed")["late"] <= SOON_MS


def test_topic_is_made_and_deleted(page: Any, up: Up, complaints: list[str]) -> None:
    """A refusal stays in the dialog; whoever deletes is asked."""
    opened(page, up)
    page.click("#create")
    page.fill("#new-name", "a b")
    page.click("#topic-dialog [type=submit]")
    page.wait_for_selector("text=INVALID_TOPIC_EXCEPTION")
    page.fill("#new-name", "brand-new")
    page.click("#topic-dialog [type=submit]")
    page.wait_for_selector('[data-partition="brand-new-2"]')
    for answer in ("Cancel", "Delete"):
        page.click('[aria-label="Delete… of brand-new"]')
        page.click(f'#sure-dialog button:text-is("{answer}")')
    page.wait_for_selector('[data-topic="brand-new"]', state="detached")
    assert all("400 (Bad Request)" in said for said in complaints)  # the browser's own words
    complaints.clear()


def test_records_are_produced_read_and_followed(
    page: Any, up: Up, shot: Callable[[str], None]
) -> None:
    """What is sent is there, with its headers; while it is followed, new records come by themselves."""
    opened(page, up, "records/payments/1")
    page.fill("#key", "k-1")
    page.fill("#value", '{"total": 7}')
    page.fill("#headers", "trace=abc")
    page.click("#produce [type=submit]")
    page.wait_for_selector("#produced:text('offset 0')")
    page.click("#records details summary")
    for text in ("k-1", '"total": 7', "Header trace", "abc"):
        page.wait_for_selector(f"#records .whole >> text={text}")
    shot("records")
    page.click("#follow")
    path = "/v1/topics/payments/partitions/1/records"
    up.ask(path, {"records": [{"value": "followed"}]})
    page.wait_for_selector("#records >> text=followed")
    page.check("#tombstone")
    page.press("#headers", "Control+Enter")
    page.wait_for_selector("#produced:text('offset 2')")
    page.wait_for_selector('#records [data-offset="2"] .none')


def test_text_of_others_is_text(page: Any, up: Up) -> None:
    """Keys, values, headers and names of groups are never markup."""
    from confluent_kafka import Consumer

    header = {"key": EVIL, "value": EVIL}
    up.ask(
        "/v1/topics/payments/partitions/2/records",
        {"records": [{"key": EVIL, "value": EVIL, "headers": [header]}]},
    )
    consumer = Consumer(
        {"bootstrap.servers": up.bootstrap, "group.id": EVIL, "client.id": EVIL}
    )
    consumer.subscribe(["payments"])
    try:
        consumer.poll(5)
        opened(page, up, "records/payments/2")
        page.click("#records details summary")
        page.wait_for_selector("#records .whole")
        assert page.locator("#records .whole pre").all_inner_texts() == [EVIL] * 3
        opened(page, up, "groups")
        page.wait_for_selector(f"details.group >> text={EVIL}")
        assert page.locator("img").count() == 0
    finally:
        consumer.close()


def test_groups_show_who_reads_and_how_far_behind(
    page: Any, up: Up, shot: Callable[[str], None]
) -> None:
    """Members with their partitions, committed offsets, lag."""
    from confluent_kafka import Consumer, TopicPartition

    for _ in range(3):
        up.ask("/v1/topics/orders/partitions/0/records", {"records": [{"value": "a"}]})
    consumer = Consumer(
        {"bootstrap.servers": up.bootstrap, "group.id": "billing", "client.id": "till",
         "auto.offset.reset": "earliest"}
    )  # fmt: skip
    consumer.subscribe(["orders"])
    try:
        assert consumer.poll(15) is not None
        consumer.commit(offsets=[TopicPartition("orders", 0, 1)], asynchronous=False)
        opened(page, up, "groups")
        page.click('[data-group="billing"] summary')
        page.wait_for_selector('[data-group="billing"] >> text=orders: 0, 1, 2, 3, 4, 5')
        row = page.locator('[data-group="billing"] tr', has_text="orders-0")
        assert re.split(r"\s+", row.inner_text()) == ["orders-0", "1", "3", "2"]
        shot("groups")
    finally:
        consumer.close()


def test_transactions_are_shown_while_they_go_on(
    page: Any, up: Up, shot: Callable[[str], None]
) -> None:
    """Ongoing with what was written to, then complete, by itself."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": up.bootstrap, "transactional.id": "till-7"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce("orders", b"a", partition=4)
    producer.flush(10)
    opened(page, up, "transactions")
    page.wait_for_selector("tr:has-text('till-7') >> text=Ongoing")
    page.wait_for_selector("tr:has-text('till-7') >> text=orders: 4")
    shot("transactions")
    producer.commit_transaction(20)
    page.wait_for_selector("tr:has-text('till-7') >> text=CompleteCommit")


@pytest.mark.parametrize("width", [360, 768])
def test_every_view_fits_a_narrow_screen(
    page: Any, up: Up, width: int, shot: Callable[[str], None]
) -> None:
    """Nothing has to be moved sideways, and every button has a name."""
    page.set_viewport_size({"width": width, "height": 740})
    for view in VIEWS:
        opened(page, up, view)
        page.wait_for_selector(f'[data-view="{view}"]')
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        names = page.locator("button:visible").evaluate_all(
            "(all) => all.map((each) => each.ariaLabel ?? each.innerText)"
        )
        assert all(name.strip() for name in names)
        shot(f"{width}-{view}")


def test_light_and_dark_follow_the_system_or_the_button(
    page: Any, up: Up, shot: Callable[[str], None]
) -> None:
    """The button goes from auto to light to dark, and is remembered."""
    back = "getComputedStyle(document.body).backgroundColor"
    opened(page, up)
    light = page.evaluate(back)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(back)
    assert dark != light
    shot("dark")
    page.click("#theme")
    assert page.evaluate(back) == light
    page.click("#theme")
    page.emulate_media(color_scheme="light")
    page.reload()
    page.wait_for_selector("#live[data-tone=good]")
    assert page.evaluate(back) == dark


def test_cluster_with_a_token_asks_for_it(page: Any, complaints: list[str]) -> None:
    """In the address behind the #, or in the dialog; it is in no request's address."""
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    with running(token="s3cret-token") as up:
        page.goto(f"{up.url}/#token=s3cret-token")
        page.wait_for_selector("#live[data-tone=good]")
        assert "token" not in page.url
        page.click('[aria-label="Pause broker 3"]')
        page.wait_for_selector('[aria-label="Resume broker 3"]')
        page.click('[aria-label="Resume broker 3"]')
        assert not [url for url in asked if "s3cret" in url]
        page.evaluate("sessionStorage.clear()")
        page.goto(f"{up.url}/#cluster")
        page.reload()
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_function("document.getElementById('token').value === ''")
        page.fill("#token", "s3cret-token")
        page.keyboard.press("Enter")
        page.wait_for_selector("#live[data-tone=good]")
        leave(page)
    assert all("401 (Unauthorized)" in said for said in complaints)  # the browser's own words
    complaints.clear()
