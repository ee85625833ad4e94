"""Events of the TM Forum APIs: an alarm's change, an incident's revision, a missed target, each with the resource as it then is."""

from dataclasses import fields
from enum import Enum
from typing import Any

from pipeline.core.alarm import AlarmChange, Change
from pipeline.core.event import Severity
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.sla import Evaluation
from pipeline.core.wording import rfc3339
from pipeline.tmf.alarm import alarm
from pipeline.tmf.form import ALARMS, PROBLEMS, SLAS, SYSTEM, Json
from pipeline.tmf.problem import problem
from pipeline.tmf.violation import violation

_ALARM_EVENTS = {
    Change.RAISED: "AlarmCreateEvent",
    Change.RAISED_AGAIN: "AlarmStateChangeEvent",
    Change.CLEARED: "AlarmStateChangeEvent",
    Change.CHANGED: "AlarmAttributeValueChangeEvent",
    Change.SHELVED: "AlarmAttributeValueChangeEvent",
    Change.UN_SHELVED: "AlarmAttributeValueChangeEvent",
    Change.ACKNOWLEDGED: "AlarmAttributeValueChangeEvent",
    Change.UN_ACKNOWLEDGED: "AlarmAttributeValueChangeEvent",
}
"""What is told of an alarm's changes; a repetition or a confirmation changes nothing that TMF642 shows."""
EVENT_TYPES = {
    ALARMS: ("AlarmCreateEvent", "AlarmStateChangeEvent", "AlarmAttributeValueChangeEvent"),
    PROBLEMS: ("ServiceProblemCreateEvent", "ServiceProblemStateChangeEvent", "ServiceProblemAttributeValueChangeEvent"),
    SLAS: ("SLAViolationCreateEvent",),
}
PAYLOADS = {ALARMS: "alarm", PROBLEMS: "serviceProblem", SLAS: "slaViolation"}
"""API -> under which name its events carry the resource."""


def event_of(value: object) -> tuple[str, str, Json] | None:
    """The API that an event belongs to, the subject whose events keep their order, and the event; ``None`` for what is not told."""
    if isinstance(value, AlarmChange):
        return _of_alarm(value)
    if isinstance(value, Incident):
        return _of_incident(value)
    if isinstance(value, Evaluation) and value.violated:
        name = f"{value.id}:{value.revision}"
        return SLAS, f"slaViolation/{value.id}", _event(SLAS, EVENT_TYPES[SLAS][0], name, value.evaluated_at, violation(row_of(value)))
    return None


def _of_alarm(change: AlarmChange) -> tuple[str, str, Json] | None:
    kind = _ALARM_EVENTS.get(change.change)
    if kind is None:
        return None
    name = f"{change.alarm.id}:{change.alarm.revision}"
    return ALARMS, f"alarm/{change.alarm.id}", _event(ALARMS, kind, name, change.at, alarm(row_of(change.alarm)))


def _of_incident(incident: Incident) -> tuple[str, str, Json]:
    create, state, value = EVENT_TYPES[PROBLEMS]
    kind = create if incident.revision == 1 else state if incident.state is IncidentState.RESOLVED else value
    at = incident.resolved_at or incident.acknowledged_at or incident.opened_at
    name = f"{incident.id}:{incident.revision}"
    return PROBLEMS, f"serviceProblem/{incident.id}", _event(PROBLEMS, kind, name, at, problem(row_of(incident)))


def _event(api: str, kind: str, name: str, at: int, resource: Json) -> Json:
    return {
        "eventId": name,
        "eventType": kind,
        "eventTime": rfc3339(at),
        "timeOcurred": rfc3339(at),
        "correlationId": resource["id"],
        "domain": SYSTEM,
        "title": f"{kind} {resource['id']}",
        "event": {PAYLOADS[api]: resource},
    }


def row_of(value: Any) -> Json:
    """A value in the shape of its row in the history: a severity by its name, enumerations by theirs, nested values as dictionaries."""
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, Severity):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return row_of(value)
    return "" if value is None else value
