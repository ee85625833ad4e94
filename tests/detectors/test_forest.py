"""A forest of arrays scores as scikit-learn's own does, cannot be made to run code, and is found again as it was written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score

from pipeline.detectors.evaluation import average_precision
from pipeline.detectors.forest import Forest, average_path, grow


def rows(count: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width))


@given(count=st.integers(3, 400), width=st.integers(1, 6), seed=st.integers(0, 1_000), sample=st.integers(2, 300))
@settings(max_examples=25)
def test_it_scores_as_the_library_does(count: int, width: int, seed: int, sample: int) -> None:
    data = rows(count, width, seed)
    asked = np.vstack([data, data * 5])
    forest = grow(data, trees=10, sample=sample, seed=seed)
    theirs = IsolationForest(n_estimators=10, max_samples=min(sample, count), random_state=seed).fit(data.astype(np.float32))
    np.testing.assert_allclose(forest.score(asked), -theirs.score_samples(asked.astype(np.float32)), rtol=1e-9)


def test_rows_that_are_all_alike_are_one_leaf() -> None:
    forest = grow(np.zeros((50, 3)), trees=5, sample=16, seed=1)
    assert np.unique(forest.score(np.array([[0.0, 0, 0], [9, 9, 9]]))).size == 1


def test_asking_for_none_gives_none_and_for_many_the_same_as_one_by_one() -> None:
    data = rows(9_000, 3, 1)
    forest = grow(data, trees=10, sample=64, seed=1)
    assert forest.score(data[:0]).shape == (0,)
    np.testing.assert_array_equal(forest.score(data)[[0, 5_000, 8_999]], [forest.score(data[[n]])[0] for n in (0, 5_000, 8_999)])


def test_what_is_far_out_is_isolated_sooner() -> None:
    forest = grow(rows(2_000, 4, 3), trees=50, sample=256, seed=3)
    near, far = forest.score(np.array([[0.0] * 4, [8.0] * 4]))
    assert near < 0.5 < far


def test_it_is_found_as_it_was_written_and_refused_when_it_leads_astray() -> None:
    forest = grow(rows(100, 2, 1), trees=3, sample=32, seed=1)
    again = Forest.of(forest.arrays())
    np.testing.assert_array_equal(again.score(rows(50, 2, 2)), forest.score(rows(50, 2, 2)))
    with pytest.raises(ValueError, match="left lead out of it"):
        Forest.of({**forest.arrays(), "left": forest.left + 10_000})
    with pytest.raises(KeyError):
        Forest.of({name: values for name, values in forest.arrays().items() if name != "path"})


def test_average_path_is_that_of_the_paper() -> None:
    """Liu et al.: c(2) = 1, and c(256) is about 10.24."""
    np.testing.assert_allclose(average_path(np.array([1, 2, 256])), [0, 1, 10.2448], rtol=1e-4)


@given(truth=st.lists(st.booleans(), min_size=1, max_size=60), seed=st.integers(0, 999), steps=st.integers(1, 20))
def test_average_precision_is_that_of_the_library(truth: list[bool], seed: int, steps: int) -> None:
    """Ties included."""
    score = np.random.default_rng(seed).integers(0, steps, len(truth)) / steps
    wanted = float(average_precision_score(truth, score)) if any(truth) else 0.0
    assert average_precision(np.array(truth), score) == pytest.approx(wanted)
