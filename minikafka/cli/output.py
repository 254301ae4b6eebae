"""Tables and progress on a terminal, plain lines into a pipe; rich is imported only for the former."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["on_terminal", "progress_bar", "show_lines", "show_table"]


def on_terminal() -> bool:
    """True where people read stdout."""
    return sys.stdout.isatty()


def show_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def show_table(
    title: str | None, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Draw a table on the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Names from a cluster are data: Text keeps square brackets from being read as markup.
    table = Table(
        title=None if title is None else Text(title), box=box.SIMPLE, title_justify="left"
    )
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def progress_bar() -> Progress:
    """Return a bar for stderr, to be entered, that leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    return Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # rich would send to stderr what is written to a file or a pipe, too.
        redirect_stdout=sys.stdout.isatty(),
    )
