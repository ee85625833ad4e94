"""Traps through the whole chain: datagram to event, alarm, incident and ClickHouse row, everything running on this machine.

Rates are offered as a ladder. A rate is sustained when the sender kept it, the newest row was never more than ``LAG_S`` behind the clock
in the last quarter, and afterwards every datagram is found again in each of the design's sums. The highest is then held for longer, while a
fibre is cut: the incident must be told by webhook all the same.

Twice: with the storm guard off, so that every notification becomes an event, an alarm change and rows; and as it is shipped, with the
guard, which passes on the last state of each object that storms and counts the rest as absorbed.
"""

import argparse
import asyncio
import json
import os
import pstats
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.bar import Bar
from tests.bench.chain import Chain, holds, running_chain, send, until

BAR = 10_000
"""Traps a second, sustained for ten minutes on two cores."""
SPLUNK_CONNECT = 1_500
"""What Splunk Connect for SNMP publishes for 16 cores, without correlation; traps/s."""
LADDER = (1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000)
LAG_S = 5.0
DRAIN_S = 60.0
DEVICES = ("ams-pe1", "rtm-pe1", "lon-pe1", "dus-pe1", "bru-pe1", "ant-ac1", "cgn-ac1", "mai-ac1")
FIBRE = "f-ams-rtm-1"


@dataclass(frozen=True, slots=True)
class Step:
    """One rate, offered for ``seconds``; all of it was stored after ``elapsed_s``. ``why_not`` is empty when it was sustained.

    ``lag_s`` is the most in the last quarter, ``lag_max_s`` at any time. CPU in seconds over ``elapsed_s``, largest RSS in MB so far, by
    process.
    """

    rate: float
    seconds: float
    sent: int
    lag_s: float
    lag_max_s: float
    elapsed_s: float
    drained_s: float
    why_not: str
    load: float
    cpu_s: dict[str, float]
    rss_mb: dict[str, float]
    told_s: float | None = None


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """Two bars, without and with the storm guard: the highest rate that was sustained, and beside it the design's."""
    parser = argparse.ArgumentParser(prog="chain-rate")
    parser.add_argument("--rates", type=int, nargs="+", default=LADDER, help="the ladder, traps/s")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each rate is offered")
    parser.add_argument("--hold", type=float, default=60.0, help="how long the best is then held; 600 for the bar in full")
    parser.add_argument("--guard", choices=("off", "on", "both"), default="both", help="whether the storm guard is in the way")
    parser.add_argument("--profile", nargs="*", default=(), help="parts to run under cProfile, for example worker sink")
    options = parser.parse_args(arguments)
    if options.guard != "on":
        yield asyncio.run(_bench("chain-rate", options, guard=False))
    if options.guard != "off":
        yield asyncio.run(_bench("chain-rate-guarded", options, guard=True))


async def _bench(name: str, options: argparse.Namespace, *, guard: bool) -> Bar:
    with tempfile.TemporaryDirectory() as folder:
        profile = {part: Path(folder, part) for part in options.profile}
        async with running_chain(profile, guard=guard) as chain:
            steps = await _climb(chain, options.rates, options.seconds)
            held = await _hold(chain, steps, options.hold)
        for part, path in profile.items():
            print(f"chain-rate profile of {part}")
            pstats.Stats(str(path)).sort_stats("tottime").print_stats(25)
    return Bar(name, 0 if held.why_not else held.rate, "traps/s", _against(held))


def _against(held: Step) -> dict[str, float | str]:
    total = sum(held.cpu_s.values())
    shares = " ".join(f"{part}={seconds / held.elapsed_s:.2f}" for part, seconds in sorted(held.cpu_s.items(), key=lambda pair: -pair[1]))
    memory = " ".join(f"{part}={size:.0f}" for part, size in held.rss_mb.items())
    return {
        "bar": BAR,
        "splunk-connect-published": SPLUNK_CONNECT,
        "offered": f"{held.rate:.0f}/s ({held.why_not or 'sustained'})",
        "held-s": held.seconds,
        "lag-s": held.lag_s,
        "lag-max-s": held.lag_max_s,
        "cut-to-webhook-s": "none" if held.told_s is None else held.told_s,
        "cpu-us/trap": total / held.sent * 1e6,
        "two-free-cores-by-cpu": round(2 * held.sent / total, -2),
        "cores": f"{total / held.elapsed_s:.2f} ({shares})",
        "rss-max-mb": f"{sum(held.rss_mb.values()):.0f} ({memory})",
        "load": held.load,
    }


async def _climb(chain: Chain, rates: Sequence[float], seconds: float) -> list[Step]:
    """The steps up to the first rate that was not sustained."""
    steps: list[Step] = []
    for rate in rates:
        steps.append(await offer(chain, rate, seconds))
        if steps[-1].why_not:
            break
    return steps


async def _hold(chain: Chain, steps: Sequence[Step], seconds: float) -> Step:
    """The best rate, held; the next best when it does not hold for longer. What came last when none does."""
    last = steps[-1]
    for step in sorted((step for step in steps if not step.why_not), key=lambda step: -step.rate):
        last = await offer(chain, step.rate, seconds, fibre=FIBRE)
        if not last.why_not:
            break
    return last


async def offer(chain: Chain, rate: float, seconds: float, fibre: str = "") -> Step:
    """Offer one rate, wait until all of it is stored, and say how it went. With ``fibre`` that is cut midway and mended after."""
    before, used, pages = await chain.sums(), chain.usage(), len(chain.pages)
    began = time.monotonic()
    sending = asyncio.create_task(send(chain, rate, seconds, DEVICES))
    cutting = asyncio.create_task(_cut(chain, fibre, seconds / 2)) if fibre else None
    most_s, lag_s = await _lags(chain, sending, began + 0.75 * seconds)
    told = await sending
    told_s = await cutting if cutting else None
    ended = time.monotonic()
    sums = await _drained(chain, before, int(told["sent"]), fibre)
    spent = chain.usage().since(used)
    step = Step(
        rate=rate,
        seconds=seconds,
        sent=int(told["sent"]),
        lag_s=round(lag_s, 2),
        lag_max_s=round(most_s, 2),
        elapsed_s=round(time.monotonic() - began, 1),
        drained_s=round(time.monotonic() - ended, 1),
        why_not=_why_not(chain, sums, told, lag_s, seconds),
        load=os.getloadavg()[0],
        cpu_s={**spent, "sender": round(told["cpu_s"], 2)},
        rss_mb={part: round(size) for part, size in chain.usage().rss_mb.items()},
        told_s=told_s,
    )
    print(f"chain-rate step: {json.dumps({**asdict(step), 'pages': len(chain.pages) - pages, 'sums': sums}, default=str)}", flush=True)
    return step


def _why_not(chain: Chain, sums: dict[str, int], told: dict[str, float], lag_s: float, seconds: float) -> str:
    if told["seconds"] > seconds * 1.02 + 0.1:
        return f"the sender could not keep the rate: it took {told['seconds']:.1f} s"
    if lag_s > LAG_S:
        return f"rows were {lag_s:.1f} s behind"
    if chain.restarts():
        return "a process died"
    return holds(sums, sums["from_lab"] + int(told["sent"]))


async def _lags(chain: Chain, sending: asyncio.Task[dict[str, float]], late: float) -> tuple[float, float]:
    """The largest lag of rows until the sender is done, but for the first seconds, without any row yet; and the largest after ``late``."""
    most = most_late = 0.0
    began = time.monotonic()
    while not sending.done():
        lag = await chain.lag_s()
        most = max(most, min(lag, time.monotonic() - began))
        if time.monotonic() >= late:
            most_late = max(most_late, lag)
        await asyncio.sleep(0.5)
    return most, most_late


async def _drained(chain: Chain, before: dict[str, int], sent: int, fibre: str) -> dict[str, int]:
    """The sums of this step once nothing is under way any more, or ``DRAIN_S`` later. ``from_lab`` are the lab's own traps."""
    sums: dict[str, int] = {}

    async def settled() -> bool:
        after = await chain.sums()
        sums.update({name: after[name] - before[name] for name in after})
        sums["from_lab"] = max(0, sums["received"] - sent) if fibre else 0
        return not holds(sums, sums["from_lab"] + sent)

    await until(settled, DRAIN_S, every_s=1.0)
    return sums


async def _cut(chain: Chain, fibre: str, after_s: float) -> float | None:
    """Cut a fibre ``after_s`` from now and mend it; seconds from the cut to the webhook that names it as the root cause."""
    await asyncio.sleep(after_s)
    at = time.monotonic()
    await chain.lab.do(f"cut {fibre}")

    def told() -> list[float]:
        return [when for when, page in chain.pages if when > at and page["data"].get("root_cause") == f"fibre/{fibre}"]

    async def is_told() -> bool:
        return bool(told())

    with suppress(TimeoutError):
        await until(is_told, 30, every_s=0.05)
    await chain.lab.do(f"mend {fibre}")
    return told()[0] - at if told() else None
