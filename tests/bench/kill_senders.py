"""Devices that go on sending whether or not anybody listens. ``python -m … traps|informs PORT RATE FOLDER``, until standard input ends.

Each datagram ends in a key of eight bytes, which is never used twice. ``traps`` sends once and counts what the kernel says nobody heard
(an ICMP port unreachable, which on loopback comes for every such datagram). ``informs`` sends an INFORM again, the same bytes, until it is
answered (RFC 3416 section 4.2.7), and at the end waits for the last answers. Keys go to FOLDER as 64-bit integers, counts to standard
output as JSON.
"""

import json
import select
import socket
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.support.datagrams import LINK_DOWN, OCTETS, Var, v2_trap

SOURCES = 4
SOURCE_SHIFT = 56
TURN_S = 0.002
RETRY_S = 0.4
OUTSTANDING = 100
LAST_ANSWERS_S = 90.0
KEY = "1.3.6.1.4.1.8072.9999.9999.77.1.1"
_KEY_AT = -8


def key_of(payload: bytes) -> int:
    """The key at the end of a datagram, which is also at the end of an INFORM's answer."""
    return int.from_bytes(payload[_KEY_AT:])


def datagram(key: int, *, inform: bool) -> bytes:
    """A linkDown that carries ``key``."""
    return v2_trap(LINK_DOWN, [Var(KEY, OCTETS, key.to_bytes(8))], request_id=key % 2**31, inform=inform)


def send_traps(sockets: Sequence[socket.socket], rate: float, folder: Path) -> dict[str, float]:
    """Send at ``rate`` a second. ``unheard`` are the keys that nobody listened to; every other one was put into a socket's buffer."""
    unheard = array("Q")
    serials = [0] * len(sockets)
    began, turns = time.perf_counter(), 0
    while not _ended():
        due = int((time.perf_counter() - began) * rate)
        for turn in range(turns, due):
            place = turn % len(sockets)
            key = (place + 1) << SOURCE_SHIFT | serials[place] + 1
            try:
                sockets[place].send(datagram(key, inform=False))
            except ConnectionRefusedError:  # this one was not sent, and the one before was not heard
                unheard.append(key - 1)
                sockets[place].send(datagram(key, inform=False))
            serials[place] += 1
        turns = due
        time.sleep(TURN_S)
    (folder / "unheard").write_bytes(unheard.tobytes())
    return {"sent": sum(serials), "unheard": len(unheard), "seconds": time.perf_counter() - began}


def send_informs(sockets: Sequence[socket.socket], rate: float, folder: Path) -> dict[str, float]:
    """Begin up to ``rate`` INFORMs a second, at most ``OUTSTANDING`` without an answer."""
    waiting: dict[int, float] = {}
    answered = array("Q")
    sent = transmissions = repeats = 0
    began, ends_by = time.perf_counter(), 0.0
    while not ends_by or (waiting and time.perf_counter() < ends_by):
        now = time.perf_counter()
        if not ends_by and _ended():
            ends_by = now + LAST_ANSWERS_S
        while not ends_by and len(waiting) < OUTSTANDING and sent < (now - began) * rate:
            place = sent % len(sockets)
            waiting[(0x80 | place) << SOURCE_SHIFT | sent + 1] = 0.0
            sent += 1
        for key in [key for key, at in waiting.items() if at <= now]:
            _try(sockets[key >> SOURCE_SHIFT & 0x7F], datagram(key, inform=True))
            waiting[key] = now + RETRY_S
            transmissions += 1
        for key in _answers(sockets, TURN_S):
            if waiting.pop(key, None) is None:
                repeats += 1
            else:
                answered.append(key)
    (folder / "answered").write_bytes(answered.tobytes())
    return {"sent": sent, "answered": len(answered), "transmissions": transmissions, "answered-again": repeats}


def _try(sender: socket.socket, payload: bytes) -> None:
    try:
        sender.send(payload)
    except ConnectionRefusedError:
        return  # sent again later


def _answers(sockets: Sequence[socket.socket], within_s: float) -> list[int]:
    keys: list[int] = []
    for ready in select.select(sockets, [], [], within_s)[0]:
        try:
            while True:
                keys.append(key_of(ready.recv(2_000, socket.MSG_DONTWAIT)))
        except (BlockingIOError, ConnectionRefusedError):
            continue
    return keys


def _ended() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main(kind: str, port: int, rate: float, folder: Path) -> None:
    """Send from several addresses of loopback until standard input ends."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(SOURCES)]
        for place, sender in enumerate(sockets):
            sender.bind((f"127.20.{1 if kind == 'traps' else 2}.{place + 1}", 0))
            sender.connect(("127.0.0.1", port))
        counts = (send_traps if kind == "traps" else send_informs)(sockets, rate, folder)
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
