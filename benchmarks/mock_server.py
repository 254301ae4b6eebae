"""librdkafka's built-in mock cluster as a process of its own, for the wire benchmark.

The mock is C code behind `test.mock.num.brokers`; it is driven through ctypes in the very
library that the confluent-kafka wheel carries. It replicates nothing, keeps 5 MiB of each
partition and does not check a batch's CRC.

First line on stdout: `bootstrap.servers=…`. Then one line `TOPIC PARTITIONS` on stdin
creates a topic and is answered with the mock's error code; end of input ends the process.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

__all__ = ["library_path", "main"]

POINTER = ctypes.c_void_p
PRODUCER = 0


def library_path() -> Path | None:
    """The librdkafka that confluent-kafka's wheel bundles; None where there is no wheel."""
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        return None
    bundled = Path(spec.origin).parent.parent / "confluent_kafka.libs"
    return next(iter(sorted(bundled.glob("librdkafka*.so*"))), None)


def load(path: Path) -> ctypes.CDLL:
    """The library with the signatures of the few functions used here."""
    lib = ctypes.CDLL(str(path))
    lib.rd_kafka_conf_new.restype = POINTER
    lib.rd_kafka_conf_set.argtypes = [
        POINTER,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    lib.rd_kafka_new.argtypes = [ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.c_size_t]
    lib.rd_kafka_new.restype = POINTER
    lib.rd_kafka_handle_mock_cluster.argtypes = [POINTER]
    lib.rd_kafka_handle_mock_cluster.restype = POINTER
    lib.rd_kafka_mock_cluster_bootstraps.argtypes = [POINTER]
    lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    lib.rd_kafka_mock_topic_create.argtypes = [
        POINTER,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_int,
    ]
    return lib


def main() -> None:
    """Serve until stdin ends."""
    path = library_path()
    if path is None:
        sys.exit("no librdkafka beside confluent_kafka")
    lib = load(path)
    message = ctypes.create_string_buffer(512)
    config = lib.rd_kafka_conf_new()
    for name, value in ((b"test.mock.num.brokers", b"3"), (b"log_level", b"0")):
        if lib.rd_kafka_conf_set(config, name, value, message, len(message)):
            sys.exit(message.value.decode())
    handle = lib.rd_kafka_new(PRODUCER, config, message, len(message))
    if not handle:
        sys.exit(message.value.decode())
    cluster = lib.rd_kafka_handle_mock_cluster(handle)
    bootstrap = lib.rd_kafka_mock_cluster_bootstraps(cluster).decode()
    print(f"bootstrap.servers={bootstrap}", flush=True)
    for line in sys.stdin:
        topic, partitions = line.split()
        code = lib.rd_kafka_mock_topic_create(cluster, topic.encode(), int(partitions), 3)
        print(code, flush=True)
    # The mock's own threads would outlive a normal exit for seconds.
    os._exit(0)


if __name__ == "__main__":
    main()
