"""Handlers: one numbered file per API, and what they share. Kafka state is only asked here."""
