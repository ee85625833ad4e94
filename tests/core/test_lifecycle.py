"""The life of an alarm: one total table, safe for repeated, late and overtaking events."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.alarm import Alarm, AlarmChange, Change
from pipeline.core.event import AlarmType, Event, EventSource, Severity, Signal
from pipeline.core.lifecycle import LIFECYCLE, STATUS_CHANGES_KEPT, Input, State, apply, mermaid, state_of
from pipeline.core.reason import Reason
from tests.support.network import TYPES, at, event

LINK_DOWN = TYPES["link-down"]
RAISE, CHANGE, CLEAR, NOTIFY = Signal.RAISE, Signal.CHANGE, Signal.CLEAR, Signal.NOTIFY


def fold(*events: Event, alarm_type: AlarmType | None = LINK_DOWN) -> AlarmChange:
    """The last change that these events bring."""
    change = None
    for one in events:
        change = apply(change.alarm if change else None, one, alarm_type)
    assert change is not None
    return change


def test_every_state_knows_every_input() -> None:
    """The table is total: no state meets an input that it has no answer for."""
    assert set(LIFECYCLE) == set(itertools.product(State, Input))


def test_nothing_leaves_towards_absent_or_changes_a_thing_when_seen_before() -> None:
    """An alarm that exists never becomes none, and what was seen keeps every state."""
    assert all(transition.state is not State.ABSENT for (state, _), transition in LIFECYCLE.items() if state is not State.ABSENT)
    for state in State:
        assert LIFECYCLE[state, Input.SEEN] == (state, Change.IGNORED, Reason.ALREADY_SEEN)


def test_the_readme_carries_the_table() -> None:
    """The diagram that people read is printed from the table that runs."""
    readme = Path(__file__).parents[2] / "pipeline" / "core" / "README.md"
    assert mermaid() in readme.read_text()


@pytest.mark.parametrize(
    ("events", "state", "change", "reason"),
    [
        ([event()], State.RAISED, Change.RAISED, Reason.FIRST_RAISE),
        ([event(signal=CHANGE)], State.RAISED, Change.RAISED, Reason.FIRST_RAISE),
        ([event(), event(when=1)], State.RAISED, Change.REPEATED, Reason.REPEATED),
        ([event(), event(when=1, severity=Severity.CRITICAL)], State.RAISED, Change.CHANGED, Reason.SEVERITY_CHANGED),
        ([event(), event(when=1, signal=CHANGE)], State.RAISED, Change.REPEATED, Reason.REPEATED),
        ([event(), event(signal=CLEAR, when=1)], State.CLEARED, Change.CLEARED, Reason.CLEARED),
        ([event(), event(signal=CLEAR, when=1), event(signal=CLEAR, when=2)], State.CLEARED, Change.IGNORED, Reason.CLEAR_WITHOUT_RAISE),
        ([event(), event(signal=CLEAR, when=1), event(when=2)], State.RAISED, Change.RAISED_AGAIN, Reason.RAISED_AFTER_CLEAR),
        ([event(signal=CLEAR, when=1)], State.HELD, Change.IGNORED, Reason.CLEAR_BEFORE_RAISE),
        ([event(signal=CLEAR, when=1), event(when=0)], State.CLEARED, Change.CLEARED, Reason.CLEAR_BEFORE_RAISE),
        ([event(signal=CLEAR, when=1), event(when=2)], State.RAISED, Change.RAISED, Reason.FIRST_RAISE),
        ([event(), event()], State.RAISED, Change.IGNORED, Reason.ALREADY_SEEN),
        ([event(when=5), event(signal=CLEAR, when=1)], State.RAISED, Change.IGNORED, Reason.LATE),
        ([event(when=5), event(when=1)], State.RAISED, Change.CHANGED, Reason.LATE),
        ([event(), event(signal=CLEAR, when=5), event(when=1)], State.CLEARED, Change.IGNORED, Reason.LATE),
        ([event(), event(when=1, source=EventSource.POLL)], State.RAISED, Change.CONFIRMED, Reason.CONFIRMED_BY_POLL),
        ([event(), event(when=1, authenticated=True)], State.RAISED, Change.CONFIRMED, Reason.CONFIRMED_BY_TRAP),
    ],
)
def test_what_events_do(events: list[Event], state: State, change: Change, reason: Reason) -> None:
    """Each row is a requirement: these events end in this state, with this change, for this reason."""
    last = fold(*events)
    assert (state_of(last.alarm), last.change, last.reason) == (state, change, reason)


def test_an_alarm_keeps_its_birth_and_counts_its_life() -> None:
    """time-created never changes (RFC 8632); raises, repeats and flaps are counted."""
    alarm = fold(event(), event(when=1), event(signal=CLEAR, when=2), event(when=3)).alarm
    assert (alarm.created_at, alarm.last_raised_at, alarm.cleared_at) == (at(0), at(3), at(2))
    assert (alarm.occurrences, alarm.flaps, alarm.is_cleared, alarm.revision) == (3, 1, False, 4)
    assert alarm.status_changes == (at(0), at(2), at(3))


def test_a_late_raise_moves_the_beginning_back_but_not_past_the_last_clear() -> None:
    """A trap that was slower than the poll still says since when; one from before the last clear belongs to a life that is over."""
    assert fold(event(when=5), event(when=2)).alarm.last_raised_at == at(2)
    lived = (event(when=1), event(signal=CLEAR, when=3), event(when=5))
    assert fold(*lived, event(when=4)).alarm.last_raised_at == at(4)
    assert fold(*lived, event(when=2)).alarm.last_raised_at == at(5)


def test_a_new_raise_wants_a_new_confirmation() -> None:
    """What confirmed the last raise proves nothing of this one."""
    confirmed = fold(event(), event(when=1, source=EventSource.POLL))
    assert confirmed.alarm.confirmed_at == at(1)
    again = apply(apply(confirmed.alarm, event(signal=CLEAR, when=2), LINK_DOWN).alarm, event(when=3), LINK_DOWN)
    assert again.alarm.confirmed_at == 0


def test_a_stateless_notification_stands_for_nothing() -> None:
    """will-clear false (RFC 8632): it is kept and counted, over as it comes, and never evidence of an outage."""
    change = fold(event(alarm_type="cold-start"), event(alarm_type="cold-start", when=1), alarm_type=TYPES["cold-start"])
    assert (change.alarm.is_cleared, change.alarm.occurrences, change.reason) == (True, 2, Reason.STATELESS)
    assert change.alarm.condition.value == "none"


def test_what_changes_nothing_gives_back_the_same_alarm() -> None:
    """So the caller need not store it."""
    alarm = fold(event(when=5)).alarm
    for ignored in (event(when=5), event(signal=CLEAR, when=1)):
        assert apply(alarm, ignored, LINK_DOWN).alarm is alarm


def test_a_long_life_stays_small() -> None:
    """Events and status changes kept are bounded, the first event of the raise among them."""
    many = [event(signal=RAISE if n % 2 == 0 else CLEAR, when=n) for n in range(101)]
    alarm = fold(*many, *(event(when=200 + n) for n in range(50))).alarm
    assert len(alarm.status_changes) == STATUS_CHANGES_KEPT
    assert len(alarm.events) <= 4
    assert alarm.events[0] == many[-1].id


SIGNALS = st.sampled_from((RAISE, RAISE, CHANGE, CLEAR))
SEVERITIES = st.sampled_from((Severity.MINOR, Severity.MAJOR))


@st.composite
def lives(draw: st.DrawFn, collector: str = "trap-1", most: int = 8) -> list[Event]:
    """What one reporter says of one alarm, in its order."""
    moments = sorted(draw(st.sets(st.integers(0, 30), max_size=most)))
    return [event(signal=draw(SIGNALS), when=moment, severity=draw(SEVERITIES), collector=collector) for moment in moments]


def state_after(events: list[Event]) -> Alarm | None:
    alarm = None
    for one in events:
        alarm = apply(alarm, one, LINK_DOWN).alarm
    return alarm


@given(lives(), st.data())
def test_replaying_any_prefix_changes_nothing(events: list[Event], data: st.DataObject) -> None:
    """A collector that died publishes again from its last mark: the state is as if it had not."""
    mark = data.draw(st.integers(0, len(events)))
    assert state_after(events[:mark] + events) == state_after(events)
    assert state_after(events + events[:mark]) == state_after(events)


@given(lives("trap-1"), lives("trap-2"), st.randoms(use_true_random=False))
def test_two_reporters_of_one_alarm_converge(first: list[Event], second: list[Event], random: object) -> None:
    """However what two reporters say is interleaved or reordered, the alarm ends as the latest of it says."""
    events = first + second
    expected = None
    for _ in range(4):
        random.shuffle(events)  # type: ignore[attr-defined]  # hypothesis gives a Random
        alarm = state_after(events)
        if alarm is None:
            return
        now = (alarm.is_cleared, None if alarm.is_cleared else alarm.severity, alarm.last_event_at, alarm.last_sequence)
        expected = expected or now
        latest = max(events, key=lambda one: (one.occurred_at, one.collector, one.sequence))
        assert alarm.is_cleared == (latest.signal is CLEAR)
        assert now == expected
