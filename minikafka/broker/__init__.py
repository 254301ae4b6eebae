"""One broker: drives the pure machines, waits, and sends. asyncio begins here."""
