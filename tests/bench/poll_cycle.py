"""A network of 1,000 simulated devices, some dead and some slow, polled each minute by one collector: who keeps the cycle.

Twice, for three cycles each: with 5 % of the devices dead and 5 % slow (each answer takes 0.8 s), and with all of them well. A device keeps
its cycle when it is asked once in each. What the healthy ones are late, from their slot to their first question, is the same both times if
no slow or dead device delays another.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.config.settings import PollSettings
from tests.bench.bar import Bar
from tests.support.cycle import Cycles, run_cycles
from tests.support.fleet import Fleet, running_fleet


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar: how many devices kept their cycle."""
    parser = argparse.ArgumentParser(prog="poll-cycle")
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=48, help="interfaces of each device")
    parser.add_argument("--interval", type=float, default=60.0)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--slow-s", type=float, default=0.8, help="how long a slow device takes for each answer")
    options = parser.parse_args(arguments)
    few = options.devices // 20
    unwell = _run(Fleet(options.devices, options.rows, dead=few, slow=few, slow_s=options.slow_s), options)
    well = _run(Fleet(options.devices, options.rows), options)
    yield Bar(
        "poll-cycle",
        unwell.kept,
        "devices-in-their-cycle",
        {
            "bar": unwell.devices,
            "interval-s": options.interval,
            "turns-lost": unwell.skipped,
            "dead-told-each-cycle": "yes" if unwell.silent_told else "no",
            "healthy-late-ms-at-worst": 1000 * unwell.late_s,
            "with-none-slow-or-dead-ms": 1000 * well.late_s,
            "cpu-share": unwell.cpu_s / unwell.seconds,
        },
    )


def _run(fleet: Fleet, options: argparse.Namespace) -> Cycles:
    settings = PollSettings(interval_s=options.interval)
    with running_fleet(fleet) as ports, tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run_cycles(Path(folder), fleet, ports, settings, options.cycles))
    print(f"poll-cycle run, {fleet.dead} dead and {fleet.slow} slow: {asdict(found)}")
    return found
