"""Open incidents looked at again on a tick: resolved, held while they flap, described anew; each change is one revision."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

from pipeline.core.alarm import Alarm, AlarmKey
from pipeline.core.attachment import attached
from pipeline.core.context import Context
from pipeline.core.domain import DomainState, IncidentChange, IncidentRow
from pipeline.core.explain import Finding, explanation_of, sentence
from pipeline.core.handling import shelved_for
from pipeline.core.impact import Loss
from pipeline.core.incident import ABSORBED, Impact, Incident, IncidentState, in_order, severity_of
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.lifecycle import STATUS_CHANGES_KEPT
from pipeline.core.outage import Felt, Outage, ServiceState, answered, derive, split_at_window
from pipeline.core.points import points, texts
from pipeline.core.reason import Reason
from pipeline.core.shelf import NANOSECONDS, covering, covers, is_flapping, of_service
from pipeline.core.trace import TRACED
from pipeline.core.witness import witness

LARGE = 100
"""An incident of so many alarms is described again after a pause in proportion to them, if it still has the same cause."""

PAUSE_NS, LONGEST_PAUSE_NS = 2_000_000, 3 * NANOSECONDS
"""The pause for each alarm, and the longest: two seconds for a thousand alarms."""


def review(context: Context, state: DomainState) -> tuple[list[IncidentChange], list[Outage]]:
    """Look at incidents with news, and at those that time alone may change; the new revisions of all that are other than before."""
    later = {name for name in state.touched if _may_wait(state, name)}
    state.touched -= later
    waiting, names = state.waiting & later, (state.touched | state.waiting) - later
    news, at = set(state.touched), 0
    for name in sorted(names):
        row = state.incidents.get(name)
        happened_at = _look(context, state, row) if row is not None and not row.absorbed_by else 0
        if happened_at:
            news.add(name)
            at = max(at, happened_at)
    state.waiting = waiting | {name for name in names if name in state.open and _is_unfinished(state, state.incidents[name])}
    state.touched = later
    return _describe_all(context, state, news & state.incidents.keys(), at) if news else ([], [])


def _may_wait(state: DomainState, name: str) -> bool:
    """Whether an incident is so large, and was described so lately, that more of its alarms may come before it is described again."""
    row = state.incidents.get(name)
    if row is None or row.incident is None or row.resolved_at or row.revised or row.incident.root_cause != row.hypothesis.root:
        return False
    return state.now < row.described_at + min(len(row.members) * PAUSE_NS, LONGEST_PAUSE_NS)


def members(state: DomainState, row: IncidentRow) -> list[Alarm]:
    """An incident's alarms, those on its root first, then in the order in which they were raised."""
    root = row.hypothesis.root
    found = [(key.resource != root, alarm.last_raised_at, key, alarm) for key, alarm in _members(state, row)]
    found.sort(key=itemgetter(0, 1, 2))
    return [alarm for *_, alarm in found]


def _members(state: DomainState, row: IncidentRow) -> Iterator[tuple[AlarmKey, Alarm]]:
    """An incident's alarms by key."""
    for key in row.members:
        known = state.alarms.get(key)
        if known is not None:
            yield key, known.alarm


def _look(context: Context, state: DomainState, row: IncidentRow) -> int:
    """Resolve an incident that is over, note that it flaps or outlasts its window; when what changed it happened, 0 if nothing did."""
    alarms = [alarm for _, alarm in _members(state, row)]
    timing = context.timing
    opened_at = row.started_at if row.id in state.touched else 0
    if not row.resolved_at and not row.flapping and _flaps(context, state, alarms):
        state.counts[Reason.FLAPPING] += 1
        row = replace(row, flapping=True)
        state.put_incident(row)
        opened_at = row.started_at
    if row.resolved_at or _is_standing(state, row, alarms):
        return opened_at or _window_ended(state, row)
    cleared_at = max((alarm.cleared_at for alarm in alarms), default=row.started_at)
    if state.now < cleared_at + int((timing.flap_window_s if row.flapping else timing.settle_s) * NANOSECONDS):
        return max(opened_at, cleared_at) if row.id in state.touched else opened_at
    state.put_incident(replace(row, resolved_at=cleared_at))
    state.counts[Reason.ALL_CLEAR] += 1
    for key in row.members:
        if key in state.alarms:
            state.forget_witness(key)
    return cleared_at


def _flaps(context: Context, state: DomainState, alarms: Sequence[Alarm]) -> bool:
    timing = context.timing
    least = min(timing.flap_changes, STATUS_CHANGES_KEPT)
    lively = (alarm for alarm in alarms if len(alarm.status_changes) >= least)
    return any(is_flapping(alarm, state.now, timing.flap_changes, timing.flap_window_s) for alarm in lively)


def _is_standing(state: DomainState, row: IncidentRow, alarms: Iterable[Alarm]) -> bool:
    return any(not alarm.is_cleared for alarm in alarms) or not state.pending.isdisjoint(row.members)


def _window_ended(state: DomainState, row: IncidentRow) -> int:
    """When the maintenance window ended that the incident was last said to be planned by, if it has by now or is cancelled."""
    planned = row.incident.planned if row.incident is not None else ""
    if not planned:
        return 0
    window = next((window for window in state.windows if window.name == planned), None)
    if window is None:
        return state.now
    return window.ends_at if window.ends_at < state.now else 0


def _is_unfinished(state: DomainState, row: IncidentRow) -> bool:
    """Whether time alone will change an open incident: it is clear and waits, may begin to flap, or has a window that will end."""
    alarms = (alarm for _, alarm in _members(state, row))
    return row.incident is None or bool(row.incident.planned) or not _is_standing(state, row, alarms)


def _describe_all(context: Context, state: DomainState, news: set[str], at: int) -> tuple[list[IncidentChange], list[Outage]]:
    """Describe incidents with news, and others that feel them: a service that two of them take down together is told once."""
    near = (news | state.felt_anew()) & state.open.keys()
    rows = sorted((state.incidents[name] for name in near), key=lambda row: (row.started_at, row.id))
    changes: list[IncidentChange] = []
    outages: list[Outage] = []
    for row in (*rows, *(state.incidents[name] for name in sorted(news - state.open.keys()))):
        losses = state.impacts.losses(row.id) if row.id in state.open else None
        if row.id in news or losses != _last_felt(row):
            _describe(context, state, row, losses, at, changes, outages)
    return changes, outages


def _last_felt(row: IncidentRow) -> dict[str, Loss]:
    return {impact.service: Loss(impact.state, impact.share) for impact in row.incident.impacts} if row.incident is not None else {}


def _describe(
    context: Context,
    state: DomainState,
    row: IncidentRow,
    losses: dict[str, Loss] | None,
    at: int,
    changes: list[IncidentChange],
    outages: list[Outage],
) -> None:
    """Bring one incident's description and outages up to date; ``losses`` is ``None`` for one that is resolved."""
    alarms = members(state, row)
    window = _window(context, state, row, alarms)
    felt = [] if row.absorbed_by else _felt(context, state, row, _last_felt(row) if losses is None else losses, alarms, window)
    after = derive(row.outages, felt, row.id, row.hypothesis.root, max(at, row.started_at), revised=row.revised)
    incident = _incident(context, state, row, alarms, after, window, losses)
    if not row.ticketed_at and context.routing.tickets.refusal(incident) is None:
        row = replace(row, ticketed_at=at)
    told = {outage.id: outage for outage in row.outages}
    after = tuple(answered(one, told.get(one.id), row.ticketed_at, row.handling.acknowledged_at, row.resolved_at) for one in after)
    outages.extend(outage for outage in after if (before := told.get(outage.id)) is not outage and before != outage)
    changed = row.incident is None or replace(incident, revision=row.incident.revision) != row.incident
    if changed:
        incident = replace(incident, revision=row.incident.revision + 1 if row.incident is not None else 1)
        changes.append(IncidentChange(incident, row.incident))
    described_at = state.now if len(row.members) >= LARGE else row.described_at
    if changed or after != row.outages or row.revised or described_at != row.described_at:
        incident = incident if changed or row.incident is None else row.incident
        state.put_incident(replace(row, incident=incident, outages=after, revised=False, described_at=described_at))


def _felt(
    context: Context,
    state: DomainState,
    row: IncidentRow,
    losses: dict[str, Loss],
    alarms: Sequence[Alarm],
    window: MaintenanceWindow | None,
) -> list[Felt]:
    found: list[Felt] = []
    told = state.impacts.told(row.id, row.hypothesis.root, alarms)
    for name, loss in sorted(losses.items()):
        since, until = told.episode(name) or (row.started_at, 0)
        service = context.inventory.services.get(name)
        felt = Felt(
            service=name,
            customer=service.customer if service else "",
            contract=service.contract if service else "",
            state=loss.state,
            since_at=since,
            until_at=0 if row.flapping and not row.resolved_at else until,
            confirmed_by=told.proof(name),
        )
        found.extend(_cut(felt, window or of_service(state.windows, name, row.started_at), state.now))
    return found


def _cut(felt: Felt, window: MaintenanceWindow | None, now: int) -> tuple[Felt, ...]:
    """What lies in the maintenance window is excluded; what overruns its end, or begins after it, is not."""
    if window is None or felt.since_at >= window.ends_at:
        return (felt,)
    if (felt.until_at or now) <= window.ends_at:
        return (replace(felt, excluded=window.name),)
    return split_at_window(felt, window.name, window.ends_at)


def _window(context: Context, state: DomainState, row: IncidentRow, alarms: Sequence[Alarm]) -> MaintenanceWindow | None:
    """The maintenance window in which an incident began: one that covers its root, or every one of its alarms."""
    windows, topology = state.windows, context.topology
    over_root = covering(windows, topology, row.hypothesis.root, row.started_at)
    open_then = [window for window in windows if window.starts_at <= row.started_at < window.ends_at]
    if over_root is not None or not alarms or not open_then:
        return over_root
    resources = {witness(alarm) or alarm.resource for alarm in alarms}
    return next((window for window in open_then if all(covers(window, topology, resource) for resource in resources)), None)


def _incident(
    context: Context,
    state: DomainState,
    row: IncidentRow,
    alarms: Sequence[Alarm],
    outages: Sequence[Outage],
    window: MaintenanceWindow | None,
    losses: dict[str, Loss] | None,
) -> Incident:
    before = row.incident
    impacts = _impacts(context, state, row, outages, losses)
    planned = window.name if window and (row.resolved_at or state.now) <= window.ends_at else ""
    version = row.topology_version or context.topology.version
    found = Finding(context.topology, row.hypothesis, alarms, state.consequences)
    grounds = replace(explanation_of(found, attached(state, row), context.rules_version), topology_version=version)
    return Incident(
        id=row.id,
        domain=row.domain,
        root_cause=row.hypothesis.root,
        state=IncidentState.RESOLVED if row.resolved_at else IncidentState.OPEN,
        severity=before.severity if before is not None and losses is None else severity_of(impacts, (alarm.severity for alarm in alarms)),
        reason=_reason(context, row, alarms, window if planned else None),
        explanation=before.explanation if before is not None and before.grounds == grounds else texts(points(grounds)),
        alarms=tuple(alarm.id for alarm in alarms),
        impacts=impacts,
        started_at=row.started_at,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        probability=round(row.hypothesis.probability, 4),
        planned=planned,
        flapping=row.flapping,
        confirmed_by=(before.confirmed_by if before else "") or next((alarm.id for alarm in alarms if alarm.confirmed_at), ""),
        topology_version=version,
        rules_version=context.rules_version,
        grounds=grounds,
        acknowledged_by=row.handling.acknowledged_by,
        acknowledged_at=row.handling.acknowledged_at,
        comments=row.handling.comments,
        escalation=row.handling.escalation,
        shelved=shelved_for(alarms, before.shelved if before is not None else ""),
    )


def _impacts(
    context: Context, state: DomainState, row: IncidentRow, outages: Sequence[Outage], losses: dict[str, Loss] | None
) -> tuple[Impact, ...]:
    if row.absorbed_by:
        return ()
    if losses is None:
        return row.incident.impacts if row.incident is not None else ()
    found = []
    since: dict[tuple[str, ServiceState], int] = {}
    for outage in outages:
        told = (outage.service, outage.state)
        since[told] = max(since.get(told, outage.started_at), outage.started_at)
    for name, loss in losses.items():
        service = context.inventory.services.get(name)
        customer = context.inventory.customers.get(service.customer) if service else None
        if service is None or customer is None:
            continue
        since_at = since.get((name, loss.state), row.started_at)
        found.append(Impact(name, service.customer, service.contract, customer.tier, loss.state, since_at, loss.share))
    return _traced(state, row, in_order(found))


def _traced(state: DomainState, row: IncidentRow, impacts: tuple[Impact, ...]) -> tuple[Impact, ...]:
    """The first of them with the way on which the failure reaches them."""
    first = impacts[:TRACED]
    found = state.impacts.paths(row.id, [impact.service for impact in first])
    traced = (
        replace(impact, path=found[impact.service].nodes, gate=found[impact.service].gate) if impact.service in found else impact
        for impact in first
    )
    return (*traced, *impacts[TRACED:])


def _reason(context: Context, row: IncidentRow, alarms: Sequence[Alarm], window: MaintenanceWindow | None) -> str:
    if row.absorbed_by:
        return f"{ABSORBED}{row.absorbed_by}: later evidence showed one cause behind both."
    said = [sentence(Finding(context.topology, row.hypothesis, alarms))]
    if row.flapping:
        said.append("It is flapping: held as one incident until quiet.")
    if window is not None:
        said.append(f"Planned work: {window.name}{f' ({window.reason})' if window.reason else ''}.")
    return " ".join(said)
