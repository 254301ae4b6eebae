"""The metadata quorum: who leads it, and which metadata batches are committed."""
