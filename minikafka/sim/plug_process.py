"""What a run must not do: threads, real sockets, processes; and who this process seems to be."""

from __future__ import annotations

import _thread
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop
    from minikafka.sim.plugs import Patches

__all__ = ["plug_process"]


def plug_process(loop: SimLoop, patches: Patches) -> None:
    """Refuse threads, sockets and processes; give names that are the same everywhere."""

    def start(self: threading.Thread) -> None:
        patches.refuse(f"thread {self.name!r} started")

    def start_new_thread(*_: Any, **__: Any) -> None:
        patches.refuse("a thread started")

    def connect(self: socket.socket, address: Any) -> None:
        patches.refuse(f"a real socket connected to {address!r}")

    def listen(self: socket.socket, *_: Any) -> None:
        patches.refuse("a real socket listened")

    def spawn(self: Any, *_: Any, **__: Any) -> None:
        patches.refuse("a process started")

    patches.set(threading.Thread, "start", start)
    patches.set(_thread, "start_new_thread", start_new_thread)
    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        patches.set(socket.socket, name, connect)
    patches.set(socket.socket, "listen", listen)
    patches.set(subprocess.Popen, "__init__", spawn)
    patches.set(os, "fork", lambda: patches.refuse("os.fork()"))
    patches.everywhere(
        {
            os.getpid: lambda: 1000,
            socket.gethostname: lambda: loop.here.host.name,
            socket.getaddrinfo: lambda host, port, *_, **__: loop.network.getaddrinfo(
                host, port
            ),
        }
    )
