"""Who is told, held together: every name in ``rules/routing.yaml`` must be of something, and every route must tell somebody."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.routing_form import RoutingFile, RoutingTest
from pipeline.config.rule_files import RuleFile
from pipeline.core.escalation import MINUTE_NS, Escalation, rule_for
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.roster import Hours, OnCall
from pipeline.core.routing import Route, Routing, Traits, hidden_by, walk

if TYPE_CHECKING:
    from pipeline.config.rule_set import RuleSet

Outcome = tuple[Mapping[str, Any], Mapping[str, Any] | str]


def routing_of(files: Iterable[RuleFile[RoutingFile]]) -> Routing:
    """The routing of the one file, telling every part of it that could not work."""
    for file in files:
        form = file.form
        routing = Routing(form.routes, form.tickets, form.escalations, form.hours, form.holidays, form.people, form.on_call)
        _tell_names(file)
        _tell_routes(file, routing)
        for place, rule in enumerate(form.escalations):
            _tell_wrong_escalation(file, ("escalations", place), rule, tuple(route.name for route in walk(form.routes)))
        return routing
    return Routing()


def _tell_names(file: RuleFile[RoutingFile]) -> None:
    """Names that stand twice, and names of nothing."""
    form = file.form
    sections: dict[str, tuple[str, Sequence[Any]]] = {
        "hours": ("hours", form.hours),
        "holidays": ("holidays", form.holidays),
        "people": ("person", form.people),
        "on_call": ("schedule", form.on_call),
        "escalations": ("escalation", form.escalations),
    }
    for section, (what, entries) in sections.items():
        seen: set[str] = set()
        for place, entry in enumerate(entries):
            if entry.name in seen:
                file.tell((section, place, "name"), f"the {what} '{entry.name}' stands twice", "rename one")
            seen.add(entry.name)
    holidays, people = [each.name for each in form.holidays], [each.name for each in form.people]
    calendared: dict[str, Sequence[Hours | OnCall]] = {"hours": form.hours, "on_call": form.on_call}
    for section, clocks in calendared.items():
        for place, clocked in enumerate(clocks):
            if clocked.holidays and clocked.holidays not in holidays:
                file.tell((section, place, "holidays"), f"'{clocked.holidays}' are no holidays", did_you_mean(clocked.holidays, holidays))
    for place, schedule in enumerate(form.on_call):
        for name in dict.fromkeys(schedule.people()):
            if name not in people:
                file.tell(("on_call", place), f"'{name}' is none of the people", did_you_mean(name, people) or "add them to people")


def _tell_routes(file: RuleFile[RoutingFile], routing: Routing) -> None:
    seen: set[str] = set()
    hours, schedules = [each.name for each in routing.hours], list(routing.schedules)
    filled = routing.by_name
    for path, route in _placed(file.form.routes, ("routes",)):
        if route.name in seen:
            file.tell((*path, "name"), f"the route '{route.name}' stands twice", "rename one")
        seen.add(route.name)
        for key in ("during", "outside"):
            name = getattr(route, key)
            if name and name not in hours:
                file.tell((*path, key), f"'{name}' are no hours", did_you_mean(name, hours) or "add them to hours")
        if route.on_call and route.on_call not in schedules:
            remedy = did_you_mean(route.on_call, schedules) or "add it to on_call"
            file.tell((*path, "on_call"), f"'{route.on_call}' is no schedule", remedy)
        for key in ("hold_down_s", "group_interval_s", "repeat_min"):
            if (getattr(route, key) or 0) < 0:
                file.tell((*path, key), f"{getattr(route, key):g} is less than nothing", "write 0 or more")
        whole = filled[route.name]
        if not (whole.silent or whole.named or whole.on_call or route.routes):
            file.tell(path, f"the route '{route.name}' tells nobody", "add receivers or on_call, or say silent: true")
        if route.silent and (route.named or route.on_call):
            file.tell((*path, "silent"), "a silent route tells nobody", "take its receivers out, or silent")


def _placed(routes: Sequence[Route], path: Path_) -> Iterator[tuple[Path_, Route]]:
    for place, route in enumerate(routes):
        yield (*path, place), route
        yield from _placed(route.routes, (*path, place, "routes"))


def _tell_wrong_escalation(file: RuleFile[RoutingFile], path: Path_, rule: Escalation, routes: Sequence[str]) -> None:
    if not rule.levels:
        file.tell((*path, "levels"), "nobody is told", "write at least one level: {after_min: 10, route: on-call}")
    before = 0.0
    for place, level in enumerate(rule.levels):
        at = (*path, "levels", place)
        if level.route not in routes:
            file.tell((*at, "route"), f"'{level.route}' is not a route", did_you_mean(level.route, routes))
        if level.after_min <= before:
            file.tell((*at, "after_min"), f"{level.after_min:g} min is not after {before:g} min", "let the levels follow one another")
        before = level.after_min
    if rule.repeat_min < 0:
        file.tell((*path, "repeat_min"), f"{rule.repeat_min:g} is less than nothing", "write minutes, or 0 for never")


def incident_of(test: RoutingTest) -> Incident:
    """An incident as a test describes it; a customer of each tier feels it."""
    impacts = tuple(Impact(f"s-{tier}", "customer", "contract", tier, ServiceState.DOWN, 0) for tier in test.tiers)
    severity = test.severity
    assert severity is not None
    planned = "window" if test.planned else ""
    cause = ResourceId("link/test")
    return Incident("i", "default", cause, IncidentState.OPEN, severity, "", (), (), impacts, 0, 0, planned=planned)


def traits_of(test: RoutingTest) -> Traits:
    """What routes look at of it."""
    assert test.severity is not None
    return Traits(test.severity, test.tiers, test.services, test.customers, test.sites, test.regions, ResourceId("link/test"))


def check_routing(test: RoutingTest, rules: "RuleSet") -> Outcome:
    """What a test expects, and what is so."""
    routing = rules.routing
    if test.on_call:
        schedule = routing.schedules.get(test.on_call)
        if schedule is None:
            return {}, f"'{test.on_call}' is no schedule; {did_you_mean(test.on_call, routing.schedules)}"
        return {"person": test.person}, {"person": schedule.duty(test.at, routing.calendars)[0]}
    if test.severity is None:
        return {}, "a test has a severity and says who is told, or has on_call and says which person is"
    incident = incident_of(test)
    steps = routing.trail(traits_of(test), test.at) if hidden_by(incident) is None else ()
    told = [step.route.name for step in steps if step.reason is None and step.route.events]
    receivers = dict.fromkeys(target.receiver for name in told for target in routing.targets(name, test.at))
    rule = rule_for(incident, routing.escalations)
    due = range(1, rule.due(0, round(test.after_min * MINUTE_NS)) + 1) if rule else ()
    further = [rule.route_at(step) for step in due] if rule else []
    expected: dict[str, Any] = {"routes": " ".join(test.routes), "escalated": " ".join(test.escalated)}
    if test.ticket is not None:
        expected["ticket"] = test.ticket
    if test.receivers is not None:
        expected["receivers"] = " ".join(test.receivers)
    actual = {
        "routes": " ".join(told),
        "escalated": " ".join(further),
        "ticket": routing.tickets.refusal(incident) is None,
        "receivers": " ".join(receivers),
    }
    return expected, actual
