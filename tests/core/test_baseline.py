"""What is usual for an element: by the hour, robustly, and silent about what was hardly seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.baseline import FARTHEST, LEAST_VALUES, Baseline, hour_of, learn, medians

HOUR = 3_600 * 10**9
LEAST = np.array([0.1])


def of_hours(hours: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Values that are 10 by day and 2 by night, with a little noise, ten an hour."""
    at = np.arange(hours * 10) * (HOUR // 10)
    day = (hour_of(at) >= 8) & (hour_of(at) < 20)
    return np.where(day, 10.0, 2.0)[:, None] + 0.2 * np.random.default_rng(seed).normal(size=(len(at), 1)), at


def test_each_hour_has_its_own_centre() -> None:
    values, at = of_hours(24 * 7)
    centre, spread = learn(values, at, LEAST)
    assert centre[3, 0] == pytest.approx(2, abs=0.1)
    assert centre[12, 0] == pytest.approx(10, abs=0.1)
    assert spread[0] == pytest.approx(0.2, rel=0.2)
    own = Baseline(("pe1",), centre[None], spread[None])
    by_night, by_day = own.distances(np.array([[10.0], [10.0]]), np.array([0, 0]), np.array([3 * HOUR, 12 * HOUR]))
    assert by_night[0] == FARTHEST  # cut: 40 spreads
    assert abs(by_day[0]) < 1


def test_an_hour_that_was_hardly_seen_has_the_element_s_centre() -> None:
    values, at = of_hours(24 * 7)
    seen = hour_of(at) != 3
    centre, _ = learn(values[seen], at[seen], LEAST)
    assert centre[3, 0] == pytest.approx(float(np.median(values[seen])))


def test_a_feature_that_never_moves_has_the_least_spread_that_matters() -> None:
    _, spread = learn(np.ones((100, 1)), np.arange(100) * HOUR, LEAST)
    assert spread[0] == 0.1


def test_one_that_mostly_stands_still_has_the_spread_of_when_it_moves() -> None:
    """Its median deviation is 0; every tenth value is 5."""
    values = np.where(np.arange(500) % 10 == 0, 5.0, 0.0)[:, None]
    _, spread = learn(values, np.arange(500) * HOUR // 60, LEAST)
    assert spread[0] > 1


def test_nothing_is_usual_for_what_was_hardly_seen_and_nothing_missing_is_odd() -> None:
    values = np.full((100, 2), np.nan)
    values[: LEAST_VALUES - 1, 0] = 1.0
    values[:, 1] = 1.0
    centre, spread = learn(values, np.arange(100) * HOUR, np.array([0.1, 0.1]))
    assert np.isnan(centre[:, 0]).all()
    assert not np.isnan(centre[:, 1]).any()
    own = Baseline(("pe1",), centre[None], spread[None])
    assert own.distances(np.array([[9.0, np.nan]]), np.array([0]), np.array([0])).tolist() == [[0.0, 0.0]]
    assert (own.row("pe1"), own.row("pe2")) == (0, -1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=60, max_size=60), st.integers(0, 5), st.floats(0.5, 3), st.floats(-100, 100))
def test_distances_do_not_depend_on_the_unit(values: list[float], bad: int, scale: float, shift: float) -> None:
    """An element in other units, or a class member ten times as busy, is as odd as it is."""
    column, at = np.array(values)[:, None], np.arange(60) * (HOUR // 4)
    small = np.array([1e-9])
    plain, other = (Baseline(("x",), *(part[None] for part in learn(each, at, small))) for each in (column, column * scale + shift))
    asked = column[[bad]]
    here, there = plain.distances(asked, np.array([0]), at[[bad]]), other.distances(asked * scale + shift, np.array([0]), at[[bad]])
    if plain.spread[0, 0] > 1e-3:
        np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-3)


def test_medians_of_columns_with_gaps() -> None:
    np.testing.assert_array_equal(medians(np.array([[1, np.nan], [3, np.nan], [np.nan, np.nan]])), [2, np.nan])
