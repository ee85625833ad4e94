"""A KPI: a network indicator with a unit, computed by a formula over the samples of a table whose quality is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.column import Bytes, Floats
from pipeline.core.formula import Formula, compiled, names_in
from pipeline.core.profile import ProfileTable
from pipeline.core.resource import ResourceId
from pipeline.core.sample import Quality, Samples
from pipeline.core.unit import Dimension, unit

__all__ = ["DEVICE_KPIS", "BoundKpi", "KpiBatch", "KpiRule", "Quality", "bind", "compute"]

DEVICE_KPIS = ("answered", "round_trip_ms")
"""1 when the device answered the poll or 0, and how long the answer took: known of every device, whatever its profile."""

DEFAULT_PRECISION = 12
"""Significant binary digits that the store keeps of a KPI: at most 1/4096 off, less than what is measured."""


@dataclass(frozen=True, slots=True)
class KpiRule:
    """A KPI of the rows of the profile table ``table``; its formula gives a value in ``unit``.

    A device whose profile has no such table, or not all of the columns, has no such KPI. The store keeps ``precision`` significant binary
    digits.
    """

    name: str
    table: str
    formula: str
    unit: str = "1"
    description: str = ""
    precision: int = DEFAULT_PRECISION


@dataclass(frozen=True, slots=True)
class BoundKpi:
    """A KPI compiled for one profile's table: what the formula gives times ``factor`` is in the KPI's unit."""

    name: str
    formula: Formula
    factor: float


@dataclass(frozen=True, slots=True)
class KpiBatch:
    """KPIs of one device at one time, columnar: the value ``i`` of each column belongs to ``resources[i]``.

    ``columns`` are 64-bit floating point, little-endian, NaN where there is no value; ``quality`` has a :class:`Quality` number in a byte
    for each. ``(collector, sequence)`` is the poll it came from. ``at`` is UTC nanoseconds.
    """

    device: str
    at: int
    collector: str
    sequence: int
    resources: tuple[ResourceId, ...]
    columns: dict[str, bytes] = field(default_factory=dict)
    quality: dict[str, bytes] = field(default_factory=dict)

    def values(self, kpi: str) -> Floats:
        """A column; all NaN when there is none of that name."""
        data = self.columns.get(kpi)
        return np.full(len(self.resources), np.nan) if data is None else np.frombuffer(data, "<f8")

    def qualities(self, kpi: str) -> Bytes:
        """The quality of a column; missing when there is none of that name."""
        data = self.quality.get(kpi)
        return np.full(len(self.resources), int(Quality.MISSING), np.uint8) if data is None else np.frombuffer(data, np.uint8)

    def good(self, kpi: str) -> Floats:
        """A column with NaN for every value that does not count."""
        values = self.values(kpi)
        return np.where(self.qualities(kpi) == int(Quality.GOOD), values, np.nan)


Columns = Mapping[str, tuple[Floats, Bytes]]


def packed(columns: Columns) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Columns of values and qualities as a batch holds them."""
    return (
        {name: np.ascontiguousarray(values, "<f8").tobytes() for name, (values, _) in columns.items()},
        {name: np.ascontiguousarray(quality, np.uint8).tobytes() for name, (_, quality) in columns.items()},
    )


def dimensions_of(table: ProfileTable) -> dict[str, Dimension]:
    """What a formula may read of a table: its columns of numbers, and those derived from them."""
    polled = {column.name: unit(column.unit).dimension for column in table.columns if not column.type.is_text}
    return polled | {column.name: unit(column.unit).dimension for column in table.derived}


def texts_of(table: ProfileTable) -> frozenset[str]:
    """Its columns of text."""
    return frozenset(column.name for column in table.columns if column.type.is_text)


def counters_of(table: ProfileTable) -> frozenset[str]:
    """Its columns that are counters."""
    return frozenset(column.name for column in table.columns if column.type.counter_bits)


def bind(table: ProfileTable, rules: Sequence[KpiRule]) -> tuple[BoundKpi, ...]:
    """The KPIs that a profile's table allows for. Raises ``FormulaError`` for a formula that is none; loading rules has checked them."""
    dimensions, counters = dimensions_of(table), counters_of(table)
    bound = []
    for rule in rules:
        if rule.table != table.name or names_in(rule.formula) - dimensions.keys():
            continue
        formula = compiled(rule.formula, dimensions, counters)
        bound.append(BoundKpi(rule.name, formula, 1 / unit(rule.unit).factor))
    return tuple(bound)


def compute(kpis: Sequence[BoundKpi], samples: Samples) -> dict[str, tuple[Floats, Bytes]]:
    """Each KPI of each row, with the worst quality of what it was computed from; without a value a good quality is a missing one."""
    return {kpi.name: _computed(kpi, samples) for kpi in kpis}


def _computed(kpi: BoundKpi, samples: Samples) -> tuple[Floats, Bytes]:
    values = kpi.formula(samples.values, samples.rows)
    if kpi.factor != 1:
        values = values * kpi.factor
    quality = _worst([samples.quality[name] for name in kpi.formula.inputs if name in samples.quality], samples.rows)
    none = np.isnan(values)
    if none.any():
        quality = np.where(none & (quality == int(Quality.GOOD)), np.uint8(Quality.MISSING), quality)
    return values, quality


def _worst(qualities: Sequence[Bytes], rows: int) -> Bytes:
    if not qualities:
        return np.zeros(rows, np.uint8)
    worst = qualities[0]
    for quality in qualities[1:]:
        worst = np.maximum(worst, quality)
    return worst
