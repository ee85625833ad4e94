"""When a link will be full: the trend is found through weekends, outages and noise, and its interval is honest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.forecast import HORIZON_DAYS, Forecast, Outlook, Sureness, forecast

FIRST = 20_000
WEEKLY = np.array([0.0, -0.01, 0.02, 0.01, 0.0, -0.08, -0.1])


def days(count: int) -> np.ndarray:
    return np.arange(FIRST, FIRST + count)


def grown(count: int, start: float, slope: float, *, noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """Busy hours that grow by ``slope`` a day, less at weekends."""
    at = days(count)
    return start + slope * (at - FIRST) + WEEKLY[at % 7] + noise * np.random.default_rng(seed).normal(size=count)


def told(count: int, start: float, slope: float, threshold: float = 0.8, **how: float) -> Forecast:
    return forecast(days(count), grown(count, start, slope, **how), FIRST + count, threshold)  # type: ignore[arg-type]  # by field name


@given(start=st.floats(0.1, 0.5), slope=st.floats(0.0005, 0.005), count=st.integers(28, 150))
def test_a_trend_without_noise_is_found_exactly(start: float, slope: float, count: int) -> None:
    """The busiest weekday passes first."""
    found = told(count, start, slope)
    left = (0.8 - (start + slope * count + WEEKLY.max())) / slope
    assert found.slope_per_day == pytest.approx(slope)
    if left <= 0:
        assert found.outlook is Outlook.ALREADY
    elif left < HORIZON_DAYS:
        assert found.outlook is Outlook.PASSES
        assert found.days == pytest.approx(left, rel=1e-6, abs=1e-6)


@given(
    start=st.floats(0.2, 0.5),
    slope=st.floats(-0.003, 0.004),
    count=st.integers(21, 120),
    noise=st.floats(0, 0.05),
    seed=st.integers(0, 10_000),
    threshold=st.floats(0.3, 0.95),
)
@settings(max_examples=200)
def test_what_is_told_hangs_together(start: float, slope: float, count: int, noise: float, seed: int, threshold: float) -> None:
    found = told(count, start, slope, threshold, noise=noise, seed=seed)
    assert found.slope_low <= found.slope_per_day <= found.slope_high
    assert found.reason
    assert (found.outlook is Outlook.ALREADY) == (found.value_now >= threshold)
    match found.outlook:
        case Outlook.PASSES:
            assert found.days is not None
            assert found.days_low is not None
            assert 0 <= found.days_low <= found.days <= HORIZON_DAYS
            assert found.days_high is None or found.days_high >= found.days
            assert (found.days_high is None) <= (found.sure is Sureness.LOW)
        case Outlook.NEVER:
            assert found.days is None
        case Outlook.ALREADY:
            assert (found.days_low, found.days, found.days_high) == (0, 0, 0)


def test_nine_of_ten_intervals_hold_the_truth() -> None:
    """With noise that resembles the day before, missing days and outages."""
    random, hits, total = np.random.default_rng(0), 0, 0
    for _ in range(400):
        count = int(random.integers(28, 120))
        at = days(count)[random.random(count) > 0.05]
        slope, start, weekly = random.uniform(0.0005, 0.004), random.uniform(0.2, 0.4), random.uniform(-0.05, 0.02, 7)
        noise = np.zeros(len(at))
        for place in range(1, len(at)):
            noise[place] = 0.4 * noise[place - 1] + 0.02 * random.normal()
        busy = start + slope * (at - FIRST) + weekly[at % 7] + noise
        busy[random.random(len(at)) < 0.05] *= 0.4
        left = (0.8 - (start + slope * count + weekly.max())) / slope
        found = forecast(at, busy, FIRST + count, 0.8)
        if left > 0 and found.outlook is Outlook.PASSES:
            assert found.days_low is not None
            total += 1
            hits += found.days_low <= left <= (found.days_high if found.days_high is not None else np.inf)
    assert total > 300
    assert 0.85 <= hits / total <= 0.97


def test_a_week_of_outage_does_not_bend_the_trend() -> None:
    busy = grown(84, 0.3, 0.003, noise=0.01)
    hurt = busy.copy()
    hurt[70:77] = 0.0
    one, other = (forecast(days(84), each, FIRST + 84, 0.8) for each in (busy, hurt))
    assert other.days == pytest.approx(one.days, rel=0.1)


def test_weekends_are_no_trend() -> None:
    """Whether the window ends on a Sunday or a Friday."""
    for count in range(56, 63):
        found = told(count, 0.5, 0.0)
        assert found.outlook is Outlook.NEVER
        assert found.slope_per_day == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("slope", "start", "reason"),
    [(-0.002, 0.6, "falls 1.40 points a week"), (0.0, 0.5, "stands still"), (0.00005, 0.5, "more than five years away")],
)
def test_never_says_why(slope: float, start: float, reason: str) -> None:
    found = told(70, start, slope)
    assert found.outlook is Outlook.NEVER
    assert reason in found.reason


def test_growth_that_may_be_none_is_not_sure() -> None:
    found = told(28, 0.5, 0.0008, noise=0.06, seed=5)
    assert found.sure is Sureness.LOW
    assert found.days_high is None
    assert found.outlook is Outlook.NEVER or "may not grow at all" in found.reason


def test_how_sure_depends_on_how_far_it_looks() -> None:
    assert told(84, 0.4, 0.003, noise=0.005).sure is Sureness.HIGH
    assert told(84, 0.1, 0.002, noise=0.005).sure is Sureness.MEDIUM  # looks ahead three times as long
    assert told(35, 0.55, 0.003, noise=0.002).sure is Sureness.MEDIUM  # five weeks only


@pytest.mark.parametrize("count", [0, 1, 10, 20])
def test_too_little_history_is_said(count: int) -> None:
    found = told(count, 0.3, 0.01)
    assert found.outlook is Outlook.TOO_LITTLE_HISTORY
    assert found.days is None
    assert ("no busy hour" if not count else f"{count} days with a busy hour") in found.reason


def test_gaps_count_as_too_little_history_too() -> None:
    at = days(60)[::5]
    assert forecast(at, np.full(12, 0.5), FIRST + 60, 0.8).outlook is Outlook.TOO_LITTLE_HISTORY


def test_a_full_link_is_full_however_short_its_history() -> None:
    found = told(3, 0.9, 0.0)
    assert (found.outlook, found.days) == (Outlook.ALREADY, 0)
    assert "too little history for a trend" in found.reason


def test_the_most_urgent_come_first() -> None:
    found = [told(70, 0.5, 0.0), told(70, 0.4, 0.002), told(70, 0.9, 0.0), told(3, 0.1, 0.0), told(70, 0.4, 0.004), told(70, 0.2, 0.0)]
    order = sorted(range(len(found)), key=lambda each: found[each].urgency)
    assert order == [2, 4, 1, 0, 5, 3]
