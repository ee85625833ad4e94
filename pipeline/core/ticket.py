"""A trouble ticket (TMF621): its lifecycle, and what an incident's new revision asks of it."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.operation import Comment
from pipeline.core.paging import felt
from pipeline.core.reason import Reason
from pipeline.core.routing import Audience, Routing, hidden_by
from pipeline.core.wording import (
    LISTED,
    description,
    headline,
    plain,
    related_entities,
    related_parties,
    rfc3339,
    severity_word,
)


class TicketStatus(StrEnum):
    """The statuses of TMF621 v4 (``TroubleTicketStatusType``)."""

    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "inProgress"
    PENDING = "pending"
    HELD = "held"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


TRANSITIONS: dict[TicketStatus, frozenset[TicketStatus]] = {
    TicketStatus.ACKNOWLEDGED: frozenset({TicketStatus.IN_PROGRESS, TicketStatus.REJECTED, TicketStatus.CANCELLED}),
    TicketStatus.IN_PROGRESS: frozenset({TicketStatus.HELD, TicketStatus.PENDING, TicketStatus.RESOLVED, TicketStatus.CANCELLED}),
    TicketStatus.HELD: frozenset({TicketStatus.IN_PROGRESS}),
    TicketStatus.PENDING: frozenset({TicketStatus.IN_PROGRESS, TicketStatus.CANCELLED}),
    TicketStatus.RESOLVED: frozenset({TicketStatus.CLOSED, TicketStatus.IN_PROGRESS}),
    TicketStatus.CLOSED: frozenset(),
    TicketStatus.REJECTED: frozenset(),
    TicketStatus.CANCELLED: frozenset(),
}
"""Which status may follow which (TMF621 user guide, trouble ticket lifecycle)."""

FINAL = frozenset(status for status, after in TRANSITIONS.items() if not after)
"""Statuses of tickets that take no more changes."""

FROM_TICKET = "ticket:"
"""How the name begins by which an incident shows what somebody did in its ticket; that is not noted on the ticket once more."""


def path(status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
    """The statuses to pass, ``goal`` last; empty when already there, ``None`` when ``goal`` cannot be reached any more."""
    ways: deque[tuple[TicketStatus, ...]] = deque([()])
    seen = {status}
    while ways:
        way = ways.popleft()
        here = way[-1] if way else status
        if here is goal:
            return way
        steps = sorted(TRANSITIONS[here] - seen)
        seen.update(steps)
        ways.extend((*way, step) for step in steps)
    return None


class Action(StrEnum):
    """What one receiver is to be told."""

    OPEN = "open"
    UPDATE = "update"
    REOPEN = "reopen"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Decision:
    """The actions one receiver is owed, in order, and why; no action has its reason too."""

    actions: tuple[Action, ...]
    reason: Reason


def decide(incident: Incident, previous: Incident | None, routing: Routing, at: int) -> tuple[Effect, ...]:
    """The effects of an incident's new revision on its one ticket. Who is notified is decided by :mod:`pipeline.core.paging`.

    ``previous`` is the revision before, ``None`` at first; ``at`` is the time of decision in UTC nanoseconds. The same input gives the
    same keys, so a replay asks for nothing new.
    """
    ticket = judge_ticket(incident, previous, routing)
    return tuple(_ticket_effect(action, incident, previous, routing, ticket.reason, at) for action in ticket.actions)


def judge_ticket(incident: Incident, previous: Incident | None, routing: Routing) -> Decision:
    """As :func:`judge` for the ticket system, but a resolve that might be owed is sent, and what people did is noted on the ticket.

    An incident that grew slight before it ended, or before planned work or a shelf took it over, may have a ticket from an earlier
    revision; to resolve none is harmless.
    """
    decision = judge(incident, previous, routing.tickets)
    if decision.actions or previous is None or hidden_by(previous) or previous.state is not IncidentState.OPEN:
        return decision
    if incident.state is IncidentState.RESOLVED and previous.revision > 1:
        return Decision((Action.RESOLVE,), Reason.ALL_CLEAR)
    if hidden := hidden_by(incident):
        return Decision((Action.RESOLVE,), hidden)
    if routing.tickets.refusal(incident) is None and (done := _done_by_people(previous, incident)):
        return Decision((Action.UPDATE,), done)
    return decision


def _done_by_people(previous: Incident, incident: Incident) -> Reason | None:
    by = incident.acknowledged_by
    if by != previous.acknowledged_by and not by.startswith(FROM_TICKET):
        return Reason.ACKNOWLEDGED if by else Reason.UN_ACKNOWLEDGED
    return Reason.COMMENTED if _said(incident, previous) else None


def _said(incident: Incident, previous: Incident | None) -> list[Comment]:
    """What people remarked since, other than in the ticket itself."""
    known = set(previous.comments) if previous is not None else set()
    return [one for one in incident.comments if one not in known and not one.operator.startswith(FROM_TICKET)]


def judge(incident: Incident, previous: Incident | None, audience: Audience) -> Decision:
    """What ``audience`` is owed by an incident's step from ``previous`` to ``incident``."""
    known = previous if previous is not None and audience.refusal(previous) is None else None
    if incident.state is IncidentState.RESOLVED:
        return _judge_end(incident, previous, known, audience)
    refusal = audience.refusal(incident)
    if known is None or previous is None:
        return Decision((), refusal) if refusal else _judge_start(previous)
    if known.state is IncidentState.RESOLVED:
        return Decision((), refusal) if refusal else Decision((Action.REOPEN,), Reason.RAISED_AFTER_CLEAR)
    if refusal is not None and refusal is hidden_by(incident):
        return Decision((Action.RESOLVE,), refusal)
    change = meaningful(known, incident)
    return Decision((Action.UPDATE,), change) if change else Decision((), Reason.REPEATED)


def _judge_start(previous: Incident | None) -> Decision:
    if previous is None:
        return Decision((Action.OPEN,), Reason.ROOT_CAUSE_FOUND)
    if hidden := hidden_by(previous):
        ended = Reason.MAINTENANCE_ENDED if hidden is Reason.MAINTENANCE_WINDOW else Reason.UN_SHELVED
        return Decision((Action.OPEN, Action.REOPEN), ended)
    return Decision((Action.OPEN,), Reason.EVIDENCE_REVISED)


def _judge_end(incident: Incident, previous: Incident | None, known: Incident | None, audience: Audience) -> Decision:
    if previous is None:
        refusal = audience.refusal(incident)
        return Decision((), refusal) if refusal else Decision((Action.OPEN, Action.RESOLVE), Reason.ALL_CLEAR)
    if previous.state is IncidentState.RESOLVED:
        return Decision((), Reason.ALREADY_SEEN)
    if known is None:
        return Decision((), audience.refusal(previous) or Reason.BELOW_SEVERITY)
    return Decision((Action.RESOLVE,), Reason.ALL_CLEAR)


def meaningful(previous: Incident, incident: Incident) -> Reason | None:
    """Why a revision is worth telling: another cause or other impacts, a confirmation, another severity; ``None`` when it is not."""
    if previous.root_cause != incident.root_cause or felt(previous) != felt(incident):
        return Reason.EVIDENCE_REVISED
    if incident.confirmed_by and not previous.confirmed_by:
        return Reason.CONFIRMED_BY_POLL
    return Reason.SEVERITY_CHANGED if incident.severity != previous.severity else None


_TICKET_KINDS = {
    Action.OPEN: EffectKind.TICKET_OPEN,
    Action.UPDATE: EffectKind.TICKET_UPDATE,
    Action.REOPEN: EffectKind.TICKET_UPDATE,
    Action.RESOLVE: EffectKind.TICKET_RESOLVE,
}


def _ticket_effect(action: Action, incident: Incident, previous: Incident | None, routing: Routing, reason: Reason, at: int) -> Effect:
    suffix = {Action.OPEN: "open", Action.RESOLVE: f"resolve:r{incident.revision}"}.get(action, f"r{incident.revision}")
    return Effect(
        key=f"ticket:{incident.id}:{suffix}",
        kind=_TICKET_KINDS[action],
        subject=incident.id,
        route=routing.tickets.system,
        decided_at=at,
        reason=reason.value,
        body={
            "incident": incident.id,
            "ticket": ticket_fields(incident),
            "note": "" if action is Action.OPEN else _note(action, incident, previous, reason),
            "started_at": incident.started_at,
            "resolved_at": incident.resolved_at,
            "services": _suffered(incident),
            "reopen": action is Action.REOPEN,
            "ended_at": previous.resolved_at if action is Action.REOPEN and previous is not None else 0,
            "domain": incident.domain,
        },
    )


def _suffered(incident: Incident) -> list[dict[str, Any]]:
    """The services whose agreements are looked at when the ticket is written: how each fares, since when, and by which planned work."""
    lasts = incident.state is IncidentState.OPEN
    return [
        {"service": impact.service, "state": impact.state.value, "since_at": impact.since_at, "excluded": incident.planned, "lasts": lasts}
        for impact in incident.impacts[:LISTED]
    ]


def ticket_fields(incident: Incident) -> dict[str, Any]:
    """The TMF621 v4 fields that we write (``TroubleTicket_Create`` without status): JSON-ready, texts made plain."""
    return {
        "name": headline(incident),
        "description": description(incident),
        "severity": severity_word(incident.severity),
        "ticketType": "incident",
        "externalId": incident.id,
        "relatedEntity": related_entities(incident),
        "relatedParty": related_parties(incident),
    }


def _note(action: Action, incident: Incident, previous: Incident | None, reason: Reason) -> str:
    if action is Action.RESOLVE:
        ended = f" at {rfc3339(incident.resolved_at)}" if incident.resolved_at else ""
        return f"Resolved{ended} ({reason.value}). {headline(incident)}"
    if previous is not None and previous.root_cause != incident.root_cause:
        return f"The root cause is now {headline(incident)} ({reason.value})."
    if told := _what_people_did(incident, previous, reason):
        return told
    return f"Revision {incident.revision} ({reason.value}): {headline(incident)}"


def _what_people_did(incident: Incident, previous: Incident | None, reason: Reason) -> str:
    first = {
        Reason.ACKNOWLEDGED: f"Acknowledged by {plain(incident.acknowledged_by)} at {rfc3339(incident.acknowledged_at)}.",
        Reason.UN_ACKNOWLEDGED: "The acknowledgement was taken back.",
        Reason.COMMENTED: "",
    }.get(reason)
    if first is None:
        return ""
    said = [f"{plain(one.operator)}: {plain(one.text)}" for one in _said(incident, previous)]
    return "\n".join([*([first] if first else []), *said])
