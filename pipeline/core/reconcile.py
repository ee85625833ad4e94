"""What one poll settles: it confirms standing alarms, and closes or opens what a lost trap left wrong."""

from collections.abc import Iterable, Iterator

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition, Event, EventSource, Severity, Signal, StateReport
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id

LINK_DOWN = "link-down"
DEVICE_UNREACHABLE = "device-unreachable"
LIGHT_LOST = "optical-loss-of-signal"
REACHABILITY_RULE = "reachability"

MARGIN_NS = 1_000_000_000
"""A poll's answer may have been read from the device a moment before a trap of the same second: closer than this it settles nothing."""


def reconcile(alarms: Iterable[Alarm], report: StateReport) -> tuple[Event, ...]:
    """Events that a poll's report adds to the alarms of its device, each with ``source=poll`` and the reason in ``rule``.

    ``alarms`` are those on resources of ``report.device``, cleared ones included. An interface that a poll saw up also has its light back.
    """
    by_resource: dict[ResourceId, list[Alarm]] = {}
    for alarm in alarms:
        by_resource.setdefault(alarm.resource, []).append(alarm)
    return (*_reachability(by_resource, report), *_ups(by_resource, report), *_downs(by_resource, report))


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


def _ups(by_resource: dict[ResourceId, list[Alarm]], report: StateReport) -> Iterator[Event]:
    if not by_resource:
        return
    for resource in report.up:
        for alarm in (*by_resource.get(resource, ()), *by_resource.get(_port_of(resource), ())):
            if _is_settled_by_up(alarm) and report.polled_at > alarm.last_event_at + _margin(alarm):
                text = f"{name_of(resource)} is up: seen by a poll"
                yield _event(
                    report,
                    alarm.resource,
                    alarm.alarm_type,
                    Signal.CLEAR,
                    alarm.severity,
                    text,
                    Reason.LOST_CLEAR_SETTLED_BY_POLL,
                    alarm.qualifier,
                )


def _downs(by_resource: dict[ResourceId, list[Alarm]], report: StateReport) -> Iterator[Event]:
    for resource in report.down:
        alarms = by_resource.get(resource, ())
        standing = [alarm for alarm in alarms if alarm.condition is Condition.DOWN and not alarm.is_cleared]
        for alarm in standing:
            if not alarm.confirmed_at and report.polled_at > alarm.last_raised_at:
                rule = Reason.CONFIRMED_BY_POLL
                yield _event(report, resource, alarm.alarm_type, Signal.RAISE, alarm.severity, alarm.text, rule, alarm.qualifier)
        latest = max((alarm.last_event_at for alarm in alarms), default=0)
        if not standing and report.polled_at > latest + (MARGIN_NS if latest else 0):
            text = f"{name_of(resource)} is down: seen by a poll"
            yield _event(report, resource, LINK_DOWN, Signal.RAISE, Severity.MAJOR, text, Reason.LOST_RAISE_SETTLED_BY_POLL)


def _is_settled_by_up(alarm: Alarm) -> bool:
    return not alarm.is_cleared and (alarm.condition is Condition.DOWN or alarm.alarm_type == LIGHT_LOST)


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
    condition = Condition.NONE if alarm_type == LIGHT_LOST else Condition.DOWN
    return Event(
        id=f"{report.collector}:{report.sequence}:{resource}",
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
        condition=condition,
    )
