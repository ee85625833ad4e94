"""Correlation rules at work: an alarm that proves no failure is laid, as a symptom, to the incident whose alarms it usually follows.

A symptom is told with its incident, by the name of the rule, and as what it is: nothing proves its cause. It never makes, moves or keeps
open an incident. An alarm of something down that the topology does not have is laid like that instead of opening an incident of its own,
and opens it after all if it outlasts the one that it was laid to.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.core.alarm import Alarm, AlarmChange, AlarmKey
from pipeline.core.context import Context
from pipeline.core.correlation_rule import CorrelationRule, Relation, Relations, Spot, holds
from pipeline.core.domain import DomainState, IncidentRow
from pipeline.core.explanation import Attached
from pipeline.core.shelf import NANOSECONDS
from pipeline.core.witness import witness

SHOWN_SYMPTOMS = 3
"""How many symptoms of a rule are told one by one."""

WAITS_S = 60
"""How long after its raise an alarm waits for an incident: its cause came before it, but may be late or not yet settled."""


def note(context: Context, state: DomainState, key: AlarmKey, change: AlarmChange) -> None:
    """Take note of an alarm's change: one that may be a symptom waits for its incident, one that is has news for it."""
    symptoms = state.symptoms
    if key in symptoms.laid:
        state.touched.add(symptoms.laid[key])
    elif change.alarm.is_cleared:
        symptoms.loose.pop(key, None)
    elif witness(change.alarm) is None and key.alarm_type in context.correlating.by_effect:
        symptoms.wait(key)


def lay(context: Context, state: DomainState) -> None:
    """Lay what waits to the incidents that are open by now."""
    symptoms = state.symptoms
    if not (symptoms.has_news or (symptoms.loose and state.touched)):
        return
    symptoms.has_news = False
    for key in list(symptoms.loose):
        row = state.alarms.get(key)
        if row is None or row.alarm.is_cleared or state.now > row.alarm.last_raised_at + WAITS_S * NANOSECONDS:
            del symptoms.loose[key]
        elif (found := _found(context, state, row.alarm)) is not None:
            del symptoms.loose[key]
            _put(state, key, *found)


def let_go(context: Context, state: DomainState) -> None:
    """After a review: what was laid to an incident that is over waits for the one that took it over, or counts for itself if it stands."""
    symptoms = state.symptoms
    over = [key for key, name in symptoms.laid.items() if name not in state.open]
    for key in over:
        del symptoms.laid[key]
        row = state.alarms.get(key)
        if row is None or row.alarm.is_cleared:
            continue
        if witness(row.alarm) is not None:
            state.set_pending(key, state.now)
        elif key.alarm_type in context.correlating.by_effect:
            symptoms.wait(key)


def _put(state: DomainState, key: AlarmKey, incident: str, rule: CorrelationRule) -> None:
    row = state.incidents[incident]
    state.symptoms.laid[key] = incident
    others = tuple(symptom for symptom in row.symptoms if symptom[0] != key)
    state.put_incident(replace(row, symptoms=(*others, (key, rule.name))))
    state.touched.add(incident)


def without_symptoms(context: Context, state: DomainState, keys: Iterable[AlarmKey]) -> tuple[AlarmKey, ...]:
    """Of alarms outside the topology, those that are no symptom. The others are laid to an incident, or wait for their cause to settle."""
    kept: list[AlarmKey] = []
    for key in keys:
        alarm = state.alarms[key].alarm
        is_new = key in state.pending and not alarm.is_cleared and key.alarm_type in context.correlating.by_effect
        if is_new and (found := _found(context, state, alarm)) is not None:
            state.set_weighed(key, "")
            _put(state, key, *found)
        elif not (is_new and _has_pending_cause(context, state, alarm)):
            kept.append(key)
    return tuple(kept)


def _found(context: Context, state: DomainState, alarm: Alarm) -> tuple[str, CorrelationRule] | None:
    """The incident that a rule lays an alarm to, by the first rule that holds, and the latest of its causes."""
    relations = context.correlating.relations
    if relations is None:
        return None
    effect = Spot.of(alarm.resource, alarm.device)
    for rule in context.correlating.by_effect.get(alarm.alarm_type, ()):
        causes = [
            (row.alarm.last_raised_at, row.incident)
            for row in (state.alarms[key] for key in _candidates(state, relations, rule, effect))
            if row.incident in state.open and _causes(rule, relations, row.alarm, alarm, effect)
        ]
        if causes:
            return max(causes)[1], rule
    return None


def _has_pending_cause(context: Context, state: DomainState, alarm: Alarm) -> bool:
    """Whether evidence that has not settled yet may be the cause of an alarm; not for longer than it takes to settle."""
    relations = context.correlating.relations
    row = state.alarms[alarm.key]
    if relations is None or state.now >= row.pending_at + 2 * int(context.timing.settle_cap_s * NANOSECONDS):
        return False
    effect = Spot.of(alarm.resource, alarm.device)
    return any(
        key in state.pending and key != alarm.key and _causes(rule, relations, state.alarms[key].alarm, alarm, effect)
        for rule in context.correlating.by_effect.get(alarm.alarm_type, ())
        for key in _candidates(state, relations, rule, effect)
    )


def _causes(rule: CorrelationRule, relations: Relations, cause: Alarm, alarm: Alarm, effect: Spot) -> bool:
    spot = Spot.of(cause.resource, cause.device)
    return cause.alarm_type == rule.cause and holds(rule, relations, spot, effect, alarm.last_raised_at - cause.last_raised_at)


def _candidates(state: DomainState, relations: Relations, rule: CorrelationRule, effect: Spot) -> Iterator[AlarmKey]:
    """Alarms that may be where a rule's cause is."""
    match rule.relation:
        case Relation.SAME_RESOURCE | Relation.SAME_DEVICE:
            yield from state.by_device.get(effect.device, ())
        case Relation.NEIGHBOUR:
            for device in relations.neighbours.get(effect.device, ()):
                yield from state.by_device.get(device, ())
        case Relation.DOWNSTREAM | Relation.UPSTREAM:
            node = relations.topology.node(effect.resource)
            if node is not None:
                above = relations.topology.ancestors(node)
                for other, keys in state.by_node.items():
                    is_above = other in above
                    if is_above if rule.relation is Relation.DOWNSTREAM else node in relations.topology.ancestors(other):
                        yield from keys


def attached(state: DomainState, row: IncidentRow) -> tuple[Attached, ...]:
    """An incident's symptoms as its explanation has them, rule by rule."""
    by_rule: dict[str, list[Alarm]] = {}
    for key, rule in row.symptoms:
        if key in state.alarms:
            by_rule.setdefault(rule, []).append(state.alarms[key].alarm)
    told = ((rule, alarms, tuple(_told(alarm, row) for alarm in alarms[:SHOWN_SYMPTOMS])) for rule, alarms in sorted(by_rule.items()))
    return tuple(Attached(rule, len(alarms), first) for rule, alarms, first in told)


def _told(alarm: Alarm, row: IncidentRow) -> str:
    after_s = (alarm.last_raised_at - row.started_at) / NANOSECONDS
    cleared = ", cleared since" if alarm.is_cleared else ""
    return f"{alarm.alarm_type} on {alarm.resource}, {after_s:.0f} s after it began{cleared}"
