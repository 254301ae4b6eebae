"""The HTTP API: a running cluster seen, written to, read from and broken, in any language."""
