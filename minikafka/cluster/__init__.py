"""Whole clusters: brokers composed into one process, and the ways to look into and talk to them."""
