"""A threshold raises once a value has stayed past it, and clears once it has stayed back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.event import EventSource, Severity, Signal
from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.resource import ResourceId
from pipeline.core.threshold import Threshold, ThresholdState, apply
from tests.support.polls import batch_of as columns_of

HIGH = Threshold("busy", "in_utilisation", 0.9, 0.8, 3, Severity.WARNING, "utilisation-high")
LOW = Threshold("dark", "rx_power_dbm", -28.0, -26.0, 1, Severity.MAJOR, "optical-power-low")
GE1 = ResourceId("interface/pe1/ge-1")


def batch_of(value: float | None, *, kpi: str = "in_utilisation", quality: Quality = Quality.GOOD, sequence: int = 1) -> KpiBatch:
    """One value of one interface."""
    columns = packed({kpi: (np.array([np.nan if value is None else value]), np.array([int(quality)], np.uint8))})
    return KpiBatch("pe1", sequence * 10**9, "poll-1", sequence, (GE1,), *columns)


def signals(values: list[float | None], threshold: Threshold = HIGH) -> list[str]:
    """What each value in turn says: raise, clear or nothing."""
    state: ThresholdState = {}
    said = []
    for sequence, value in enumerate(values):
        quality = Quality.MISSING if value is None else Quality.GOOD
        state, events = apply(state, batch_of(value, kpi=threshold.kpi, quality=quality, sequence=sequence), [threshold])
        said.append(events[0].signal.value if events else "")
    return said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.95, 0.95, 0.95, 0.95], ["", "", "raise", ""]),
        ([0.90, 0.90, 0.90], ["", "", "raise"]),
        ([0.95, 0.95, 0.5, 0.95, 0.95], ["", "", "", "", ""]),
        ([0.95, 0.95, None, 0.95], ["", "", "", "raise"]),
        ([0.95] * 3 + [0.85] * 5, ["", "", "raise", "", "", "", "", ""]),
        ([0.95] * 3 + [0.8] * 3, ["", "", "raise", "", "", "clear"]),
        ([0.95] * 3 + [0.5, 0.5, 0.95, 0.5, 0.5, 0.5], ["", "", "raise", "", "", "", "", "", "clear"]),
    ],
)
def test_hysteresis_and_hold(values: list[float | None], said: list[str]) -> None:
    """Between the bounds nothing changes; a run is broken by a value on the other side, not by a missing one."""
    assert signals(values) == said


def test_threshold_may_guard_against_too_little() -> None:
    """With the raising bound below the clearing one, low is bad."""
    assert signals([-25.0, -28.0, -27.0, -26.0, -25.0], LOW) == ["", "raise", "", "clear", ""]


def test_event_says_what_where_and_from_which_poll() -> None:
    """The event is complete: alarm, qualifier, evidence and words."""
    once = Threshold("busy", "in_utilisation", 0.9, 0.8, 1, Severity.WARNING, "utilisation-high")
    _, (event,) = apply({}, batch_of(0.9512, sequence=7), [once], domain="west")
    assert (event.id, event.occurred_at, event.domain, event.device) == ("poll-1:7:busy:interface/pe1/ge-1", 7 * 10**9, "west", "pe1")
    assert (event.resource, event.alarm_type, event.qualifier, event.severity) == (
        GE1,
        "utilisation-high",
        "in_utilisation",
        Severity.WARNING,
    )
    assert (event.source, event.signal, event.collector, event.sequence, event.rule) == (
        EventSource.THRESHOLD,
        Signal.RAISE,
        "poll-1",
        7,
        "busy",
    )
    assert event.text == "in_utilisation of pe1/ge-1 reached 0.9: 0.9512"


@pytest.mark.parametrize("quality", [Quality.RESET, Quality.STALE, Quality.BLIND, Quality.MISSING])
def test_value_that_does_not_count_raises_nothing(quality: Quality) -> None:
    """Doubtful data neither raise nor clear."""
    once = Threshold("busy", "in_utilisation", 0.9, 0.8, 1, Severity.WARNING, "utilisation-high")
    assert apply({}, batch_of(1.0, quality=quality), [once]) == ({}, ())


def test_resources_and_thresholds_stand_for_themselves() -> None:
    """One busy interface says nothing of another, and a KPI without values says nothing at all."""
    batch = columns_of((GE1, "interface/pe1/ge-2"), in_utilisation=(1.0, 0.1))
    once = Threshold("busy", "in_utilisation", 0.9, 0.8, 1, Severity.WARNING, "utilisation-high")
    state, events = apply({}, batch, [once, LOW])
    assert [event.resource for event in events] == [GE1]
    assert list(state) == ["busy|interface/pe1/ge-1"]


def test_state_keeps_only_what_is_not_at_rest() -> None:
    """A calm network has an empty state, and the given state is not changed."""
    before: ThresholdState = {}
    middle, _ = apply(before, batch_of(0.95), [HIGH])
    after, _ = apply(middle, batch_of(0.1), [HIGH])
    assert (before, len(middle), after) == ({}, 1, {})


@settings(deadline=None)
@given(values=st.lists(st.none() | st.floats(0, 1), max_size=40), hold=st.integers(1, 4))
def test_raises_and_clears_alternate(values: list[float | None], hold: int) -> None:
    """No alarm is raised twice or cleared before it was raised, and each took its hold."""
    threshold = Threshold("busy", "in_utilisation", 0.9, 0.8, hold, Severity.WARNING, "utilisation-high")
    said = [word for word in signals(values, threshold) if word]
    assert said == ["raise", "clear"] * (len(said) // 2) + ["raise"] * (len(said) % 2)
    assert len(said) * hold <= len(values)
