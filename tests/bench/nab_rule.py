"""How the Numenta Anomaly Benchmark scores (Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", 2015), in numpy.

Each labelled anomaly has a window. The first detection in it earns up to 1, the more the earlier; what is detected outside costs up to the
profile's weight, less shortly after a window; a window without a detection costs the weight of a miss. The first 15 % of a series (at most
750 values) do not count. One threshold serves all series, and it is the one that gives the most: the rule tunes it on the labels it scores.
100 is a perfect detector, 0 one that says nothing.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
PROBATION_SHARE = 0.15
PROBATION_MOST = 5_000
_STEEPNESS = 5.0
_FAR = 3.0


@dataclass(frozen=True, slots=True)
class Costs:
    """What a profile weighs: a false alarm, and a window missed, against a window found (1)."""

    false_alarm: float
    miss: float


PROFILES = {"standard": Costs(0.11, 1.0), "low-fp": Costs(0.22, 1.0), "low-fn": Costs(0.11, 2.0)}


@dataclass(frozen=True, slots=True)
class Series:
    """One file: times in UTC seconds, values, and what a detection at each place is worth before weights; window -1 is outside of all."""

    name: str
    at: Array
    values: Array
    worth: Array
    window: Array
    counted: Array


def read_series(folder: Path) -> list[Series]:
    """The series of a folder with NAB's ``data`` and ``labels``, by name."""
    labels: Mapping[str, list[tuple[str, str]]] = json.loads((folder / "labels" / "combined_windows.json").read_text())
    return [_series(name, folder / "data" / name, windows) for name, windows in sorted(labels.items())]


def _series(name: str, path: Path, windows: Sequence[tuple[str, str]]) -> Series:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    at = np.array([_seconds(row["timestamp"]) for row in rows])
    values = np.array([float(row["value"]) for row in rows])
    places = [tuple(int(np.searchsorted(at, _seconds(end))) for end in window) for window in windows]
    return Series(name, at, values, *weigh(len(at), places))


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC, microsecond=0).timestamp())


def weigh(length: int, windows: Sequence[Sequence[int]]) -> tuple[Array, Array, Array]:
    """What a detection at each place is worth before weights, the window it lies in (-1: none), and whether the place counts.

    ``windows`` are first and last places. Inside, a detection is worth nearly 1 at the first place and nothing after the last; outside, it
    costs 1 before the first window and less close behind one. The benchmark's own arithmetic measures the place inside from one past the
    last, and the distance behind by one less than the width; so does this.
    """
    worth, inside = np.full(length, -1.0), np.full(length, -1)
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        behind = np.arange(last + 1, length)
        worth[last + 1 :] = [_sigmoid((place - last) / (width - 1)) for place in behind]
        worth[first : last + 1] = [_sigmoid(-(last - place + 1) / width) / _sigmoid(-1.0) for place in range(first, last + 1)]
        inside[first : last + 1] = number
    return worth, inside, np.arange(length) >= math.floor(PROBATION_SHARE * min(length, PROBATION_MOST))


def _sigmoid(distance: float) -> float:
    return -1.0 if distance > _FAR else 2.0 / (1.0 + math.exp(_STEEPNESS * distance)) - 1.0


@dataclass(frozen=True, slots=True)
class Score:
    """A normalised score (100 perfect, 0 says nothing), and the threshold that gave it."""

    value: float
    threshold: float


def score(series: Sequence[Series], scores: Sequence[Array], costs: Costs, threshold: float | None = None) -> Score:
    """The score of a detector's ``scores`` (one array for each series, larger is odder), at the best threshold or at a given one."""
    worth = np.concatenate([each.worth[each.counted] for each in series])
    found = np.concatenate([given[each.counted] for each, given in zip(series, scores, strict=True)])
    window = _numbered(series)
    order = np.argsort(-found, kind="stable")
    worth, found, window = worth[order], found[order], window[order]
    gain = np.where(window < 0, worth * costs.false_alarm, 0.0)
    numbers = [number for number in np.unique(window) if number >= 0]
    for number in numbers:
        places = np.flatnonzero(window == number)
        best = np.maximum.accumulate(worth[places])
        gain[places] = np.diff(best, prepend=-costs.miss)
    nothing = -costs.miss * len(numbers)
    totals = np.concatenate([[nothing], nothing + np.cumsum(gain)])
    thresholds = np.concatenate([[np.inf], found])
    complete = np.append(thresholds[1:] != thresholds[:-1], True)  # values that are alike are told together
    totals, thresholds = totals[complete], thresholds[complete]
    place = int(np.argmax(totals)) if threshold is None else int(np.flatnonzero(thresholds >= threshold)[-1])
    return Score(float(100.0 * (totals[place] - nothing) / (len(numbers) - nothing)), float(thresholds[place]))


def _numbered(series: Sequence[Series]) -> Array:
    """The windows of all series numbered through."""
    numbered, first = [], 0
    for each in series:
        numbered.append(np.where(each.window < 0, -1, each.window + first)[each.counted])
        first += int(each.window.max()) + 1
    return np.concatenate(numbered)
