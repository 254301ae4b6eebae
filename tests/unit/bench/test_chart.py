"""The chart is a document that any browser shows, and says what was lost."""

from __future__ import annotations

from xml.etree import ElementTree

from minikafka.bench.chart import chart_of
from minikafka.bench.failover import Run
from minikafka.bench.figures import Figures, Span
from minikafka.bench.settings import Setting

SVG = "{http://www.w3.org/2000/svg}"


def run(lost: int, acked_s: tuple[float, ...], *spans: Span) -> Run:
    """Return a run of which only these things matter."""
    setting = Setting(1, 2, False, "kill")
    figures = Figures(setting, 9, 9, (1.0,), (1.0,), (0.0,), (1.0,), lost, 0, 0, {}, ())
    return Run(figures, spans, acked_s)


def test_each_row_has_its_strip_its_faults_and_its_losses() -> None:
    """Well-formed, with a bar for each tenth of a second in which something was acknowledged."""
    runs = [
        run(7, (0.01, 0.02, 0.31), Span(2, 0.1, 0.2, 0.3)),
        run(0, (), Span(2, 0.1, None, 9)),
    ]
    document = ElementTree.fromstring(chart_of(runs, "a < b & c"))
    texts = [each.text for each in document.iter(f"{SVG}text")]
    assert texts[0] == "a < b & c"
    assert [text for text in texts if text and text.endswith(" lost")] == [
        "7 lost",
        "none lost",
    ]
    kinds = [each.get("class") for each in document.iter(f"{SVG}rect")]
    assert (kinds.count("acked"), kinds.count("fault")) == (2, 2)
    assert [each.get("class") for each in document.iter(f"{SVG}line")].count("led") == 1


def test_nothing_is_drawn_outside_the_document() -> None:
    """Whatever the times are."""
    runs = [run(0, (0.0, 123.4), Span(2, 120.0, 121.0, 150.0))]
    document = ElementTree.fromstring(chart_of(runs, "t"))
    _, _, width, height = map(float, document.attrib["viewBox"].split())
    for each in document.iter(f"{SVG}rect"):
        x, y = float(each.get("x", "0")), float(each.get("y", "0"))
        assert x >= 0
        assert y >= 0
        assert x + float(each.attrib["width"]) <= width
        assert y + float(each.attrib["height"]) <= height
