"""By what each resource is filtered and sorted, which attributes it has, and what these are called here."""

from pipeline.api.tmf.query import Attribute, number, one_of, text, time
from pipeline.tmf.alarm import ACKNOWLEDGED, SEVERITIES, STATES, TYPES, UNACKNOWLEDGED
from pipeline.tmf.form import SYSTEM
from pipeline.tmf.problem import STATUSES

ALARM: dict[str, Attribute] = {
    "id": text("id"),
    "state": one_of("state", {state: state for state in STATES}),
    "perceivedSeverity": one_of("severity", SEVERITIES, ordered=True),
    "ackState": one_of("is_acknowledged", {ACKNOWLEDGED: 1, UNACKNOWLEDGED: 0}),
    "alarmType": one_of("event_type", {theirs: ours for ours, theirs in TYPES.items()}),
    "probableCause": text("probable_cause"),
    "specificProblem": text("specific_problem"),
    "sourceSystemId": Attribute("device", lambda word: "" if word == SYSTEM else word, "a text"),
    "alarmedObject.id": text("resource"),
    "alarmedObjectType": text("kind"),
    "alarmRaisedTime": time("last_raised_at"),
    "alarmChangedTime": time("last_changed_at"),
    "alarmClearedTime": time("cleared_at"),
}
ALARM_FIELDS = (
    *("id", "href", "@type", "alarmType", "perceivedSeverity", "probableCause", "specificProblem", "alarmDetails", "alarmedObject"),
    *("alarmedObjectType", "sourceSystemId", "reportingSystemId", "state", "alarmRaisedTime", "alarmChangedTime", "alarmClearedTime"),
    *("ackState", "ackUserId", "ackSystemId", "clearUserId", "clearSystemId", "comment", "isRootCause", "parentAlarm", "correlatedAlarm"),
    *("serviceAffecting", "affectedService", "plannedOutageIndicator"),
)

PROBLEM: dict[str, Attribute] = {
    "id": text("id"),
    "status": one_of("status", {status: status for status in STATUSES}),
    "priority": number("priority"),
    "rootCauseResource.id": text("root_cause"),
    "affectedNumberOfServices": number("services"),
    "creationDate": time("opened_at"),
    "resolutionDate": time("resolved_at"),
}
PROBLEM_FIELDS = (
    *("id", "href", "@type", "name", "category", "priority", "status", "reason", "description", "originatingSystem", "originatorParty"),
    *("responsibleParty", "creationDate", "lastUpdate", "statusChangeDate", "statusChangeReason", "resolutionDate", "problemEscalation"),
    *("affectedNumberOfServices", "affectedService", "affectedResource", "rootCauseResource", "underlyingAlarm", "troubleTicket"),
    *("relatedParty", "note", "characteristic"),
)
VIOLATION: dict[str, Attribute] = {
    "id": text("id"),
    "date": time("evaluated_at"),
    "sla.id": text("contract"),
    "service.id": text("service"),
    "relatedParty.id": text("customer"),
    "violation.rule.metric": text("metric"),
}
VIOLATION_FIELDS = ("id", "href", "@type", "date", "period", "sla", "service", "relatedParty", "violation")

_OBJECTIVE_PATHS = (*("id", "name", "conformanceTarget", "service.id", "agreement.id", "serviceLevelSpecification.id", "relatedParty.id"),)
OBJECTIVE: dict[str, Attribute] = {path: text(path) for path in _OBJECTIVE_PATHS}
"""Objectives are selected as they are shown (:mod:`pipeline.tmf.matching`), so their attributes are paths."""
OBJECTIVE_FIELDS = (
    *("id", "href", "@type", "name", "conformanceTarget", "conformanceComparator", "conformancePeriod", "validFor"),
    *("serviceLevelObjectiveParameter", "serviceLevelObjectiveConsequence", "service", "agreement", "serviceLevelSpecification"),
    "relatedParty",
)
