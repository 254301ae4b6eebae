"""What single libraries need beside the general plugs; each applies where it is imported."""

from __future__ import annotations

from minikafka.sim.adapters.aiohttp import plug_aiohttp
from minikafka.sim.adapters.aiokafka import plug_aiokafka

__all__ = ["ADAPTERS"]

ADAPTERS = (plug_aiokafka, plug_aiohttp)
