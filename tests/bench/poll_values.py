"""Values polled for each second of the poller process's CPU, from simulated agents in other processes.

Ours is the whole collector but for the broker: schedule, profile, GETBULK walks, typed columns, the durable journal, messages packed and
thrown away. Beside it, reading the same columns of the same agents: gufo-snmp's own iterator, pysnmp's walk, and net-snmp's snmpbulkwalk,
which drop or print what they read.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

from tests.bench.bar import Bar, middle
from tests.bench.poll_values_child import COLUMNS, REPETITIONS
from tests.support.fleet import Fleet, running_fleet

WANTED = 90_000


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar: values for a CPU second, the median of ``--runs``."""
    parser = argparse.ArgumentParser(prog="poll-values")
    parser.add_argument("--devices", type=int, default=32)
    parser.add_argument("--rows", type=int, default=200, help="interfaces of each device")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with running_fleet(Fleet(options.devices, options.rows)) as ports:
        ours = middle([_child("ours", ports, options.seconds) for _ in range(options.runs)])
        references: dict[str, float | str] = {"bar": WANTED}
        references["gufo-bare-here"] = middle([_child("gufo", ports, options.seconds) for _ in range(options.runs)])
        references["pysnmp-here"] = _child("pysnmp", ports[:4], options.seconds)
        references["snmpbulkwalk-here"] = snmpbulkwalk(ports[0], options.seconds)
    yield Bar("poll-values", ours, "values/CPU-s", references)


def _child(way: str, ports: Sequence[int], seconds: float) -> float:
    command = [sys.executable, "-m", "tests.bench.poll_values_child", way, str(seconds), *map(str, ports)]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60 + 2 * seconds).stdout)
    print(f"poll-values run, {way}: {found}")
    return float(found["values"] / found["cpu_s"])


def snmpbulkwalk(port: int, seconds: float) -> float | str:
    """net-snmp's program, started anew for each column; its start counts, as it does for who polls by it."""
    program = shutil.which("snmpbulkwalk")
    if program is None:
        return "not-installed"
    values, before, ends_at = 0, resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for oid in COLUMNS:
            command = [program, "-v2c", "-cpublic", f"-Cr{REPETITIONS}", "-On", "-m", "", f"127.0.0.1:{port}", oid]
            values += subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout.count(b"\n")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return values / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
