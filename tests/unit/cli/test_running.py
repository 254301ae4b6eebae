"""Signals end a command in order, and a second one at once where that is wanted."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from minikafka.cli.running import run_until_signal


async def lingering(more: int) -> int:
    """Be signalled, and again so many times while cleaning up."""
    try:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.get_running_loop().create_future()
    finally:
        for _ in range(more):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    return 1


def test_signal_lets_the_command_clean_up() -> None:
    """Exit code 0: it was asked to go, and went."""
    assert run_until_signal(lingering(0)) == 0
    assert run_until_signal(lingering(0), hurry=True) == 0


def test_second_signal_ends_a_command_in_a_hurry_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the code that a shell gives to what a signal has ended; others just clean up."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    run_until_signal(lingering(1))
    assert codes == []
    run_until_signal(lingering(1), hurry=True)
    assert codes == [128 + signal.SIGTERM]
