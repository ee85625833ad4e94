"""Who is told of an incident: the tree of ``rules/routing.yaml``, and which of its routes an incident takes at a time, and why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Protocol

from pipeline.core.escalation import Escalation
from pipeline.core.event import Severity
from pipeline.core.incident import Incident
from pipeline.core.inventory import Site, Tier
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, name_of
from pipeline.core.roster import Holidays, Hours, OnCall
from pipeline.core.topology import Topology


class Occasion(StrEnum):
    """What of an incident's life a receiver is told."""

    OPENED = "opened"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class GroupBy(StrEnum):
    """What incidents have in common that are told as one."""

    SITE = "site"
    REGION = "region"
    ROOT_CAUSE = "root-cause"
    SEVERITY = "severity"
    TIER = "tier"
    CUSTOMER = "customer"


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
class Traits:
    """What routes look at of an incident. ``tiers`` and ``customers`` are in the order of its impacts, the most valuable first."""

    severity: Severity
    tiers: tuple[Tier, ...] = ()
    services: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    root_cause: ResourceId = ResourceId("")  # noqa: RUF009  # a name for text

    @classmethod
    def of(cls, incident: Incident, topology: Topology | None, known: Mapping[str, Site]) -> "Traits":
        """Those of an incident; where it is, is where its root cause hangs on, or for a fibre or duct what hangs on it.

        Without a topology places are left out; ``known`` are the inventory's sites, which tell the regions.
        """
        sites = sites_of(topology, incident.root_cause) if topology is not None else ()
        return cls(
            severity=incident.severity,
            tiers=tuple(dict.fromkeys(impact.tier for impact in incident.impacts)),
            services=tuple(impact.service for impact in incident.impacts),
            customers=tuple(dict.fromkeys(impact.customer for impact in incident.impacts)),
            sites=sites,
            regions=tuple(sorted({known[site].region for site in sites if site in known and known[site].region})),
            root_cause=incident.root_cause,
        )


def sites_of(topology: Topology, resource: ResourceId) -> tuple[str, ...]:
    """The sites of a resource; none for one that the topology does not have."""
    found: set[str] = set()
    node = topology.node(resource)
    near = {node} if node is not None else set()
    for _ in range(_NEAR):
        above = {above for each in near for above in (each, *topology.upstream(each))}
        found |= {name_of(topology.names[each]) for each in above if topology.kinds[each] is ResourceKind.SITE}
        if found:
            break
        near = {below for each in near for below in topology.children[each]}
    return tuple(sorted(found))


_NEAR = 4
"""How many steps down a place is looked for: from a duct over fibre and link."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be on call, and by which receivers of the settings."""

    name: str
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A place in the tree: which incidents come here, and who is told of them, when.

    Conditions, each left out when empty: at least ``min_severity``; a customer of one of ``tiers`` feels it; one of ``services`` does, or
    one of ``customers`` (patterns: ``acme-*``); its cause is at one of ``sites`` or ``regions``; it is within the hours named ``during``,
    outside those named ``outside``.

    Told are the ``receivers`` of the settings (``webhook`` is another word for one), and whoever is on call by the schedule ``on_call``;
    nobody when ``silent``. ``events`` are the occasions that are sent. The first word comes after ``hold_down_s``, and not at all if it is
    over by then. Incidents with the same ``group_by`` are told as one, news of them at most every ``group_interval_s``. Until somebody
    acknowledges, it is told again every ``repeat_min`` (0: never).

    ``routes`` are narrower: the first that fits is taken in this one's place, with ``go_on`` those after it too. They have what is said
    here and not there.
    """

    name: str
    webhook: str = ""
    min_severity: Severity | None = None
    tiers: tuple[Tier, ...] = ()
    events: tuple[Occasion, ...] | None = None
    receivers: tuple[str, ...] = ()
    on_call: str = ""
    services: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    during: str = ""
    outside: str = ""
    silent: bool = False
    hold_down_s: float | None = None
    group_by: tuple[GroupBy, ...] = ()
    group_interval_s: float | None = None
    repeat_min: float | None = None
    go_on: bool = False
    routes: tuple["Route", ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Its receivers, each once."""
        return tuple(dict.fromkeys((self.webhook, *self.receivers) if self.webhook else self.receivers))

    def under(self, above: "Route") -> "Route":
        """This one with what the one above says and it does not; conditions stay its own."""
        own = {"webhook": self.webhook, "receivers": self.receivers, "on_call": self.on_call}
        tells = self.silent or any(own.values())
        inherited = {} if tells else {name: getattr(above, name) for name in (*own, "silent")}
        inherited["group_by"] = self.group_by or above.group_by
        for name in ("events", "hold_down_s", "group_interval_s", "repeat_min"):
            inherited[name] = getattr(above, name) if getattr(self, name) is None else getattr(self, name)
        return replace(self, **inherited)


USUAL = Route(
    "",
    min_severity=Severity.MAJOR,
    events=(Occasion.OPENED, Occasion.UPDATED, Occasion.RESOLVED, Occasion.REPEATED),
    hold_down_s=0.0,
    group_interval_s=300.0,
    repeat_min=0.0,
)
"""What holds for a route that does not say otherwise; a narrower one has the severity of the one above."""


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver that a route tells; ``person`` is who is on call, empty for a receiver that the route names itself."""

    receiver: str
    person: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One route that was looked at: how deep it lies, and why it is not taken (``None``: it is); ``detail`` is the same for people."""

    route: Route
    depth: int
    reason: Reason | None
    detail: str


@dataclass(frozen=True)
class Routing:
    """Everybody who is told: the ticket system, the tree of routes, and who further when nobody acknowledges; in order of the file.

    At the top every route that fits is taken; below one, the first that fits.
    """

    routes: tuple[Route, ...] = ()
    tickets: TicketRule = field(default_factory=TicketRule)
    escalations: tuple[Escalation, ...] = ()
    hours: tuple[Hours, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    people: tuple[Person, ...] = ()
    on_call: tuple[OnCall, ...] = ()

    @cached_property
    def tree(self) -> tuple[Route, ...]:
        """The routes, each with what it has from above."""
        return tuple(_filled(route, USUAL) for route in self.routes)

    @cached_property
    def by_name(self) -> dict[str, Route]:
        """Every route of the tree, by its name."""
        return {route.name: route for route in walk(self.tree)}

    @cached_property
    def calendars(self) -> dict[str, Holidays]:
        """Holidays by name."""
        return {each.name: each for each in self.holidays}

    @cached_property
    def schedules(self) -> dict[str, OnCall]:
        """Who is on call, by the schedule's name."""
        return {each.name: each for each in self.on_call}

    @cached_property
    def by_hours(self) -> dict[str, Hours]:
        """Hours by name."""
        return {each.name: each for each in self.hours}

    @cached_property
    def looks_at_places(self) -> bool:
        """Whether any route wants to know where an incident is."""
        placed = {GroupBy.SITE, GroupBy.REGION}
        return any(route.sites or route.regions or placed & set(route.group_by) for route in walk(self.tree))

    @cached_property
    def clocked(self) -> tuple[Hours | OnCall, ...]:
        """Everything that may change who is told because time passes."""
        used = {name for route in walk(self.tree) for name in (route.during, route.outside)}
        on_call = {route.on_call for route in walk(self.tree)}
        return (*(each for each in self.hours if each.name in used), *(each for each in self.on_call if each.name in on_call))

    def traits(self, incident: Incident, topology: Topology, known: Mapping[str, Site]) -> Traits:
        """What the routes look at of an incident; ``known`` are the inventory's sites."""
        return Traits.of(incident, topology if self.looks_at_places else None, known)

    def chosen(self, traits: Traits, at: int) -> tuple[Route, ...]:
        """The routes that an incident takes at an instant (UTC nanoseconds)."""
        return tuple(step.route for step in self.trail(traits, at) if step.reason is None)

    def trail(self, traits: Traits, at: int) -> tuple[Step, ...]:
        """Every route that was looked at, in order of the file, and why it is taken or not."""
        return tuple(step for route in self.tree for step in self._looked(route, traits, at, 0))

    def _looked(self, route: Route, traits: Traits, at: int, depth: int) -> list[Step]:
        if refused := self._refusal(route, traits, at):
            return [Step(route, depth, *refused)]
        below: list[Step] = []
        stopped_by = taken_below = ""
        for narrower in route.routes:
            if stopped_by:
                below.append(Step(narrower, depth + 1, Reason.ROUTE_BEFORE, f"{stopped_by} before it fits"))
                continue
            found = self._looked(narrower, traits, at, depth + 1)
            below += found
            if found[0].reason in {None, Reason.NARROWER_ROUTE, Reason.SILENT_ROUTE}:
                taken_below = taken_below or narrower.name
                stopped_by = "" if narrower.go_on else narrower.name
        if taken_below:
            return [Step(route, depth, Reason.NARROWER_ROUTE, f"{taken_below} below it fits"), *below]
        if route.silent:
            return [Step(route, depth, Reason.SILENT_ROUTE, "it fits, and tells nobody"), *below]
        return [Step(route, depth, None, "it fits"), *below]

    def _refusal(self, route: Route, traits: Traits, at: int) -> tuple[Reason, str] | None:
        for condition in _CONDITIONS:
            if refused := condition(route, traits):
                return refused
        if route.during and not self.by_hours[route.during].hold(at, self.calendars):
            return Reason.OUTSIDE_HOURS, f"it is not during {route.during}"
        if route.outside and self.by_hours[route.outside].hold(at, self.calendars):
            return Reason.OUTSIDE_HOURS, f"it is during {route.outside}"
        return None

    def targets(self, name: str, at: int) -> tuple[Target, ...]:
        """Who a route tells at an instant, each receiver once; none for a route that there is no more, or while nobody is on call."""
        route = self.by_name.get(name)
        if route is None:
            return ()
        found = {receiver: Target(receiver) for receiver in route.named}
        for receiver in self._on_duty(route.on_call, at):
            found.setdefault(receiver.receiver, receiver)
        return tuple(found.values())

    def _on_duty(self, schedule: str, at: int) -> Iterator[Target]:
        on_call = self.schedules.get(schedule)
        if on_call is None:
            return
        name, why = on_call.duty(at, self.calendars)
        for person in self.people:
            if person.name == name:
                yield from (Target(receiver, name, f"{schedule}, {why}") for receiver in person.receivers)

    def lane(self, name: str, receiver: str) -> str:
        """What the effects of a route to one receiver are called: the route, and which of several receivers."""
        route = self.by_name.get(name)
        return name if route is not None and route.webhook == receiver else f"{name}/{receiver}"


def _filled(route: Route, above: Route) -> Route:
    own = route.under(above)
    severity = own.min_severity if own.min_severity is not None else above.min_severity
    own = replace(own, min_severity=severity)
    return replace(own, routes=tuple(_filled(each, own) for each in own.routes))


def walk(routes: Sequence[Route]) -> Iterator[Route]:
    """Every route of a tree, in order of the file."""
    for route in routes:
        yield route
        yield from walk(route.routes)


Refused = tuple[Reason, str]


def _by_severity(route: Route, traits: Traits) -> Refused | None:
    least = route.min_severity
    if least is None or traits.severity >= least:
        return None
    return Reason.BELOW_SEVERITY, f"{traits.severity.name.lower()} is below {least.name.lower()}"


def _by_tier(route: Route, traits: Traits) -> Refused | None:
    if not route.tiers or set(route.tiers) & set(traits.tiers):
        return None
    return Reason.OTHER_TIER, f"no {' or '.join(tier.value for tier in route.tiers)} customer feels it"


def _by_service(route: Route, traits: Traits) -> Refused | None:
    if not (route.services or route.customers):
        return None
    if _any_like(traits.services, route.services) or _any_like(traits.customers, route.customers):
        return None
    return Reason.OTHER_SERVICE, f"no service of {' or '.join((*route.services, *route.customers))} feels it"


def _by_place(route: Route, traits: Traits) -> Refused | None:
    if not (route.sites or route.regions):
        return None
    if _any_like(traits.sites, route.sites) or _any_like(traits.regions, route.regions):
        return None
    where = ", ".join(traits.sites) or "at no known site"
    return Reason.OTHER_PLACE, f"its cause is not at {' or '.join((*route.sites, *route.regions))}: {where}"


_CONDITIONS: tuple[Callable[[Route, Traits], Refused | None], ...] = (_by_severity, _by_tier, _by_service, _by_place)


def _any_like(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


_GROUPS: Mapping[GroupBy, Callable[[Traits], str]] = {
    GroupBy.SITE: lambda traits: " ".join(traits.sites),
    GroupBy.REGION: lambda traits: " ".join(traits.regions),
    GroupBy.ROOT_CAUSE: lambda traits: traits.root_cause,
    GroupBy.SEVERITY: lambda traits: traits.severity.name.lower(),
    GroupBy.TIER: lambda traits: traits.tiers[0].value if traits.tiers else "",
    GroupBy.CUSTOMER: lambda traits: " ".join(sorted(traits.customers)),
}


def group_of(route: Route, traits: Traits) -> str:
    """What an incident has in common with others of its group: ``site=ams``; empty where the route does not group, or nothing is known."""
    values = {by.value: _GROUPS[by](traits) for by in route.group_by}
    return ", ".join(f"{name}={value}" for name, value in values.items()) if all(values.values()) else ""
