"""What only a trap says is asked back; what a poll or an authenticated trap has said, or no poll can tell, is not."""

from dataclasses import replace

import pytest

from pipeline.core.alarm import AlarmChange
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.core.lifecycle import apply
from pipeline.core.reason import Reason
from pipeline.core.suspicion import Question, suspect
from tests.support.network import TYPES, at, event

PEER = {"resource": "peer/a/192.0.2.9", "alarm_type": "peer-down", "qualifier": "bgp"}
POLL = {"source": EventSource.POLL, "collector": "poll-1"}


def change_of(*events: Event) -> AlarmChange:
    """What the last of these events of one alarm changes."""
    alarm, change = None, None
    for one in events:
        change = apply(alarm, one, TYPES[one.alarm_type])
        alarm = change.alarm
    assert change is not None
    return change


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([event()], Reason.RAISED_BY_TRAP),
        ([event(), event(signal=Signal.CLEAR, when=9)], Reason.CLEARED_BY_TRAP),
        ([event(), event(signal=Signal.CLEAR, when=8), event(when=9)], Reason.RAISED_BY_TRAP),
        ([event(**PEER)], Reason.RAISED_BY_TRAP),
        ([event(**PEER), event(**PEER, signal=Signal.CLEAR, when=9)], Reason.CLEARED_BY_TRAP),
        ([event("port/a/1", alarm_type="optical-loss-of-signal")], Reason.RAISED_BY_TRAP),
        ([event("device/a", Signal.NOTIFY, alarm_type="cold-start")], Reason.RESTARTED),
        ([event("device/a", Signal.NOTIFY, when=when, alarm_type="cold-start") for when in (0, 9)], Reason.RESTARTED),
    ],
)
def test_what_a_trap_says_is_asked_back(events: list[Event], reason: Reason) -> None:
    """Each row: the events of one alarm, and why its device is asked after the last of them."""
    last = events[-1]
    assert suspect(change_of(*events)) == Question("a", last.occurred_at, last.resource, reason)


@pytest.mark.parametrize(
    "events",
    [
        [event(**POLL)],
        [event(), event(when=2, **POLL)],
        [event(), event(when=2, signal=Signal.CLEAR, **POLL)],
        [event(authenticated=True)],
        [event(), event(when=1)],
        [event(signal=Signal.CLEAR)],
        [event(), replace(event(when=1), severity=Severity.CRITICAL)],
        [event("lsp/x", alarm_type="lsp-down", device="a")],
        [event("device/a", alarm_type="power-failure")],
        [event("interface/a/1", alarm_type="temperature-high")],
        [event(**(PEER | {"qualifier": "ospf"}))],
        [event("unknown/198.51.100.7", qualifier="interface/198.51.100.7/1")],
        [event("device/a", Signal.NOTIFY, alarm_type="cold-start", rule=Reason.RESTART_SEEN_BY_POLL.value, **POLL)],
    ],
)
def test_what_is_proved_or_cannot_be_polled_is_not_asked(events: list[Event]) -> None:
    """A poll's word, a repeat, a clear of nothing, and resources that no poll looks at."""
    assert suspect(change_of(*events)) is None


def test_a_question_is_as_old_as_the_trap() -> None:
    """So that whoever hears it late knows."""
    question = suspect(change_of(event(when=7)))
    assert question is not None
    assert question.asked_at == at(7)
