"""The life of an alarm as one table (RFC 8632 section 3.5.1): state and input -> next state, what changed, and why.

Order is event time, not arrival: an input older than the alarm's last is *late* and never undoes newer state, the same input twice changes
nothing, and a clear that arrives before its raise is held, so that any order of arrival ends in the same state.
"""

from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid5

from pipeline.core.alarm import Alarm, AlarmChange, AlarmKey, Change
from pipeline.core.event import AlarmType, Condition, Event, EventSource, Signal
from pipeline.core.reason import Reason

ALARM_NAMESPACE = UUID("5a0f5d0e-6f4b-5c7e-9a55-1c5a0c6f2b11")
STATUS_CHANGES_KEPT = 16
EVENTS_KEPT = 4


class State(StrEnum):
    """Where an alarm is in its life. ``HELD``: a clear came and its raise did not, yet."""

    ABSENT = "absent"
    HELD = "held"
    RAISED = "raised"
    CLEARED = "cleared"


class Input(StrEnum):
    """An event seen from its alarm: its signal, and whether it is new, older than the last, or known.

    ``EARLIER`` is a late raise from before this raise but after the last clear: it moves the beginning back.
    """

    RAISE = "raise"
    CHANGE = "change"
    CONFIRM = "confirm"
    CLEAR = "clear"
    NOTIFY = "notify"
    EARLIER = "earlier"
    LATE_RAISE = "late-raise"
    LATE_CLEAR = "late-clear"
    SEEN = "seen"


class Transition(NamedTuple):
    """One cell of the table."""

    state: State
    change: Change
    reason: Reason


_FIRST = Transition(State.RAISED, Change.RAISED, Reason.FIRST_RAISE)
_AGAIN = Transition(State.RAISED, Change.RAISED_AGAIN, Reason.RAISED_AFTER_CLEAR)
_NOTED = Transition(State.CLEARED, Change.RAISED, Reason.STATELESS)


def _late(state: State) -> dict[tuple[State, Input], Transition]:
    late = Transition(state, Change.IGNORED, Reason.LATE)
    return {
        (state, Input.EARLIER): late,
        (state, Input.LATE_RAISE): late,
        (state, Input.LATE_CLEAR): late,
        (state, Input.SEEN): Transition(state, Change.IGNORED, Reason.ALREADY_SEEN),
    }


LIFECYCLE: dict[tuple[State, Input], Transition] = {
    **_late(State.ABSENT),
    (State.ABSENT, Input.RAISE): _FIRST,
    (State.ABSENT, Input.CHANGE): _FIRST,
    (State.ABSENT, Input.CONFIRM): _FIRST,
    (State.ABSENT, Input.CLEAR): Transition(State.HELD, Change.IGNORED, Reason.CLEAR_BEFORE_RAISE),
    (State.ABSENT, Input.NOTIFY): _NOTED,
    **_late(State.HELD),
    (State.HELD, Input.RAISE): _FIRST,
    (State.HELD, Input.CHANGE): _FIRST,
    (State.HELD, Input.CONFIRM): _FIRST,
    (State.HELD, Input.CLEAR): Transition(State.HELD, Change.IGNORED, Reason.CLEAR_WITHOUT_RAISE),
    (State.HELD, Input.NOTIFY): _NOTED,
    (State.HELD, Input.LATE_RAISE): Transition(State.CLEARED, Change.CLEARED, Reason.CLEAR_BEFORE_RAISE),
    **_late(State.RAISED),
    (State.RAISED, Input.RAISE): Transition(State.RAISED, Change.REPEATED, Reason.REPEATED),
    (State.RAISED, Input.CHANGE): Transition(State.RAISED, Change.CHANGED, Reason.SEVERITY_CHANGED),
    (State.RAISED, Input.CONFIRM): Transition(State.RAISED, Change.CONFIRMED, Reason.CONFIRMED_BY_POLL),
    (State.RAISED, Input.CLEAR): Transition(State.CLEARED, Change.CLEARED, Reason.CLEARED),
    (State.RAISED, Input.NOTIFY): Transition(State.RAISED, Change.REPEATED, Reason.STATELESS),
    (State.RAISED, Input.EARLIER): Transition(State.RAISED, Change.CHANGED, Reason.LATE),
    **_late(State.CLEARED),
    (State.CLEARED, Input.RAISE): _AGAIN,
    (State.CLEARED, Input.CHANGE): _AGAIN,
    (State.CLEARED, Input.CONFIRM): _AGAIN,
    (State.CLEARED, Input.CLEAR): Transition(State.CLEARED, Change.IGNORED, Reason.CLEAR_WITHOUT_RAISE),
    (State.CLEARED, Input.NOTIFY): Transition(State.CLEARED, Change.REPEATED, Reason.STATELESS),
}
"""Every state and every input; later rows of a state override what ``_late`` says of lateness."""

SETTLED_BY_POLL = {
    reason.value: reason
    for reason in (
        Reason.LOST_RAISE_SETTLED_BY_POLL,
        Reason.LOST_CLEAR_SETTLED_BY_POLL,
        Reason.CONTRADICTED_BY_POLL,
        Reason.CONFIRMED_BY_POLL,
        Reason.RESTART_SEEN_BY_POLL,
    )
}
"""Names that :func:`pipeline.core.reconcile.reconcile` puts into ``Event.rule``, told on as the reason of the change."""


def state_of(alarm: Alarm | None) -> State:
    """The state in the table that an alarm is in; no alarm is ``ABSENT``."""
    if alarm is None:
        return State.ABSENT
    if not alarm.is_cleared:
        return State.RAISED
    return State.CLEARED if alarm.occurrences else State.HELD


def apply(alarm: Alarm | None, event: Event, alarm_type: AlarmType | None) -> AlarmChange:
    """Fold one event into its alarm.

    The answer's alarm is the very ``alarm`` given when nothing is to be stored (``ALREADY_SEEN``, ``LATE``).
    ``alarm_type`` is the catalogue's entry; ``None`` for a type that the catalogue does not have, then the event's own condition counts.
    """
    given = input_of(alarm, event, alarm_type)
    transition = LIFECYCLE[state_of(alarm), given]
    reason = SETTLED_BY_POLL.get(event.rule, transition.reason) if transition.change is not Change.IGNORED else transition.reason
    if given is Input.CONFIRM and reason is Reason.CONFIRMED_BY_POLL and event.source is not EventSource.POLL:
        reason = Reason.CONFIRMED_BY_TRAP
    if alarm is None:
        after = _create(event, alarm_type, transition.state)
    elif transition.change is Change.IGNORED:
        after = _passed(alarm, event) if given is Input.CLEAR else alarm
    else:
        after = _WRITE[transition.change](alarm, event, given)
    return AlarmChange(after, transition.change, reason, event.id, event.occurred_at)


def input_of(alarm: Alarm | None, event: Event, alarm_type: AlarmType | None) -> Input:
    """What an event is to this alarm: new, late or seen, and with which signal."""
    signal = event.signal
    if alarm_type is not None and not alarm_type.will_clear:
        signal = Signal.NOTIFY
    if alarm is not None:
        position, last = (event.occurred_at, (event.collector, event.sequence)), (alarm.last_event_at, tuple(alarm.last_sequence))
        if position <= last:
            return Input.SEEN if position == last else _late_input(alarm, event, signal)
    if signal is Signal.CLEAR:
        return Input.CLEAR
    if signal is Signal.NOTIFY:
        return Input.NOTIFY
    if alarm is not None and not alarm.is_cleared and alarm.severity != event.severity and event.source is not EventSource.POLL:
        return Input.CHANGE
    confirms = alarm is not None and not alarm.confirmed_at and _is_proof(event)
    return Input.CONFIRM if confirms else Input.RAISE


def _late_input(alarm: Alarm, event: Event, signal: Signal) -> Input:
    if signal is Signal.CLEAR:
        return Input.LATE_CLEAR
    if signal is not Signal.NOTIFY and not alarm.is_cleared and alarm.cleared_at < event.occurred_at < alarm.last_raised_at:
        return Input.EARLIER
    return Input.LATE_RAISE


def _is_proof(event: Event) -> bool:
    """Only a poll or an authenticated trap proves what a v1 or v2c trap merely says."""
    return event.source is EventSource.POLL or event.authenticated


def _create(event: Event, alarm_type: AlarmType | None, state: State) -> Alarm:
    cleared, held = state is not State.RAISED, state is State.HELD
    key = AlarmKey(event.resource, event.alarm_type, event.qualifier)
    condition = alarm_type.condition if alarm_type is not None else event.condition
    return Alarm(
        id=str(uuid5(ALARM_NAMESPACE, "|".join((event.domain, *key, str(event.occurred_at))))),
        resource=event.resource,
        alarm_type=event.alarm_type,
        qualifier=event.qualifier,
        domain=event.domain,
        device=event.device,
        severity=event.severity,
        text=event.text,
        is_cleared=cleared,
        created_at=event.occurred_at,
        last_raised_at=0 if held else event.occurred_at,
        last_changed_at=event.occurred_at,
        cleared_at=event.occurred_at if cleared else 0,
        occurrences=0 if held else 1,
        condition=Condition.NONE if cleared and not held else condition,
        event_type=alarm_type.event_type if alarm_type is not None else "",
        probable_cause=alarm_type.probable_cause if alarm_type is not None else "",
        raised_by=event.source,
        cleared_by=event.source if held else None,
        confirmed_at=event.occurred_at if _is_proof(event) and not cleared else 0,
        events=(event.id,),
        last_event_at=event.occurred_at,
        last_sequence=(event.collector, event.sequence),
        status_changes=(event.occurred_at,),
        rule=event.rule,
    )


def _passed(alarm: Alarm, event: Event) -> Alarm:
    """A clear of what is clear: only the mark of time moves on, so that a raise from before it is known to be late."""
    return replace(alarm, last_event_at=event.occurred_at, last_sequence=(event.collector, event.sequence))


def _raised(alarm: Alarm, event: Event, _: Input) -> Alarm:
    return replace(
        alarm,
        severity=event.severity,
        text=event.text,
        rule=event.rule,
        is_cleared=False,
        last_raised_at=event.occurred_at,
        last_changed_at=event.occurred_at,
        cleared_by=None,
        occurrences=alarm.occurrences + 1,
        flaps=alarm.flaps + (1 if alarm.occurrences else 0),
        raised_by=event.source,
        confirmed_at=event.occurred_at if _is_proof(event) else 0,
        events=(event.id,),
        last_event_at=event.occurred_at,
        last_sequence=(event.collector, event.sequence),
        revision=alarm.revision + 1,
        status_changes=_kept(alarm, event),
    )


def _cleared(alarm: Alarm, event: Event, given: Input) -> Alarm:
    if given is Input.LATE_RAISE:  # the raise of a clear that was held
        return replace(
            alarm,
            severity=event.severity,
            text=event.text,
            last_raised_at=event.occurred_at,
            created_at=min(alarm.created_at, event.occurred_at),
            occurrences=1,
            raised_by=event.source,
            events=_with_event(alarm, event),
            revision=alarm.revision + 1,
            status_changes=(event.occurred_at, *alarm.status_changes)[-STATUS_CHANGES_KEPT:],
        )
    return replace(
        alarm,
        is_cleared=True,
        cleared_at=event.occurred_at,
        cleared_by=event.source,
        last_changed_at=event.occurred_at,
        events=_with_event(alarm, event),
        last_event_at=event.occurred_at,
        last_sequence=(event.collector, event.sequence),
        revision=alarm.revision + 1,
        status_changes=_kept(alarm, event),
    )


def _changed(alarm: Alarm, event: Event, given: Input) -> Alarm:
    if given is Input.EARLIER:
        return replace(
            alarm, last_raised_at=event.occurred_at, created_at=min(alarm.created_at, event.occurred_at), revision=alarm.revision + 1
        )
    return replace(_repeated(alarm, event, given), severity=event.severity, text=event.text, last_changed_at=event.occurred_at)


def _repeated(alarm: Alarm, event: Event, _: Input) -> Alarm:
    return replace(
        alarm,
        occurrences=alarm.occurrences + 1,
        confirmed_at=alarm.confirmed_at or (event.occurred_at if _is_proof(event) and not alarm.is_cleared else 0),
        events=_with_event(alarm, event),
        last_event_at=event.occurred_at,
        last_sequence=(event.collector, event.sequence),
        revision=alarm.revision + 1,
    )


def _confirmed(alarm: Alarm, event: Event, _: Input) -> Alarm:
    return replace(
        alarm,
        confirmed_at=event.occurred_at,
        events=_with_event(alarm, event),
        last_event_at=event.occurred_at,
        last_sequence=(event.collector, event.sequence),
        revision=alarm.revision + 1,
    )


_WRITE = {
    Change.RAISED: _raised,
    Change.RAISED_AGAIN: _raised,
    Change.CHANGED: _changed,
    Change.REPEATED: _repeated,
    Change.CONFIRMED: _confirmed,
    Change.CLEARED: _cleared,
}


def _kept(alarm: Alarm, event: Event) -> tuple[int, ...]:
    return (*alarm.status_changes, event.occurred_at)[-STATUS_CHANGES_KEPT:]


def _with_event(alarm: Alarm, event: Event) -> tuple[str, ...]:
    """The first event of the raise and the latest few."""
    if len(alarm.events) < EVENTS_KEPT:
        return (*alarm.events, event.id)
    return (alarm.events[0], *alarm.events[2:], event.id)


def mermaid() -> str:
    """The table as a Mermaid state diagram, inputs of one arrow on one line; the README carries this text."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, given), transition in LIFECYCLE.items():
        if transition.change is not Change.IGNORED or transition.state is not state:
            arrows.setdefault((state, transition.state), []).append(given.value)
    lines = [f"    {_drawn(source)} --> {target.value}: {', '.join(given)}" for (source, target), given in arrows.items()]
    return "\n".join(("stateDiagram-v2", *lines))


def _drawn(state: State) -> str:
    return "[*]" if state is State.ABSENT else state.value
