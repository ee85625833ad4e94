"""A model of a class of elements: what is usual for each, how their features go together, and a forest that tells what is rare."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.core.baseline import Baseline
from pipeline.core.vector import FEATURES
from pipeline.detectors.forest import Forest, grow

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Arrays = dict[str, NDArray[np.generic]]

_HUNDREDTH = 0.01
_MOST_DECADES = 100.0
_NEAR = 1e-3
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What training chooses by hand; each was compared on made-up histories (see the README of this folder).

    ``trees`` are grown on ``sample`` vectors each. Distances beyond ``squash`` spreads count by their logarithm. A direction in which an
    element hardly moves is stretched as if it had at least ``floor`` of a spread's variance. The distance over all directions is given to
    the forest ``weight`` times, so that a tree asks for it as often as for ``weight`` directions.
    """

    trees: int = 100
    sample: int = 512
    squash: float = 6.0
    floor: float = 0.05
    weight: int = 8
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What a model says of vectors, one row each; rows of elements that it does not know have rarity 1.

    ``rarity`` is the share of ordinary vectors that are at least as odd; ``distances`` are those of the features, in spreads.
    """

    rarity: Floats
    distances: Floats
    centre: Floats
    spread: Floats
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tail:
    """How a measure of oddness thins out among ordinary vectors: from the most odd tenth to the most odd hundredth it grows by ``decade``.

    What lies beyond is told by going on so, as an exponential does: the few vectors there may be the very anomalies that history has, and
    must not make the next one ordinary.
    """

    hundredth: float
    decade: float

    @classmethod
    def of(cls, ordinary: Floats) -> "Tail":
        """The tail of a measure."""
        tenth, hundredth = np.quantile(ordinary, (0.9, 0.99))
        return cls(float(hundredth), float(max(hundredth - tenth, 1e-9)))

    def excess(self, measure: Floats) -> Floats:
        """Decades beyond the most odd hundredth; negative before it."""
        return (measure - self.hundredth) / self.decade


_NO_TAIL = Tail(0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class ElementModel:
    """A trained model. ``isolation`` and ``distance`` are the tails of its two measures, ``ordinary`` the sorted excesses of both together.

    Those are of vectors that it was not trained on and that nobody tampered with. The forest tells what is rare among the shapes that
    elements have, but not how far beyond all of them something lies; the distance does.
    """

    baseline: Baseline
    directions: Floats
    forest: Forest
    squash: float
    weight: int
    isolation: Tail = _NO_TAIL
    distance: Tail = _NO_TAIL
    ordinary: Floats = field(default_factory=lambda: np.empty(0))

    def judge(self, values: Floats, devices: Sequence[str], at: Integers) -> Judgement:
        """Judge vectors of elements at times, all at once."""
        rows = np.array([self.baseline.row(device) for device in devices], dtype=np.int64)
        known = rows >= 0
        distances = self.baseline.distances(values, rows, at)
        distances[~known] = 0.0
        centre, spread = self.baseline.usual(rows, at)
        return Judgement(np.where(known, self._rarity(distances), 1.0), distances, centre, spread, known)

    def calibrated(self, distances: Floats) -> "ElementModel":
        """The model that knows what is ordinary, from vectors held out."""
        isolation, distance = self._measures(distances)
        found = replace(self, isolation=Tail.of(isolation), distance=Tail.of(distance))
        return replace(found, ordinary=np.sort(found.excess(distances)))

    def excess(self, distances: Floats) -> Floats:
        """How odd vectors of distances are by the measure that finds them odder, in decades beyond that measure's most odd hundredth."""
        isolation, distance = self._measures(distances)
        return np.maximum(self.isolation.excess(isolation), self.distance.excess(distance))

    def _measures(self, distances: Floats) -> tuple[Floats, Floats]:
        """How isolated vectors are, and the logarithm of their distance: that thins out as a Pareto tail does."""
        rows = prepared(distances, self.directions, self.squash, self.weight)
        return self.forest.score(rows), np.log(rows[:, -1] + _NEAR)

    def _rarity(self, distances: Floats) -> Floats:
        """The share of ordinary vectors that are at least as odd: counted up to the most odd hundredth, told by the tail beyond."""
        excess, tail = self.excess(distances), Tail.of(self.ordinary)
        counted = 1 - np.searchsorted(self.ordinary, excess, side="left") / len(self.ordinary)
        beyond = tail.excess(excess)
        found: Floats = np.where(beyond < 0, np.maximum(counted, _HUNDREDTH), _HUNDREDTH * 10.0 ** -np.clip(beyond, 0, _MOST_DECADES))
        return found

    def arrays(self) -> Arrays:
        """Everything, by name, to be written without a pickle."""
        return {
            "features": np.array(FEATURE_NAMES),
            "devices": np.array(self.baseline.devices, dtype=np.str_),
            "centre": self.baseline.centre.astype(np.float32),
            "spread": self.baseline.spread.astype(np.float32),
            "directions": self.directions,
            "prepared": np.array([self.squash, self.weight]),
            "tails": np.array([astuple(self.isolation), astuple(self.distance)]),
            "ordinary": self.ordinary,
            **{f"forest_{name}": value for name, value in self.forest.arrays().items()},
        }

    @classmethod
    def of(cls, arrays: Arrays) -> "ElementModel":
        """A model from what :meth:`arrays` gave. Raises ``ValueError`` or ``KeyError`` for one that this program cannot use."""
        if tuple(map(str, arrays["features"])) != FEATURE_NAMES:
            raise ValueError("it was trained on other features than this program has; train anew")
        forest = Forest.of({name.removeprefix("forest_"): value for name, value in arrays.items() if name.startswith("forest_")})
        devices = tuple(map(str, arrays["devices"]))
        baseline = Baseline(devices, arrays["centre"].astype(float), arrays["spread"].astype(float))
        squash, weight = arrays["prepared"].astype(float).tolist()
        isolation, distance = (Tail(*row) for row in arrays["tails"].astype(float).tolist())
        directions, ordinary = arrays["directions"].astype(float), arrays["ordinary"].astype(float)
        return cls(baseline, directions, forest, squash, int(weight), isolation, distance, ordinary)


def prepared(distances: Floats, directions: Floats, squash: float, weight: int) -> Floats:
    """What the forest sees: distances along the directions in which features go together, and the distance over all of them.

    A forest splits one column at a time. CPU high while traffic is low is unusual in neither, but far out along the direction in which
    the two never move.
    """
    along = squash * np.arcsinh(distances / squash) @ directions
    return np.hstack([along, np.repeat(np.linalg.norm(along, axis=1, keepdims=True), weight, axis=1)])


def directions_of(distances: Floats, squash: float, floor: float) -> Floats:
    """The principal directions of squashed distances, each scaled to a spread of 1 (those of less than ``floor`` variance to less)."""
    squashed = squash * np.arcsinh(distances / squash)
    variance, directions = np.linalg.eigh(np.cov(squashed, rowvar=False))
    found: Floats = directions / np.sqrt(np.maximum(variance, floor))
    return found


def fit(baseline: Baseline, distances: Floats, parameters: Parameters) -> ElementModel:
    """Train on vectors of distances. What is ordinary is still to be told, by vectors that were held out."""
    directions = directions_of(distances, parameters.squash, parameters.floor)
    rows = prepared(distances, directions, parameters.squash, parameters.weight)
    forest = grow(rows, trees=parameters.trees, sample=parameters.sample, seed=parameters.seed)
    return ElementModel(baseline, directions, forest, parameters.squash, parameters.weight)
