"""The chain of one correlation domain: events, poll reports, people's operations and ticks in; alarm changes, incidents and outages out.

One pure fold for the stream and for the scenario tests. Time comes in as ticks; the state is mutated inside for speed, and all that must
survive leaves as changed rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.core.alarm import Alarm, AlarmChange, AlarmKey, Change
from pipeline.core.attachment import lay, let_go, note
from pipeline.core.context import Context
from pipeline.core.diagnosis import settle
from pipeline.core.domain import DOMAIN_KEY, AlarmRow, DomainState, IncidentChange, IncidentRow, Output
from pipeline.core.escalation import Escalated
from pipeline.core.event import Condition, Event, EventSource, Signal, StateReport, Tick
from pipeline.core.handling import forget_operations, operate, release_shelves, stamp
from pipeline.core.heeding import escalated, heed
from pipeline.core.incident import Incident
from pipeline.core.lifecycle import State, apply, state_of
from pipeline.core.onset import seen_up_at
from pipeline.core.operation import Operation
from pipeline.core.outage import Outage
from pipeline.core.page import Word
from pipeline.core.paging import Desk
from pipeline.core.reason import Reason
from pipeline.core.reconcile import reconcile
from pipeline.core.resource import ResourceKind, kind_of
from pipeline.core.review import review
from pipeline.core.shelf import NANOSECONDS
from pipeline.core.witness import witness

SWEEP_NS = 10 * NANOSECONDS
"""How often cleared alarms and resolved incidents are looked through for those past their retention: with the first tick of each such
stretch of time, counted from the epoch, so that it is the same whichever ticks were left out before."""

Item = Event | StateReport | Operation | Tick


def advance(context: Context, state: DomainState, items: Sequence[Item]) -> tuple[DomainState, Output]:
    """Fold one batch, in order, into the state of a domain.

    Deterministic and idempotent: an event that was seen changes nothing, and the same items in the same order give the same output
    whenever they are run. The state given is consumed; go on with the one that is returned.
    """
    if state.topology is not context.topology:
        state.reindex(context)
    state.pages.follow(context.routing)
    incidents: list[IncidentChange] = []
    outages: list[Outage] = []
    escalations: list[Escalated] = []
    words: list[Word] = []
    for item in items:
        match item:
            case Event():
                _fold(context, state, item)
            case StateReport():
                _report(context, state, item)
            case Operation():
                for event in operate(context, state, item):
                    _tell(context, state, event)
            case Tick():
                _tick(context, state, item, incidents, outages, escalations, words)
    if items:
        state.dirty[DOMAIN_KEY] = None
    return state, _output(state, incidents, outages, escalations, words)


def _output(
    state: DomainState, incidents: list[IncidentChange], outages: list[Outage], escalations: list[Escalated], words: list[Word]
) -> Output:
    changes, repeats, counts = state.changes, state.repeats, state.counts
    state.changes, state.repeats, state.counts = [], {}, type(counts)()
    told, state.told = tuple(state.told), []
    answers, state.answers = tuple(state.answers), []
    windows, state.replanned = tuple(state.replanned.values()), {}
    exclusions, state.excluded = tuple(state.excluded), []
    claims, state.claimed = tuple(state.claimed), []
    return Output(
        alarm_changes=(*changes, *repeats.values()),
        incidents=tuple(incidents),
        outages=tuple(outages),
        counts=dict(counts),
        rows=state.take_rows(),
        events=told,
        answers=answers,
        windows=windows,
        escalations=tuple(escalations),
        exclusions=exclusions,
        claims=claims,
        words=tuple(words),
    )


def _tell(context: Context, state: DomainState, event: Event) -> None:
    """An event that a poll, or somebody who closed an alarm, gave rise to here: folded at once, and told to the history."""
    state.told.append(event)
    _fold(context, state, event)


def _fold(context: Context, state: DomainState, event: Event) -> None:
    """One event into its alarm, and what follows for its correlation."""
    key = AlarmKey(event.resource, event.alarm_type, event.qualifier)
    row = state.alarms.get(key)
    change = apply(row.alarm if row is not None else None, event, context.alarm_types.get(event.alarm_type))
    state.counts[change.reason] += 1
    if row is not None and change.alarm is row.alarm:
        return
    change = stamp(state, change)
    row = replace(row, alarm=change.alarm) if row is not None else AlarmRow(change.alarm)
    if change.change in _FOLLOW:
        row = replace(row, seen_up_at=seen_up_at(state, change.alarm))
    state.put_alarm(key, row)
    if change.change is Change.IGNORED:
        return
    if change.change is Change.REPEATED:
        state.repeats[key] = change
        return
    state.changes.append(change)
    _FOLLOW.get(change.change, _touch)(state, key, change)
    if context.correlating.by_effect:
        note(context, state, key, change)


def _weigh_later(state: DomainState, key: AlarmKey, change: AlarmChange) -> None:
    """A new raise of something that bears on services is evidence to be weighed when it has settled."""
    if not change.alarm.is_cleared and witness(change.alarm) is not None:
        state.set_pending(key, max(change.at, state.now))


def _touch(state: DomainState, key: AlarmKey, change: AlarmChange) -> None:
    """Whatever else happens to an alarm is news for its incident; without one, a cleared alarm is evidence no longer."""
    row = state.alarms[key]
    if row.incident in state.open:
        state.touched.add(row.incident)
    elif change.alarm.is_cleared and not row.pending_at:
        state.forget_witness(key)


_FOLLOW: dict[Change, Callable[[DomainState, AlarmKey, AlarmChange], None]] = {
    Change.RAISED: _weigh_later,
    Change.RAISED_AGAIN: _weigh_later,
}


def _report(context: Context, state: DomainState, report: StateReport) -> None:
    """One poll: what it confirms, raises and clears, and what it says of alarms that were expected and are missing.

    What it raises was well, if so, when the poll before it saw it; so it takes that one's place only then.
    """
    before = state.reports.get(report.device)
    if before is not None and (report.polled_at, report.collector, report.sequence) <= (
        before.polled_at,
        before.collector,
        before.sequence,
    ):
        state.counts[Reason.LATE if report.polled_at < before.polled_at else Reason.ALREADY_SEEN] += 1
        return
    keys = sorted(state.by_device.get(report.device, ()))
    for event in reconcile([state.alarms[key].alarm for key in keys], report):
        _tell(context, state, event)
    state.reports[report.device] = report
    state.dirty[f"device|{report.device}"] = None
    state.stirred |= state.mending
    if before is None or before.up != report.up:
        state.ups[report.device] = frozenset(report.up)
    if state.missing:
        _reconsider(state, report)


def _reconsider(state: DomainState, report: StateReport) -> None:
    """A poll that sees well what an incident's cause should have taken down: weigh that incident again, unless it is mending."""
    doubted = {state.missing[resource] for resource in report.up if resource in state.missing}
    for name in sorted(doubted):
        keys = [key for key in state.incidents[name].members if key in state.alarms]
        if not any(state.alarms[key].alarm.is_cleared for key in keys):
            for key in keys:
                state.set_pending(key, max(report.polled_at, state.now))


def _tick(
    context: Context,
    state: DomainState,
    tick: Tick,
    incidents: list[IncidentChange],
    outages: list[Outage],
    escalations: list[Escalated],
    words: list[Word],
) -> None:
    if tick.at <= state.now:
        return
    state.now = tick.at
    release_shelves(state)
    _settle_stragglers(context, state)
    settle(context, state)
    lay(context, state)
    unheeded = heed(context, state)
    changed, ended = review(context, state)
    let_go(context, state)
    incidents.extend(changed)
    outages.extend(ended)
    further = list(escalated(state, unheeded))
    escalations.extend(further)
    words.extend(_words(context, state, changed, further))
    state.heed_at.update({change.incident.id: 0 for change in changed if change.incident.id in state.open})
    if tick.at >= state.sweep_at:
        state.sweep_at = tick.at - tick.at % SWEEP_NS + SWEEP_NS
        _sweep(context, state)


def _words(context: Context, state: DomainState, changed: Sequence[IncidentChange], further: Sequence[Escalated]) -> list[Word]:
    def known(name: str) -> Incident | None:
        row = state.incidents.get(name)
        return row.incident if row is not None else None

    desk = Desk(context.routing, context.topology, state.pages, known, state.now, context.inventory.sites)
    return [*desk.tell([(change.incident, change.previous) for change in changed], state.open), *desk.escalate(further)]


def _settle_stragglers(context: Context, state: DomainState) -> None:
    """Clear what only a trap can clear once its whole cause is mended: its clear was lost.

    Only for an alarm that another resource's failure explained, of an incident whose polled alarms are all clear, when every interface that
    it depends on was seen up by a poll, ``clear_hold_s`` after the last of them cleared. Time alone proves nothing: incidents are looked at
    that changed, and, while such an alarm is left, with each poll.
    """
    names, state.stirred = state.stirred & state.open.keys(), set()
    state.mending &= state.open.keys() - names
    for name in sorted(names):
        left, mended_at = _stragglers(state, state.incidents[name])
        if left:
            state.mending.add(name)
        for alarm in left:
            _settle_straggler(context, state, alarm, mended_at)


def _stragglers(state: DomainState, row: IncidentRow) -> tuple[list[Alarm], int]:
    """The alarms that stand of an incident if only traps tell of all of them, and when the last of the others cleared; none if none did."""
    left: list[Alarm] = []
    mended_at = 0
    for alarm in (state.alarms[key].alarm for key in row.members if key in state.alarms):
        if alarm.is_cleared:
            mended_at = max(mended_at, alarm.cleared_at)
        elif _only_traps_tell(alarm, row):
            left.append(alarm)
        else:
            return [], 0
    return (left, mended_at) if mended_at else ([], 0)


def _only_traps_tell(alarm: Alarm, row: IncidentRow) -> bool:
    return kind_of(alarm.resource) in (ResourceKind.LSP, ResourceKind.SERVICE) and alarm.resource != row.hypothesis.root


def _settle_straggler(context: Context, state: DomainState, alarm: Alarm, mended_at: int) -> None:
    proof = _proof_of_health(context, state, alarm)
    hold = int(context.timing.clear_hold_s * NANOSECONDS)
    if proof is not None and proof.polled_at > max(mended_at + hold, alarm.last_event_at):
        _tell(context, state, _settled(alarm, proof))


def _proof_of_health(context: Context, state: DomainState, alarm: Alarm) -> StateReport | None:
    """The oldest of the latest polls that together saw up every interface an alarm's resource depends on; ``None`` without such proof."""
    topology = context.topology
    node = topology.node(alarm.resource)
    if node is None:
        return None
    reports = []
    for upstream in topology.ancestors(node):
        if topology.kinds[upstream] is ResourceKind.INTERFACE:
            name = topology.names[upstream]
            device = name.split("/")[1]
            if name not in state.ups.get(device, ()) or not state.reports[device].reachable:
                return None
            reports.append(state.reports[device])
    return min(reports, key=lambda report: (report.polled_at, report.device), default=None)


def _settled(alarm: Alarm, proof: StateReport) -> Event:
    return Event(
        id=":".join(filter(None, (proof.collector, str(proof.sequence), alarm.resource, alarm.alarm_type, alarm.qualifier))),
        occurred_at=proof.polled_at,
        resource=alarm.resource,
        alarm_type=alarm.alarm_type,
        signal=Signal.CLEAR,
        severity=alarm.severity,
        text=f"{alarm.resource} is taken to be up: polls saw up everything that it depends on",
        source=EventSource.POLL,
        device=alarm.device,
        collector=proof.collector,
        sequence=proof.sequence,
        domain=alarm.domain,
        qualifier=alarm.qualifier,
        rule=Reason.LOST_CLEAR_SETTLED_BY_POLL.value,
        condition=Condition.DOWN,
    )


def _sweep(context: Context, state: DomainState) -> None:
    """Forget resolved incidents and cleared alarms past their retention, and clears whose raise never came."""
    retain = state.now - int(context.timing.retain_s * NANOSECONDS)
    hold = state.now - int(context.timing.clear_hold_s * NANOSECONDS)
    for name in [row.id for row in state.incidents.values() if 0 < row.resolved_at < retain]:
        del state.incidents[name]
        state.dirty[f"incident|{name}"] = None
    past = [
        (key, row)
        for key, row in state.alarms.items()
        if row.alarm.is_cleared and row.alarm.cleared_at < (retain if row.alarm.occurrences else hold)
    ]
    for key, row in past:
        if row.incident not in state.open and not row.pending_at:
            state.counts[Reason.CLEAR_WITHOUT_RAISE] += state_of(row.alarm) is State.HELD
            state.drop_alarm(key)
    state.pages.forget(retain)
    forget_operations(context, state)
