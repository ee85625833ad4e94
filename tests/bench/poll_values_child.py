"""One way of reading interfaces, in a process of its own: ``python -m tests.bench.poll_values_child WAY SECONDS PORT…`` prints JSON.

``values`` were read in ``cpu_s`` seconds of this process's CPU; starting up is not counted.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pipeline.config.settings import PollSettings
from pipeline.core.profile import GENERIC
from pipeline.core.raw import INTERFACES
from tests.support.cycle import run_cycles
from tests.support.fleet import Fleet

REPETITIONS = 40
INTERVAL_S = 0.25
COLUMNS = [column.oid for table in GENERIC.tables if table.name == INTERFACES for column in table.columns]


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system


async def ours(ports: Sequence[int], seconds: float) -> dict[str, float]:
    """The whole collector: schedule, walks, columns, journal with fdatasync, messages packed for the broker and thrown away."""
    settings = PollSettings(interval_s=INTERVAL_S, requests_per_s=1e6)
    with tempfile.TemporaryDirectory(dir=os.environ.get("ASSURE_BENCH_DIR")) as folder:
        found = await run_cycles(Path(folder), Fleet(len(ports)), ports, settings, round(seconds / INTERVAL_S))
    return {"values": found.values, "cpu_s": found.cpu_s, "seconds": found.seconds}


async def _counted(ports: Sequence[int], seconds: float, read: Callable[[int], Awaitable[int]]) -> dict[str, float]:
    """All devices at once, each column by column, until time is over."""
    values = [0] * len(ports)
    ends_at = time.monotonic() + seconds

    async def one(place: int) -> None:
        while time.monotonic() < ends_at:
            found = await read(ports[place])
            values[place] += found

    cpu = _cpu_s()
    await asyncio.gather(*(one(place) for place in range(len(ports))))
    return {"values": sum(values), "cpu_s": _cpu_s() - cpu, "seconds": seconds}


async def gufo(ports: Sequence[int], seconds: float) -> dict[str, float]:
    """gufo-snmp's own iterator; what it gives is counted and dropped."""
    from gufo.snmp.aio import SnmpSession  # noqa: PLC0415  # each way in a process that loads nothing else

    sessions = {port: SnmpSession("127.0.0.1", port=port, timeout=1.0) for port in ports}

    async def read(port: int) -> int:
        found = 0
        for oid in COLUMNS:
            async for _ in sessions[port].getbulk(oid, REPETITIONS):
                found += 1
        return found

    return await _counted(ports, seconds, read)


async def pysnmp(ports: Sequence[int], seconds: float) -> dict[str, float]:
    """pysnmp's walk, the leaner of its two architectures."""
    from pysnmp.hlapi.v1arch.asyncio import (  # noqa: PLC0415  # as above
        CommunityData,
        ObjectIdentity,
        ObjectType,
        SnmpDispatcher,
        UdpTransportTarget,
        bulk_walk_cmd,
    )

    async def read(port: int) -> int:
        target, found = await UdpTransportTarget.create(("127.0.0.1", port), timeout=1.0), 0
        for oid in COLUMNS:
            names = ObjectType(ObjectIdentity(oid))
            walk = bulk_walk_cmd(
                dispatcher, CommunityData("public"), target, 0, REPETITIONS, names, lexicographicMode=False, lookupMib=False
            )
            async for _, _, _, rows in walk:
                found += len(rows)
        return found

    with SnmpDispatcher() as dispatcher:
        return await _counted(ports, seconds, read)


WAYS = {"ours": ours, "gufo": gufo, "pysnmp": pysnmp}

if __name__ == "__main__":
    way, seconds, *ports = sys.argv[1:]
    print(json.dumps(asyncio.run(WAYS[way]([int(port) for port in ports], float(seconds)))))
