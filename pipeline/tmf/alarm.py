"""An alarm as TMF642 v4 has it. A cleared alarm's perceived severity is ``cleared`` there; here that is a state and no severity."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.resource import ResourceId, kind_of
from pipeline.tmf.form import ALARMS, SYSTEM, Json, href, known, moment, system_of, user_of

TYPES = {
    "communications-alarm": "communicationsAlarm",
    "quality-of-service-alarm": "qualityOfServiceAlarm",
    "processing-error-alarm": "processingErrorAlarm",
    "equipment-alarm": "equipmentAlarm",
    "environmental-alarm": "environmentalAlarm",
    "integrity-violation": "integrityViolation",
    "operational-violation": "operationalViolation",
    "physical-violation": "physicalViolation",
    "security-service-or-mechanism-violation": "securityService",
    "time-domain-violation": "timeDomainViolation",
}
"""X.733 event types by the names of RFC 8632 and of TMF642; ``other`` is none of the latter and is left out."""

SEVERITIES = {"cleared": 0, "indeterminate": 2, "warning": 3, "minor": 4, "major": 5, "critical": 6}
STATES = ("raised", "updated", "cleared")
ACKNOWLEDGED, UNACKNOWLEDGED = "acknowledged", "unacknowledged"
MOST_CORRELATED = 100
"""Other alarms of its incident that an alarm names, where there is no alarm on the root cause to be their parent."""


def alarm(row: Mapping[str, Any], incident: Mapping[str, Any] | None = None, done: Sequence[Mapping[str, Any]] = ()) -> Json:
    """An alarm of the history, with its open incident and what people did to it (oldest first), as far as these are known."""
    is_acknowledged = row["operator_state"] == "ack"
    acknowledged = _last(done, "ack") if is_acknowledged else None
    closed = _last(done, "close") if row["cleared_by"] == "operator" else None
    return known(
        type_="Alarm",
        id=row["id"],
        href=href(ALARMS, "alarm", row["id"]),
        alarmType=TYPES.get(row["event_type"]),
        perceivedSeverity="cleared" if row["is_cleared"] else row["severity"],
        probableCause=row["probable_cause"],
        specificProblem=":".join(part for part in (row["alarm_type"], row["qualifier"]) if part),
        alarmDetails=row["text"],
        alarmedObject=known(id=row["resource"]),
        alarmedObjectType=kind_of(ResourceId(row["resource"])).value,
        sourceSystemId=row["device"] or SYSTEM,
        reportingSystemId=SYSTEM,
        state=state_of(row),
        alarmRaisedTime=moment(row["last_raised_at"]),
        alarmChangedTime=moment(row["last_changed_at"]),
        alarmClearedTime=moment(row["cleared_at"]) if row["is_cleared"] else None,
        ackState=ACKNOWLEDGED if is_acknowledged else UNACKNOWLEDGED,
        ackUserId=user_of(acknowledged["operator"]) if acknowledged else None,
        ackSystemId=system_of(acknowledged["operator"]) if acknowledged else None,
        clearUserId=user_of(closed["operator"]) if closed else None,
        clearSystemId=_cleared_by(row),
        comment=[_comment(one) for one in done if one["text"] and one["kind"] != "unack"],
        **(_of_incident(row, incident) if incident else {}),
    )


def state_of(row: Mapping[str, Any]) -> str:
    """``raised``, ``updated`` since, or ``cleared``."""
    if row["is_cleared"]:
        return "cleared"
    return "updated" if row["last_changed_at"] > row["last_raised_at"] else "raised"


def _of_incident(row: Mapping[str, Any], incident: Mapping[str, Any]) -> Json:
    """Root cause and symptoms: a symptom's parent is the alarm of the root cause, which names its symptoms."""
    name, is_root = row["id"], row["resource"] == incident["root_cause"]
    first = incident["alarms"][0] if incident["alarms"] and incident.get("root_alarmed") else None
    others = [each for each in incident["alarms"] if each != name]
    correlated = others if is_root else [] if first else others[:MOST_CORRELATED]
    return {
        "isRootCause": is_root,
        "parentAlarm": [_reference(first)] if first and not is_root else None,
        "correlatedAlarm": [_reference(each) for each in correlated],
        "serviceAffecting": bool(incident["services"]),
        "affectedService": [known(id=each) for each in incident["services"]],
        "plannedOutageIndicator": "planned" if incident["planned"] else "none",
    }


def _reference(name: str) -> Json:
    return known(id=name, href=href(ALARMS, "alarm", name), referred_type="Alarm")


def _comment(one: Mapping[str, Any]) -> Json:
    return known(comment=one["text"], userId=user_of(one["operator"]), systemId=system_of(one["operator"]), time=moment(one["at"]))


def _cleared_by(row: Mapping[str, Any]) -> str | None:
    if not row["is_cleared"]:
        return None
    return (row["device"] or SYSTEM) if row["cleared_by"] == "trap" else SYSTEM


def _last(done: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    return next((one for one in reversed(done) if one["kind"] == kind), None)
