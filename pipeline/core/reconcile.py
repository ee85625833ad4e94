"""What one poll settles: it confirms standing alarms, and closes or opens what a lost or a false trap left wrong."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition, Event, EventSource, Severity, Signal, StateReport
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id

LINK_DOWN = "link-down"
PEER_DOWN = "peer-down"
BGP = "bgp"
DEVICE_UNREACHABLE = "device-unreachable"
LIGHT_LOST = "optical-loss-of-signal"
COLD_START = "cold-start"
RESTARTS = frozenset({COLD_START, "warm-start"})
REACHABILITY_RULE = "reachability"

MARGIN_NS = 1_000_000_000
"""A poll's answer may have been read from the device a moment before a trap of the same second: closer than this it settles nothing."""

DOUBT_NS = 10_000_000_000
"""How young a trap's claim is for a poll on suspicion to contradict it; what was told before that may have changed since, unheard."""

RESTART_SLACK_NS = 5_000_000_000
"""A restart that was told of less than this before sysUpTime began anew is the same restart."""


class Told(NamedTuple):
    """The alarm that tells of a resource that a poll sees down."""

    alarm_type: str
    qualifier: str
    condition: Condition


TOLD: dict[ResourceKind, Told] = {
    ResourceKind.INTERFACE: Told(LINK_DOWN, "", Condition.DOWN),
    ResourceKind.PEER: Told(PEER_DOWN, BGP, Condition.NONE),
}
"""By kind of resource; a poll and a trap that say the same raise the same alarm."""


def reconcile(alarms: Iterable[Alarm], report: StateReport) -> tuple[Event, ...]:
    """Events that a poll's report adds to the alarms of its device, each with ``source=poll`` and the reason in ``rule``.

    ``alarms`` are those on resources of ``report.device``, cleared ones included. An interface that a poll saw up also has its light back.
    """
    by_resource: dict[ResourceId, list[Alarm]] = {}
    for alarm in alarms:
        by_resource.setdefault(alarm.resource, []).append(alarm)
    return (
        *_reachability(by_resource, report),
        *_restart(by_resource, report),
        *_ups(by_resource, report),
        *_downs(by_resource, report),
    )


def can_tell(alarm: Alarm) -> bool:
    """Whether a poll of the alarm's device tells if what the alarm says is so."""
    match kind_of(alarm.resource):
        case ResourceKind.DEVICE:
            return alarm.alarm_type in RESTARTS
        case ResourceKind.PORT:
            return alarm.alarm_type == LIGHT_LOST
        case ResourceKind.REACHABILITY:
            return alarm.alarm_type == DEVICE_UNREACHABLE
        case _:
            return _is_told(alarm)


def _is_told(alarm: Alarm) -> bool:
    """Whether an alarm says that its resource is in the state that a poll calls down."""
    kind = kind_of(alarm.resource)
    if kind is ResourceKind.INTERFACE:
        return alarm.condition is Condition.DOWN
    told = TOLD.get(kind)
    return told is not None and (alarm.alarm_type, alarm.qualifier) == (told.alarm_type, told.qualifier)


def _reachability(by_resource: dict[ResourceId, list[Alarm]], report: StateReport) -> Iterator[Event]:
    resource = resource_id(ResourceKind.REACHABILITY, report.device)
    standing = [alarm for alarm in by_resource.get(resource, ()) if alarm.alarm_type == DEVICE_UNREACHABLE and not alarm.is_cleared]
    if not report.reachable and not standing:
        text = f"{report.device} does not answer polls"
        yield _event(report, resource, DEVICE_UNREACHABLE, Signal.RAISE, Severity.MAJOR, text, REACHABILITY_RULE)
    for alarm in standing if report.reachable else ():
        yield _event(
            report, resource, DEVICE_UNREACHABLE, Signal.CLEAR, alarm.severity, f"{report.device} answers polls", REACHABILITY_RULE
        )


def _restart(by_resource: dict[ResourceId, list[Alarm]], report: StateReport) -> Iterator[Event]:
    """A restart that no coldStart or warmStart told of: sysUpTime cannot say which, and the graver is told."""
    resource = resource_id(ResourceKind.DEVICE, report.device)
    told_at = max((alarm.last_event_at for alarm in by_resource.get(resource, ()) if alarm.alarm_type in RESTARTS), default=0)
    if report.restarted_at and told_at < report.restarted_at - RESTART_SLACK_NS:
        text = f"{report.device} restarted: a poll saw that its sysUpTime began anew"
        yield _event(report, resource, COLD_START, Signal.NOTIFY, Severity.MINOR, text, Reason.RESTART_SEEN_BY_POLL)


def _ups(by_resource: dict[ResourceId, list[Alarm]], report: StateReport) -> Iterator[Event]:
    if not by_resource:
        return
    for resource in report.up:
        for alarm in (*by_resource.get(resource, ()), *by_resource.get(_port_of(resource), ())):
            if _is_settled_by_up(alarm) and report.polled_at > alarm.last_event_at + _margin(alarm):
                contradicted = _is_doubted(report, alarm.raised_by, alarm.last_raised_at) and not alarm.confirmed_at
                rule = Reason.CONTRADICTED_BY_POLL if contradicted else Reason.LOST_CLEAR_SETTLED_BY_POLL
                text = f"{name_of(resource)} is up: seen by a poll"
                yield _event(report, alarm.resource, alarm.alarm_type, Signal.CLEAR, alarm.severity, text, rule, alarm.qualifier)


def _downs(by_resource: dict[ResourceId, list[Alarm]], report: StateReport) -> Iterator[Event]:
    never_up = frozenset(report.never_up)
    for resource in report.down:
        alarms = by_resource.get(resource, ())
        told = [alarm for alarm in alarms if _is_told(alarm)]
        standing = [alarm for alarm in told if not alarm.is_cleared]
        for alarm in standing:
            if not alarm.confirmed_at and report.polled_at > alarm.last_raised_at:
                rule = Reason.CONFIRMED_BY_POLL
                yield _event(report, resource, alarm.alarm_type, Signal.RAISE, alarm.severity, alarm.text, rule, alarm.qualifier)
        latest = max((alarm.last_event_at for alarm in alarms), default=0)
        if not standing and (told or resource not in never_up) and report.polled_at > latest + (MARGIN_NS if latest else 0):
            yield _raised(report, resource, told)


def _raised(report: StateReport, resource: ResourceId, told: Sequence[Alarm]) -> Event:
    """What is down without an alarm that says so: its raise was lost, or the clear just told was false."""
    contradicted = any(_is_doubted(report, alarm.cleared_by, alarm.cleared_at) for alarm in told)
    rule = Reason.CONTRADICTED_BY_POLL if contradicted else Reason.LOST_RAISE_SETTLED_BY_POLL
    alarm_type, qualifier, _ = TOLD[kind_of(resource)]
    text = f"{name_of(resource)} is down: seen by a poll"
    return _event(report, resource, alarm_type, Signal.RAISE, Severity.MAJOR, text, rule, qualifier)


def _is_doubted(report: StateReport, said_by: EventSource | None, said_at: int) -> bool:
    """Whether a poll asks back what a trap has just said."""
    return report.on_suspicion and said_by is EventSource.TRAP and report.polled_at - said_at <= DOUBT_NS


def is_contradicted(alarm: Alarm) -> bool:
    """Whether a trap's claim was over before anything but the trap had spoken for it, because a poll saw otherwise."""
    return (
        alarm.is_cleared
        and alarm.cleared_by is EventSource.POLL
        and alarm.raised_by is EventSource.TRAP
        and not alarm.confirmed_at
        and alarm.cleared_at - alarm.last_raised_at <= DOUBT_NS
    )


def _is_settled_by_up(alarm: Alarm) -> bool:
    return not alarm.is_cleared and (_is_told(alarm) or alarm.alarm_type == LIGHT_LOST)


def _margin(alarm: Alarm) -> int:
    """Two answers of polls are in order; a trap and a poll may cross."""
    return 0 if alarm.confirmed_at == alarm.last_event_at else MARGIN_NS


def _port_of(resource: ResourceId) -> ResourceId:
    return (
        resource_id(ResourceKind.PORT, name_of(resource))
        if kind_of(resource) is ResourceKind.INTERFACE
        else resource_id(ResourceKind.UNKNOWN, "")
    )


def _event(
    report: StateReport,
    resource: ResourceId,
    alarm_type: str,
    signal: Signal,
    severity: Severity,
    text: str,
    rule: str,
    qualifier: str = "",
) -> Event:
    told = TOLD.get(kind_of(resource), Told(alarm_type, "", Condition.DOWN))
    is_evidence_only = alarm_type == LIGHT_LOST or signal is Signal.NOTIFY
    return Event(
        id=":".join(filter(None, (report.collector, str(report.sequence), resource, alarm_type, qualifier))),
        occurred_at=report.polled_at,
        resource=resource,
        alarm_type=alarm_type,
        signal=signal,
        severity=severity,
        text=text,
        source=EventSource.POLL,
        device=report.device,
        collector=report.collector,
        sequence=report.sequence,
        domain=report.domain,
        qualifier=qualifier,
        rule=str(rule),
        condition=Condition.NONE if is_evidence_only else told.condition,
    )
