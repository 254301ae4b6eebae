"""What a real loop asks of the operating system beside sockets: threads, signals, a wake-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["NoSystem"]


class NoSystem:
    """A part of the simulated loop: answers for a system that is not there."""

    if TYPE_CHECKING:
        call_soon: Callable[..., Any]
        create_future: Callable[[], Any]

    def _process_events(self, event_list: object) -> None: ...

    def _write_to_self(self) -> None: ...

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Run `func` as a callback of its own: there are no threads."""
        future = self.create_future()

        def run() -> None:
            if not future.cancelled():
                try:
                    future.set_result(func(*args))
                except Exception as error:  # noqa: BLE001 - handed to who awaits
                    future.set_exception(error)

        self.call_soon(run)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Return at once: there is none."""

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:
        """Accept and forget: no signal comes in a run (servers install handlers)."""

    def remove_signal_handler(self, sig: int) -> bool:
        """Return False: there was no handler."""
        return False
