"""What happens to the shop in a run: orders come in while the worker dies and comes back."""

from __future__ import annotations

from random import Random

from aiokafka import AIOKafkaProducer

from minikafka import sim
from tests.simulation.shop.worker import run_worker

ORDERS = 30


async def every_order_has_an_invoice(s: sim.Simulation, *, remember_first: bool) -> None:
    """Sell, kill the worker now and then, and look at the invoices in the end."""
    worker = s.host("worker")
    worker.start(lambda: run_worker(s.bootstrap, remember_first=remember_first))
    chaos = s.chaos(kill_worker, sim.reset, every=(0.5, 2), until=20)
    await s.host("shop").spawn(sell(s))
    await chaos
    await s.until(lambda: len(invoiced(s)) >= ORDERS or s.now > 60, timeout=120)
    s.check(sim.no_acked_lost)
    missing = sorted({record.value for record in s.records("orders")} - invoiced(s))
    assert not missing, f"orders without an invoice: {missing}"


async def sell(s: sim.Simulation) -> None:
    """Take orders over some seconds."""
    producer = AIOKafkaProducer(bootstrap_servers=s.bootstrap, acks="all")
    await producer.start()
    for number in range(ORDERS):
        await producer.send_and_wait("orders", f"order {number}".encode())
        await s.sleep(s.rng.uniform(0.1, 0.9))
    await producer.stop()


async def kill_worker(s: sim.Simulation, draws: Random) -> None:
    """Let the worker's machine die and come back."""
    worker = s.host("worker")
    if worker.up:
        s.faults += 1
        worker.crash()
        await s.sleep(draws.uniform(0.1, 2))
        if not worker.up:
            worker.restart()


def invoiced(s: sim.Simulation) -> set[bytes]:
    """Return the orders that have an invoice."""
    prefix = b"invoice for "
    return {(record.value or b"").removeprefix(prefix) for record in s.records("invoices")}
