"""Transactions: who may write in whose name, and how each one ends. No I/O (KIP-98, KIP-890)."""
