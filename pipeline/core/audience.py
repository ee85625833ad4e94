"""Who would be told of an incident, and why: every route that is looked at, the ticket, and who further while nobody acknowledges."""

from collections.abc import Iterator
from typing import Any

from pipeline.core.escalation import MINUTE_NS, rule_for
from pipeline.core.incident import Incident
from pipeline.core.routing import Route, Routing, Target, Traits, group_of, hidden_by

Json = dict[str, Any]
FURTHER = 1
"""How many repetitions of an escalation's last level are foretold; they go on like that."""


def foretold(routing: Routing, incident: Incident, traits: Traits, at: int) -> Json:
    """What would happen if the incident opened at ``at`` (UTC nanoseconds) and nobody acknowledged it; JSON-ready.

    ``hidden`` is the policy by which nobody is told (empty: none). Each of ``routes`` has its ``depth`` in the tree and a ``reason`` when
    it is not taken; each of ``receivers`` may have the ``person`` who is on call.
    """
    hidden = hidden_by(incident)
    steps = routing.trail(traits, at)
    ticket = routing.tickets.refusal(incident)
    return {
        "at": at,
        "severity": traits.severity.name.lower(),
        "tiers": [tier.value for tier in traits.tiers],
        "services": list(traits.services),
        "customers": list(traits.customers),
        "sites": list(traits.sites),
        "regions": list(traits.regions),
        "hidden": hidden.value if hidden else "",
        "routes": [
            {
                "route": step.route.name,
                "depth": step.depth,
                "told": step.reason is None and hidden is None,
                "reason": hidden.value if hidden else step.reason.value if step.reason else "",
                "detail": step.detail,
                **(_told(routing, step.route, traits, at) if step.reason is None and hidden is None else {"receivers": []}),
            }
            for step in steps
        ],
        "ticket": {"opened": ticket is None, "system": routing.tickets.system, "reason": ticket.value if ticket else ""},
        "escalations": list(_further(routing, incident, at)),
    }


def _told(routing: Routing, route: Route, traits: Traits, at: int) -> Json:
    first_at = at + round((route.hold_down_s or 0.0) * 1_000_000_000)
    return {
        "receivers": [_receiver(target) for target in routing.targets(route.name, first_at)],
        "first_at": first_at,
        "events": [event.value for event in route.events or ()],
        "group": group_of(route, traits),
        "repeat_min": route.repeat_min or 0.0,
    }


def _receiver(target: Target) -> Json:
    return {"receiver": target.receiver, "person": target.person, "why": target.why}


def _further(routing: Routing, incident: Incident, at: int) -> Iterator[Json]:
    rule = rule_for(incident, routing.escalations)
    for step in range(1, len(rule.levels) + FURTHER + 1) if rule else ():
        assert rule is not None
        after = rule.at_step(step)
        if after < 0:
            return
        route = rule.route_at(step)
        receivers = [_receiver(target) for target in routing.targets(route, at + after)]
        every = rule.repeat_min if step > len(rule.levels) else 0.0
        told = {"rule": rule.name, "after_min": after / MINUTE_NS, "repeat_min": every, "at": at + after}
        yield {**told, "route": route, "receivers": receivers}


def watch(routing: Routing, name: str, at: int, until: int) -> Json:
    """Who is on call by a schedule at ``at``, and who from when to when until ``until``; JSON-ready. Raises ``KeyError`` without it."""
    schedule = routing.schedules[name]
    person, why = schedule.duty(at, routing.calendars)
    receivers = next((list(each.receivers) for each in routing.people if each.name == person), [])
    shifts = [
        {"from": began, "until": ended, "person": who, "why": reason}
        for began, ended, who, reason in schedule.shifts(at, until, routing.calendars)
    ]
    return {
        "schedule": name,
        "timezone": schedule.timezone,
        "at": at,
        "person": person,
        "why": why,
        "receivers": receivers,
        "shifts": shifts,
    }
