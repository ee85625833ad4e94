"""The state of one correlation domain, as rows.

What must survive is in the rows; the indexes beside them are made from the rows again by :meth:`DomainState.from_rows`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.core.alarm import Alarm, AlarmChange, AlarmKey
from pipeline.core.claim import ClaimRow
from pipeline.core.component import Components
from pipeline.core.consequence import Consequences
from pipeline.core.context import Context
from pipeline.core.correlation import Hypothesis
from pipeline.core.escalation import Escalated
from pipeline.core.event import Event, StateReport
from pipeline.core.exclusion import ExclusionRow
from pipeline.core.impact import Impacts, is_down
from pipeline.core.incident import Incident
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.operation import NEVER, Answer, Given, Handling, OperationRow, ShelfRow
from pipeline.core.outage import Outage
from pipeline.core.page import Page, Pages, Word
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, device_of
from pipeline.core.symptom import Symptom, Symptoms
from pipeline.core.topology import Topology
from pipeline.core.window import WindowRow, effective
from pipeline.core.witness import witness


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm with its place in the correlation: ``pending_at`` is when it became new evidence (0: weighed), ``incident`` whose it is.

    ``operated`` is the last acknowledgement of it, or its withdrawal. ``seen_up_at`` is when the last poll before it was raised saw its
    resource well (0: none did).
    """

    alarm: Alarm
    pending_at: int = 0
    incident: str = ""
    operated: Given = NEVER
    seen_up_at: int = 0


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident with what it was concluded from.

    ``members`` are the keys of its alarms. ``outages`` are all of this incident's, ended ones included. ``incident`` is ``None`` only
    between being opened and being described, within one tick. ``absorbed_by`` names the incident that took its alarms over. ``symptoms``
    are alarms that a correlation rule attached, each with the rule's name. ``handling`` is what people did with it.
    ``topology_version`` is of the topology on which the cause was found. ``unweighed`` counts alarms taken in since it was that it did not
    expect. ``described_at`` is when it was last described, of a large one. ``ticketed_at`` is when it first called for a ticket.
    """

    id: str
    domain: str
    hypothesis: Hypothesis
    members: tuple[AlarmKey, ...]
    started_at: int
    opened_at: int
    resolved_at: int = 0
    flapping: bool = False
    absorbed_by: str = ""
    revised: bool = False
    incident: Incident | None = None
    outages: tuple[Outage, ...] = ()
    handling: Handling = Handling()  # noqa: RUF009  # frozen, so one may be shared
    topology_version: str = ""
    symptoms: tuple[Symptom, ...] = ()
    unweighed: int = 0
    described_at: int = 0
    ticketed_at: int = 0


@dataclass(frozen=True, slots=True)
class DomainRow:
    """What belongs to no alarm: the time reached, when to tidy next, incidents with news and those that wait for time to pass."""

    now: int = 0
    sweep_at: int = 0
    touched: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


Row = AlarmRow | IncidentRow | StateReport | DomainRow | ShelfRow | WindowRow | OperationRow | Page

ROW_TYPES: dict[str, type[Any]] = {
    "alarm": AlarmRow,
    "incident": IncidentRow,
    "device": StateReport,
    "domain": DomainRow,
    "shelf": ShelfRow,
    "window": WindowRow,
    "operation": OperationRow,
    "page": Page,
}
"""Prefix of a row's key (before ``|``) -> type of the row."""

DOMAIN_KEY = "domain|"


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """A new revision of an incident and the one before it (``None`` for a new incident): what tickets are decided from."""

    incident: Incident
    previous: Incident | None


@dataclass(frozen=True, slots=True)
class Output:
    """What one call of ``advance`` brought forth.

    ``alarm_changes`` leaves out inputs that changed nothing, and of an alarm's repeats in one batch keeps the last; ``counts`` has them all
    by reason. ``rows`` are the changed rows, ``None`` for one to be deleted. ``events`` are those that polls, or people who close an alarm,
    gave rise to in here. ``answers`` are to operations, ``windows`` the maintenance windows that they changed, ``escalations`` say who is
    to be told that nobody has acknowledged, ``words`` what else receivers are told, ``exclusions`` what people said should not count
    against agreements, ``claims`` what customers claimed of them.
    """

    alarm_changes: tuple[AlarmChange, ...] = ()
    incidents: tuple[IncidentChange, ...] = ()
    outages: tuple[Outage, ...] = ()
    counts: Mapping[Reason, int] = field(default_factory=dict)
    rows: tuple[tuple[str, Row | None], ...] = ()
    events: tuple[Event, ...] = ()
    answers: tuple[Answer, ...] = ()
    windows: tuple[WindowRow, ...] = ()
    escalations: tuple[Escalated, ...] = ()
    words: tuple[Word, ...] = ()
    exclusions: tuple[ExclusionRow, ...] = ()
    claims: tuple[ClaimRow, ...] = ()


@dataclass(slots=True)
class DomainState:
    """The mutable state of one domain. Everything below ``pages`` is index, scratch or output and can be made from what is above.

    ``windows`` are the maintenance windows that count now, and ``replan_at`` is when the next of them begins or ends; ``heed_at`` is when
    an open incident is to be looked at for escalation, and ``release_at`` when the next shelf ends (UTC nanoseconds; 0: none will).
    """

    topology: Topology
    now: int = 0
    sweep_at: int = 0
    alarms: dict[AlarmKey, AlarmRow] = field(default_factory=dict)
    incidents: dict[str, IncidentRow] = field(default_factory=dict)
    reports: dict[str, StateReport] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    shelves: dict[str, ShelfRow] = field(default_factory=dict)
    planned: dict[str, WindowRow] = field(default_factory=dict)
    operations: dict[str, OperationRow] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)
    windows: tuple[MaintenanceWindow, ...] = ()
    heed_at: dict[str, int] = field(default_factory=dict)
    release_at: int = 0
    replan_at: int = 0
    pending: set[AlarmKey] = field(default_factory=set)
    by_device: dict[str, set[AlarmKey]] = field(default_factory=dict)
    by_node: dict[int, set[AlarmKey]] = field(default_factory=dict)
    open: dict[str, None] = field(default_factory=dict)
    missing: dict[ResourceId, str] = field(default_factory=dict)
    ups: dict[str, frozenset[ResourceId]] = field(default_factory=dict)
    dirty: dict[str, None] = field(default_factory=dict)
    changes: list[AlarmChange] = field(default_factory=list)
    repeats: dict[AlarmKey, AlarmChange] = field(default_factory=dict)
    counts: Counter[Reason] = field(default_factory=Counter)
    keys: dict[str, AlarmKey] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    replanned: dict[str, WindowRow] = field(default_factory=dict)
    excluded: list[ExclusionRow] = field(default_factory=list)
    claimed: list[ClaimRow] = field(default_factory=list)
    symptoms: Symptoms = field(default_factory=Symptoms)
    settle_at: int = 0
    impacts: Impacts = field(init=False)
    consequences: Consequences = field(init=False)
    components: Components = field(init=False)
    stale: set[str] = field(default_factory=set)
    stirred: set[str] = field(default_factory=set)
    mending: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.impacts = Impacts(self.topology)
        self.consequences = Consequences(self.topology)
        self.components = Components(self.consequences)

    @classmethod
    def from_rows(cls, context: Context, rows: Iterable[tuple[str, Row]] = ()) -> "DomainState":
        """A state from its stored rows (none: a new one)."""
        state = cls(context.topology)
        pages: list[Page] = []
        for _, row in sorted(rows, key=lambda pair: pair[0]):
            match row:
                case Page():
                    pages.append(row)
                case AlarmRow():
                    state.alarms[row.alarm.key] = row
                case IncidentRow():
                    state.incidents[row.id] = row
                case StateReport():
                    state.reports[row.device] = row
                case DomainRow():
                    state.now, state.sweep_at = row.now, row.sweep_at
                    state.touched, state.waiting = set(row.touched), set(row.waiting)
                case ShelfRow():
                    state.shelves[row.name] = row
                case WindowRow():
                    state.planned[row.window.name] = row
                case OperationRow():
                    state.operations[row.answer.operation.id] = row
        state.pages = Pages.of(pages)
        state.reindex(context)
        return state

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Every row, keyed as stored."""
        yield DOMAIN_KEY, self.domain_row()
        for alarm_row in self.alarms.values():
            yield f"alarm|{alarm_row.alarm.id}", alarm_row
        for incident_row in self.incidents.values():
            yield f"incident|{incident_row.id}", incident_row
        for device, report in self.reports.items():
            yield f"device|{device}", report
        for shelf in self.shelves.values():
            yield f"shelf|{shelf.name}", shelf
        for name, window in self.planned.items():
            yield f"window|{name}", window
        for name, operation in self.operations.items():
            yield f"operation|{name}", operation
        for name, page in self.pages.rows.items():
            yield f"page|{name}", page

    def domain_row(self) -> DomainRow:
        """The row of what belongs to no alarm."""
        return DomainRow(self.now, self.sweep_at, tuple(sorted(self.touched)), tuple(sorted(self.waiting)))

    def reindex(self, context: Context) -> None:
        """Make the indexes again, from the rows and a topology that may be new; what was concluded on another is to be weighed again."""
        if self.topology is not context.topology:
            self.topology, self.consequences = context.topology, Consequences(context.topology)
        for index in (self.pending, self.by_device, self.by_node, self.open, self.missing, self.ups, self.keys):
            index.clear()
        self.impacts, self.components, self.stale = Impacts(self.topology), Components(self.consequences), set()
        self.plan_anew(context)
        self.release_at = min((shelf.until for shelf in self.shelves.values() if not shelf.is_released), default=0)
        self.heed_at.clear()
        self.settle_at = 0
        for row in self.incidents.values():
            if not row.resolved_at:
                self.open[row.id] = None
                self._stir(row.id)
                self.heed_at[row.id] = 0
                self.missing.update(dict.fromkeys(row.hypothesis.missing, row.id))
        for key, alarm_row in self.alarms.items():
            self._index_alarm(key, alarm_row)
        for report in self.reports.values():
            self.ups[report.device] = frozenset(report.up)
        self._doubt_conclusions()
        self._index_symptoms(context)

    def _doubt_conclusions(self) -> None:
        """Let open incidents that were concluded on another topology be weighed again."""
        for row in map(self.incidents.__getitem__, self.open):
            if row.topology_version and row.topology_version != self.topology.version:
                for key in row.members:
                    if key in self.alarms and not self.alarms[key].pending_at:
                        self.set_pending(key, self.now)

    def _index_symptoms(self, context: Context) -> None:
        self.symptoms.clear()
        for name in self.open:
            self.symptoms.laid.update(dict.fromkeys((key for key, _ in self.incidents[name].symptoms), name))
        for key, row in self.alarms.items():
            is_effect = key.alarm_type in context.correlating.by_effect and key not in self.symptoms.laid
            if is_effect and not row.alarm.is_cleared and witness(row.alarm) is None:
                self.symptoms.wait(key)

    def _index_alarm(self, key: AlarmKey, row: AlarmRow) -> None:
        self.keys[row.alarm.id] = key
        for device in {row.alarm.device, device_of(key.resource) or row.alarm.device}:
            self.by_device.setdefault(device, set()).add(key)
        if row.pending_at:
            self.pending.add(key)
        if row.pending_at or not row.alarm.is_cleared or row.incident in self.open:
            self.witness_node(key, row.alarm)

    def put_alarm(self, key: AlarmKey, row: AlarmRow) -> None:
        """Store an alarm's row."""
        if key not in self.alarms:
            self._index_alarm(key, row)
        self.alarms[key] = row
        if row.incident in self.open:
            self._stir(row.incident)
        self.dirty[f"alarm|{row.alarm.id}"] = None

    def put_incident(self, row: IncidentRow) -> None:
        """Store an incident's row."""
        before = self.incidents.get(row.id)
        for resource in before.hypothesis.missing if before is not None else ():
            self.missing.pop(resource, None)
        self.incidents[row.id] = row
        self._stir(row.id)
        if row.resolved_at:
            self.open.pop(row.id, None)
            self.heed_at.pop(row.id, None)
        else:
            self.open[row.id] = None
            self.missing.update(dict.fromkeys(row.hypothesis.missing, row.id))
        self.dirty[f"incident|{row.id}"] = None

    def _stir(self, incident: str) -> None:
        self.stale.add(incident)
        self.stirred.add(incident)

    def put_shelf(self, row: ShelfRow) -> None:
        """Store a shelf's row."""
        self.shelves[row.name] = row
        self.dirty[f"shelf|{row.name}"] = None
        self.release_at = min((shelf.until for shelf in self.shelves.values() if not shelf.is_released), default=0)

    def put_window(self, context: Context, row: WindowRow) -> None:
        """Store what people made of a maintenance window."""
        name = row.window.name
        self.planned[name] = self.replanned[name] = row
        self.dirty[f"window|{name}"] = None
        self.plan_anew(context)

    def plan_anew(self, context: Context) -> None:
        """Find the maintenance windows that count, and when the next of them begins or ends."""
        self.windows = effective(context.inventory, self.planned)
        turns = (at for window in self.windows for at in (window.starts_at, window.ends_at) if at > self.now)
        self.replan_at = min(turns, default=0)

    def put_answer(self, answer: Answer) -> None:
        """Remember an operation that was answered."""
        self.operations[answer.operation.id] = OperationRow(answer)
        self.dirty[f"operation|{answer.operation.id}"] = None

    def set_pending(self, key: AlarmKey, at: int) -> None:
        """Mark an alarm as evidence that is to be weighed; ``at`` is when it became so."""
        row = self.alarms[key]
        self.put_alarm(key, replace(row, pending_at=at))
        self.pending.add(key)
        self.witness_node(key, row.alarm)

    def set_weighed(self, key: AlarmKey, incident: str) -> None:
        """Mark an alarm as weighed and as belonging to an incident (empty: to none)."""
        row = self.alarms[key]
        if row.pending_at or row.incident != incident:
            self.put_alarm(key, replace(row, pending_at=0, incident=incident))
        self.pending.discard(key)
        if row.alarm.is_cleared and not incident:
            self.forget_witness(key)

    def witness_node(self, key: AlarmKey, alarm: Alarm) -> int | None:
        """Index an alarm as evidence on its node; the node, or ``None`` without one."""
        resource = witness(alarm)
        node = self.topology.node(resource) if resource is not None else None
        if node is None:
            return None
        keys = self.by_node.setdefault(node, set())
        if not keys:
            self.components.add(node)
        keys.add(key)
        return node

    def forget_witness(self, key: AlarmKey) -> None:
        """Take an alarm out of the evidence."""
        resource = witness(self.alarms[key].alarm)
        node = self.topology.node(resource) if resource is not None else None
        keys = self.by_node.get(node) if node is not None else None
        if node is None or keys is None:
            return
        keys.discard(key)
        if not keys:
            del self.by_node[node]
            self.components.discard(node)

    def felt_anew(self) -> set[str]:
        """Bring :attr:`impacts` up to date with the incidents and alarms that changed; the incidents that services may feel otherwise."""
        for name in self.stale:
            row = self.incidents.get(name)
            if row is None or name not in self.open or row.hypothesis.is_grouping:
                self.impacts.drop(name)
            else:
                down = is_down(self.alarms[key].alarm for key in row.members if key in self.alarms)
                besides = (child for _, child in row.hypothesis.supposed)
                self.impacts.put(name, row.hypothesis.root, down=down, began_at=row.started_at, besides=besides)
        self.stale.clear()
        return self.impacts.take_touched()

    def drop_alarm(self, key: AlarmKey) -> None:
        """Forget an alarm altogether."""
        row = self.alarms[key]
        self.forget_witness(key)
        self.pending.discard(key)
        for device in {row.alarm.device, device_of(key.resource) or row.alarm.device}:
            self.by_device.get(device, set()).discard(key)
        del self.alarms[key]
        self.keys.pop(row.alarm.id, None)
        self.dirty[f"alarm|{row.alarm.id}"] = None

    def take_rows(self) -> tuple[tuple[str, Row | None], ...]:
        """The rows changed since the last call; ``None`` for those that are gone."""
        keys, self.dirty = (*self.dirty, *(f"page|{name}" for name in self.pages.changed)), {}
        self.pages.changed = {}
        return tuple((key, self._row(key)) for key in keys)

    def _row(self, key: str) -> Row | None:
        prefix, _, name = key.partition("|")
        if prefix == "domain":
            return self.domain_row()
        if prefix == "alarm":
            alarm_key = self.keys.get(name)
            return self.alarms.get(alarm_key) if alarm_key is not None else None
        rows: dict[str, Mapping[str, Row]] = {
            "incident": self.incidents,
            "device": self.reports,
            "shelf": self.shelves,
            "window": self.planned,
            "operation": self.operations,
            "page": self.pages.rows,
        }
        return rows[prefix].get(name)
