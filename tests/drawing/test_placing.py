"""Places: boxes that no longer overlap, rows that keep order and distance and are near to what is wanted, distances that mean steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.drawing.placing import apart, by_distance, in_row

numbers = st.floats(-1_000, 1_000, allow_nan=False)
rows = st.lists(st.tuples(numbers, st.floats(1, 50), st.floats(0.1, 10)), min_size=1, max_size=12)


@given(rows)
def test_a_row_keeps_order_and_distance(made: list[tuple[float, float, float]]) -> None:
    """Whatever is wanted."""
    wanted, distances, weights = ([each[part] for each in made] for part in range(3))
    found = in_row(wanted, distances[1:], weights)
    assert all(after - before >= distance - 1e-6 for before, after, distance in zip(found, found[1:], distances[1:], strict=False))


@given(rows, st.integers(0, 1_000))
def test_no_other_row_is_nearer(made: list[tuple[float, float, float]], seed: int) -> None:
    """Of the rows that keep order and distance, tried at random."""
    wanted, distances, weights = ([each[part] for each in made] for part in range(3))
    found = in_row(wanted, distances[1:], weights)
    chance = np.random.default_rng(seed)
    other = np.array(found) + chance.normal(0, 5, len(found))
    for place in range(1, len(other)):
        other[place] = max(other[place], other[place - 1] + distances[place])

    def cost(row: list[float]) -> float:
        return float(sum(weight * (x - want) ** 2 for x, want, weight in zip(row, wanted, weights, strict=True)))

    assert cost(found) <= cost(other.tolist()) + 1e-6


def test_a_row_that_fits_is_as_wanted() -> None:
    """Nothing is moved without need."""
    assert in_row([0.0, 20.0, 50.0], [10.0, 10.0]) == [0.0, 20.0, 50.0]
    assert in_row([0.0, 0.0], [10.0]) == [-5.0, 5.0]
    assert in_row([], []) == []


@given(st.integers(0, 10_000), st.integers(1, 25))
def test_boxes_are_moved_apart(seed: int, count: int) -> None:
    """However they lay, all at one place included."""
    chance = np.random.default_rng(seed)
    places = chance.uniform(0, 100, (count, 2)) * chance.integers(0, 2)
    sizes = chance.uniform(10, 80, (count, 2))
    found = apart(places, sizes, 5.0)
    between = np.abs(found[:, None, :] - found[None, :, :])
    missing = ((sizes[:, None, :] + sizes[None, :, :]) / 2 + 5.0 - between > 1e-3).all(-1)
    assert not (missing & ~np.eye(count, dtype=bool)).any()


def test_boxes_that_are_apart_stay() -> None:
    """Exactly where they are."""
    places = np.array([[0.0, 0.0], [100.0, 0.0]])
    assert apart(places, np.full((2, 2), 20.0), 5.0).tolist() == places.tolist()


def test_a_ring_is_drawn_as_one() -> None:
    """Neighbours about one step apart, opposite ones farthest, and the same every time."""
    ring = [[(place - 1) % 8, (place + 1) % 8] for place in range(8)]
    found = by_distance(ring)
    between = np.hypot(*(found[:, None, :] - found[None, :, :]).transpose(2, 0, 1))
    steps = [between[place, (place + 1) % 8] for place in range(8)]
    assert max(steps) / min(steps) == pytest.approx(1.0, abs=0.05)
    assert all(between[place].argmax() == (place + 4) % 8 for place in range(8))
    assert by_distance(ring).tolist() == found.tolist()


@pytest.mark.parametrize("neighbours", [[[]], [[], []], [[1], [0], []], [[1], [0], [3], [2]]])
def test_what_hangs_together_with_nothing_has_a_place_too(neighbours: list[list[int]]) -> None:
    """A finite one of its own."""
    found = by_distance(neighbours)
    assert np.isfinite(found).all()
    assert len({tuple(place) for place in found.round(6).tolist()}) == len(neighbours)
