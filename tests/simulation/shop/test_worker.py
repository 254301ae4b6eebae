"""The shop's worker, as its developers would test it."""

from __future__ import annotations

import pytest

from minikafka import sim
from minikafka.trials.testing import SimTestFailed
from tests.simulation.shop.scenario import every_order_has_an_invoice

TOPICS = {"orders": 1, "invoices": 1, "progress": 1}


@pytest.mark.slow
@pytest.mark.time_limit(60)
@sim.test(seeds=5, brokers=3, topics=TOPICS)
async def test_every_order_has_an_invoice(s: sim.Simulation) -> None:
    """However often the worker dies, no order goes without an invoice."""
    await every_order_has_an_invoice(s, remember_first=False)


@sim.test(seeds=20, brokers=3, topics=TOPICS)
async def worker_that_remembers_first(s: sim.Simulation) -> None:
    """The same, with the bug."""
    await every_order_has_an_invoice(s, remember_first=True)


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_worker_that_remembers_first_is_found_and_replayed() -> None:
    """Noting an order as done before it is loses it: some seed shows it, twice the same."""
    with pytest.raises(SimTestFailed) as caught:
        worker_that_remembers_first()
    message = str(caught.value)
    assert "orders without an invoice" in message
    assert "identical" in message
    assert "--sim-seed=" in message
