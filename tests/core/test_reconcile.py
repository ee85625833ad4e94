"""A poll settles doubt: it confirms what stands, closes what a lost clear left, opens what a lost raise left out."""

from dataclasses import replace

import pytest

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition, EventSource, Signal, StateReport
from pipeline.core.lifecycle import apply
from pipeline.core.reason import Reason
from pipeline.core.reconcile import reconcile
from pipeline.core.resource import ResourceId
from tests.support.network import TYPES, at, event, report

UP, DOWN = {"up": ["1"]}, {"down": ["1"]}
PEER = ResourceId("peer/a/192.0.2.9")


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


@pytest.mark.parametrize(
    ("alarms", "seen", "polled", "expected"),
    [
        ([alarm()], UP, 1.05, (Signal.CLEAR, Reason.CONTRADICTED_BY_POLL)),
        ([alarm()], UP, 9, (Signal.CLEAR, Reason.CONTRADICTED_BY_POLL)),
        ([alarm()], UP, 11, (Signal.CLEAR, Reason.LOST_CLEAR_SETTLED_BY_POLL)),
        ([alarm()], DOWN, 1.05, (Signal.RAISE, Reason.CONFIRMED_BY_POLL)),
        ([alarm(cleared_when=5)], DOWN, 6.05, (Signal.RAISE, Reason.CONTRADICTED_BY_POLL)),
        ([alarm(cleared_when=5)], DOWN, 60, (Signal.RAISE, Reason.LOST_RAISE_SETTLED_BY_POLL)),
        ([], DOWN, 60, (Signal.RAISE, Reason.LOST_RAISE_SETTLED_BY_POLL)),
    ],
)
def test_a_poll_on_suspicion_contradicts_what_was_just_said(
    alarms: list[Alarm], seen: dict[str, list[str]], polled: float, expected: tuple[Signal, Reason]
) -> None:
    """A claim of the last ten seconds that no poll had confirmed was false; an older one was true then, and its end was lost."""
    (found,) = reconcile(alarms, replace(report("a", polled, **seen), on_suspicion=True))
    assert (found.signal, found.rule) == expected
    before = alarms[0] if alarms else None
    assert apply(before, found, TYPES["link-down"]).reason is expected[1]


def test_what_a_poll_has_confirmed_is_not_called_false_by_the_next() -> None:
    """It was down, and is up: the clear was lost."""
    confirmed = apply(alarm(), reconcile([alarm()], report("a", 1.05, **DOWN))[0], TYPES["link-down"]).alarm
    (found,) = reconcile([confirmed], replace(report("a", 6, **UP), on_suspicion=True))
    assert found.rule == Reason.LOST_CLEAR_SETTLED_BY_POLL


def peer(when: float = 0, qualifier: str = "bgp", cleared_when: float | None = None) -> Alarm:
    raised = apply(None, event(PEER, when=when, alarm_type="peer-down", qualifier=qualifier), TYPES["peer-down"]).alarm
    if cleared_when is None:
        return raised
    clear = event(PEER, Signal.CLEAR, cleared_when, alarm_type="peer-down", qualifier=qualifier)
    return apply(raised, clear, TYPES["peer-down"]).alarm


def peers(when: float, *, up: bool, never_up: bool = False) -> StateReport:
    states = {"up": (PEER,)} if up else {"down": (PEER,), "never_up": (PEER,) if never_up else ()}
    return replace(report("a", when), **states)  # type: ignore[arg-type]  # keyword pass-through of a test


@pytest.mark.parametrize(
    ("alarms", "seen", "expected"),
    [
        ([], peers(10, up=False), [(Signal.RAISE, Reason.LOST_RAISE_SETTLED_BY_POLL)]),
        ([], peers(10, up=False, never_up=True), []),
        ([], peers(10, up=True), []),
        ([peer()], peers(10, up=False), [(Signal.RAISE, Reason.CONFIRMED_BY_POLL)]),
        ([peer()], peers(10, up=False, never_up=True), [(Signal.RAISE, Reason.CONFIRMED_BY_POLL)]),
        ([peer()], peers(10, up=True), [(Signal.CLEAR, Reason.LOST_CLEAR_SETTLED_BY_POLL)]),
        ([peer(cleared_when=1)], peers(10, up=False, never_up=True), [(Signal.RAISE, Reason.LOST_RAISE_SETTLED_BY_POLL)]),
        ([peer(cleared_when=1)], peers(10, up=True), []),
        ([peer(qualifier="ospf")], peers(10, up=True), []),
        ([peer(qualifier="ospf")], peers(10, up=False, never_up=True), []),
    ],
)
def test_what_a_poll_settles_of_a_bgp_session(alarms: list[Alarm], seen: StateReport, expected: list[tuple[Signal, Reason]]) -> None:
    """As for interfaces, under the key of BGP's trap rules; a peer that never was up is believed down only when a trap said so."""
    found = reconcile(alarms, seen)
    assert [(one.signal, one.rule) for one in found] == expected
    assert {(one.resource, one.alarm_type, one.qualifier) for one in found} <= {(PEER, "peer-down", "bgp")}


def test_an_alarm_of_a_poll_and_of_a_trap_are_the_same_alarm() -> None:
    """The poll raises, the late trap repeats, the trap of the end clears: one alarm, confirmed."""
    (raised,) = reconcile([], peers(10, up=False))
    first = apply(None, raised, TYPES["peer-down"])
    assert (first.reason, first.alarm.raised_by, first.alarm.key) == (Reason.LOST_RAISE_SETTLED_BY_POLL, EventSource.POLL, peer().key)
    second = apply(first.alarm, event(PEER, when=12, alarm_type="peer-down", qualifier="bgp"), TYPES["peer-down"]).alarm
    third = apply(second, event(PEER, Signal.CLEAR, 20, alarm_type="peer-down", qualifier="bgp"), TYPES["peer-down"]).alarm
    assert (second.id, second.occurrences, third.id, third.is_cleared) == (first.alarm.id, 2, first.alarm.id, True)


@pytest.mark.parametrize(
    ("told", "restarted", "expected"),
    [
        (None, 5, True),
        (-60, 5, True),
        (6, 5, False),
        (1, 5, False),
        (None, None, False),
    ],
)
def test_a_restart_that_no_trap_told_of_is_told_by_the_poll(told: float | None, restarted: float | None, *, expected: bool) -> None:
    """Each row: when coldStart came, when sysUpTime began anew, and whether the poll tells of it."""
    coldstart = event("device/a", Signal.NOTIFY, told or 0, alarm_type="cold-start")
    before = None if told is None else apply(None, coldstart, TYPES["cold-start"]).alarm
    seen = replace(report("a", 30), restarted_at=0 if restarted is None else at(restarted))
    found = reconcile([before] if before else [], seen)
    assert [(one.resource, one.alarm_type, one.signal) for one in found] == [("device/a", "cold-start", Signal.NOTIFY)] * expected
    for one in found:
        after = apply(before, one, TYPES["cold-start"]).alarm
        assert after.is_cleared
        assert reconcile([after], seen) == ()


def test_events_of_one_poll_have_ids_of_their_own() -> None:
    """Two alarms of one interface that one poll clears are two events in the history."""
    both = [alarm(), alarm(alarm_type="lsp-down")]
    found = reconcile(both, report("a", 10, **UP))
    assert len({one.id for one in found}) == len(found) == 2
    assert all(one.id.startswith("poll-1:10000:interface/a/1") for one in found)
