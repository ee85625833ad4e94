"""What is usual for each element, feature by feature and hour by hour: robust centres and spreads, so that one model serves many elements.

A value becomes its distance from what the element usually has at that hour of the day, in spreads. Missing features are 0: as usual.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.core.column import Floats

Integers = NDArray[np.int64]

HOURS = 24
LEAST_VALUES = 30
"""Values that an element must have of a feature before anything is usual for it."""

LEAST_OF_HOUR = 6
"""Values that an hour of the day must have to have a centre of its own; else the element's centre serves."""

FARTHEST = 20.0
"""Spreads at which a distance is cut: how far beyond does not matter, and no single feature may drown the others."""

NORMAL_MAD = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations."""
_NORMAL_90 = 3.29
"""The width of its middle nine tenths in standard deviations: the spread of a feature that mostly stands still."""
_NS_PER_HOUR = 3_600 * 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """``centre[device, hour, feature]`` and ``spread[device, feature]``; NaN where too few values were seen."""

    devices: tuple[str, ...]
    centre: Floats
    spread: Floats
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {device: row for row, device in enumerate(self.devices)})

    def row(self, device: str) -> int:
        """The row of an element, -1 for one that was not seen in training."""
        return self._rows.get(device, -1)

    def usual(self, rows: Integers, at: Integers) -> tuple[Floats, Floats]:
        """Centre and spread of each feature for elements (by row) at times (UTC nanoseconds)."""
        return self.centre[rows, hour_of(at)], self.spread[rows]

    def distances(self, values: Floats, rows: Integers, at: Integers) -> Floats:
        """How far each value is from what is usual, in spreads, cut at :data:`FARTHEST`; 0 where a value or what is usual is missing."""
        centre, spread = self.usual(rows, at)
        return np.nan_to_num(np.clip((values - centre) / spread, -FARTHEST, FARTHEST), nan=0.0)


def medians(values: Floats) -> Floats:
    """The median of each column's present values; NaN for a column that has none."""
    found = np.full(values.shape[1], np.nan)
    present = ~np.isnan(values).all(axis=0)
    if present.any():
        found[present] = np.nanmedian(values[:, present], axis=0)
    return found


def hour_of(at: Integers) -> Integers:
    """The hour of the day, UTC."""
    return at // _NS_PER_HOUR % HOURS


def learn(values: Floats, at: Integers, least: Floats) -> tuple[Floats, Floats]:
    """What is usual for one element: ``centre[hour, feature]`` and ``spread[feature]`` of its vectors, spreads at least ``least``.

    A feature with fewer than :data:`LEAST_VALUES` values gets NaN.
    """
    width = values.shape[1]
    centre, spread = np.full((HOURS, width), np.nan), np.full(width, np.nan)
    known = np.count_nonzero(~np.isnan(values), axis=0) >= LEAST_VALUES
    if not known.any():
        return centre, spread
    seen, hours = values[:, known], hour_of(at)
    found = np.tile(medians(seen), (HOURS, 1))
    for hour in range(HOURS):
        of_hour = seen[hours == hour]
        enough = np.count_nonzero(~np.isnan(of_hour), axis=0) >= LEAST_OF_HOUR
        found[hour, enough] = medians(of_hour[:, enough])
    rest = seen - found[hours]
    low, high = np.nanquantile(rest, (0.05, 0.95), axis=0)
    mad = NORMAL_MAD * np.nanmedian(np.abs(rest), axis=0)
    centre[:, known], spread[known] = found, np.maximum.reduce([mad, (high - low) / _NORMAL_90, least[known]])
    return centre, spread
