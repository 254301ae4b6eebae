"""House rules are checks of the text: `make check` runs them, beside the linters."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, before markers select."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.house)
