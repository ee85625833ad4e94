"""The form of ``rules/routing.yaml``."""

from dataclasses import dataclass

from pipeline.core.escalation import Escalation
from pipeline.core.event import Severity
from pipeline.core.inventory import Moment, Tier
from pipeline.core.roster import Holidays, Hours, OnCall
from pipeline.core.routing import Person, Route, TicketRule


@dataclass(frozen=True, slots=True)
class RoutingTest:
    """An incident, and who must be told; or a schedule (``on_call``), and which ``person`` must be on call, at a time.

    Of an incident: the names of ``routes`` that are told of more than escalations, whether it gets a ``ticket``, and if written the
    ``receivers`` that are told first.
    ``escalated`` are the routes that were told further, in order, when nobody has acknowledged it ``after_min`` minutes later.
    """

    severity: Severity | None = None
    routes: tuple[str, ...] = ()
    ticket: bool | None = None
    tiers: tuple[Tier, ...] = ()
    planned: bool = False
    after_min: float = 0.0
    escalated: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    at: Moment = 0
    receivers: tuple[str, ...] | None = None
    on_call: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class RoutingFile:
    """``rules/routing.yaml``."""

    tickets: TicketRule
    routes: tuple[Route, ...]
    tests: tuple[RoutingTest, ...]
    escalations: tuple[Escalation, ...] = ()
    hours: tuple[Hours, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    people: tuple[Person, ...] = ()
    on_call: tuple[OnCall, ...] = ()
