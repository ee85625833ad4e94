"""Who is told of an incident: types that ``rules/routing.yaml`` is decoded into, and whether an incident is for a receiver."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
class TicketRule:
    """Which incidents get a trouble ticket: any that a service feels, and any other of at least ``min_severity``.

    ``system`` names the output that keeps the tickets.
    """

    system: str = "tmf621"
    min_severity: Severity = Severity.MAJOR

    def refusal(self, incident: Incident) -> Reason | None:
        """``MAINTENANCE_WINDOW`` for planned work, ``BELOW_SEVERITY`` for what is slight and that no service feels."""
        if incident.planned:
            return Reason.MAINTENANCE_WINDOW
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
        """``MAINTENANCE_WINDOW``, ``BELOW_SEVERITY`` or ``NO_SERVICE_AFFECTED`` (none of a wanted tier)."""
        if incident.planned:
            return Reason.MAINTENANCE_WINDOW
        if incident.severity < self.min_severity:
            return Reason.BELOW_SEVERITY
        if self.tiers and not any(impact.tier in self.tiers for impact in incident.impacts):
            return Reason.NO_SERVICE_AFFECTED
        return None


@dataclass(frozen=True, slots=True)
class Routing:
    """Everybody who is told: the ticket system, and the notification routes in the order of the file."""

    routes: tuple[Route, ...] = ()
    tickets: TicketRule = field(default_factory=TicketRule)
