"""The detector's memory: of fixed size, packed and unpacked exactly, and never misread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.anomaly import DEFAULT, advance
from pipeline.core.anomaly_state import SeriesState, UnknownVersionError

MOST_BYTES = 2_048


def learned(series: int, samples: int, seed: int = 1) -> SeriesState:
    """Series that have seen some samples, one every five minutes."""
    state = SeriesState.empty(series, DEFAULT.drift_samples, DEFAULT.ramp_samples)
    dice = np.random.default_rng(seed)
    for sample in range(samples):
        advance(state, np.arange(series), dice.normal(50, 3, series), 1_700_000_000 + 300 * sample)
    return state


@settings(deadline=None, max_examples=20)
@given(series=st.integers(0, 5), samples=st.integers(0, 60))
def test_bytes_give_the_same_state_again(series: int, samples: int) -> None:
    state = learned(series, samples)
    again = SeriesState.from_bytes(state.to_bytes())
    assert again.records.dtype == state.records.dtype
    assert again.records.tobytes() == state.records.tobytes()


def test_a_state_goes_on_where_it_was_packed() -> None:
    state = learned(3, 200)
    again = SeriesState.from_bytes(state.to_bytes())
    values = np.array([50.0, 500.0, 51.0])
    first, second = (advance(each, np.arange(3), values, 1_700_060_000) for each in (state, again))
    assert first.score.tolist() == second.score.tolist()
    assert state.to_bytes() == again.to_bytes()


def test_a_series_takes_at_most_two_kilobytes() -> None:
    state = SeriesState.empty(1, DEFAULT.drift_samples, DEFAULT.ramp_samples)
    assert state.bytes_per_series <= MOST_BYTES
    assert len(learned(1, 400).to_bytes()) <= MOST_BYTES


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:4] + b"\xff\xff" + data[6:], "version 65535, this program reads 1"),
        (lambda data: b"else" + data[4:], "no state of series"),
        (lambda data: data[:-1], "bytes where 2 series have"),
        (lambda data: data[:3], "3 bytes are no state of series"),
    ],
)
def test_what_another_version_wrote_is_refused(spoil: object, says: str) -> None:
    assert callable(spoil)
    with pytest.raises(UnknownVersionError, match=says):
        SeriesState.from_bytes(spoil(learned(2, 5).to_bytes()))


def test_series_are_taken_in_the_order_asked_for() -> None:
    state = learned(3, 40)
    taken = state.take(np.array([2, 0]))
    assert taken.records["level"].tolist() == [state.records["level"][2], state.records["level"][0]]
    taken.records["level"] = 0.0
    assert state.records["level"][2] != 0.0


def test_a_grown_state_keeps_what_it_knew() -> None:
    state = learned(2, 40)
    grown = state.grown(3)
    assert len(grown) == 5
    assert grown.records[:2].tobytes() == state.records.tobytes()
    assert grown.records["beat"][2:].tolist() == [0, 0, 0]
