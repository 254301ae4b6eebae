"""Benchmarks of the cluster under faults, with real clients on real sockets and real time."""
