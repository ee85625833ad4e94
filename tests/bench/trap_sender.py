"""Devices that send traps at a steady rate, in a process of their own. ``python -m … INVENTORY PORT RATE SECONDS DEVICE…``.

Prints one JSON object at the end: how many were sent, in how long, and how late the latest left.
"""

import json
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

from pipeline.inventory.files import load_inventory
from tests.bench.traffic import Sent, noise

TURN_S = 0.002


def send(datagrams: Sequence[Sent], port: int, rate: float, seconds: float) -> dict[str, float]:
    """Send ``rate`` a second for ``seconds``, from each device's own address."""
    with ExitStack() as stack:
        sockets = {address: stack.enter_context(_bound(address, port)) for address in {address for address, _ in datagrams}}
        queue = cycle([(sockets[address].send, datagram) for address, datagram in datagrams])
        total, sent, latest = round(rate * seconds), 0, 0.0
        began = time.perf_counter()
        while sent < total:
            elapsed = time.perf_counter() - began
            due = min(total, int(elapsed * rate))
            latest = max(latest, elapsed - sent / rate)
            for _ in range(due - sent):
                push, datagram = next(queue)
                push(datagram)
            sent = max(sent, due)
            time.sleep(TURN_S)
        elapsed = time.perf_counter() - began
    return {"sent": sent, "seconds": elapsed, "latest_s": latest, "cpu_s": time.process_time()}


def _bound(address: str, port: int) -> socket.socket:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((address, 0))
    sender.connect(("127.0.0.1", port))
    return sender


if __name__ == "__main__":
    folder, port, rate, seconds, *devices = sys.argv[1:]
    datagrams = noise(load_inventory(Path(folder)), devices)
    print(json.dumps(send(datagrams, int(port), float(rate), float(seconds))))
