"""When an element's oddness is told: not for one odd moment, never twice, and in words that name what stands out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.event import Condition, EventSource, Severity, Signal
from pipeline.core.oddness import ElementStanding, Judged, OddRule, anomalies, event, fold, one_in, outstanding
from pipeline.core.vector import FEATURES, WIDTH, Vector
from tests.support.element_history import INDEX

RULE = OddRule(rare=0.001, odd_samples=3, normal_samples=2)
NAMES = [feature.name for feature in FEATURES]


def judged(at: int, *, odd: bool, **far: float) -> Judged:
    """A vector at 10 times ``at``, features being ``far`` spreads from 0.3 with a spread of 0.02."""
    distances = np.array([far.get(name, 0.0) for name in NAMES])
    values = 0.3 + 0.02 * distances
    values[INDEX["rx_power"]] = np.nan
    vector = Vector("pe1", at * 10, "poll-1", at, values)
    stands = outstanding(values, np.full(WIDTH, 0.3), np.full(WIDTH, 0.02), distances)
    return Judged(vector, 0.0002 if odd else 0.4, "forest/core/v1", stands)


def signals(pattern: str, rule: OddRule = RULE) -> str:
    """What comes of a series of odd (x) and ordinary (.) vectors: ``R`` a raise, ``C`` a clear, ``-`` nothing."""
    standing, told = ElementStanding(), ""
    for at, each in enumerate(pattern, start=1):
        standing, signal = fold(standing, judged(at, odd=each == "x"), rule)
        told += "-" if signal is None else signal.value[0].upper()
    return told


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("xxx..x", "--R-C-"),
        ("xx.xx.xx.", "---------"),  # never three in a row
        ("xxxxx", "--R--"),  # told once
        ("xxx.x.x..", "--R-----C"),
        ("......", "------"),
    ],
)
def test_it_takes_several_in_a_row(pattern: str, told: str) -> None:
    assert signals(pattern) == told


@given(st.text("x.", max_size=40), st.integers(0, 39))
def test_a_replay_tells_nothing_twice(pattern: str, back: int) -> None:
    """What is not newer than the last is known already."""
    standing = ElementStanding()
    vectors = [judged(at, odd=each == "x") for at, each in enumerate(pattern, start=1)]
    for each in vectors:
        standing, _ = fold(standing, each, RULE)
    for each in vectors[back:]:
        assert fold(standing, each, RULE) == (standing, None)


@given(st.text("x.", max_size=40))
def test_raises_and_clears_take_turns(pattern: str) -> None:
    told = signals(pattern).replace("-", "")
    assert told == ("RC" * 40)[: len(told)]


def test_the_event_names_what_stands_out_with_what_is_usual() -> None:
    one = judged(7, odd=True, cpu_mean=15.0, in_utilisation_mean=-9.0, memory=1.0)
    found = event(one, Signal.RAISE, "north", RULE)
    assert found.text == (
        "pe1 is unlike itself: mean CPU 60 % (usually 30 %), mean utilisation in 12 % (usually 30 %);"
        " 1 in 5,000 of the vectors known is as odd"
    )
    assert (found.resource, found.alarm_type, found.qualifier) == ("device/pe1", "anomaly", "kpi-vector")
    assert (found.source, found.severity, found.condition) == (EventSource.ANOMALY, Severity.WARNING, Condition.NONE)
    assert (found.id, found.occurred_at, found.domain, found.rule) == ("poll-1:7:kpi-vector:pe1", 70, "north", "forest/core/v1")
    assert found.attributes["cpu_mean"] == "60 %, usually 28 % to 32 %"
    assert found == event(one, Signal.RAISE, "north", RULE)  # the same for every replay


def test_where_nothing_stands_out_alone_that_is_said() -> None:
    text = event(judged(1, odd=True, cpu_mean=1.9, memory=-1.8, up=1.7), Signal.RAISE, "default", RULE).text
    assert "though none of it is odd alone: mean CPU 33.8 % (usually 30 %), memory used 26.4 %" in text


def test_the_clear_says_so_and_is_of_the_same_alarm() -> None:
    raised, cleared = (event(judged(at, odd=True), signal, "default", RULE) for at, signal in ((1, Signal.RAISE), (9, Signal.CLEAR)))
    assert cleared.text == "pe1 behaves as usual again, 2 samples in a row"
    assert (raised.resource, raised.alarm_type, raised.qualifier) == (cleared.resource, cleared.alarm_type, cleared.qualifier)
    assert raised.id != cleared.id


def test_features_without_a_value_or_without_a_usual_are_left_out() -> None:
    found = outstanding([1.0, np.nan] + [0.0] * (WIDTH - 2), [0.0, 0.0] + [np.nan] * (WIDTH - 2), [1.0] * WIDTH, [1.0] * WIDTH)
    assert [each.feature.name for each in found] == ["in_utilisation_mean"]


def test_what_the_store_keeps_has_one_row_for_each_indicator() -> None:
    """The farther of a KPI's two aggregates stands for it."""
    batch = anomalies(judged(3, odd=True, cpu_mean=9.0, cpu_highest=12.0, memory=-5.0, in_errors=3.0))
    rows = list(batch.anomalies())
    assert [(row.kpi, row.feature) for row in rows] == [
        ("cpu_utilisation", "highest"),
        ("memory_utilisation", "highest"),
        ("in_errors_per_s", "highest"),
    ]
    assert {row.resource for row in rows} == {"device/pe1"}
    assert rows[0].observed == pytest.approx(0.54)
    assert (rows[0].lower, rows[0].upper) == pytest.approx((0.24, 0.36))
    assert rows[0].score == pytest.approx(3.7, abs=0.01)
    assert (batch.source, batch.model, batch.sequence) == ("forest", "forest/core/v1", 3)


@pytest.mark.parametrize(
    ("rarity", "text"), [(0.5, "1 in 2"), (0.000213, "1 in 4,700"), (1e-6, "1 in 1,000,000"), (1e-30, "less than 1 in 1,000,000")]
)
def test_rarity_is_told_in_two_digits(rarity: float, text: str) -> None:
    assert one_in(rarity) == text


def test_the_threshold_itself_is_odd() -> None:
    one = replace(judged(1, odd=True), rarity=0.001)
    assert fold(ElementStanding(), one, replace(RULE, odd_samples=1))[1] is Signal.RAISE
