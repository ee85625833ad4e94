"""Incidents that nobody heeds: who is told further by the escalation rules, and when it is looked at again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.core.context import Context
from pipeline.core.domain import DomainState, IncidentRow
from pipeline.core.escalation import Escalated, rule_for
from pipeline.core.shelf import covering


def heed(context: Context, state: DomainState) -> list[tuple[str, str, tuple[str, ...], int]]:
    """Open incidents that nobody has acknowledged in time: id, rule, routes to be told, and for how long (nanoseconds).

    Each has its count of escalations raised, and waits to be described.
    """
    if state.replan_at and state.now >= state.replan_at:
        state.plan_anew(context)
        state.heed_at.update(dict.fromkeys(state.open, 0))
    if not context.routing.escalations:
        return []
    due = sorted(name for name, at in state.heed_at.items() if at <= state.now)
    return [found for name in due if (found := _heed_one(context, state, state.incidents[name])) is not None]


def _heed_one(context: Context, state: DomainState, row: IncidentRow) -> tuple[str, str, tuple[str, ...], int] | None:
    incident, handling = row.incident, row.handling
    if incident is None or row.id in state.touched:  # it is described within this tick, and looked at in the next
        return None
    rule = None if handling.acknowledged_by else rule_for(incident, context.routing.escalations)
    window = covering(state.windows, context.topology, row.hypothesis.root, state.now) if rule else None
    if rule is None or window is not None:
        if handling.unheeded_since:
            state.put_incident(replace(row, handling=replace(handling, unheeded_since=0)))
        _heed_again(state, row.id, window.ends_at if window is not None else 0)
        return None
    if not handling.unheeded_since:
        handling = replace(handling, unheeded_since=state.now, unheeded_base=handling.escalation)
        state.put_incident(replace(row, handling=handling))
    done, waited = handling.escalation - handling.unheeded_base, state.now - handling.unheeded_since
    step = rule.due(done, waited)
    after = rule.at_step(step + 1)
    _heed_again(state, row.id, handling.unheeded_since + after if after >= 0 else 0)
    if step == done:
        return None
    routes = tuple(dict.fromkeys(rule.route_at(each) for each in range(done + 1, step + 1)))
    state.put_incident(replace(state.incidents[row.id], handling=replace(handling, escalation=handling.unheeded_base + step)))
    state.touched.add(row.id)
    return row.id, rule.name, routes, waited


def _heed_again(state: DomainState, name: str, at: int) -> None:
    if at:
        state.heed_at[name] = at
    else:
        state.heed_at.pop(name, None)


def escalated(state: DomainState, found: Sequence[tuple[str, str, tuple[str, ...], int]]) -> Iterator[Escalated]:
    """What :func:`heed` found, with the incidents as they are described now."""
    for name, rule, routes, waited in found:
        incident = state.incidents[name].incident
        if incident is not None:
            yield Escalated(incident, rule, routes, waited)
