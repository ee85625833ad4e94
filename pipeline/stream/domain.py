"""One correlation domain's alarms meet here: alarm changes, incidents, outages, the effects they ask for, questions, answers to people."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from prometheus_client import Counter, Gauge

from pipeline.bus import partition_of
from pipeline.config.settings import CorrelationSettings
from pipeline.core.alarm import AlarmChange
from pipeline.core.chain import Item, advance
from pipeline.core.context import Context, Timing
from pipeline.core.domain import DomainState, IncidentChange, Output
from pipeline.core.effect import Effect
from pipeline.core.enquiry import settling
from pipeline.core.event import StateReport, Tick
from pipeline.core.idle import NEVER, due_at, wants_sweeps
from pipeline.core.knowledge import Knowledge, KnowledgeSource
from pipeline.core.notice import notices
from pipeline.core.outage import Outage
from pipeline.core.paging import effects_of
from pipeline.core.remedy import radius, remedies, seen
from pipeline.core.resource import device_of
from pipeline.core.suspicion import Question, suspect
from pipeline.core.ticket import decide
from pipeline.stream.rows import Rows
from pipeline.stream.turn import Turn
from pipeline.wire import Topic

INPUTS = Counter("assure_alarm_inputs_total", "Events folded into alarms", ["reason"])
ASKED = Counter("assure_questions_asked_total", "Questions to devices about what a trap claims, or a cause leaves in doubt", ["reason"])
INCIDENTS = Counter("assure_incident_revisions_total", "Incident revisions", ["state"])
OPERATIONS = Counter("assure_operations_total", "Operations of people that were answered", ["kind", "outcome"])
WORDS = Counter("assure_words_total", "Words to receivers of notifications, and what nobody was told and why", ["occasion", "reason"])
OPEN = Gauge("assure_incidents_open", "Open incidents", ["domain"])


class DomainHandler:
    """``events -> alarms, incidents, outages, effects, questions, answers``, keyed by correlation domain.

    Working state is made from the rows when needed. Events that polls gave rise to go to ``events`` once more, for the history: whoever
    folds them again knows them already.
    """

    def __init__(self, source: KnowledgeSource, rows: Rows, settings: CorrelationSettings, partitions: int) -> None:
        self._source = source
        self._rows = rows
        self._partitions = partitions
        self._timing = Timing(
            settings.settle_s, settings.settle_cap_s, settings.flap_changes, settings.flap_window_s, settings.clear_hold_s
        )
        self._states: dict[int, dict[str, DomainState]] = {}
        self._known: Knowledge | None = None
        self._context: Context | None = None

    def handle(self, partition: int, items: list[Item], turn: Turn) -> None:
        """Fold one message; a tick goes to every domain of the partition."""
        context = self._current_context()
        states = self._loaded(partition, context, turn)
        for domain, batch in self._by_domain(partition, states, items).items():
            state = states.get(domain) or DomainState.from_rows(context)
            polled = self._polled(state, batch)
            states[domain], output = advance(context, state, batch)
            self._rows.store(turn, partition, ((f"{domain}|{name}", row) for name, row in output.rows))
            self._publish(partition, domain, states[domain], output, turn)
            self._send_effects(self._seen(states[domain], polled), turn)

    def due_at(self, partition: int) -> int:
        """When time alone will change a domain of the partition next; see :mod:`pipeline.core.idle`."""
        context = self._current_context()
        return min((due_at(context, state) for state in self._states.get(partition, {}).values()), default=NEVER)

    def wants_sweeps(self, partition: int) -> bool:
        """Whether a domain of the partition has anything that a sweep may forget."""
        return any(map(wants_sweeps, self._states.get(partition, {}).values()))

    def standing(self, partition: int) -> frozenset[tuple[str, str]]:
        """Resource and alarm type of every alarm of the partition that stands."""
        alarms = (row.alarm for state in self._states.get(partition, {}).values() for row in state.alarms.values())
        return frozenset((alarm.resource, alarm.alarm_type) for alarm in alarms if not alarm.is_cleared)

    def forget(self, partition: int) -> None:
        """Drop a partition's working state; the rows have what was last completed."""
        self._states.pop(partition, None)

    def forget_all(self) -> None:
        """Drop all working state: the partitions may have been elsewhere in between."""
        self._states.clear()

    def _loaded(self, partition: int, context: Context, turn: Turn) -> dict[str, DomainState]:
        if partition not in self._states:
            by_domain = defaultdict(list)
            for name, row in self._rows.load(turn, partition):
                domain, _, key = name.partition("|")
                by_domain[domain].append((key, row))
            self._states[partition] = {domain: DomainState.from_rows(context, rows) for domain, rows in by_domain.items()}
        return self._states[partition]

    def _by_domain(self, partition: int, states: dict[str, DomainState], items: Sequence[Item]) -> dict[str, list[Item]]:
        grouped: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            for domain in self._domains(partition, states) if isinstance(item, Tick) else (item.domain,):
                grouped[domain].append(item)
        return grouped

    def _domains(self, partition: int, states: dict[str, DomainState]) -> Iterable[str]:
        return sorted(domain for domain in states if partition_of(domain, self._partitions) == partition)

    def _publish(self, partition: int, domain: str, state: DomainState, output: Output, turn: Turn) -> None:
        for reason, count in output.counts.items():
            INPUTS.labels(reason.value).inc(count)
        turn.send(Topic.EVENTS, partition, output.events)
        turn.send(Topic.ALARMS, partition, output.alarm_changes)
        self._publish_questions([*self._claimed(output.alarm_changes), *self._doubted(state, output.incidents)], turn)
        self._publish_outages(output.outages, turn)
        for answer in output.answers:
            OPERATIONS.labels(answer.operation.kind.value, answer.outcome.value).inc()
        turn.send(Topic.ANSWERS, partition, output.answers)
        for other in range(self._partitions):  # contracts of every partition may be agreed to exclude this work
            turn.send(Topic.OUTAGES, other, output.windows)
            turn.send(Topic.OUTAGES, other, output.exclusions)
            turn.send(Topic.OUTAGES, other, output.claims)
        if output.incidents:
            OPEN.labels(domain).set(len(state.open))
            for change in output.incidents:
                INCIDENTS.labels(change.incident.state.value).inc()
            turn.send(Topic.INCIDENTS, partition, [change.incident for change in output.incidents])
        if output.incidents or output.words:
            self._publish_effects(state, output, turn)

    @staticmethod
    def _claimed(changes: Sequence[AlarmChange]) -> Iterable[Question]:
        """What only traps say is asked back: each device once for a batch, as of the last of its claims."""
        return {question.device: question for change in changes if (question := suspect(change)) is not None}.values()

    @staticmethod
    def _doubted(state: DomainState, changes: Sequence[IncidentChange]) -> Iterator[Question]:
        """A new cause that is not sure asks those who could tell it from its rivals."""
        for change in changes:
            if change.previous is None or change.previous.root_cause != change.incident.root_cause:
                row = state.incidents[change.incident.id]
                yield from settling(state.topology, row.hypothesis, state.reports, row.started_at, state.now)

    def _publish_questions(self, questions: Iterable[Question], turn: Turn) -> None:
        by_partition: dict[int, list[Question]] = defaultdict(list)
        for question in questions:
            ASKED.labels(question.reason.value).inc()
            by_partition[partition_of(question.device, self._partitions)].append(question)
        for partition, batch in by_partition.items():
            turn.send(Topic.QUESTIONS, partition, batch)

    def _publish_outages(self, outages: Sequence[Outage], turn: Turn) -> None:
        by_partition: dict[int, list[Outage]] = defaultdict(list)
        for outage in outages:
            by_partition[partition_of(outage.contract, self._partitions)].append(outage)
        for partition, batch in by_partition.items():
            turn.send(Topic.OUTAGES, partition, batch)

    def _publish_effects(self, state: DomainState, output: Output, turn: Turn) -> None:
        assert self._known is not None
        routing, now = self._known.routing, state.now
        found = [effect for one in output.incidents for effect in decide(one.incident, one.previous, routing, now)]
        for word in output.words:
            WORDS.labels(word.occasion.value, word.reason.value).inc()
            found += effects_of(word, routing, now)
        for one in output.incidents:
            found += notices(one.incident, one.previous, self._known.notices, self._known.inventory.customers, now)
            found += self._remedies(state, one)
        self._send_effects(found, turn)

    def _send_effects(self, found: Iterable[Effect], turn: Turn) -> None:
        by_partition: dict[int, list[Effect]] = defaultdict(list)
        for effect in found:
            by_partition[partition_of(effect.subject, self._partitions)].append(effect)
        for partition, batch in by_partition.items():
            turn.send(Topic.EFFECTS, partition, batch)

    def _remedies(self, state: DomainState, change: IncidentChange) -> Iterable[Effect]:
        assert self._known is not None
        known, incident = self._known, change.incident
        if not known.remedies:
            return ()
        row = state.incidents.get(incident.id)
        types = {key.alarm_type for key in row.members} if row is not None else set()
        report = state.reports.get(device_of(incident.root_cause) or "")
        polled_at = report.polled_at if report is not None and report.reachable else 0
        hurt = partial(radius, known.topology, known.inventory, incident.root_cause, incident)
        return remedies(incident, change.previous, known.remedies, types, hurt, polled_at, state.now)

    def _polled(self, state: DomainState, batch: Sequence[Item]) -> dict[str, int]:
        """Devices that this batch has polls of, and when each answered before: only what rules may want to hear of."""
        if self._known is None or not self._known.remedies:
            return {}
        devices = {item.device for item in batch if isinstance(item, StateReport)}
        return {device: state.reports[device].polled_at if device in state.reports else 0 for device in devices}

    def _seen(self, state: DomainState, polled: Mapping[str, int]) -> Iterator[Effect]:
        """What polls tell of remedies of incidents that are over."""
        if not polled:
            return
        assert self._known is not None
        ended = [row.incident for row in state.incidents.values() if row.resolved_at and row.incident is not None]
        for incident in ended:
            device = device_of(incident.root_cause) or ""
            report = state.reports.get(device) if device in polled else None
            if report is not None and report.polled_at > polled[device]:
                yield from seen(incident, self._known.remedies, report, polled[device], state.now)

    def _current_context(self) -> Context:
        known = self._source.current()
        if self._context is None or known is not self._known:
            self._known = known
            self._context = Context(
                known.topology,
                known.inventory,
                known.rules.alarm_types,
                self._timing,
                known.rules.version,
                known.routing,
                known.correlating,
            )
        return self._context
