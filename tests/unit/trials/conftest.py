"""A test that claims "breaks R7" must fail where nobody checks R7; clients that die are buried."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterator

import pytest

from tests.support.rules_off import rule_off, rules_shown


@pytest.fixture(scope="module")
def buried() -> Iterator[None]:
    """Collect, unheard, what a client says that died with its machine, and whose loop is gone.

    Once for all tests: a collection takes half a second.
    """
    gc.disable()
    yield
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    gc.collect()
    sys.unraisablehook = hook
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run it once more without each rule that it shows."""
    result = yield
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if not arguments.get("broken", True):
        return result  # the case beside the others in which nothing is wrong
    for rule in rules_shown(pyfuncitem.originalname):
        with rule_off(rule):
            if not _fails(lambda: pyfuncitem.obj(**arguments)):
                pytest.fail(f"it passes without {rule}, too")
    return result


def _fails(test: Callable[[], None]) -> bool:
    try:
        test()
    except Exception:  # noqa: BLE001 - whichever way
        return True
    return False
