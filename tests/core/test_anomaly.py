"""The detector says what is unusual in a series by its own past, and nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.anomaly import DEFAULT, DEFAULT_THRESHOLD, FADES_AT, Feature, Limits, Verdict, advance, slot_of
from pipeline.core.anomaly_state import FEATURES, SLOTS, SeriesState

BEGINS_AT = 1_735_689_600
DAY_S = 86_400
EVERY_S = 300
Values = list[float]
NO_LIMITS = Limits()


def state_of(series: int = 1) -> SeriesState:
    return SeriesState.empty(series, DEFAULT.drift_samples, DEFAULT.ramp_samples)


def run(values: Values, limits: Limits = NO_LIMITS, *, state: SeriesState | None = None, first: int = 0) -> list[Verdict]:
    """One series' values, one every five minutes."""
    memory = state or state_of()
    return [
        advance(memory, np.array([0]), np.array([value]), BEGINS_AT + EVERY_S * (first + place), limits)
        for place, value in enumerate(values)
    ]


def told(verdicts: list[Verdict]) -> list[int]:
    """The places of anomalies."""
    return [place for place, verdict in enumerate(verdicts) if verdict.score[0] >= DEFAULT_THRESHOLD]


def noisy(samples: int, mean: float = 50.0, deviation: float = 2.0, seed: int = 7) -> Values:
    values: Values = np.random.default_rng(seed).normal(mean, deviation, samples).tolist()
    return values


def daily(days: int, swing: float = 20.0, seed: int = 7) -> Values:
    """A value that goes up and down every day, with some noise."""
    places = np.arange(days * DAY_S // EVERY_S)
    noise = np.random.default_rng(seed).normal(0, 1.0, len(places))
    values: Values = (50 + swing * np.sin(2 * math.pi * places * EVERY_S / DAY_S) + noise).tolist()
    return values


def test_a_spike_is_told_with_what_was_expected() -> None:
    verdict = run([*noisy(600), 90.0])[-1]
    assert verdict.score[0] >= DEFAULT_THRESHOLD
    assert verdict.observed[0] == pytest.approx(90.0)
    assert verdict.lower[0] < 50.0 < verdict.upper[0] < 90.0
    assert verdict.expected[0] == pytest.approx(50.0, abs=5)


def test_a_level_shift_is_told_once_and_becomes_usual() -> None:
    found = told(run([*noisy(600), *noisy(400, mean=90.0)]))
    assert 600 <= found[0] <= 602
    assert not [place for place in found if place > 700]


def test_a_drift_at_the_same_time_of_day_is_told() -> None:
    """Each value alone is one that the day has, and none is far from the one before: only the mean by the time of day shows it."""
    days = daily(14)
    rising = [value + min(12.0, place / 8) for place, value in enumerate(daily(1, seed=9))]
    limits = Limits(threshold=3.3)
    rarest = max(run([*days, *rising], limits)[len(days) :], key=lambda verdict: float(verdict.score[0]))
    assert rarest.score[0] >= limits.threshold
    assert int(rarest.feature[0]) == Feature.DRIFT
    assert rarest.observed[0] > rarest.upper[0] > rarest.expected[0]


def test_a_day_like_the_days_before_is_usual() -> None:
    assert told(run(daily(10))) == []


@settings(deadline=None, max_examples=15)
@given(value=st.floats(-1e12, 1e12, allow_nan=False), samples=st.integers(1, 700), gap=st.integers(0, 100))
def test_a_constant_series_never_alarms(value: float, samples: int, gap: int) -> None:
    verdicts = run([*[value] * samples, *[math.nan] * gap, *[value] * 30])
    assert max(float(verdict.rarity[0]) for verdict in verdicts) == 0.0


@settings(deadline=None, max_examples=15)
@given(places=st.lists(st.integers(0, 299), max_size=60), nothing=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_no_value_neither_teaches_nor_alarms(places: list[int], nothing: float) -> None:
    """The state after a series with holes is that of the values alone; a hole's verdict is empty."""
    holes = set(places)
    values = [nothing if place in holes else value for place, value in enumerate(noisy(300))]
    state, plain = state_of(), state_of()
    for place, value in enumerate(values):
        at = BEGINS_AT + EVERY_S * place
        before = state.to_bytes()
        verdict = advance(state, np.array([0]), np.array([value]), at)
        if place in holes:
            assert (verdict.rarity[0], verdict.score[0]) == (0.0, 0.0)
            assert math.isnan(verdict.observed[0])
            assert math.isnan(verdict.expected[0])
            assert state.to_bytes() == before
        else:
            advance(plain, np.array([0]), np.array([value]), at)
    assert state.to_bytes() == plain.to_bytes()


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), series=st.integers(1, 6))
def test_many_series_at_once_are_as_each_by_itself(seed: int, series: int) -> None:
    dice = np.random.default_rng(seed)
    values = dice.normal(100, 5, (260, series))
    values[dice.random(values.shape) < 0.1] = np.nan
    values[250:, 0] = 400.0
    together, alone = state_of(series), [state_of() for _ in range(series)]
    rows = np.arange(series)
    for place in range(len(values)):
        at = BEGINS_AT + EVERY_S * place
        order = dice.permutation(rows)
        both = advance(together, order, values[place][order], at)
        for column, row in enumerate(order.tolist()):
            single = advance(alone[row], np.array([0]), values[place][[row]], at)
            for name in ("rarity", "score", "feature", "observed", "expected", "lower", "upper"):
                assert np.array_equal(getattr(both, name)[[column]], getattr(single, name), equal_nan=True)
    assert together.to_bytes()[-together.bytes_per_series * series :] == b"".join(
        each.to_bytes()[-each.bytes_per_series :] for each in alone
    )


@settings(deadline=None, max_examples=10)
@given(factor=st.sampled_from([1e-6, 0.25, 8.0, 1e9]), seed=st.integers(0, 1_000))
def test_the_unit_of_a_series_does_not_matter(factor: float, seed: int) -> None:
    values = [*noisy(400, seed=seed), 75.0, *noisy(20, seed=seed + 1)]
    scores, scaled = (np.array([verdict.score[0] for verdict in run(series)]) for series in (values, [value * factor for value in values]))
    assert np.allclose(scores, scaled, atol=0.05)


def test_nothing_is_said_in_the_grace_period() -> None:
    values = noisy(90)
    values[40] = values[80] = 1e6
    assert told(run(values)) == []
    short = Limits(grace_samples=30)
    assert told(run(values, short)) == [40]


def test_after_a_long_gap_the_level_begins_anew_in_silence() -> None:
    """Where a series is found after a gap is where it is; what is usual for it is kept."""
    state = state_of()
    run(noisy(600), state=state)
    scale = state.records["scale"].copy()
    after = run(noisy(40, mean=200.0), state=state, first=600 + 200)
    assert max(float(verdict.rarity[0]) for verdict in after) == 0.0
    assert state.records["level"][0] == pytest.approx(200.0, abs=5)
    assert state.records["scale"][0, 0] == pytest.approx(scale[0, 0], rel=0.1)


def test_after_a_short_gap_the_next_value_is_judged() -> None:
    state = state_of()
    run(noisy(600), state=state)
    assert told(run([90.0], state=state, first=600 + 20)) == [0]


@pytest.mark.parametrize("step_s", [-30 * DAY_S, 30 * DAY_S])
def test_a_clock_step_alarms_nothing(step_s: int) -> None:
    state = state_of()
    run(noisy(600), state=state)
    verdicts = run(noisy(80, mean=120.0), state=state, first=600 + step_s // EVERY_S)
    assert told(verdicts) == []


def test_the_range_is_where_the_score_would_begin() -> None:
    """A value just inside of the range that was told is not told, one just outside is."""
    state = state_of()
    run(noisy(600), state=state)
    at, rows = BEGINS_AT + EVERY_S * 600, np.array([0])
    told_range = advance(SeriesState.from_bytes(state.to_bytes()), rows, np.array([50.0]), at, with_range=True)
    spread = float(told_range.upper[0] - told_range.lower[0])
    for edge, out in ((float(told_range.upper[0]), 1), (float(told_range.lower[0]), -1)):
        inside, outside = (
            advance(SeriesState.from_bytes(state.to_bytes()), rows, np.array([edge + out * share * spread]), at) for share in (-0.05, 0.01)
        )
        assert outside.rarity[0] >= DEFAULT_THRESHOLD
        assert outside.rarity[0] >= inside.rarity[0]
    fired = advance(SeriesState.from_bytes(state.to_bytes()), rows, np.array([75.0]), at)
    assert not fired.lower[0] <= fired.observed[0] <= fired.upper[0]


def test_without_being_asked_the_range_is_told_of_anomalies_alone() -> None:
    verdict = run(noisy(300))[-1]
    assert math.isnan(verdict.lower[0])
    assert math.isnan(verdict.upper[0])


def test_a_configured_range_quietens_what_is_small_in_it() -> None:
    values = [*noisy(600, mean=0.05, deviation=0.0005), 0.06]
    assert told(run(values)) == [600]
    assert told(run(values, Limits(0.0, 1.0))) == []


def test_a_change_smaller_than_what_matters_is_none() -> None:
    values = [*[10.0] * 1_500, 10.4]
    assert told(run(values)) == [1_500]
    assert told(run(values, Limits(min_change=50.0))) == []


def test_one_disturbance_is_news_once() -> None:
    values = [*noisy(600), 90.0, 89.0, 90.5, 88.0, *noisy(50)]
    assert told(run(values)) == [600]


def test_history_fades_before_its_counts_overflow() -> None:
    state = state_of()
    run(noisy(100), state=state)
    state.records["count"] = FADES_AT - 1
    state.records["histogram"][0, 0, 0, 0] = FADES_AT - 1
    run(noisy(1), state=state, first=100)
    assert state.records["count"][0] == FADES_AT // 2
    assert state.records["histogram"].max() == (FADES_AT - 1) // 2


def test_slots_divide_the_day() -> None:
    assert [int(slot_of(BEGINS_AT + seconds)) for seconds in (0, 899, 900, DAY_S - 1, DAY_S)] == [0, 0, 1, SLOTS - 1, 0]


def test_a_batch_without_series_is_no_work() -> None:
    verdict = advance(state_of(0), np.array([], np.int64), np.array([]), BEGINS_AT)
    assert (len(verdict.score), verdict.residual.shape) == (0, (0, FEATURES))
