"""Conformance cases, a module for each API or family of APIs."""
