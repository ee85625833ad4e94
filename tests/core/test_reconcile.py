"""A poll settles doubt: it confirms what stands, closes what a lost clear left, opens what a lost raise left out."""

import pytest

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition, EventSource, Signal
from pipeline.core.lifecycle import apply
from pipeline.core.reason import Reason
from pipeline.core.reconcile import reconcile
from tests.support.network import TYPES, event, report

UP, DOWN = {"up": ["1"]}, {"down": ["1"]}


def alarm(when: float = 0, alarm_type: str = "link-down", resource: str = "interface/a/1", cleared_when: float | None = None) -> Alarm:
    raised = apply(None, event(resource, when=when, alarm_type=alarm_type), TYPES[alarm_type]).alarm
    if cleared_when is None:
        return raised
    return apply(raised, event(resource, Signal.CLEAR, cleared_when, alarm_type=alarm_type), TYPES[alarm_type]).alarm


@pytest.mark.parametrize(
    ("alarms", "seen", "expected"),
    [
        ([], UP, []),
        ([], DOWN, [("interface/a/1", "link-down", Signal.RAISE, Reason.LOST_RAISE_SETTLED_BY_POLL)]),
        ([alarm()], DOWN, [("interface/a/1", "link-down", Signal.RAISE, Reason.CONFIRMED_BY_POLL)]),
        ([alarm()], UP, [("interface/a/1", "link-down", Signal.CLEAR, Reason.LOST_CLEAR_SETTLED_BY_POLL)]),
        (
            [alarm(alarm_type="optical-loss-of-signal", resource="port/a/1")],
            UP,
            [("port/a/1", "optical-loss-of-signal", Signal.CLEAR, Reason.LOST_CLEAR_SETTLED_BY_POLL)],
        ),
        ([alarm(alarm_type="temperature-high", resource="interface/a/1")], UP, []),
        ([alarm(cleared_when=1)], UP, []),
        ([alarm(cleared_when=1)], DOWN, [("interface/a/1", "link-down", Signal.RAISE, Reason.LOST_RAISE_SETTLED_BY_POLL)]),
    ],
)
def test_what_a_poll_ten_seconds_later_settles(alarms: list[Alarm], seen: dict[str, list[str]], expected: list[tuple[object, ...]]) -> None:
    """Each row: the device's alarms, what the poll saw of its interface, and the events that follow."""
    found = reconcile(alarms, report("a", 10, **seen))
    assert [(one.resource, one.alarm_type, one.signal, one.rule) for one in found] == expected
    assert all(one.source is EventSource.POLL for one in found)


@pytest.mark.parametrize("polled", [-5, 4.5, 5.5])
def test_a_poll_that_may_be_older_than_the_trap_settles_nothing(polled: float) -> None:
    """Its answer may have been read before the trap of the same second was sent."""
    assert reconcile([alarm(when=5)], report("a", polled, **UP)) == ()
    assert reconcile([alarm(when=0, cleared_when=5)], report("a", polled, **DOWN)) == ()


def test_what_is_confirmed_is_not_confirmed_again() -> None:
    """Polls every few seconds must not write a row each."""
    confirmed = apply(alarm(), reconcile([alarm()], report("a", 10, **DOWN))[0], TYPES["link-down"]).alarm
    assert confirmed.confirmed_at
    assert reconcile([confirmed], report("a", 13, **DOWN)) == ()


def test_silence_is_a_fault_of_reachability_and_an_answer_ends_it() -> None:
    """Unanswered raises device-unreachable once; the next answer clears it; neither is told as a lost trap."""
    (raised,) = reconcile([], report("a", 10, reachable=False))
    assert (raised.resource, raised.alarm_type, raised.condition) == ("reachability/a", "device-unreachable", Condition.DOWN)
    change = apply(None, raised, TYPES["device-unreachable"])
    assert change.reason is Reason.FIRST_RAISE
    assert change.alarm.confirmed_at
    assert reconcile([change.alarm], report("a", 13, reachable=False)) == ()
    (cleared,) = reconcile([change.alarm], report("a", 16))
    assert apply(change.alarm, cleared, TYPES["device-unreachable"]).reason is Reason.CLEARED


def test_an_unanswered_poll_says_nothing_of_interfaces() -> None:
    """No link alarm is touched by a device that is silent."""
    found = reconcile([alarm()], report("a", 10, reachable=False))
    assert [one.alarm_type for one in found] == ["device-unreachable"]
