"""Evidence that has settled -> incidents: which causes, whose alarms, opened, revised, absorbed, resolved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain as concatenated
from uuid import UUID, uuid5

from pipeline.core.alarm import Alarm, AlarmKey
from pipeline.core.attachment import without_symptoms
from pipeline.core.correlation import Hypothesis
from pipeline.core.domain import Context, DomainState, IncidentRow
from pipeline.core.incident import best_match
from pipeline.core.onset import causes_of
from pipeline.core.reason import Reason
from pipeline.core.reconcile import is_contradicted
from pipeline.core.resource import ResourceId, ResourceKind, device_of, name_of, resource_id
from pipeline.core.shelf import NANOSECONDS, is_flapping
from pipeline.core.witness import witness

INCIDENT_NAMESPACE = UUID("b7d1b6f0-1c35-5d3c-9d0b-2f6f0b7f4e03")

LARGE = 100
"""A component of so many alarmed resources takes in what its incidents were missing without being weighed again."""


@dataclass(frozen=True, slots=True)
class Component:
    """Alarms that may share a cause: by node where the topology has them, or one device's alarms that it does not have."""

    nodes: frozenset[int]
    keys: tuple[AlarmKey, ...]
    device: str = ""


def settle(context: Context, state: DomainState) -> bool:
    """Weigh every component whose evidence has settled; whether any had."""
    timing = context.timing
    quiet, cap = int(timing.settle_s * NANOSECONDS), int(timing.settle_cap_s * NANOSECONDS)
    if not state.pending or state.now < state.settle_at:
        return False
    state.settle_at = state.now + min(quiet, cap)
    settled = False
    for component in _components(state):
        times = [state.alarms[key].pending_at for key in component.keys if key in state.pending]
        due = min(max(times) + quiet, min(times) + cap)
        if state.now >= due:
            if not _attach(state, component):
                _weigh(context, state, component)
            settled = True
        else:
            state.settle_at = min(state.settle_at, due)
    return settled


def _attach(state: DomainState, component: Component) -> bool:
    """Give the new alarms of a large component to the incidents that were missing them, if all were missing, without weighing it again.

    What was expected of a cause and comes raises the score of no other cause by more, so the best answer stays the best.
    """
    if len(component.nodes) < LARGE:
        return False
    keys_of: dict[str, list[AlarmKey]] = {}
    for key in component.keys:
        if key in state.pending:
            row = state.alarms[key]
            name = state.missing.get(witness(row.alarm) or key.resource)
            if name is None or row.incident or row.seen_up_at > state.incidents[name].started_at:
                return False
            keys_of.setdefault(name, []).append(key)
    for name, keys in keys_of.items():
        incident = state.incidents[name]
        _put(state, incident, _grown(incident.hypothesis, keys, state), tuple(sorted({*incident.members, *keys})))
    return True


def _grown(hypothesis: Hypothesis, keys: Sequence[AlarmKey], state: DomainState) -> Hypothesis:
    new = dict.fromkeys(witness(state.alarms[key].alarm) or key.resource for key in keys)
    missing = tuple(resource for resource in hypothesis.missing if resource not in new)
    return replace(hypothesis, explained=(*hypothesis.explained, *new), missing=missing)


def _components(state: DomainState) -> list[Component]:
    """The components with new evidence, in a fixed order."""
    found: list[Component] = []
    seen: set[int] = set()
    stray: dict[str, list[AlarmKey]] = {}
    for key in sorted(state.pending):
        node = state.witness_node(key, state.alarms[key].alarm)
        if node is None:
            stray.setdefault(_device(state.alarms[key].alarm), []).append(key)
        elif node not in seen:
            nodes = _connected(state, node)
            seen |= nodes
            found.append(Component(frozenset(nodes), tuple(sorted(concatenated.from_iterable(state.by_node[one] for one in nodes)))))
    return found + [_strays(state, device, keys) for device, keys in stray.items()]


def _device(alarm: Alarm) -> str:
    return alarm.device or device_of(alarm.resource) or name_of(alarm.resource)


def _strays(state: DomainState, device: str, keys: Iterable[AlarmKey]) -> Component:
    """New alarms outside the topology, with those of the same device that belong to an open incident."""
    older = (
        key
        for key in state.by_device.get(device, ())
        if state.alarms[key].incident in state.open and state.topology.node(key.resource) is None
    )
    return Component(frozenset(), tuple(sorted({*keys, *older})), device)


def _connected(state: DomainState, start: int) -> set[int]:
    """The alarmed nodes that a cause which could be right may share with a node, directly or by others."""
    consequences = state.consequences
    found, waiting, spent = {start}, [start], set[int]()
    while waiting:
        fresh = consequences.causes(waiting.pop()) - spent
        spent |= fresh
        for cause in fresh:
            alarmed = state.by_cause[cause]
            if len(alarmed) > 1 and consequences.is_promising(cause, len(alarmed)):
                new = alarmed - found
                found |= new
                waiting.extend(new)
    return found


def _weigh(context: Context, state: DomainState, component: Component) -> None:
    if not component.nodes and context.correlating.by_effect:
        component = replace(component, keys=without_symptoms(context, state, component.keys))
        if not component.keys:
            return
    hypotheses = causes_of(state, component.nodes) if component.nodes else (_ungrouped(state, component),)
    keys_of = {hypothesis.root: _keys(state, component, hypothesis) for hypothesis in hypotheses}
    worthy = [hypothesis for hypothesis in hypotheses if _is_worthy(context, state, keys_of[hypothesis.root])]
    matched = _match(context, state, worthy, keys_of)
    left = {state.alarms[key].incident for key in component.keys} & state.open.keys()
    for hypothesis in worthy:
        row = matched.get(hypothesis.root)
        incident = _put(state, row, hypothesis, keys_of[hypothesis.root])
        left.discard(incident)
    for key in component.keys:
        if key in state.pending:
            state.counts[Reason.WITHIN_HOLD_DOWN] += 1
            state.set_weighed(key, "")
    for name in sorted(left):
        _absorb(state, name)


def _ungrouped(state: DomainState, component: Component) -> Hypothesis:
    """Without topology: one resource stands for itself, several are laid to their device."""
    resources = tuple(dict.fromkeys(witness(state.alarms[key].alarm) or key.resource for key in component.keys))
    root = resources[0] if len(resources) == 1 else resource_id(ResourceKind.DEVICE, component.device)
    open_roots = {state.incidents[name].hypothesis.root for key in component.keys if (name := state.alarms[key].incident) in state.open}
    return Hypothesis(min(open_roots, default=root), resources, (), 0, 1.0, (), 0.0, is_grouping=True)


def _keys(state: DomainState, component: Component, hypothesis: Hypothesis) -> tuple[AlarmKey, ...]:
    if not component.nodes:
        return component.keys
    nodes = (state.topology.node(resource) for resource in hypothesis.explained)
    return tuple(sorted(concatenated.from_iterable(state.by_node[node] for node in nodes if node is not None)))


def _is_worthy(context: Context, state: DomainState, keys: Sequence[AlarmKey]) -> bool:
    """Whether it is more than a blip: something stands, or stood for the settle time, or flaps, or belongs to an incident already.

    What a poll contradicted stood only in the words of a trap.
    """
    hold = int(context.timing.settle_s * NANOSECONDS)
    for key in keys:
        row = state.alarms[key]
        alarm = row.alarm
        stood = not alarm.is_cleared or (alarm.cleared_at - alarm.last_raised_at >= hold and not is_contradicted(alarm))
        if stood or row.incident in state.open:
            return True
        if is_flapping(alarm, state.now, context.timing.flap_changes, context.timing.flap_window_s):
            return True
    return False


def _match(
    context: Context, state: DomainState, hypotheses: Sequence[Hypothesis], keys_of: dict[ResourceId, tuple[AlarmKey, ...]]
) -> dict[ResourceId, IncidentRow]:
    """Which known incident each cause continues: same root first, for all of them, then the largest overlap. One incident, one cause."""
    matched: dict[ResourceId, IncidentRow] = {}
    free = {row.id: row for row in _continuable(context, state, keys_of)}
    for by_root in (True, False):
        for hypothesis in hypotheses:
            if hypothesis.root in matched:
                continue
            alarms = frozenset(keys_of[hypothesis.root])
            choices = [
                (row.id, row.hypothesis.root, frozenset(row.members))
                for row in free.values()
                if row.hypothesis.is_grouping == hypothesis.is_grouping
                and (row.hypothesis.root == hypothesis.root if by_root else not row.resolved_at)
            ]
            name = best_match(hypothesis.root, alarms, choices)
            if name is not None:
                matched[hypothesis.root] = free.pop(name)
    return matched


def _continuable(context: Context, state: DomainState, keys_of: dict[ResourceId, tuple[AlarmKey, ...]]) -> list[IncidentRow]:
    """Open incidents of these alarms or roots, and those resolved so lately that the same root failing again is the same incident."""
    since = state.now - int(context.timing.flap_window_s * NANOSECONDS)
    owners = {state.alarms[key].incident for keys in keys_of.values() for key in keys}
    rows = (row for row in state.incidents.values() if row.id in owners or row.hypothesis.root in keys_of)
    return sorted((row for row in rows if not row.absorbed_by and (not row.resolved_at or row.resolved_at > since)), key=lambda row: row.id)


def _put(state: DomainState, row: IncidentRow | None, hypothesis: Hypothesis, keys: tuple[AlarmKey, ...]) -> str:
    alarms = [state.alarms[key].alarm for key in keys]
    began = min(alarm.last_raised_at for alarm in alarms)
    if row is None:
        name = _new_name(state, f"{alarms[0].domain}|{hypothesis.root}|{began}")
        row = IncidentRow(name, alarms[0].domain, hypothesis, keys, began, state.now)
        state.counts[Reason.ROOT_CAUSE_FOUND] += 1
    else:
        moved = row.hypothesis.root != hypothesis.root
        members = keys if moved or not row.resolved_at else tuple(sorted({*row.members, *keys}))
        row = replace(
            row,
            hypothesis=hypothesis,
            members=members,
            started_at=row.started_at if row.resolved_at else min(row.started_at, began),
            resolved_at=0,
            revised=row.revised or moved,
        )
        state.counts[Reason.EVIDENCE_REVISED] += 1
    state.put_incident(replace(row, topology_version=state.topology.version))
    state.touched.add(row.id)
    for key in keys:
        state.set_weighed(key, row.id)
    return row.id


def _new_name(state: DomainState, text: str) -> str:
    """The id of a new incident. Its root and beginning may be those from which another one, whose root has moved since, has its id."""
    name = str(uuid5(INCIDENT_NAMESPACE, text))
    return name if name not in state.incidents else str(uuid5(INCIDENT_NAMESPACE, f"{text}|{state.now}"))


def _absorb(state: DomainState, name: str) -> None:
    """An incident that no cause continues: its alarms went to others, the first of which is named."""
    row = state.incidents[name]
    heirs = sorted({state.alarms[key].incident for key in row.members if key in state.alarms} - {name, ""})
    if not heirs:
        return
    state.put_incident(replace(row, resolved_at=state.now, absorbed_by=heirs[0], revised=True))
    state.touched.add(name)
