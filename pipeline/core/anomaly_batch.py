"""Anomalies on their way to the store: what was unusual in one poll of one device, columnar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.column import Floats
from pipeline.core.resource import ResourceId

NUMBERS = ("observed", "expected", "lower", "upper", "score")
DETECTOR = "detector"
FOREST = "forest"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One value that is unusual: what was observed and expected, and the range (inclusive, KPI's unit) that would have been usual.

    A bound is NaN where there is none. ``score`` is in decades of rarity for the detector, the model's own for a forest. ``feature`` says
    in which way the value is unusual. ``at`` is UTC nanoseconds.
    """

    resource: ResourceId
    kpi: str
    at: int
    observed: float
    expected: float
    lower: float
    upper: float
    score: float
    feature: str


@dataclass(frozen=True, slots=True)
class AnomalyBatch:
    """The anomalies of one poll: row ``i`` of every column belongs together.

    ``numbers`` has a column of 64-bit floating point, little-endian, for each of ``NUMBERS``. ``source`` is ``detector`` (one series by
    itself) or ``forest`` (an element's KPIs together), ``model`` the version of a trained model. ``at`` is UTC nanoseconds.
    """

    device: str
    at: int
    collector: str
    sequence: int
    resources: tuple[ResourceId, ...]
    kpis: tuple[str, ...]
    features: tuple[str, ...]
    numbers: dict[str, bytes] = field(default_factory=dict)
    source: str = DETECTOR
    model: str = ""

    def column(self, name: str) -> Floats:
        """One of ``NUMBERS``; NaN where a bound is open."""
        return np.frombuffer(self.numbers[name], "<f8")

    def anomalies(self) -> Iterator[Anomaly]:
        """The rows one by one."""
        columns = [self.column(name).tolist() for name in NUMBERS]
        for resource, kpi, feature, *numbers in zip(self.resources, self.kpis, self.features, *columns, strict=True):
            observed, expected, lower, upper, score = numbers
            yield Anomaly(resource, kpi, self.at, observed, expected, lower, upper, score, feature)


def packed(columns: Sequence[Floats]) -> dict[str, bytes]:
    """Columns in the order of ``NUMBERS`` as a batch holds them; what is endless becomes NaN."""
    return {
        name: np.ascontiguousarray(np.where(np.isfinite(values), values, np.nan), "<f8").tobytes()
        for name, values in zip(NUMBERS, columns, strict=True)
    }
