"""The chain of evidence: credit -> SLA evaluation -> outage -> incident -> alarms -> events -> the datagrams in the journal.

Each step is a node ``{kind, id, title, lines, children, value}``; a node shows the few children that prove it and says how many more there
are, so that the whole chain fits one screen.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

from collectors.journal import JournalReader
from pipeline.config.settings import Settings
from pipeline.core.money import money_text
from pipeline.obligations import Obligations
from pipeline.store.queries import Queries

Json = dict[str, Any]

SHOWN_ALARMS = 3
SHOWN_EVENTS = 2
SHOWN_BYTES = 32


class Found(Protocol):
    """Looks names up, whole or by their beginning."""

    def incident(self, incident_id: str) -> Json | None:
        """One incident."""
        ...

    def credits(self) -> list[Json]:
        """The ledger."""
        ...


class Evidence:
    """Walks back from a name to what proves it."""

    def __init__(self, found: Found, queries: Queries, obligations: Obligations, settings: Settings) -> None:
        self._found = found
        self._queries = queries
        self._obligations = obligations
        self._settings = settings

    def explain(self, name: str) -> Json | None:
        """The node of whatever has this name; ``None`` when nothing has."""
        for look in (self._credit_named, self._evaluation_named, self._outage_named, self._incident_named, self._alarm_named):
            node = look(name)
            if node is not None:
                return node
        return None

    def _credit_named(self, name: str) -> Json | None:
        named = [credit for credit in self._found.credits() if credit["key"].startswith(name)]
        return self.credit(named[0]) if len(named) == 1 else None

    def _evaluation_named(self, name: str) -> Json | None:
        found = self._queries.evaluation(name)
        return self.evaluation(found) if found else None

    def _outage_named(self, name: str) -> Json | None:
        found = self._queries.outage(name)
        return self.outage(found) if found else None

    def _incident_named(self, name: str) -> Json | None:
        found = self._found.incident(name)
        return self.incident(found) if found else None

    def _alarm_named(self, name: str) -> Json | None:
        found = self._queries.alarms_by_id([name])
        return self.alarm(found[0]) if found else None

    def credit(self, credit: Json) -> Json:
        """A credit and the evaluation that it was proposed from."""
        state = "dry run: posted nowhere" if credit["dry_run"] else "computed"
        evidence = credit["evidence"]
        evaluation = self._queries.evaluation(_evaluation_id(evidence))
        amount = money_text(credit["amount_minor"], credit["currency"])
        entry = f"ledger entry {credit['entry_hash'][:12]}, revision {credit['revision']}, {credit['reason']}"
        return _node(
            "credit",
            credit["key"],
            f"{amount} to {credit['customer']} for {credit['service']}, {credit['period']} ({state})",
            [f"{entry}, entered {clock(credit['entered_at'])}"],
            [self.evaluation(evaluation)] if evaluation else [_lost("evaluation", _evaluation_id(evidence))],
            credit,
        )

    def evaluation(self, evaluation: Json) -> Json:
        """An SLA evaluation with its arithmetic, and the outages that count."""
        verdict = "missed" if evaluation["violated"] else "met"
        outages = [outage for name in evaluation["outages"] if (outage := self._queries.outage(name))]
        return _node(
            "SLA evaluation",
            evaluation["id"],
            f"{evaluation['service']} under {evaluation['plan']}, {evaluation['period']} ({evaluation['timezone']}): target {verdict}",
            evaluation["arithmetic"],
            [self.outage(outage) for outage in outages],
            evaluation,
        )

    def outage(self, outage: Json) -> Json:
        """An outage and the incident that caused it; the alarm that confirmed it comes first among the incident's."""
        until = clock(outage["ended_at"]) if outage["ended_at"] else "now"
        confirmed = "confirmed beyond unauthenticated traps" if outage["confirmed_by"] else "not confirmed: never pays"
        incident = self._found.incident(outage["incident"])
        return _node(
            "outage",
            outage["id"],
            f"{outage['service']} {outage['state']} {clock(outage['started_at'])} to {until}, {confirmed}",
            [f"excluded: {outage['excluded']}"] if outage["excluded"] else [],
            [self.incident(incident, outage["confirmed_by"])] if incident else [_lost("incident", outage["incident"])],
            outage,
        )

    def incident(self, incident: Json, first: str = "") -> Json:
        """An incident and the alarms that prove its cause, those of the cause first."""
        names = list(dict.fromkeys([*([first] if first else []), *incident["alarms"]]))
        alarms = self._queries.alarms_by_id(names[:SHOWN_ALARMS])
        ticket = f"; ticket {incident['ticket']['number']} {incident['ticket']['status']}" if incident["ticket"] else ""
        versions = f"topology {incident['topology_version'][:12]}, rules {incident['rules_version'][:12]}"
        return _node(
            "incident",
            incident["id"],
            f"{incident['reason']} ({incident['state']}{ticket})",
            [*incident["explanation"][:4], versions],
            [*(self.alarm(alarm) for alarm in alarms), *_more(len(names) - len(alarms), "alarms", f"assure explain {incident['id'][:8]}")],
            incident,
        )

    def alarm(self, alarm: Json) -> Json:
        """An alarm and the events that raised, confirmed and cleared it."""
        state = f"cleared {clock(alarm['cleared_at'])}" if alarm["is_cleared"] else "stands"
        names = alarm["events"]
        events = self._queries.events(_telling(names))
        return _node(
            "alarm",
            alarm["id"],
            f"{alarm['alarm_type']} on {alarm['resource']}: {alarm['severity']}, raised {clock(alarm['last_raised_at'])}, {state}",
            [],
            [self.event(event) for event in events],
            alarm,
        )

    def event(self, event: Json) -> Json:
        """An event and the journal record that it was read from."""
        return _node(
            "event",
            event["id"],
            f"{event['signal']} by {event['source']} at {clock(event['occurred_at'])}: {event['text']} (rule {event['rule'] or 'none'})",
            [],
            [self.datagram(event["collector"], event["sequence"])],
            event,
        )

    def datagram(self, collector: str, sequence: int) -> Json:
        """The bytes in the collector's journal, as they came."""
        name = f"{collector}:{sequence}"
        try:
            record = JournalReader(self._settings.journal_dir(collector)).get(sequence)
        except OSError as error:
            return _node("journal", name, f"{name}: the journal cannot be read here ({error})", [], [])
        if record is None:
            return _node("journal", name, f"{name}: no longer kept in the journal (see traps.journal_bytes)", [], [])
        rest = f" ... ({len(record.payload) - SHOWN_BYTES} more)" if len(record.payload) > SHOWN_BYTES else ""
        return _node(
            "journal",
            name,
            f"{name}: {len(record.payload)} bytes from {record.source} at {clock(record.received_at)}",
            [record.payload[:SHOWN_BYTES].hex(" ") + rest],
            [],
        )


def clock(at: int) -> str:
    """UTC nanoseconds as ``2026-11-23 10:46:23.123``."""
    return datetime.fromtimestamp(at / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _evaluation_id(evidence: Json) -> str:
    nested = evidence.get("evidence", evidence)
    found = nested.get("evaluation", "")
    return str(found if isinstance(found, str) else found.get("id", ""))


def _telling(events: list[str]) -> list[str]:
    """The first event and the latest ones: what raised the alarm, and what was said of it last."""
    return list(dict.fromkeys([*events[:1], *events[1:][-(SHOWN_EVENTS - 1) :]]))


def _more(count: int, what: str, where: str) -> Iterable[Json]:
    if count > 0:
        yield _node("", "", f"and {count} more {what}: {where}", [], [])


def _lost(kind: str, name: str) -> Json:
    return _node(kind, name, f"{name or 'unnamed'}: not in the history (yet)", [], [])


def _node(kind: str, name: str, title: str, lines: Iterable[str], children: Iterable[Json], value: Json | None = None) -> Json:
    return {"kind": kind, "id": name, "title": title, "lines": list(lines), "children": list(children), "value": value}
