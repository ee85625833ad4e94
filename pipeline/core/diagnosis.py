"""Evidence that has settled -> incidents: which causes, whose alarms, opened, revised, absorbed, resolved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain as concatenated
from uuid import UUID, uuid5

from pipeline.core.alarm import Alarm, AlarmKey
from pipeline.core.attachment import without_symptoms
from pipeline.core.context import Context
from pipeline.core.correlation import Hypothesis
from pipeline.core.domain import DomainState, IncidentRow
from pipeline.core.incident import best_match
from pipeline.core.onset import causes_of
from pipeline.core.reason import Reason
from pipeline.core.reconcile import is_contradicted
from pipeline.core.resource import ResourceId, ResourceKind, device_of, name_of, resource_id
from pipeline.core.shelf import NANOSECONDS, is_flapping
from pipeline.core.witness import witness

INCIDENT_NAMESPACE = UUID("b7d1b6f0-1c35-5d3c-9d0b-2f6f0b7f4e03")

LARGE = 100
"""A component of so many alarmed resources takes in what its incidents account for without being weighed again."""

HELD_UP = 0.02
"""Share of its alarms that may by then be told by devices that are thought dead: their words speak against its causes, a little."""


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
    settled: list[tuple[frozenset[int], str, list[AlarmKey]]] = []
    for (leader, device), keys in _waiting(state).items():
        times = [state.alarms[key].pending_at for key in keys]
        due = min(max(times) + quiet, min(times) + cap)
        if state.now >= due:
            settled.append((state.components.of(leader) if leader is not None else frozenset(), device, keys))
        else:
            state.settle_at = min(state.settle_at, due)
    for nodes, device, keys in settled:
        if not _take_in(state, nodes, keys):
            known = tuple(sorted(concatenated.from_iterable(state.by_node[node] for node in nodes)))
            _weigh(context, state, Component(nodes, known) if nodes else _strays(state, device, keys))
    return bool(settled)


def _waiting(state: DomainState) -> dict[tuple[int | None, str], list[AlarmKey]]:
    """The new evidence by component, in a fixed order: what the topology has by a node of its component, then the rest by device."""
    found: dict[tuple[int | None, str], list[AlarmKey]] = {}
    strays: dict[tuple[int | None, str], list[AlarmKey]] = {}
    for key in sorted(state.pending):
        alarm = state.alarms[key].alarm
        node = state.witness_node(key, alarm)
        if node is None:
            strays.setdefault((None, _device(alarm)), []).append(key)
        else:
            found.setdefault((state.components.leader(node), ""), []).append(key)
    return found | strays


def _take_in(state: DomainState, nodes: frozenset[int], keys: Sequence[AlarmKey]) -> bool:
    """Give the new alarms of a large component to its incidents, without weighing it again, if these account for them; whether they do.

    What was expected of a cause and comes raises the score of no other cause by more, so the best answer stays the best. A few may be words
    of the dead that were held up.
    """
    if len(nodes) < LARGE:
        return False
    expected: dict[str, list[AlarmKey]] = {}
    held_up: dict[str, list[AlarmKey]] = {}
    for key in keys:
        row = state.alarms[key]
        resource = witness(row.alarm) or key.resource
        name = state.missing.get(resource)
        owner = _owner(state, resource) if name is None else name
        if owner is None or row.incident in state.open or row.seen_up_at > state.incidents[owner].started_at:
            return False
        (held_up if name is None else expected).setdefault(owner, []).append(key)
    if held_up and _unweighed(state, nodes) + sum(map(len, held_up.values())) > HELD_UP * len(nodes):
        return False
    for owner in expected | held_up:
        _grow(state, state.incidents[owner], expected.get(owner, []), held_up.get(owner, []))
    return True


def _owner(state: DomainState, resource: ResourceId) -> str | None:
    """The open incident, that of the likeliest cause, whose root takes a resource down; ``None`` if none does."""
    node = state.topology.node(resource)
    found = []
    for name in state.open:
        hypothesis = state.incidents[name].hypothesis
        root = state.topology.node(hypothesis.root)
        if root is not None and not hypothesis.is_grouping and node in state.consequences.of(root).nodes:
            found.append((-hypothesis.score, hypothesis.root, name))
    return min(found)[2] if found else None


def _unweighed(state: DomainState, nodes: Iterable[int]) -> int:
    """How many words of the dead the incidents of a component have taken in since they were weighed."""
    keys = concatenated.from_iterable(state.by_node[node] for node in nodes)
    return sum(state.incidents[name].unweighed for name in {state.alarms[key].incident for key in keys} & state.open.keys())


def _grow(state: DomainState, row: IncidentRow, expected: Sequence[AlarmKey], held_up: Sequence[AlarmKey]) -> None:
    """Let an incident take in alarms that its cause accounts for; it keeps the probability of its last weighing."""
    keys, hypothesis = (*expected, *held_up), row.hypothesis
    new = dict.fromkeys(witness(state.alarms[key].alarm) or key.resource for key in keys)
    hypothesis = replace(
        hypothesis,
        explained=tuple(dict.fromkeys((*hypothesis.explained, *new))),
        missing=tuple(resource for resource in hypothesis.missing if resource not in new),
        excused=max(hypothesis.excused - len(held_up), 0),
    )
    began = min(state.alarms[key].alarm.last_raised_at for key in keys)
    state.counts[Reason.EVIDENCE_REVISED] += 1
    state.put_incident(
        replace(
            row,
            hypothesis=hypothesis,
            members=tuple(sorted(dict.fromkeys((*row.members, *keys)))),
            started_at=min(row.started_at, began),
            unweighed=row.unweighed + len(held_up),
        )
    )
    state.touched.add(row.id)
    for key in keys:
        state.set_weighed(key, row.id)


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
            unweighed=0,
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
