"""Who is told of an incident: types that ``rules/routing.yaml`` is decoded into, and whether an incident is for a receiver."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pipeline.core.escalation import Escalation
from pipeline.core.event import Severity
from pipeline.core.incident import Incident
from pipeline.core.inventory import Tier
from pipeline.core.reason import Reason


class Occasion(StrEnum):
    """What of an incident's life a receiver is told."""

    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"


class Audience(Protocol):
    """Somebody who may be told of incidents."""

    def refusal(self, incident: Incident) -> Reason | None:
        """Why this incident is not for them; ``None`` when it is."""


def hidden_by(incident: Incident) -> Reason | None:
    """By which policy nobody is told of an incident for now; ``None`` by none."""
    if incident.planned:
        return Reason.MAINTENANCE_WINDOW
    return Reason.SHELVED if incident.shelved else None


@dataclass(frozen=True, slots=True)
class TicketRule:
    """Which incidents get a trouble ticket: any that a service feels, and any other of at least ``min_severity``.

    ``system`` names the output that keeps the tickets.
    """

    system: str = "tmf621"
    min_severity: Severity = Severity.MAJOR

    def refusal(self, incident: Incident) -> Reason | None:
        """``MAINTENANCE_WINDOW`` for planned work, ``SHELVED``, ``BELOW_SEVERITY`` for what is slight and that no service feels."""
        if hidden := hidden_by(incident):
            return hidden
        if not incident.impacts and incident.severity < self.min_severity:
            return Reason.BELOW_SEVERITY
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """Sends incidents of at least ``min_severity`` to the webhook named ``webhook``.

    ``tiers`` narrows it to incidents that a customer of one of these tiers feels (empty: all incidents, felt or not); ``events`` are the
    occasions that are sent.
    """

    name: str
    webhook: str
    min_severity: Severity = Severity.MAJOR
    tiers: tuple[Tier, ...] = ()
    events: tuple[Occasion, ...] = (Occasion.OPENED, Occasion.UPDATED, Occasion.RESOLVED)

    def refusal(self, incident: Incident) -> Reason | None:
        """``MAINTENANCE_WINDOW``, ``SHELVED``, ``BELOW_SEVERITY`` or ``NO_SERVICE_AFFECTED`` (none of a wanted tier)."""
        if hidden := hidden_by(incident):
            return hidden
        if incident.severity < self.min_severity:
            return Reason.BELOW_SEVERITY
        if self.tiers and not any(impact.tier in self.tiers for impact in incident.impacts):
            return Reason.NO_SERVICE_AFFECTED
        return None


@dataclass(frozen=True, slots=True)
class Routing:
    """Everybody who is told: the ticket system, the notification routes, and who further when nobody acknowledges; in order of the file."""

    routes: tuple[Route, ...] = ()
    tickets: TicketRule = field(default_factory=TicketRule)
    escalations: tuple[Escalation, ...] = ()

    @property
    def webhooks(self) -> dict[str, str]:
        """The webhook of each route, by the route's name."""
        return {route.name: route.webhook for route in self.routes}
