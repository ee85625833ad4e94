"""The chain of evidence: credit -> SLA evaluation -> outage -> incident -> alarms -> events -> the records in the journals.

Each step is a node ``{kind, id, title, lines, children, value}``. A node shows the few children that prove it and says how many more there
are, so that the whole chain fits one screen. What is not kept any more is a node of its own that says so: a gap is seen, never skipped.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from collectors.journal import JournalError, JournalReader, JournalRecord
from pipeline.config.settings import Settings
from pipeline.core.event import EventSource
from pipeline.core.money import money_text
from pipeline.crediting import credit_value
from pipeline.journaled import masked
from pipeline.obligations import Obligations
from pipeline.store.queries import Queries

Json = dict[str, Any]

SHOWN_ALARMS = 3
SHOWN_BYTES = 32
SHOWN_NAMES = 10
SHOWN_POINTS = frozenset({"explains", "missing", "against", "probability", "confirmed", "judged by", "why"})
"""Of an incident's explanation what a chain tells; the rest is told where the incident itself is explained."""
SEVERAL = "several"
"""The kind of the node for a beginning that more than one name has; its children are those names."""

_KINDS = {"credit": "credit", "evaluation": "SLA evaluation", "outage": "outage", "incident": "incident", "alarm": "alarm"}
_BOUND = {"datagram": "traps.journal_bytes", "poll": "polls.journal_bytes"}
_ID_PARTS = 3


class Found(Protocol):
    """Looks incidents up, joined with their tickets."""

    def incident(self, incident_id: str) -> Json | None:
        """One incident."""
        ...


class Evidence:
    """Walks back from a name to what proves it. Safe to share between threads; raises ``OSError`` when a store does not answer."""

    def __init__(self, found: Found, queries: Queries, obligations: Obligations, settings: Settings) -> None:
        self._found = found
        self._queries = queries
        self._obligations = obligations
        self._settings = settings
        self._journals: dict[str, JournalReader] = {}
        self._reading = threading.Lock()

    def explain(self, name: str) -> Json | None:
        """The node of what has this name or, when nothing has, of what alone begins so; ``None`` when nothing does.

        A beginning of several names answers with a node of kind :data:`SEVERAL`.
        """
        named = self._named(name) if name else []
        chosen = [each for each in named if each[1] == name] or named
        if len(chosen) > 1:
            return _several(name, chosen)
        return self._node(*chosen[0]) if chosen else None

    def _named(self, name: str) -> list[tuple[str, str]]:
        """Kind and id of what begins so, from the end of the chain to its start."""
        keys = {entry.credit.key for entry in self._obligations.credits() if entry.credit.key.startswith(name)}
        old = self._obligations.credit(name)
        keys |= {old.credit.key} if old else set()
        rows = self._queries.named(name, SHOWN_NAMES + 1)
        return [*(("credit", key) for key in sorted(keys)), *((row["kind"], row["id"]) for row in rows)]

    def _node(self, kind: str, name: str) -> Json | None:
        ways: dict[str, tuple[Callable[[str], Json | None], Callable[[Json], Json]]] = {
            "credit": (self._credit, self.credit),
            "evaluation": (self._queries.evaluation, self.evaluation),
            "outage": (self._queries.outage, self.outage),
            "incident": (self._found.incident, self.incident),
            "alarm": (self._alarm, self.alarm),
        }
        find, show = ways[kind]
        value = find(name)
        return show(value) if value else None

    def _credit(self, key: str) -> Json | None:
        stored = self._obligations.stored_credit(key)
        return credit_value(stored) if stored else None

    def _alarm(self, name: str) -> Json | None:
        return next(iter(self._queries.alarms_by_id([name])), None)

    def credit(self, credit: Json) -> Json:
        """A credit and the evaluation that it was proposed from; the ledger's own copy of that, when the history has it no more."""
        state = "dry run: posted nowhere" if credit["told"] == "dry run" else credit["told"]
        entry = f"ledger entry {credit['entry_hash'][:12]}, revision {credit['revision']}, {credit['reason']}"
        return _node(
            "credit",
            credit["key"],
            f"{_amount(credit)} to {credit['customer']} for {credit['service']}, {credit['period']} ({state})",
            [f"{entry}, entered {clock(credit['entered_at'])}"],
            self._evaluation_of(credit["evidence"]),
            credit,
        )

    def _evaluation_of(self, evidence: Json) -> list[Json]:
        kept = evidence.get("evaluation", "")
        name = str(kept.get("id", "") if isinstance(kept, dict) else kept)
        found = self._queries.evaluation(name)
        if found:
            return [self.evaluation(found)]
        if isinstance(kept, dict) and "arithmetic" in kept:
            return [self.evaluation(kept, "not in the history; this is the copy that the ledger keeps")]
        return [_lost("SLA evaluation", name)]

    def evaluation(self, evaluation: Json, remark: str = "") -> Json:
        """An SLA evaluation with its arithmetic, and the outages that it looked at."""
        verdict = "missed" if evaluation["violated"] else "met"
        where = f"{evaluation['plan']}, {evaluation['period']} ({evaluation['timezone']})"
        return _node(
            "SLA evaluation",
            evaluation["id"],
            f"{evaluation['service']} under {where}: target {verdict}",
            [*([remark] if remark else []), *evaluation["arithmetic"]],
            [self._linked("outage", name, self._queries.outage, self.outage) for name in evaluation["outages"]],
            evaluation,
        )

    @staticmethod
    def _linked(kind: str, name: str, find: Callable[[str], Json | None], show: Callable[[Json], Json]) -> Json:
        found = find(name)
        return show(found) if found else _lost(kind, name)

    def outage(self, outage: Json) -> Json:
        """An outage and the incident that caused it; the alarm that confirmed it comes first among the incident's."""
        until = clock(outage["ended_at"]) if outage["ended_at"] else "now"
        confirmed = "confirmed beyond unauthenticated traps" if outage["confirmed_by"] else "not confirmed: never pays"
        return _node(
            "outage",
            outage["id"],
            f"{outage['service']} {outage['state']} {clock(outage['started_at'])} to {until}, {confirmed}",
            [f"excluded: {outage['excluded']}"] if outage["excluded"] else [],
            [
                self._linked(
                    "incident", outage["incident"], self._found.incident, lambda incident: self.incident(incident, outage["confirmed_by"])
                )
            ],
            outage,
        )

    def incident(self, incident: Json, first: str = "") -> Json:
        """An incident and the alarms that prove its cause; ``first`` is an alarm to put before the others."""
        names = list(dict.fromkeys([*([first] if first else []), *incident["alarms"]]))
        ticket = f"; ticket {incident['ticket']['number']} {incident['ticket']['status']}" if incident["ticket"] else ""
        return _node(
            "incident",
            incident["id"],
            f"{incident['reason']} ({incident['state']}{ticket})",
            [point["text"] for point in incident["points"] if point["label"] in SHOWN_POINTS],
            [*self._alarms(names[:SHOWN_ALARMS]), *_more(len(names) - SHOWN_ALARMS, "alarm")],
            incident,
        )

    def _alarms(self, names: list[str]) -> Iterator[Json]:
        found = {alarm["id"]: alarm for alarm in self._queries.alarms_by_id(names)}
        for name in names:
            yield self.alarm(found[name]) if name in found else _lost("alarm", name)

    def alarm(self, alarm: Json) -> Json:
        """An alarm and the events that raised, confirmed and last changed it."""
        state = f"cleared {clock(alarm['cleared_at'])}" if alarm["is_cleared"] else "stands"
        changes = {change["event"]: change for change in self._queries.alarm_changes(alarm["id"])}
        names = _telling(alarm, changes)
        events = {event["id"]: event for event in self._queries.events(names)}
        return _node(
            "alarm",
            alarm["id"],
            f"{alarm['alarm_type']} on {alarm['resource']}: {alarm['severity']}, raised {clock(alarm['last_raised_at'])}, {state}",
            [],
            [self._event(name, events.get(name), changes.get(name)) for name in names],
            alarm,
        )

    def _event(self, name: str, event: Json | None, change: Json | None) -> Json:
        """An event; those that a poll's comparison adds to an alarm are known by the change that they made."""
        if event:
            what = f"{event['signal']} by {event['source']}{_because(change)} at {clock(event['occurred_at'])}"
            by_rule = "" if change and change["reason"] == event["rule"] else f" (rule {event['rule'] or 'none'})"
            title = f"{what}: {event['text']}{by_rule}"
            by_hand = event["source"] == EventSource.OPERATOR
            return _node("event", name, title, [], [] if by_hand else [self.record(event["collector"], event["sequence"])], event)
        if change:
            title = f"{change['change']}{_because(change)} at {clock(change['at'])}"
            return _node("event", name, title, [], self._record_named(name), change)
        return _node("event", name, f"{name}: {_GONE}", [], self._record_named(name))

    def _record_named(self, event: str) -> list[Json]:
        """The record that an event's id speaks of: ``collector:sequence:rest``."""
        collector, sequence, *rest = [*event.split(":", _ID_PARTS - 1), "", ""]
        return [self.record(collector, int(sequence))] if collector and sequence.isdecimal() and any(rest) else []

    def record(self, collector: str, sequence: int) -> Json:
        """The bytes in a collector's journal, as they came but for a community, and what was read from them."""
        name = f"{collector}:{sequence}"
        what, read = self._read_from(collector, sequence)
        try:
            record = self._journaled(collector, sequence)
        except (OSError, JournalError, ValueError) as error:  # ValueError: a file in the folder that is none of the journal's
            return _node(what, name, f"{name}: the journal cannot be read here ({error})", read, [])
        if record is None:
            return _node(what, name, f"{name}: no longer kept in the journal (see {_BOUND.get(what, 'journal_bytes')})", read, [])
        rest = f" ... ({len(record.payload) - SHOWN_BYTES} more)" if len(record.payload) > SHOWN_BYTES else ""
        title = f"{name}: {len(record.payload)} bytes from {record.source} at {clock(record.received_at)}"
        return _node(what, name, title, [*read, masked(record.payload[:SHOWN_BYTES]) + rest], [])

    def _read_from(self, collector: str, sequence: int) -> tuple[str, list[str]]:
        """What kind of record it is, and the line that tells what was read from it: a notification, or a poll's outcome."""
        trap = self._queries.trap(collector, sequence)
        if trap:
            return "datagram", [f"SNMP {trap['version']} notification {trap['trap_oid']} with {len(trap['varbinds'])} values"]
        poll = self._queries.poll(collector, sequence)
        if poll:
            seen = f"{poll['interfaces']} interfaces, {poll['round_trip_ms']:g} ms"
            why = " on suspicion" if poll["on_suspicion"] else ""
            return "poll", [f"poll of {poll['device']}{why}: {poll['outcome']}, {seen}"]
        return "record", []

    def _journaled(self, collector: str, sequence: int) -> JournalRecord | None:
        folder = self._settings.journal_dir(collector)
        if folder.parent != self._settings.journal_dir("any").parent or collector in {"", ".", ".."}:
            raise OSError("that is no collector's name")
        with self._reading:
            return self._journals.setdefault(collector, JournalReader(folder)).get(sequence)


def clock(at: int) -> str:
    """UTC nanoseconds as ``2026-11-23 10:46:23.123``."""
    return datetime.fromtimestamp(at / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _telling(alarm: Json, changes: Json) -> list[str]:
    """What raised the alarm, what confirmed it, and what was said of it last."""
    confirming = [name for name, change in changes.items() if change["at"] == alarm["confirmed_at"]]
    return list(dict.fromkeys([*alarm["events"][:1], *confirming[:1], *alarm["events"][-1:]]))


def _because(change: Json | None) -> str:
    return f" ({change['reason']})" if change else ""


def _amount(credit: Json) -> str:
    return money_text(credit["amount_minor"], credit["currency"])


def _several(name: str, named: list[tuple[str, str]]) -> Json:
    shown = [_node(_KINDS[kind], each, each, [], []) for kind, each in named[:SHOWN_NAMES]]
    title = f"{name} is the beginning of more than one name; say more of it"
    return _node(SEVERAL, name, title, [], [*shown, *_more(len(named) - SHOWN_NAMES, "name")])


def _more(count: int, noun: str) -> Iterable[Json]:
    if count > 0:
        yield _node("", "", f"and {count} more {noun}{'' if count == 1 else 's'}", [], [])


_GONE = "not in the history (not yet, or no longer kept)"


def _lost(kind: str, name: str) -> Json:
    return _node(kind, name, f"{name or 'unnamed'}: {_GONE}", [], [])


def _node(kind: str, name: str, title: str, lines: Iterable[str], children: Iterable[Json], value: Json | None = None) -> Json:
    return {"kind": kind, "id": name, "title": title, "lines": list(lines), "children": list(children), "value": value}
