"""Where things go: on a plane by their distances, beside each other without overlap, in a row near to where they want to be."""

from collections.abc import Sequence
from itertools import accumulate, count

import numpy as np

from pipeline.core.column import Floats

_STILL = 0.002
"""Stress majorization ends when a step moves nothing by more than this share of a step between neighbours."""
_STEPS_OF_STRESS = 200
_PATIENCE, _ROOM = 12, 1.12
"""After so many rounds boxes that are still not apart get so much more room, all together."""


def by_distance(neighbours: Sequence[Sequence[int]]) -> Floats:
    """Places of things so that those few steps apart lie near: one row each, a step about 1 long.

    Stress majorization (Gansner, Koren and North, 2004) from the two widest directions of the distances; always the same for the same
    input. What no steps lead to lies beside the rest.
    """
    size = len(neighbours)
    steps = _steps(neighbours)
    steps[~np.isfinite(steps)] = (steps[np.isfinite(steps)].max(initial=1.0) or 1.0) + 1.0
    squares = steps**2
    centred: Floats = -0.5 * (squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean())
    values, vectors = np.linalg.eigh(centred)
    places: Floats = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0))
    places = places[:, ::-1] if size > 1 else np.zeros((size, 2))
    places = places + 1e-3 * np.column_stack((np.cos(np.arange(size) * 2.4), np.sin(np.arange(size) * 2.4)))
    with np.errstate(divide="ignore"):
        weights = np.where(steps > 0, steps**-2.0, 0.0)
    inverse = np.linalg.pinv(np.diag(weights.sum(1)) - weights) if size > 1 else np.zeros((1, 1))
    for _ in range(_STEPS_OF_STRESS if size > 1 else 0):
        apart = places[:, None, :] - places[None, :, :]
        length = np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 1e-9)
        pull = -weights * steps / length
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(1))
        moved = inverse @ (pull @ places)
        still = np.abs(moved - places).max() < _STILL
        places = moved
        if still:
            break
    return places


def _steps(neighbours: Sequence[Sequence[int]]) -> Floats:
    """Steps between all pairs; infinite where there is no way."""
    size = len(neighbours)
    found = np.full((size, size), np.inf)
    for start in range(size):
        found[start, start] = 0
        layer, distance = [start], 0
        while layer:
            distance += 1
            layer = [other for node in layer for other in neighbours[node] if not np.isfinite(found[start, other])]
            found[start, layer] = distance
            layer = list(dict.fromkeys(layer))
    return found


def apart(places: Floats, sizes: Floats, gap: float) -> Floats:
    """Centres of boxes moved until ``gap`` pixels lie between any two, each pair along the shorter way out: little where there is room."""
    placed = places.astype(float).copy()
    size = len(placed)
    needed = (sizes[:, None, :] + sizes[None, :, :]) / 2 + gap
    upper = np.triu(np.ones((size, size), dtype=bool), 1)
    for number in count(1):
        if number % _PATIENCE == 0:
            placed = placed.mean(0) + (placed - placed.mean(0)) * _ROOM
        between = placed[:, None, :] - placed[None, :, :]
        over = needed - np.abs(between)
        hit = (over > 1e-6).all(-1) & upper  # noqa: PLR2004  # less than what a float can tell
        if not hit.any():
            break
        for one, other in np.argwhere(hit):
            distance = placed[one] - placed[other]
            missing = needed[one, other] - np.abs(distance)
            if (missing <= 0).any():
                continue
            axis = int(missing[1] < missing[0])
            sign = 1.0 if distance[axis] > 0 or (distance[axis] == 0 and one > other) else -1.0
            move = sign * (missing[axis] / 2 + 0.01)
            placed[one, axis] += move
            placed[other, axis] -= move
    return placed


def in_row(wanted: Sequence[float], distances: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Places in one row, in order, as near to those ``wanted`` as ``distances`` between neighbours allow (weighted least squares).

    ``distances`` has one less than ``wanted``. Isotonic regression by pooling of adjacent violators.
    """
    offsets = [0.0, *accumulate(distances)][: len(wanted)]
    pools: list[tuple[float, float, int]] = []
    for value, offset, weight in zip(wanted, offsets, weights or [1.0] * len(wanted), strict=True):
        mean, heavy, size = value - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, held, count = pools.pop()
            mean, heavy, size = (before * held + mean * heavy) / (held + heavy), held + heavy, size + count
        pools.append((mean, heavy, size))
    flat = [mean for mean, _, size in pools for _ in range(size)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]
