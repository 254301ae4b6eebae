"""Chance of client code comes from the seed: `random`, `os.urandom`, `uuid`, `secrets`."""

from __future__ import annotations

import gc
import os
import random
import sys
import uuid
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.sim.chance import Draws

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop
    from minikafka.sim.plugs import Patches

__all__ = ["plug_chance"]

_GLOBAL_FUNCTIONS = (
    "betavariate", "choice", "choices", "expovariate", "gammavariate", "gauss", "getrandbits",
    "lognormvariate", "normalvariate", "paretovariate", "randbytes", "randint", "random",
    "randrange", "sample", "seed", "shuffle", "triangular", "uniform", "vonmisesvariate",
    "weibullvariate",
)  # fmt: skip


def plug_chance(loop: SimLoop, patches: Patches) -> None:
    """Seed every source of chance that Python code has."""
    entropy = Draws(loop.seed, "entropy")
    _plug_entropy(patches, entropy)
    _plug_generators(loop, patches, entropy)
    replacements: dict[Any, Any] = {}
    for name in _GLOBAL_FUNCTIONS:
        real = getattr(random, name)
        replacements[real] = _guarded(f"random.{name}()", real, patches)
    for name in ("uuid1", "uuid4"):
        real = getattr(uuid, name)
        replacements[real] = _guarded(f"uuid.{name}()", real, patches)
    patches.everywhere(replacements, but=(__name__,))


def _guarded(what: str, real: Callable[..., Any], patches: Patches) -> Callable[..., Any]:
    def call(*args: Any, **kw: Any) -> Any:
        patches.guard(what, sys._getframe(1))
        return real(*args, **kw)

    return call


def _plug_entropy(patches: Patches, entropy: random.Random) -> None:
    def urandom(count: int) -> bytes:
        patches.guard_caller("os.urandom()")
        return entropy.randbytes(count)

    patches.everywhere({os.urandom: urandom})  # noqa: TID251 - here it is tamed
    patches.set(random, "_urandom", urandom)
    # uuid1 asks the C library for time and node.
    patches.set(uuid, "_generate_time_safe", None)
    patches.set(uuid, "_UuidCreate", None)
    patches.set(uuid, "_last_timestamp", None)
    patches.set(uuid, "getnode", lambda: 0x02_00_00_00_00_01)


def _plug_generators(loop: SimLoop, patches: Patches, entropy: random.Random) -> None:
    """Seed the global generator, those made at import time, and those made without a seed."""
    real_seed = random.Random.seed

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            patches.guard_caller("random.Random() without a seed")
            a = entropy.getrandbits(64)
        real_seed(self, a, version)

    state = random.getstate()
    patches.on_undo(lambda: random.setstate(state))
    random.seed(f"{loop.seed}:global")  # noqa: TID251 - this is where it is tamed
    own = random._inst
    for item in _made_at_import():
        if item is not own:
            _reseed(item, f"{loop.seed}:captured", patches)
    patches.set(random.Random, "seed", seed)


_captured: dict[int, list[weakref.ref[random.Random]]] = {}


def _made_at_import() -> list[random.Random]:
    """Return generators that modules keep; aiohttp's WebSocketWriter has one as a default."""
    state = len(sys.modules)
    if state not in _captured:
        # Looking through all objects takes longer than many a run: once per set of modules.
        gc.unfreeze()  # what is frozen is not shown
        _captured.clear()
        _captured[state] = [
            weakref.ref(item)
            for item in gc.get_objects()
            # One whose making failed, kept by a traceback, has no state.
            if type(item) is random.Random and hasattr(item, "gauss_next")
        ]
    return [item for ref in _captured[state] if (item := ref()) is not None]


def _reseed(generator: random.Random, seed: str, patches: Patches) -> None:
    state = generator.getstate()
    patches.on_undo(lambda: generator.setstate(state))
    generator.seed(seed)
