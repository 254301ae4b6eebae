"""A chart of acknowledged writes over time, a strip for each setting, as an SVG document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from minikafka.bench.failover import Run

__all__ = ["chart_of"]

WIDTH = 960
LEFT = 24
STRIP = 46
GAP = 34
HEAD = 56
BIN_S = 0.1

_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #57606a }
  .lost { fill: #b3261e; font-weight: 600 }
  .acked { fill: #4c78a8 }
  .fault { fill: #f2c9c5 }
  .led { stroke: #b3261e; stroke-width: 1; stroke-dasharray: 2 2 }
  .base { stroke: #d0d7de }
"""


def chart_of(runs: Sequence[Run], title: str) -> str:
    """Return the document: acknowledged writes per 100 ms, faults shaded until all is in sync.

    A dashed line is where metadata names another leader.
    """
    end_s = max([1.0, *(run.acked_s[-1] for run in runs if run.acked_s)])
    end_s = max([end_s, *(span.over_s for run in runs for span in run.spans)])
    height = HEAD + len(runs) * (STRIP + GAP) + 16
    scale = (WIDTH - 2 * LEFT) / end_s
    legend = (
        f"acknowledged writes per {BIN_S * 1000:g} ms; shaded from a fault until all is in sync; "
        f"dashed where metadata names another leader; 0 to {end_s:.1f} s"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
        f'<text class="quiet" x="{LEFT}" y="42">{legend}</text>',
    ]
    most = max([1, *(max(_bins(run, end_s)) for run in runs)])
    for number, run in enumerate(runs):
        parts += _strip(run, HEAD + number * (STRIP + GAP), scale, end_s, most)
    return "\n".join([*parts, "</svg>", ""])


def _bins(run: Run, end_s: float) -> list[int]:
    counts = [0] * (int(end_s / BIN_S) + 1)
    for acked_s in run.acked_s:
        counts[min(int(acked_s / BIN_S), len(counts) - 1)] += 1
    return counts


def _strip(run: Run, top: int, scale: float, end_s: float, most: int) -> list[str]:
    figures = run.figures
    floor = top + GAP // 2 + STRIP
    verdict = f"{figures.lost} lost" if figures.lost else "none lost"
    kind = "lost" if figures.lost else "quiet"
    parts = [
        f'<text x="{LEFT}" y="{top + 12}">{escape(figures.setting.name)}</text>',
        f'<text class="{kind}" x="{WIDTH - LEFT}" y="{top + 12}" text-anchor="end">{verdict}</text>',
    ]
    for span in run.spans:
        x, width = LEFT + span.at_s * scale, (span.over_s - span.at_s) * scale
        parts.append(
            f'<rect class="fault" x="{x:.1f}" y="{floor - STRIP}" width="{width:.1f}" height="{STRIP}"/>'
        )
        if span.led_s is not None:
            x = LEFT + span.led_s * scale
            parts.append(
                f'<line class="led" x1="{x:.1f}" x2="{x:.1f}" y1="{floor - STRIP}" y2="{floor}"/>'
            )
    width = BIN_S * scale
    for index, count in enumerate(_bins(run, end_s)):
        if count:
            tall = STRIP * count / most
            parts.append(
                f'<rect class="acked" x="{LEFT + index * width:.1f}" y="{floor - tall:.1f}" '
                f'width="{max(width - 0.5, 0.5):.1f}" height="{tall:.1f}"/>'
            )
    parts.append(
        f'<line class="base" x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{floor}" y2="{floor}"/>'
    )
    return parts
