"""An element's KPI vector: what all its KPIs say of it at one time, so that it can be odd where no single series is.

The same features are made of a poll's KPIs, to be judged, and of the history, to learn what is usual.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.core.column import Floats
from pipeline.core.kpi import KpiBatch

Integers = NDArray[np.int64]


class Aggregate(StrEnum):
    """How the values of an element's parts become one."""

    MEAN = "mean"
    HIGHEST = "highest"
    LOWEST = "lowest"


class Form(StrEnum):
    """How a value is told to people."""

    SHARE = "share"
    RATE = "rate"
    CELSIUS = "celsius"
    POWER = "power"
    DECIBEL = "decibel"
    MILLISECOND = "millisecond"


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the vector: an aggregate of one KPI over the parts of an element that have it.

    ``about`` names it for people. ``least`` is the smallest spread that matters, in the KPI's unit: without it, the first packet lost in a
    month would be infinitely odd.
    """

    name: str
    kpi: str
    aggregate: Aggregate
    about: str
    form: Form
    least: float


def _both(name: str, kpi: str, about: str, form: Form, least: float) -> tuple[Feature, Feature]:
    return (
        Feature(f"{name}_mean", kpi, Aggregate.MEAN, f"mean {about}", form, least),
        Feature(f"{name}_highest", kpi, Aggregate.HIGHEST, f"highest {about}", form, least),
    )


FEATURES: tuple[Feature, ...] = (
    *_both("in_utilisation", "in_utilisation", "utilisation in", Form.SHARE, 0.005),
    *_both("out_utilisation", "out_utilisation", "utilisation out", Form.SHARE, 0.005),
    Feature("in_errors", "in_errors_per_s", Aggregate.HIGHEST, "errors in", Form.RATE, 0.1),
    Feature("out_errors", "out_errors_per_s", Aggregate.HIGHEST, "errors out", Form.RATE, 0.1),
    Feature("in_discards", "in_discards_per_s", Aggregate.HIGHEST, "discards in", Form.RATE, 0.5),
    Feature("out_discards", "out_discards_per_s", Aggregate.HIGHEST, "discards out", Form.RATE, 0.5),
    *_both("cpu", "cpu_utilisation", "CPU", Form.SHARE, 0.01),
    Feature("memory", "memory_utilisation", Aggregate.HIGHEST, "memory used", Form.SHARE, 0.01),
    Feature("temperature", "temperature_celsius", Aggregate.HIGHEST, "highest temperature", Form.CELSIUS, 1.0),
    Feature("rx_power", "rx_power_dbm", Aggregate.LOWEST, "lowest light received", Form.POWER, 0.3),
    Feature("rx_margin", "rx_margin_db", Aggregate.LOWEST, "lowest optical margin", Form.DECIBEL, 0.3),
    Feature("round_trip", "round_trip_ms", Aggregate.MEAN, "round trip", Form.MILLISECOND, 0.5),
    Feature("up", "oper_up", Aggregate.MEAN, "interfaces up", Form.SHARE, 0.02),
)
"""Every feature, in the order of the vector. A model tells the names of those it was trained on."""

WIDTH = len(FEATURES)
KPIS = tuple(dict.fromkeys(feature.kpi for feature in FEATURES))
_REDUCE: dict[Aggregate, Callable[[Floats], float]] = {Aggregate.MEAN: np.mean, Aggregate.HIGHEST: np.max, Aggregate.LOWEST: np.min}


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """All features of one element at one time; ``values`` is NaN where the element has no such KPI, or no good value of it.

    ``(collector, sequence)`` is the poll it came from, ``at`` UTC nanoseconds.
    """

    device: str
    at: int
    collector: str
    sequence: int
    values: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """How much history an element has: minutes with values, and the first and last of them (UTC nanoseconds)."""

    minutes: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Vectors of one element, in order of time: ``values[i]`` has the features of :data:`FEATURES` at ``at[i]``."""

    device: str
    at: Integers
    values: Floats


def vectors(batches: Iterable[KpiBatch]) -> list[Vector]:
    """One vector for each poll, in the order in which they came, whatever batches it was told in; none for one without good values."""
    polls: dict[tuple[str, str, int], list[KpiBatch]] = {}
    for batch in batches:
        polls.setdefault((batch.device, batch.collector, batch.sequence), []).append(batch)
    found = (Vector(device, parts[0].at, collector, sequence, _values(parts)) for (device, collector, sequence), parts in polls.items())
    return [vector for vector in found if not np.isnan(vector.values).all()]


def _values(parts: Sequence[KpiBatch]) -> Floats:
    good = {kpi: _good(parts, kpi) for kpi in KPIS}
    return np.array([_REDUCE[each.aggregate](good[each.kpi]) if good[each.kpi].size else np.nan for each in FEATURES])


def _good(parts: Sequence[KpiBatch], kpi: str) -> Floats:
    """The good values of a KPI, whichever parts of the element have it."""
    columns = [part.good(kpi) for part in parts if kpi in part.columns]
    values = np.concatenate(columns) if columns else np.empty(0)
    return values[np.isfinite(values)]


def told(value: float, form: Form) -> str:
    """A value for people: ``81 %``, ``0.3/s``, ``-17.2 dBm``."""
    if form is Form.SHARE:
        return f"{value * 100:.3g} %"
    suffix = {Form.RATE: "/s", Form.CELSIUS: " °C", Form.POWER: " dBm", Form.DECIBEL: " dB", Form.MILLISECOND: " ms"}[form]
    return f"{value:.3g}{suffix}"
