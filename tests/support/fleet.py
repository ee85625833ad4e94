"""Many simulated SNMP agents in one process, fast enough to keep a poller busy: an answer is encoded once and sent again and again.

``python -m tests.support.fleet '{"devices": 3, "rows": 48}'`` prints ``ready`` with the devices' ports as JSON, and serves until its input
ends. Every device has the same interfaces and other counters than real ones: they stand still.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from heapq import heappop, heappush
from typing import Any, cast

from pipeline.core.profile import GENERIC, SYS_UPTIME, ColumnType
from pipeline.core.raw import INTERFACES, ValueType
from pipeline.lab import snmp
from pipeline.lab.agent import answer
from pipeline.lab.mib import DeviceMib, Moment
from pipeline.lab.snmp import Encoded, Oid

SYS_DESCR, SYS_OBJECT_ID = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0"
BEHIND = "1.3.6.1.2.1.99.1.0"
"""An object behind the tables: their end is not the MIB's, as with real agents."""

OCTETS_64 = 1 << 40
_BUFFER = 1 << 20
_TAGS = {ColumnType.COUNTER32: ValueType.COUNTER32, ColumnType.COUNTER64: ValueType.COUNTER64}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Agents with ``rows`` interfaces each. The first ``dead`` never answer, the next ``slow`` take ``slow_s`` for each answer."""

    devices: int
    rows: int = 48
    dead: int = 0
    slow: int = 0
    slow_s: float = 0.5


def objects(rows: int) -> dict[Oid, Encoded]:
    """What an agent has: a system, and interfaces ``ge-0/0/1``… with all columns of the generic profile."""
    found = {
        snmp.dotted(SYS_DESCR): snmp.text("a simulated router"),
        snmp.dotted(SYS_OBJECT_ID): snmp.oid(snmp.dotted("1.3.6.1.4.1.99999.1")),
        snmp.dotted(SYS_UPTIME): snmp.integer(123_456, ValueType.TIME_TICKS),
        snmp.dotted(BEHIND): snmp.integer(1),
    }
    table = GENERIC.table(INTERFACES)
    assert table is not None
    for place, column in enumerate(table.columns):
        for row in range(1, rows + 1):
            name = snmp.dotted(f"{column.oid}.{row}")
            if column.type is ColumnType.TEXT:
                found[name] = snmp.text(f"ge-0/0/{row}")
            else:
                high = OCTETS_64 if column.type is ColumnType.COUNTER64 else 0
                value = 1 if column.name.endswith("_status") else high + 1000 * row + place
                found[name] = snmp.integer(value, _TAGS.get(column.type, ValueType.GAUGE32))
    return found


class _Mib:
    """The part of a lab's MIB that an answer needs."""

    def __init__(self, found: dict[Oid, Encoded]) -> None:
        self._found = found
        self._names = sorted(found)

    def get(self, name: Oid, _: object) -> Encoded | None:
        return self._found.get(name)

    def after(self, name: Oid) -> Oid | None:
        place = bisect_right(self._names, name)
        return self._names[place] if place < len(self._names) else None


class _Answers:
    """Answers to requests; one that differs in its request id alone is not worked out again."""

    def __init__(self, rows: int) -> None:
        self._mib = cast("DeviceMib", _Mib(objects(rows)))
        self._known: dict[tuple[int, int, bytes], tuple[bytes, bytes]] = {}

    def to(self, request: bytes) -> bytes:
        at = _content(request, 0) + 3
        at += 2 + request[at + 1]
        kind = request[at]
        at = _content(request, at)
        ends = at + 2 + request[at + 1]
        name = request[at:ends]
        key = (kind, len(name), request[ends:])
        known = self._known.get(key)
        if known is None:
            whole = answer(snmp.decode_request(request), self._mib, cast("Moment", None))
            start = whole.index(name)
            known = self._known[key] = whole[:start], whole[start + len(name) :]
        return known[0] + name + known[1]


def _content(data: bytes, at: int) -> int:
    return at + 2 + (data[at + 1] & 0x7F if data[at + 1] & 0x80 else 0)


def serve(fleet: Fleet) -> None:
    """Answer until the input ends."""
    answers = _Answers(fleet.rows)
    selector = selectors.DefaultSelector()
    links = []  # the dead ones' are held too: a port that is given back would be the next one's
    for place in range(fleet.devices):
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        link.bind(("127.0.0.1", 0))
        link.setblocking(False)
        links.append(link)
        if place >= fleet.dead:
            selector.register(link, selectors.EVENT_READ, fleet.slow_s if place < fleet.dead + fleet.slow else 0.0)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print(f"ready {json.dumps([link.getsockname()[1] for link in links])}", flush=True)  # noqa: T201  # who started it reads this
    late: list[tuple[float, int, socket.socket, bytes, Any]] = []
    count = 0
    while True:
        for key, _ in selector.select(max(0.0, late[0][0] - time.monotonic()) if late else None):
            if key.fileobj is sys.stdin:
                return
            count += _drain(cast("socket.socket", key.fileobj), answers, late, key.data, count)
        while late and late[0][0] <= time.monotonic():
            _, _, link, data, address = heappop(late)
            link.sendto(data, address)


def _drain(link: socket.socket, answers: _Answers, late: list[Any], delay_s: float, count: int) -> int:
    done = 0
    while True:
        try:
            data, address = link.recvfrom(65_535)
        except BlockingIOError:
            return done
        done += 1
        if delay_s:
            heappush(late, (time.monotonic() + delay_s, count + done, link, answers.to(data), address))
        else:
            link.sendto(answers.to(data), address)


@contextmanager
def running_fleet(fleet: Fleet) -> Iterator[Sequence[int]]:
    """A fleet in a process of its own; gives the devices' ports, the dead ones first, then the slow ones."""
    command = [sys.executable, "-m", "tests.support.fleet", json.dumps(asdict(fleet))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        said = process.stdout.readline()
        if not said.startswith("ready "):
            raise RuntimeError(f"the simulated agents did not start: {said!r}")
        yield json.loads(said.removeprefix("ready "))
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


if __name__ == "__main__":
    serve(Fleet(**json.loads(sys.argv[1])))
