"""The file that says in which registration a broker shut down with its logs flushed.

It is taken away when the broker starts, before anything else is written: whoever finds it knows
that nothing was lost since. Counterpart: CleanShutdownFileHandler, with its file name and
fields. KIP-966.
"""

from __future__ import annotations

import json

from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from minikafka.log.storage import Storage

__all__ = ["UNKNOWN_EPOCH", "take_clean_shutdown", "write_clean_shutdown"]

UNKNOWN_EPOCH = -1

_FILE = ".kafka_cleanshutdown"
_VERSION = 0


def write_clean_shutdown(storage: Storage, broker_epoch: int) -> None:
    """Note that the broker shuts down cleanly in this registration; its logs are durable."""
    text = json.dumps({"version": _VERSION, "brokerEpoch": broker_epoch})
    write_checkpoint(storage, _FILE, text)


def take_clean_shutdown(storage: Storage) -> int:
    """Return the broker epoch of the last clean shutdown, and forget it.

    Returns:
        `UNKNOWN_EPOCH` where the last shutdown was not clean, or the file makes no sense.
    """
    text = read_checkpoint(storage, _FILE)
    if text is None:
        return UNKNOWN_EPOCH
    storage.delete(_FILE)
    try:
        fields = json.loads(text)
        return int(fields["brokerEpoch"]) if fields["version"] == _VERSION else UNKNOWN_EPOCH
    except (ValueError, KeyError, TypeError):
        return UNKNOWN_EPOCH
