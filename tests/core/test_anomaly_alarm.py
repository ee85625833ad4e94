"""Anomalies become events with words that explain them; they stand until what is unusual has gone or has become usual."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.anomaly import Feature
from pipeline.core.anomaly_alarm import AnomalyState, apply, apply_all, explained, standing_series
from pipeline.core.anomaly_batch import Anomaly, AnomalyBatch
from pipeline.core.anomaly_rule import AnomalyRule, Sensitivity, Watching
from pipeline.core.anomaly_state import UnknownVersionError
from pipeline.core.event import Condition, Event, EventSource, Severity, Signal
from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.resource import ResourceId

GE1, GE2 = ResourceId("interface/pe1/ge-1"), ResourceId("interface/pe1/ge-2")
TRAFFIC = AnomalyRule("traffic", ("*_utilisation",), low=0.0, high=1.0, clear_samples=5)
WATCHING = Watching((TRAFFIC,))
BEGINS_AT = 1_735_689_600
EVERY_S = 300
SPIKE = 0.95
CALM_SAMPLES = 500


def batch_of(
    values: dict[str, list[float]], place: int, resources: tuple[ResourceId, ...] = (GE1,), quality: int = Quality.GOOD
) -> KpiBatch:
    columns = {kpi: (np.array(row), np.full(len(row), quality, np.uint8)) for kpi, row in values.items()}
    return KpiBatch("pe1", (BEGINS_AT + EVERY_S * place) * 10**9, "poll-1", place, resources, *packed(columns))


def calm(samples: int = CALM_SAMPLES, mean: float = 0.3, seed: int = 3) -> list[float]:
    found: list[float] = np.random.default_rng(seed).normal(mean, 0.01, samples).tolist()
    return found


def run(
    values: list[float], state: AnomalyState | None = None, watching: Watching = WATCHING, first: int = 0
) -> tuple[list[tuple[int, Event]], list[AnomalyBatch]]:
    """One series' values: the events with their places, and the rows for the store."""
    memory, events, batches = state if state is not None else AnomalyState(), [], []
    for place, value in enumerate(values, first):
        came, batch = apply(memory, batch_of({"in_utilisation": [value]}, place), watching, domain="west")
        events += [(place, event) for event in came]
        batches += [batch] if batch else []
    return events, batches


def test_an_anomaly_is_raised_once_and_cleared_when_it_was_usual_for_long_enough() -> None:
    events, _ = run([*calm(), SPIKE, SPIKE, *calm(30, seed=4)])
    assert [(place - CALM_SAMPLES, event.signal) for place, event in events] == [(0, Signal.RAISE), (6, Signal.CLEAR)]


def test_what_lasts_becomes_usual() -> None:
    events, _ = run([*calm(), *calm(500, mean=0.6, seed=4)])
    assert [event.signal for _, event in events[:2]] == [Signal.RAISE, Signal.CLEAR]
    assert events[1][0] - events[0][0] > TRAFFIC.clear_samples


def test_the_event_says_what_is_unusual_and_why() -> None:
    events, _ = run([*calm(), SPIKE])
    (_, event) = events[-1]
    assert (event.source, event.condition, event.severity) == (EventSource.ANOMALY, Condition.NONE, Severity.WARNING)
    assert (event.resource, event.alarm_type, event.qualifier, event.rule) == (GE1, "anomaly", "in_utilisation", "traffic")
    assert (event.device, event.collector, event.sequence, event.domain) == ("pe1", "poll-1", CALM_SAMPLES, "west")
    assert event.id == f"poll-1:{CALM_SAMPLES}:traffic:in_utilisation:interface/pe1/ge-1"
    assert event.text.startswith("in_utilisation of pe1/ge-1 ")
    assert "0.95" in event.text
    assert "usual" in event.text
    assert set(event.attributes) == {"kpi", "value", "observed", "expected", "lower", "upper", "score", "feature"}
    assert float(event.attributes["lower"]) < 0.3 < float(event.attributes["upper"]) < SPIKE


def test_the_clear_says_since_when_it_stood() -> None:
    events, _ = run([*calm(), SPIKE, *calm(30, seed=4)])
    assert "is usual again" in events[-1][1].text
    assert events[-1][1].text.endswith(", 5 samples in a row; raised 25 min ago")


def test_every_anomaly_has_a_row_for_the_store() -> None:
    _, batches = run([*calm(), SPIKE])
    (found,) = [*batches[-1].anomalies()]
    assert isinstance(found, Anomaly)
    assert (found.resource, found.kpi, found.at) == (GE1, "in_utilisation", (BEGINS_AT + EVERY_S * CALM_SAMPLES) * 10**9)
    assert found.feature in {"level", "step", "ramp"}
    assert found.observed == pytest.approx(SPIKE)
    assert found.lower < found.expected < found.upper < found.observed
    assert found.score >= TRAFFIC.threshold
    assert (batches[-1].source, batches[-1].model) == ("detector", "")


@pytest.mark.parametrize("quality", [Quality.MISSING, Quality.RESET, Quality.STALE, Quality.BLIND])
def test_a_value_that_does_not_count_neither_raises_nor_teaches_nor_clears(quality: Quality) -> None:
    state = AnomalyState()
    run([*calm(), SPIKE], state)
    before = state.to_bytes()
    for place in range(501, 520):
        doubtful = batch_of({"in_utilisation": [0.3]}, place, quality=quality)
        assert apply(state, doubtful, WATCHING) == ((), None)
    assert state.to_bytes() == before


def test_series_are_judged_by_themselves() -> None:
    """Two KPIs of two interfaces, in one batch: only the one that is odd is told of."""
    state, events = AnomalyState(), []
    dice = np.random.default_rng(5)
    for place in range(CALM_SAMPLES + 1):
        columns = {kpi: dice.normal(0.3, 0.01, 2).tolist() for kpi in ("in_utilisation", "out_utilisation", "oper_up")}
        if place == CALM_SAMPLES:
            columns["out_utilisation"][1] = SPIKE
        came, _ = apply(state, batch_of(columns, place, (GE1, GE2)), WATCHING)
        events += came
    assert [(event.resource, event.qualifier) for event in events] == [(GE2, "out_utilisation")]
    assert state.names == tuple(f"{kpi}|{resource}" for kpi in ("in_utilisation", "out_utilisation") for resource in (GE1, GE2))
    assert [*standing_series(state)] == [f"out_utilisation|{GE2}"]


def test_batches_of_one_poll_are_judged_together_as_one_after_the_other() -> None:
    """The tables of a device come as a batch each; one step for all of them says the same."""
    together, alone, found, expected = AnomalyState(), AnomalyState(), [], []
    dice = np.random.default_rng(8)
    watching = Watching((AnomalyRule("all", ("*",), clear_samples=3),))
    for place in range(CALM_SAMPLES + 20):
        spike = SPIKE if place == CALM_SAMPLES else 0.3
        ports = batch_of({"in_utilisation": [dice.normal(0.3, 0.01), spike], "oper_up": [1.0, float("nan")]}, place, (GE1, GE2))
        device = batch_of({"round_trip_ms": [dice.normal(9, 1) if place % 7 else float("nan")]}, place, (ResourceId("device/pe1"),))
        events, batches = apply_all(together, (device, ports), watching)
        found += [*events, *(each for batch in batches for each in batch.anomalies())]
        for batch in (device, ports):
            events, odd = apply(alone, batch, watching)
            expected += [*events, *(odd.anomalies() if odd else ())]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert {type(each) for each in found} == {Event, Anomaly}
    assert together.names == alone.names
    assert together.to_bytes() == alone.to_bytes()


def test_a_series_follows_its_name_when_rows_move() -> None:
    state = AnomalyState()
    first, second = calm(mean=0.2), calm(mean=0.8, seed=4)
    for place in range(CALM_SAMPLES):
        row = [first[place], second[place]]
        resources = (GE1, GE2) if place % 2 else (GE2, GE1)
        events, _ = apply(state, batch_of({"in_utilisation": row if place % 2 else row[::-1]}, place, resources), WATCHING)
        assert events == ()
    assert len(state) == 2
    levels = dict(zip(state.names, state.series.records["level"].tolist(), strict=True))
    assert levels[f"in_utilisation|{GE1}"] == pytest.approx(0.2, abs=0.02)


def test_a_series_begins_with_its_first_good_value() -> None:
    state = AnomalyState()
    apply(state, batch_of({"in_utilisation": [0.1, float("nan")]}, 0, (GE1, GE2)), WATCHING)
    assert len(state) == 1
    apply(state, batch_of({"in_utilisation": [0.1, 0.2]}, 1, (GE1, GE2)), WATCHING)
    assert len(state) == 2
    assert state.series.records["beat"].tolist() == [2, 1]


def test_series_that_are_gone_are_forgotten() -> None:
    state = AnomalyState()
    apply(state, batch_of({"in_utilisation": [0.1, 0.2]}, 0, (GE1, GE2)), WATCHING)
    apply(state, batch_of({"in_utilisation": [0.3]}, 10, (GE2,)), WATCHING)
    kept = state.without(BEGINS_AT + EVERY_S)
    assert kept.names == (f"in_utilisation|{GE2}",)
    assert kept.series.records["beat"].tolist() == [2]


@settings(deadline=None, max_examples=10)
@given(samples=st.integers(0, 30), spikes=st.lists(st.integers(0, 29), max_size=3))
def test_bytes_give_the_same_state_again(samples: int, spikes: list[int]) -> None:
    state = AnomalyState()
    values = [SPIKE if place in spikes else value for place, value in enumerate(calm(samples))]
    run(values, state, Watching((AnomalyRule("traffic", ("*",), grace_samples=1, sensitivity=Sensitivity.HIGH),)))
    again = AnomalyState.from_bytes(state.to_bytes())
    assert (again.names, again.standing.tobytes()) == (state.names, state.standing.tobytes())
    assert again.to_bytes() == state.to_bytes()


def test_a_standing_alarm_survives_being_packed() -> None:
    state = AnomalyState()
    run([*calm(), SPIKE], state)
    events, _ = run(calm(30, seed=4), AnomalyState.from_bytes(state.to_bytes()), first=CALM_SAMPLES + 1)
    assert [event.signal for _, event in events] == [Signal.CLEAR]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[:5],
        lambda data: b"else" + data[4:],
        lambda data: data[:4] + b"\x63\x00" + data[6:],
        lambda data: data.replace(b"anom", b"mona"),
    ],
)
def test_what_another_version_wrote_is_refused(spoil: object) -> None:
    state = AnomalyState()
    run(calm(5), state)
    assert callable(spoil)
    with pytest.raises(UnknownVersionError):
        AnomalyState.from_bytes(spoil(state.to_bytes()))


def test_the_speed_of_an_interface_is_its_range() -> None:
    """A change that is small for a fast interface is told on a slow one, and where no speed is known."""
    rule = AnomalyRule("bits", ("in_bps",), low=0.0, high_is_speed=True)
    told = []
    for speed in (1e12, float("nan")):
        state = AnomalyState()
        for place, value in enumerate([*calm(), SPIKE]):
            events, _ = apply(state, batch_of({"in_bps": [value * 1e8]}, place), Watching((rule,)), speeds=np.array([speed]))
        told.append(len(events))
    assert told == [0, 1]


def test_a_kpi_belongs_to_the_first_rule_that_names_it() -> None:
    rules = (AnomalyRule("a", ("in_*",)), AnomalyRule("b", ("*_utilisation",)))
    watching = Watching(rules)
    assert [watching.rule_of(kpi) for kpi in ("in_utilisation", "out_utilisation", "oper_up")] == [rules[0], rules[1], None]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"grace_samples": 0}, "grace_samples and clear_samples are 1 or more"),
        ({"min_change": -1.0}, "min_change is 0 or more"),
        ({"high": 9.0}, "a range that has a high end"),
        ({"high_is_speed": True}, "a range that has a high end"),
        ({"low": 0.0, "high": 1.0, "high_is_speed": True}, "exclude each other"),
        ({"low": 1.0, "high": 1.0}, "low is below high"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(changed: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        AnomalyRule("a", ("b",), **changed)  # type: ignore[arg-type]  # keywords by name


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        (Feature.LEVEL, "load of pe1 is 9; 4 to 6 is usual around its level of 5"),
        (Feature.STEP, "load of pe1 went from 5 to 9 in one sample; 4 to 6 would have been usual"),
        (Feature.RAMP, "load of pe1 went from 5 to 9 in 44 samples; 4 to 6 would have been usual"),
        (Feature.DRIFT, "the mean of load of pe1 over 70 samples, by the time of day, is 9; 4 to 6 is usual around 5"),
    ],
)
def test_each_feature_is_explained_in_its_own_words(feature: Feature, says: str) -> None:
    assert explained("load of pe1", feature, 9.0, 5.0, 4.0, 6.0) == says


def test_a_range_that_is_open_on_one_side_is_told_so() -> None:
    assert "; up to 6 is usual" in explained("load of pe1", Feature.LEVEL, 9.0, 5.0, float("-inf"), 6.0)
    assert "; 4 or more is usual" in explained("load of pe1", Feature.LEVEL, 1.0, 5.0, 4.0, float("inf"))
