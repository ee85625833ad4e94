"""An incident as a service problem of TMF656 v4."""

from collections.abc import Mapping
from typing import Any

from pipeline.tmf.form import ALARMS, PROBLEMS, SYSTEM, Json, href, known, moment, user_of

PRIORITIES = {"critical": 1, "major": 2, "minor": 4, "warning": 6, "indeterminate": 8}
"""1 is the highest of ten."""
STATUSES = ("acknowledged", "inProgress", "held", "resolved")
"""Those of the eight statuses that an incident can have: nobody has taken charge of it, somebody has, planned or shelved, over."""
CATEGORY = "system.originated"
TICKETS = "/tmf-api/troubleTicket/v4"


def problem(row: Mapping[str, Any], ticket: Mapping[str, Any] | None = None, customers: Mapping[str, str] | None = None) -> Json:
    """An incident of the history, with its ticket (``number``) and the names of customers for people, as far as these are known."""
    names = customers or {}
    root = row["root_cause"]
    return known(
        type_="ServiceProblem",
        id=row["id"],
        href=href(PROBLEMS, "serviceProblem", row["id"]),
        name=root,
        category=CATEGORY,
        priority=PRIORITIES.get(row["severity"], PRIORITIES["indeterminate"]),
        status=status_of(row),
        reason=row["reason"],
        description="\n".join((row["reason"], *row["explanation"])),
        originatingSystem=SYSTEM,
        originatorParty=known(id=SYSTEM, name=SYSTEM, role="originator", referred_type="System"),
        responsibleParty=_responsible(row),
        creationDate=moment(row["opened_at"]),
        lastUpdate=moment(row.get("recorded_at", 0)),
        statusChangeDate=moment(row["resolved_at"] or row["acknowledged_at"] or row["opened_at"]),
        statusChangeReason=row["shelved"] or (f"planned work: {row['planned']}" if row["planned"] else None),
        resolutionDate=moment(row["resolved_at"]),
        problemEscalation=str(row["escalation"]),
        affectedNumberOfServices=len(row["impacts"]),
        affectedService=[known(id=impact["service"], name=impact["service"], referred_type="Service") for impact in row["impacts"]],
        affectedResource=[_resource(root)],
        rootCauseResource=[_resource(root)],
        underlyingAlarm=[known(id=each, href=href(ALARMS, "alarm", each), referred_type="Alarm") for each in row["alarms"]],
        troubleTicket=[_ticket(ticket)] if ticket else None,
        relatedParty=[
            known(id=each, name=names.get(each), role="customer", referred_type="Customer")
            for each in dict.fromkeys(impact["customer"] for impact in row["impacts"])
            if each
        ],
        note=[_note(number, one) for number, one in enumerate(row["comments"], start=1)],
        characteristic=[
            {"name": "severity", "value": row["severity"]},
            {"name": "probability", "value": row["probability"]},
            {"name": "flapping", "value": row["flapping"]},
            {"name": "confirmed", "value": bool(row["confirmed_by"])},
        ],
    )


def status_of(row: Mapping[str, Any]) -> str:
    """Which of :data:`STATUSES` an incident has."""
    if row["state"] == "resolved":
        return "resolved"
    if row["planned"] or row["shelved"]:
        return "held"
    return "inProgress" if row["acknowledged_by"] else "acknowledged"


def _responsible(row: Mapping[str, Any]) -> Json | None:
    by = row["acknowledged_by"]
    return known(id=by, name=user_of(by), role="responsible", referred_type="Individual") if by else None


def _resource(name: str) -> Json:
    return known(id=name, name=name, referred_type="Resource")


def _ticket(ticket: Mapping[str, Any]) -> Json:
    number = ticket["number"]
    return known(id=number, name=number, href=href(TICKETS, "troubleTicket", number), referred_type="TroubleTicket")


def _note(number: int, one: Mapping[str, Any]) -> Json:
    return known(id=str(number), author=user_of(one["operator"]), date=moment(one["at"]), text=one["text"])
