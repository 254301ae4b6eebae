"""Bytes and objects between hosts: listener, channels, links. Knows frames, not Kafka's state."""
