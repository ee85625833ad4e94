"""A made-up history of elements' KPI vectors: days and nights, weekends, CPU that follows traffic, temperature that follows CPU."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.kpi import KpiBatch, packed
from pipeline.core.resource import ResourceId
from pipeline.core.vector import FEATURES, Readings, Seen
from pipeline.store.client import Connection
from pipeline.store.packed import COLUMNS, INTAKE, Packed, pack

Floats = NDArray[np.float64]
S = 10**9
DAY = 86_400 * S
INDEX = {feature.name: place for place, feature in enumerate(FEATURES)}


@dataclass(frozen=True)
class Element:
    """One element's character: how busy, when, how noisy."""

    name: str
    load: float
    peak_hour: float
    cpu_idle: float
    cpu_by_load: float
    celsius: float
    dbm: float


def element(name: str, random: np.random.Generator) -> Element:
    """An element of some character."""
    return Element(
        name,
        load=random.uniform(0.1, 0.5),
        peak_hour=random.uniform(18, 22),
        cpu_idle=random.uniform(5, 15),
        cpu_by_load=random.uniform(60, 110),
        celsius=random.uniform(30, 45),
        dbm=random.uniform(-12, -4),
    )


def _wander(size: int, random: np.random.Generator, memory: float = 0.9) -> Floats:
    """Noise that remembers where it was, of standard deviation 1."""
    steps = random.normal(size=size) * np.sqrt(1 - memory**2)
    found = np.empty(size)
    at = random.normal()
    for place, step in enumerate(steps):
        at = memory * at + step
        found[place] = at
    return found


def history(one: Element, at: NDArray[np.int64], random: np.random.Generator) -> Floats:
    """The element's vectors at these times (UTC nanoseconds), in order of time."""
    size = len(at)
    hour = at / (3_600 * S) % 24
    weekend = (at // DAY + 3) % 7 >= 5
    day = 0.55 + 0.45 * np.cos((hour - one.peak_hour) / 24 * 2 * np.pi)
    traffic = one.load * day * np.where(weekend, 0.85, 1.0) * np.exp(0.08 * _wander(size, random))
    values = np.full((size, len(FEATURES)), np.nan)

    def put(name: str, column: Floats) -> None:
        values[:, INDEX[name]] = column

    back = traffic * 0.6 * np.exp(0.05 * _wander(size, random))
    put("in_utilisation_mean", traffic)
    put("in_utilisation_highest", np.minimum(traffic * 1.6 * np.exp(0.04 * random.normal(size=size)), 1))
    put("out_utilisation_mean", back)
    put("out_utilisation_highest", np.minimum(back * 1.6 * np.exp(0.04 * random.normal(size=size)), 1))
    put("in_errors", random.poisson(0.02, size) * 0.1)
    put("out_errors", random.poisson(0.01, size) * 0.1)
    put("in_discards", random.poisson(np.clip(traffic * 1.6 - 0.6, 0, None) * 5) * 1.0)
    put("out_discards", random.poisson(np.clip(back * 1.6 - 0.6, 0, None) * 5) * 1.0)
    cpu = one.cpu_idle + one.cpu_by_load * traffic + 1.5 * random.normal(size=size)
    put("cpu_mean", np.clip(cpu, 0, 100) / 100)
    put("cpu_highest", np.clip(cpu * 1.2 + random.exponential(1.5, size), 0, 100) / 100)
    put("memory", 0.5 + 0.04 * _wander(size, random, 0.99))
    put("temperature", np.round(one.celsius + 0.12 * cpu + 1.2 * np.cos((hour - 15) / 24 * 2 * np.pi) + 0.3 * random.normal(size=size)))
    put("rx_power", one.dbm + 0.1 * _wander(size, random, 0.99))
    put("round_trip", 2 + 4 * traffic + random.exponential(0.5, size))
    put("up", np.ones(size))
    return values


class MadeHistory:
    """A history of made-up elements, asked as detectors ask the real one."""

    def __init__(self, devices: int, days: float, ends_at: int, *, seed: int = 1, step_s: int = 60) -> None:
        self._random = np.random.default_rng(seed)
        self.elements = {f"pe{number}": element(f"pe{number}", self._random) for number in range(1, devices + 1)}
        self.starts_at, self.ends_at, self.step = ends_at - int(days * DAY), ends_at, step_s * S
        at = np.arange(self.starts_at, ends_at, self.step)
        self.rows = {name: (at, history(one, at, self._random)) for name, one in self.elements.items()}
        self.asked_for: list[int] = []
        self.stands: frozenset[str] = frozenset()

    def seen(self, starts_at: int, ends_at: int) -> dict[str, Seen]:
        found = {name: at[(at >= starts_at) & (at < ends_at)] for name, (at, _) in self.rows.items()}
        return {name: Seen(len(at), int(at[0]), int(at[-1])) for name, at in found.items() if len(at)}

    def readings(self, devices: Sequence[str], starts_at: int, ends_at: int, one_in: int) -> Iterator[Readings]:
        self.asked_for.append(len(devices))
        for name in devices:
            at, values = self.rows[name]
            chosen = (at >= starts_at) & (at < ends_at) & (at // self.step % one_in == 0)
            yield Readings(name, at[chosen], values[chosen])

    def standing(self) -> frozenset[str]:
        return self.stands


_PAIRS = {
    "in_utilisation": ("in_utilisation_mean", "in_utilisation_highest"),
    "out_utilisation": ("out_utilisation_mean", "out_utilisation_highest"),
    "cpu_utilisation": ("cpu_mean", "cpu_highest"),
}
_SINGLE = {
    "in_errors_per_s": "in_errors",
    "out_errors_per_s": "out_errors",
    "in_discards_per_s": "in_discards",
    "out_discards_per_s": "out_discards",
}


def batches(device: str, at: int, vector: Floats, sequence: int) -> list[KpiBatch]:
    """The KPIs of a poll that gives this vector: an element with two interfaces and two processors."""

    def value(feature: str) -> float:
        return float(vector[INDEX[feature]])

    def both(mean: float, highest: float) -> list[float]:
        return [highest, 2 * mean - highest]

    def batch(kind: str, names: list[str], columns: dict[str, list[float]]) -> KpiBatch:
        good = {name: (np.array(values), np.zeros(len(values), np.uint8)) for name, values in columns.items()}
        return KpiBatch(device, at, "poll-1", sequence, tuple(ResourceId(f"{kind}/{name}") for name in names), *packed(good))

    ports = {kpi: both(value(mean), value(highest)) for kpi, (mean, highest) in _PAIRS.items() if kpi != "cpu_utilisation"}
    ports |= {kpi: [value(feature), 0.0] for kpi, feature in _SINGLE.items()} | {"oper_up": [1.0, 1.0]}
    return [
        batch("device", [device], {"answered": [1.0], "round_trip_ms": [value("round_trip")]}),
        batch("interface", [f"{device}/ge-0/0/1", f"{device}/ge-0/0/2"], ports),
        batch("component", [f"{device}/cpu 0", f"{device}/cpu 1"], {"cpu_utilisation": both(value("cpu_mean"), value("cpu_highest"))}),
        batch("component", [f"{device}/memory"], {"memory_utilisation": [value("memory")]}),
        batch("component", [f"{device}/temperature"], {"temperature_celsius": [value("temperature")]}),
        batch("port", [f"{device}/ge-0/0/1"], {"rx_power_dbm": [value("rx_power")]}),
    ]


def store(connection: Connection, made: MadeHistory) -> None:
    """Write a made-up history into ClickHouse as the sink does."""
    for name, (at, values) in made.rows.items():
        for first in range(0, len(at), 2_000):
            some = zip(at[first : first + 2_000].tolist(), values[first : first + 2_000], strict=True)
            insert(connection, [batch for place, (when, vector) in enumerate(some) for batch in batches(name, when, vector, first + place)])


def insert(connection: Connection, some: Sequence[KpiBatch]) -> None:
    """Write batches in one block."""
    connection.insert_native(INTAKE, COLUMNS, Packed([pack(batch, {}) for batch in some]).native())
