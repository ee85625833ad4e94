"""How good a model is: how far above ordinary vectors it ranks anomalies that were put into history which it has not seen.

Nobody labels a network's anomalies, so known ones are made, by a seed, the same for every model that is compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.core.baseline import NORMAL_MAD, medians
from pipeline.detectors.model import ElementModel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SHARE = 0.02
"""Anomalies among the vectors held out."""
_LEAST_OF_KIND = 10


class Kind(StrEnum):
    """What is done to a vector."""

    JOINT = "joint"
    """Three to five features moved by 2 to 4 spreads each: no single one is odd."""

    DECOUPLED = "decoupled"
    """Half of the features taken from another time: each has a value that it often has, and they do not belong together."""

    JUMP = "jump"
    """One or two features moved by 6 to 12 spreads."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Vectors that no model was trained on, of several elements; ``rows`` are places in ``devices``."""

    devices: tuple[str, ...]
    rows: Integers
    at: Integers
    values: Floats

    def names(self) -> list[str]:
        """The element of each vector."""
        return [self.devices[row] for row in self.rows]


@dataclass(frozen=True, slots=True, eq=False)
class Tampered:
    """Vectors of which some were made anomalous: ``kind[i]`` is 0 for those that were not, else 1 and up in the order of :class:`Kind`."""

    held: HeldOut
    values: Floats
    kind: Integers


def tamper(held: HeldOut, least: Floats, seed: int) -> Tampered:
    """Put anomalies into vectors held out. How far features move is told by each element's own spread here, whatever any model thinks."""
    random = np.random.default_rng(seed)
    values, kind = held.values.copy(), np.zeros(len(held.rows), dtype=np.int64)
    kinds = list(Kind)
    count = min(max(int(len(held.rows) * _SHARE), _LEAST_OF_KIND * len(kinds)), len(held.rows) // 2)
    chosen = random.choice(len(held.rows), count, replace=False)
    own = {row: held.values[held.rows == row] for row in np.unique(held.rows[chosen])}
    spread = {row: _spread(vectors, least) for row, vectors in own.items()}
    for number, place in enumerate(chosen):
        row, which = held.rows[place], number % len(kinds)
        present = np.flatnonzero(~np.isnan(held.values[place]))
        _CHANGES[kinds[which]](values[place], present, spread[row], random.choice(own[row]), random)
        kind[place] = which + 1
    return Tampered(held, values, kind)


Change = Callable[[Floats, Integers, Floats, Floats, np.random.Generator], None]
"""Changes one vector in place, given its present features, the element's spreads and another of its vectors."""


def _joint(vector: Floats, present: Integers, spread: Floats, _: Floats, random: np.random.Generator) -> None:
    _move(vector, present, spread, (3, 5), (2.0, 4.0), random)


def _decoupled(vector: Floats, present: Integers, _: Floats, other: Floats, random: np.random.Generator) -> None:
    taken = random.choice(present, len(present) // 2, replace=False)
    taken = taken[~np.isnan(other[taken])]
    vector[taken] = other[taken]


def _jump(vector: Floats, present: Integers, spread: Floats, _: Floats, random: np.random.Generator) -> None:
    _move(vector, present, spread, (1, 2), (6.0, 12.0), random)


_CHANGES: dict[Kind, Change] = {Kind.JOINT: _joint, Kind.DECOUPLED: _decoupled, Kind.JUMP: _jump}


def _move(
    vector: Floats, present: Integers, spread: Floats, count: tuple[int, int], far: tuple[float, float], random: np.random.Generator
) -> None:
    size = min(int(random.integers(count[0], count[1] + 1)), len(present))
    moved = random.choice(present, size, replace=False)
    vector[moved] += spread[moved] * random.uniform(*far, size) * random.choice([-1.0, 1.0], size)


def _spread(values: Floats, least: Floats) -> Floats:
    """One element's spread of each feature, in what was held out; the least that matters where it has none."""
    return np.fmax(NORMAL_MAD * medians(np.abs(values - medians(values))), least)


def average_precision(truth: NDArray[np.bool_], score: Floats) -> float:
    """The mean, over the anomalies, of how pure the ranking is down to each: 1 when all rank first (area under precision and recall).

    Ties count as one step, as scikit-learn counts them. 0 when there is no anomaly.
    """
    if not truth.any():
        return 0.0
    order = np.argsort(-score, kind="stable")
    hits, ranked = np.cumsum(truth[order]), score[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision, recall = hits[ends] / (ends + 1), hits[ends] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def evaluate(model: ElementModel, tampered: Tampered) -> dict[str, float]:
    """The average precision over all anomalies (``all``) and among those of each kind."""
    score = -np.log10(model.judge(tampered.values, tampered.held.names(), tampered.held.at).rarity)
    ordinary = tampered.kind == 0
    found = {"all": average_precision(~ordinary, score)}
    for number, kind in enumerate(Kind, start=1):
        among = ordinary | (tampered.kind == number)
        found[kind.value] = average_precision(tampered.kind[among] == number, score[among])
    return {name: round(value, 4) for name, value in found.items()}
