"""KPI samples through the chain: a poll's columns to rates, formulas, thresholds, detector, roll-ups and ClickHouse, all on this machine.

Broker, worker, sink and ClickHouse run as ``assure up`` runs them; a sender publishes what poll collectors would. A rate is sustained when
the sender kept it, the newest stored sample was never more than ``LAG_S`` behind the clock in the last half, and all samples are stored.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.bar import Bar
from tests.bench.chain import ROOT, Chain, running_chain, until
from tests.bench.kpi_sender import device_name

BAR = 200_000
"""Samples a second on two cores."""
LADDER = (100_000, 150_000, 200_000, 250_000)
PARTS = ("broker", "history", "worker", "sink")
LAG_S = 15.0
DRAIN_S = 90.0
INTERFACE_KPIS = 10
DEVICE_KPIS = 2
SITES = ("ams", "rtm", "lon", "bru", "dus", "fra")


@dataclass(frozen=True, slots=True)
class Step:
    """One rate, offered for ``seconds``; ``why_not`` is empty when it was sustained. CPU in seconds, by process."""

    rate: float
    seconds: float
    samples: int
    stored: int
    lag_s: float
    drained_s: float
    why_not: str
    cpu_s: dict[str, float]
    rss_mb: dict[str, float]


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """The highest rate that was sustained, and beside it the design's."""
    parser = argparse.ArgumentParser(prog="kpi-path")
    parser.add_argument("--rates", type=int, nargs="+", default=LADDER, help="the ladder, samples/s")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each rate is offered")
    parser.add_argument("--devices", type=int, default=400, help="simulated devices")
    parser.add_argument("--interfaces", type=int, default=100, help="interfaces of each")
    options = parser.parse_args(arguments)
    yield asyncio.run(_bench(options))


async def _bench(options: argparse.Namespace) -> Bar:
    best: Step | None = None
    async with running_chain(inventory=_inventory(options.devices), parts=PARTS) as chain:
        for rate in options.rates:
            step = await offer(chain, rate, options)
            if best is None or not step.why_not:
                best = step
            if step.why_not:
                break
    assert best is not None, "at least one rate is offered"
    us = {part: round(seconds / best.samples * 1e6, 2) for part, seconds in best.cpu_s.items()}
    return Bar(
        "kpi-path",
        0 if best.why_not else best.rate,
        "samples/s",
        {
            "bar": BAR,
            "offered": f"{best.rate:.0f}/s ({best.why_not or 'sustained'})",
            "held-s": best.seconds,
            "lag-s": best.lag_s,
            "drained-s": best.drained_s,
            "cpu-us/sample": f"{sum(us.values()):.2f} ({' '.join(f'{part}={each}' for part, each in us.items())})",
            "rss-max-mb": " ".join(f"{part}={size}" for part, size in best.rss_mb.items()),
        },
    )


async def offer(chain: Chain, rate: float, options: argparse.Namespace) -> Step:
    """Offer one rate, wait until all of it is stored, and say how it went."""
    per_poll = options.interfaces * INTERFACE_KPIS + DEVICE_KPIS
    numbers = (chain.settings.broker.partitions, options.devices, options.interfaces, per_poll, rate, options.seconds)
    command = [sys.executable, "-m", "tests.bench.kpi_sender", chain.settings.broker.bootstrap, *map(str, numbers)]
    before, used, began = await _stored(chain), chain.usage(), time.monotonic()
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    sending = asyncio.create_task(child.communicate())
    lag_s = await _lag(chain, sending, began + options.seconds / 2)
    told = json.loads((await sending)[0])
    ended, samples = time.monotonic(), int(told["polls"]) * per_poll

    async def drained() -> bool:
        return await _stored(chain) - before >= samples

    await until(drained, DRAIN_S)
    step = Step(
        rate=rate,
        seconds=options.seconds,
        samples=samples,
        stored=await _stored(chain) - before,
        lag_s=round(lag_s, 1),
        drained_s=round(time.monotonic() - ended, 1),
        why_not="",
        cpu_s={**chain.usage().since(used), "sender": told["cpu_s"]},
        rss_mb={part: round(size) for part, size in chain.usage().rss_mb.items()},
    )
    why_not = _why_not(chain, step, told)
    told_step = {"rate": rate, "stored": step.stored, "samples": samples, "lag_s": step.lag_s, "why_not": why_not}
    print(f"kpi-path step: {json.dumps(told_step)}", flush=True)
    return Step(**{name: getattr(step, name) for name in step.__dataclass_fields__} | {"why_not": why_not})


def _why_not(chain: Chain, step: Step, told: dict[str, float]) -> str:
    if told["seconds"] > step.seconds * 1.02 + 0.5:
        return f"the sender could not keep the rate: it took {told['seconds']:.1f} s"
    if step.lag_s > LAG_S:
        return f"samples were {step.lag_s:.1f} s behind"
    if chain.restarts():
        return "a process died"
    return "" if step.stored == step.samples else f"{step.samples} samples sent, {step.stored} stored"


async def _stored(chain: Chain) -> int:
    """Samples of the simulated devices in ClickHouse."""
    return await chain.one("SELECT sum(length(resources)) FROM kpi_raw WHERE device LIKE 'kpi-%'")


async def _lag(chain: Chain, sending: asyncio.Task[tuple[bytes, bytes]], late: float) -> float:
    """How far the newest stored sample is behind the clock, at most, once half of the time is over."""
    most = 0.0
    while not sending.done():
        if time.monotonic() >= late:
            newest = await chain.one("SELECT toUnixTimestamp(max(at)) FROM kpi_raw WHERE device LIKE 'kpi-%'")
            most = max(most, time.time() - newest)
        await asyncio.sleep(0.5)
    return most


def _inventory(devices: int) -> str:
    """The simulated devices as an inventory, in sites of the lab; their interfaces are what they show."""
    lines = (
        f"  - {{name: {device_name(n)}, site: {SITES[n % len(SITES)]}, address: 127.30.{n // 250}.{n % 250 + 1}, port: 16161}}"
        for n in range(devices)
    )
    return "devices:\n" + "\n".join(lines)
