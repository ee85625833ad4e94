"""How long other systems wait for alarms by TMF642 with 100,000 of them in the store: lists, filters and single alarms, eight callers.

The API runs as its own process on the embedded engine. Each caller asks again as soon as it is answered, always for something else: another
severity, another device, another time, another page, another alarm. The figure is the 95th percentile over all requests, from sending to
the last byte. ``--alarms``, ``--callers`` and ``--requests`` make another size.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import aiohttp

from pipeline.config.settings import ApiSettings, Settings
from pipeline.core.alarm import AlarmChange, OperatorState
from pipeline.core.event import Severity
from pipeline.core.resource import ResourceId
from pipeline.core.wording import rfc3339
from pipeline.main import api
from pipeline.store.client import Connection
from pipeline.store.row import rows_of
from pipeline.tmf.form import ALARMS
from tests.bench.bar import Bar
from tests.bench.history_load import cpu_s, engine
from tests.support.history import free_port
from tests.support.history_samples import NOW, S, alarm_change, incident
from tests.support.stores import INVENTORY

BAR_MS = 50.0
BATCH = 5_000
DEVICES = 1_000
INCIDENTS = 200
SEVERITIES = ("critical", "major", "minor", "warning", "indeterminate")
PATH = f"{ALARMS}/alarm"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its kind, and how long it took in milliseconds."""

    kind: str
    ms: float


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar over all requests, with the percentile of each kind."""
    parser = argparse.ArgumentParser(prog="api-latency")
    parser.add_argument("--alarms", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    with engine() as running, tempfile.TemporaryDirectory(prefix="assure-bench-") as folder:
        writer = Connection.writer(running.settings)
        names = _load(writer, options.alarms, chance)
        parts = writer.rows("SELECT count() AS n FROM system.parts WHERE table = 'alarm' AND active")[0]["n"]
        writer.close()
        with _served(_settings(Path(folder), running.settings)) as (url, process):
            before_s, own_s = cpu_s(running.pid), cpu_s(process)
            began = time.monotonic()
            asked = asyncio.run(_ask(url, names, options.callers, options.requests, chance))
            wall_s = time.monotonic() - began
            engine_ms = (cpu_s(running.pid) - before_s) / len(asked) * 1e3
            api_ms = (cpu_s(process) - own_s) / len(asked) * 1e3
    kinds = {kind: [each.ms for each in asked if each.kind == kind] for kind in dict.fromkeys(each.kind for each in asked)}
    for kind, figures in kinds.items():
        print(f"  p50 {median(figures):6.1f}  p95 {_p95(figures):6.1f} ms  {kind}")
    everything = [each.ms for each in asked]
    against: dict[str, float | str] = {"bar": BAR_MS, "p50": median(everything), "p99": _p99(everything)}
    against |= {f"{kind}-p95": _p95(figures) for kind, figures in kinds.items()}
    against |= {"alarms": len(names), "parts": parts, "callers": options.callers, "requests-a-second": len(asked) / wall_s}
    against |= {"engine-cpu-ms": engine_ms, "api-cpu-ms": api_ms, "load": os.getloadavg()[0]}
    yield Bar("api-latency", _p95(everything), "ms", against)


def _load(writer: Connection, count: int, chance: random.Random) -> list[str]:
    """So many alarms, half of them cleared, and open incidents over some, written as the sink writes them."""
    names = [str(UUID(int=chance.getrandbits(128))) for _ in range(count)]
    for first in range(0, count, BATCH):
        changes = [_alarm(name, first + place, chance) for place, name in enumerate(names[first : first + BATCH])]
        for table, block in rows_of(changes, NOW // 1_000_000).items():
            writer.insert(table, block)  # type: ignore[arg-type]  # alarms are plain columns
    opened = [replace(incident(name=f"in-{number}"), alarms=tuple(chance.sample(names, 20))) for number in range(INCIDENTS)]
    for table, block in rows_of(opened, NOW // 1_000_000).items():
        writer.insert(table, block)  # type: ignore[arg-type]  # and so are incidents
    return names


def _alarm(name: str, number: int, chance: random.Random) -> AlarmChange:
    made, device, at = alarm_change(name=name), f"pe{number % DEVICES}", NOW - chance.randrange(7 * 86_400) * S
    is_cleared = chance.random() < 0.5
    changed = replace(
        made.alarm,
        resource=ResourceId(f"interface/{device}/ge-0/0/{number // DEVICES}"),
        device=device,
        severity=chance.choice(list(Severity)),
        is_cleared=is_cleared,
        cleared_at=at + S if is_cleared else 0,
        last_raised_at=at,
        last_changed_at=at,
        operator_state=OperatorState.ACK if chance.random() < 0.1 else OperatorState.NONE,
    )
    return replace(made, alarm=changed)


def _settings(folder: Path, history: Any) -> Settings:
    (folder / "inventory").mkdir()
    (folder / "inventory" / "all.yaml").write_text(INVENTORY)
    listen = ApiSettings(listen=f"127.0.0.1:{free_port()}")
    return Settings(data_dir=folder, inventory_dir=folder / "inventory", history=history, api=listen, metrics_port=free_port())


@contextmanager
def _served(settings: Settings) -> Iterator[tuple[str, int]]:
    """The API as a process of its own; gives its address and its number."""
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(settings,), daemon=True)
    process.start()
    url = f"http://{settings.api.listen}"
    try:
        asyncio.run(_wait(url))
        assert process.pid is not None
        yield url, process.pid
    finally:
        process.terminate()
        process.join(10)


def _serve(settings: Settings) -> None:
    asyncio.run(api(settings, asyncio.Event()))


async def _wait(url: str) -> None:
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{url}{PATH}", params={"limit": "1"}) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


async def _ask(url: str, names: Sequence[str], callers: int, count: int, chance: random.Random) -> list[Asked]:
    turns = iter([_turn(names, chance) for _ in range(count)])
    asked: list[Asked] = []
    async with aiohttp.ClientSession(url) as session:

        async def call() -> None:
            for kind, path, parameters in turns:
                began = time.perf_counter()
                async with session.get(path, params=parameters) as answer:
                    assert answer.status == 200, await answer.text()
                    await answer.read()
                asked.append(Asked(kind, (time.perf_counter() - began) * 1e3))

        await asyncio.gather(*(call() for _ in range(callers)))
    return asked


def _turn(names: Sequence[str], chance: random.Random) -> tuple[str, str, dict[str, str]]:
    """What a console or another system asks: a page of what stands, a page by some attribute, or one alarm."""
    word = chance.choice(("list", "filter", "filter", "read", "read"))
    if word == "list":
        page = {"offset": str(chance.randrange(20) * 50), "limit": "50"}
        return word, PATH, page | chance.choice(({"state": "raised"}, {"sort": "-perceivedSeverity,-alarmRaisedTime"}, {}))
    if word == "read":
        return word, f"{PATH}/{chance.choice(names)}", {}
    since = rfc3339(NOW - chance.randrange(86_400) * S)
    return (
        word,
        PATH,
        chance.choice(
            (
                {"sourceSystemId": f"pe{chance.randrange(DEVICES)}"},
                {"perceivedSeverity": chance.choice(SEVERITIES), "ackState": "unacknowledged", "limit": "20"},
                {"alarmRaisedTime.gte": since, "sort": "-perceivedSeverity", "limit": "50"},
                {"alarmedObject.id": f"interface/pe{chance.randrange(DEVICES)}/ge-0/0/{chance.randrange(100)}"},
            )
        ),
    )


def _p95(figures: Sequence[float]) -> float:
    return sorted(figures)[int(len(figures) * 0.95)]


def _p99(figures: Sequence[float]) -> float:
    return sorted(figures)[int(len(figures) * 0.99)]
