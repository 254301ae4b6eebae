"""Comparison with Apache Kafka, request by request: see case.py for what a case is."""
