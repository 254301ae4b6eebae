"""Protocol bytes to values and back; no I/O, no clock.

Must not know logs, brokers or sockets. Counterpart: org.apache.kafka.common.protocol and
org.apache.kafka.common.message.
"""
