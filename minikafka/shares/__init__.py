"""Share groups: what is delivered to whom, and how that is remembered. No I/O (KIP-932)."""
