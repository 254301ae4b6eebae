"""aiohttp, unmodified: its sockets that never connect, and its cache of the date."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop
    from minikafka.sim.plugs import Patches

__all__ = ["plug_aiohttp"]


def plug_aiohttp(loop: SimLoop, patches: Patches) -> None:
    """Forget what the process has cached of the date: it may be another run's."""
    helpers = sys.modules.get("aiohttp.helpers")
    if helpers is not None:
        patches.set(helpers, "_cached_current_datetime", None)
        patches.set(helpers, "_cached_formatted_datetime", "")
