"""How long panels and analysts' questions take over 50 million samples: every query to the store that reads indicators, as the reader.

Each is asked again and again for other devices and other ranges of time, two readers at once without a pause: the figure is the 95th
percentile over all, and the slowest queries are named with their own. The engine's CPU for a query does not depend on who else works here.
``--minutes`` and ``--devices`` make another size.
"""

import argparse
import os
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from pipeline.store.client import Connection
from tests.bench.bar import Bar
from tests.bench.history_load import cpu_s, engine, load
from tests.bench.measured_network import Size
from tests.support.panels import HISTORY, ROOT, View, queries, rendered

BAR_MS = 300.0
KPI_TABLES = re.compile(r"\b(kpi|kpi_1m|kpi_1h|kpi_by_\w+|interface_utilisation|kpi_raw)\b(?= |\n|$)")
PLACE = """
INSERT INTO place
SELECT device, splitByChar('.', device)[2] AS site, concat('region', toString(cityHash64(site) % 3)) AS region, 'acme', 'pe',
    'default', 'bench', now64(3)
FROM (SELECT DISTINCT device FROM kpi_1h WHERE kpi = 'answered')
"""
NEEDED = """
INSERT INTO service_resource
SELECT resource, concat('vpn-', toString(cityHash64(resource) % 50)) AS service, 'acme', 'acme-gold', 'gold',
    'bench', (SELECT max(written_at) FROM place)
FROM (SELECT DISTINCT resource FROM kpi_1h WHERE kpi = 'in_bps')
"""
POINTS = 500
"""The boards' ``maxDataPoints``."""
STEPS_S = ((90, 60), (210, 120), (450, 300), (750, 600), (1_050, 900), (1_500, 1_200), (2_700, 1_800))
"""Below which width of a point Grafana takes which step."""
RANGES_S = (3_600, 6 * 3_600, 6 * 3_600, 24 * 3_600)
"""What people choose: the last hour, the board's own six hours most, a day."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query once: how long until its last row was read, in milliseconds."""

    title: str
    ms: float
    rows: int


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar over all queries, and one for each dashboard and the examples."""
    parser = argparse.ArgumentParser(prog="panel-latency")
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--ports", type=int, default=48)
    parser.add_argument("--minutes", type=int, default=1_300)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    size = Size(options.devices, options.ports)
    with engine() as running:
        writer, reader = Connection.writer(running.settings), Connection.viewer(running.settings)
        done = load(running, writer, size, options.minutes)
        for statement in (PLACE, NEEDED):
            writer.command(statement)
        rows = reader.rows("SELECT count() AS n FROM kpi")[0]["n"]
        turns = _turns(_names(reader), options.minutes * 60, options.runs, random.Random(options.seed))
        before_s = cpu_s(running.pid)
        with ThreadPoolExecutor(options.readers) as pool:
            asked = list(pool.map(lambda turn: _once(reader, *turn), turns))
        cpu_ms = (cpu_s(running.pid) - before_s) / len(asked) * 1e3
        writer.close()
        reader.close()
    groups = _groups(asked)
    for title in sorted(groups, key=lambda title: -_p95(groups[title])):
        print(f"  p50 {median(groups[title]):6.0f}  p95 {_p95(groups[title]):6.0f} ms  {title}")
    everything = [each.ms for each in asked]
    against = {
        "bar": BAR_MS,
        "p50": median(everything),
        "slowest-query-p95": max(map(_p95, groups.values())),
        "queries": len(groups),
        "asked": len(asked),
        "rows": rows,
        "readers": options.readers,
        "engine-cpu-ms-a-query": cpu_ms,
        "load-us-a-sample": done.client_us + done.engine_us,
        "load": os.getloadavg()[0],
    }
    yield Bar("panel-latency", _p95(everything), "ms", against)


def _names(reader: Connection) -> list[str]:
    return [row["device"] for row in reader.rows("SELECT DISTINCT device FROM kpi_1h WHERE kpi = 'answered' ORDER BY device")]


def _texts() -> Iterator[tuple[str, str]]:
    """Every query that reads indicators: title -> text with the dashboards' macros."""
    for query in queries(HISTORY):
        if KPI_TABLES.search(query.text):
            yield str(query), query.text
    for question, text in re.findall(r"^-- (.+)\n((?:SELECT|WITH)[\s\S]+?);$", (ROOT / "examples.sql").read_text(), re.MULTILINE):
        if KPI_TABLES.search(text):
            yield f"example: {question[:60]}", text


def _turns(devices: Sequence[str], held_s: int, runs: int, chance: random.Random) -> list[tuple[str, str]]:
    """Every query so many times, each for a view of its own, in any order: title and text as it reaches the store."""
    turns = [(title, rendered(text, _view(devices, held_s, chance))) for _ in range(runs) for title, text in _texts()]
    chance.shuffle(turns)
    return turns


def _view(devices: Sequence[str], held_s: int, chance: random.Random) -> View:
    """Half of the time all devices, as a board opens; else a few; a range that ends now or, at times, earlier."""
    range_s = min(chance.choice(RANGES_S), held_s)
    to_s = int(time.time()) // 60 * 60 - chance.choice((0, 0, 0, max(held_s - range_s, 1) // 2))
    chosen = tuple(devices) if chance.random() < 0.5 else tuple(chance.sample(list(devices), min(5, len(devices))))
    interval_s = _interval_s(range_s / POINTS)
    return View(to_s - range_s, to_s, interval_s, {"device": chosen, "incident": ("in-1",), "period": ("2026-11",)})


def _interval_s(wanted: float) -> int:
    """The step that Grafana rounds to, never under a minute, the boards' least."""
    return next((step for below, step in STEPS_S if wanted < below), 3_600)


def _once(reader: Connection, title: str, text: str) -> Asked:
    began = time.perf_counter()
    rows = reader.rows(text)
    return Asked(title, (time.perf_counter() - began) * 1e3, len(rows))


def _groups(asked: Iterable[Asked]) -> Mapping[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for each in asked:
        groups.setdefault(each.title, []).append(each.ms)
    return groups


def _p95(figures: Sequence[float]) -> float:
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
