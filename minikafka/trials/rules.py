"""All rules; importing them registers them."""

from __future__ import annotations

from minikafka.trials import (
    rules_compaction,
    rules_consumers,
    rules_controller,
    rules_groups,
    rules_log,
    rules_metadata,
    rules_moving,
    rules_offsets,
    rules_producers,
    rules_quorum,
    rules_read_committed,
    rules_reads,
    rules_replication,
    rules_requests,
    rules_shares,
    rules_transactions,
)

__all__ = ["ALL_RULES"]

ALL_RULES = tuple(
    rule
    for module in (
        rules_compaction,
        rules_consumers,
        rules_controller,
        rules_groups,
        rules_log,
        rules_metadata,
        rules_moving,
        rules_offsets,
        rules_producers,
        rules_quorum,
        rules_read_committed,
        rules_reads,
        rules_replication,
        rules_requests,
        rules_shares,
        rules_transactions,
    )
    for rule in module.REGISTERED_HERE
)
"""The names that docs/invariants.md has them under."""
