"""A loop on a thread of its own: what is opened is closed, and no thread is left."""

from __future__ import annotations

import asyncio
import threading

import pytest

from minikafka.cluster.loop_thread import LoopThread


class Resource:
    """Notes on which thread it was opened and closed."""

    def __init__(self) -> None:
        self.opened_on: threading.Thread | None = None
        self.closed_on: threading.Thread | None = None
        self.failure: Exception | None = None

    async def open(self) -> None:
        """Open, or fail as told."""
        if self.failure is not None:
            raise self.failure
        self.opened_on = threading.current_thread()

    async def close(self) -> None:
        """Close."""
        self.closed_on = threading.current_thread()


def own_threads() -> list[str]:
    """Return the names of the threads that run loops of ours."""
    return [thread.name for thread in threading.enumerate() if thread.name == "minikafka"]


def test_resource_is_opened_and_closed_on_the_same_other_thread() -> None:
    """Whatever belongs to a loop is taken and given back on that loop."""
    resource = Resource()
    thread = LoopThread(resource.open, resource.close)
    thread.start()
    thread.close()
    assert resource.opened_on is resource.closed_on
    assert resource.opened_on is not threading.current_thread()
    assert own_threads() == []


def test_call_runs_on_the_loop_and_returns_its_value() -> None:
    """A plain function is called where the loop runs; what it returns comes back."""
    resource = Resource()
    thread = LoopThread(resource.open, resource.close)
    thread.start()
    try:
        assert thread.call(threading.current_thread) is resource.opened_on
    finally:
        thread.close()


def test_error_of_a_call_is_raised_to_the_caller() -> None:
    """The caller gets the exception itself, and the loop lives on."""
    resource = Resource()
    thread = LoopThread(resource.open, resource.close)
    thread.start()
    try:
        with pytest.raises(ZeroDivisionError):
            thread.call(lambda: 1 // 0)
        assert thread.call(lambda: 1) == 1
    finally:
        thread.close()


def test_failure_to_open_is_raised_by_start_and_leaves_no_thread() -> None:
    """A cluster that cannot start is as if it had never been."""
    resource = Resource()
    resource.failure = OSError("port in use")
    thread = LoopThread(resource.open, resource.close)
    with pytest.raises(OSError, match="port in use"):
        thread.start()
    assert own_threads() == []


def test_close_twice_is_close_once() -> None:
    """Closing again does nothing."""
    resource = Resource()
    thread = LoopThread(resource.open, resource.close)
    thread.start()
    thread.close()
    thread.close()
    assert own_threads() == []


def test_call_after_close_is_refused() -> None:
    """A closed cluster says so instead of waiting for ever."""
    resource = Resource()
    thread = LoopThread(resource.open, resource.close)
    thread.start()
    thread.close()
    with pytest.raises(RuntimeError, match="not running"):
        thread.call(lambda: 1)


def test_call_from_the_loop_itself_is_refused() -> None:
    """Waiting for the loop on the loop would never end."""
    resource = Resource()
    thread = LoopThread(resource.open, resource.close)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="AsyncCluster"):
            thread.call(lambda: thread.call(asyncio.get_running_loop))
    finally:
        thread.close()
