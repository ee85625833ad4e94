"""A model of a class of elements: what is usual for each, how their features go together, and a forest that tells what is rare."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.baseline import Baseline
from pipeline.core.vector import FEATURES
from pipeline.detectors.forest import Forest, grow

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Arrays = dict[str, NDArray[np.generic]]

_TENTH, _HUNDREDTH = 0.1, 0.01
_RAREST = 1e-9
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
    squash: float = 3.0
    floor: float = 0.05
    weight: int = 8
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What a model says of vectors, one row each; rows of elements that it does not know have score 0 and rarity 1.

    ``rarity`` is the share of ordinary vectors that are at least as odd; ``distances`` are those of the features, in spreads.
    """

    score: Floats
    rarity: Floats
    distances: Floats
    centre: Floats
    spread: Floats
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ElementModel:
    """A trained model. ``ordinary`` are the scores of vectors that it was not trained on and that nobody tampered with, sorted."""

    baseline: Baseline
    directions: Floats
    forest: Forest
    ordinary: Floats
    squash: float
    weight: int

    def judge(self, values: Floats, devices: Sequence[str], at: Integers) -> Judgement:
        """Judge vectors of elements at times, all at once."""
        rows = np.array([self.baseline.row(device) for device in devices], dtype=np.int64)
        known = rows >= 0
        distances = self.baseline.distances(values, rows, at)
        distances[~known] = 0.0
        score = np.where(known, self.score(distances), 0.0)
        centre, spread = self.baseline.usual(rows, at)
        return Judgement(score, np.where(known, self.rarity(score), 1.0), distances, centre, spread, known)

    def score(self, distances: Floats) -> Floats:
        """How odd vectors of distances are, from 0 to 1."""
        return self.forest.score(prepared(distances, self.directions, self.squash, self.weight))

    def rarity(self, score: Floats) -> Floats:
        """The share of ordinary vectors with at least this score.

        It is counted up to the most odd hundredth. From there on it is told by how the scores thin out from tenth to hundredth, as an
        exponential does: the few vectors beyond may be the very anomalies that history has, and must not make the next one ordinary.
        """
        counted = 1 - np.searchsorted(self.ordinary, score, side="left") / len(self.ordinary)
        tenth, hundredth = np.quantile(self.ordinary, (1 - _TENTH, 1 - _HUNDREDTH))
        fade = max((hundredth - tenth) / np.log(_TENTH / _HUNDREDTH), 1e-9)
        beyond = _HUNDREDTH * np.exp(-(score - hundredth) / fade)
        found: Floats = np.maximum(np.where(score < hundredth, np.maximum(counted, _HUNDREDTH), beyond), _RAREST)
        return found

    def arrays(self) -> Arrays:
        """Everything, by name, to be written without a pickle."""
        return {
            "features": np.array(FEATURE_NAMES),
            "devices": np.array(self.baseline.devices, dtype=np.str_),
            "centre": self.baseline.centre.astype(np.float32),
            "spread": self.baseline.spread.astype(np.float32),
            "directions": self.directions,
            "ordinary": self.ordinary,
            "squash": np.array(self.squash),
            "weight": np.array(self.weight),
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
        own = (arrays["directions"].astype(float), forest, arrays["ordinary"].astype(float))
        return cls(baseline, *own, float(arrays["squash"]), int(arrays["weight"]))


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
    return ElementModel(baseline, directions, forest, np.empty(0), parameters.squash, parameters.weight)
