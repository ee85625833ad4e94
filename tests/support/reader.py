"""A reader in memory for the command line: realistic rows with the longest names that the lab has, in the shapes of `pipeline.reading`."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from pipeline.core.observation import Polling, observe
from pipeline.core.period import month_named
from pipeline.core.span import Span, union
from pipeline.observing import Asked, Observed
from pipeline.store.client import StoreError

Json = dict[str, Any]
S = 1_000_000_000
AT = 1_795_442_741 * S
"""2026-11-23 14:05:41 UTC."""

INCIDENT = "8d7876c1-e507-5eda-af87-2df5665d2329"
CREDIT = "f491e6dd-6789-5325-bfad-c40c15826e6b"
REASON = (
    "Fibre f-ams-rtm-1 is cut: both ends of links ams-p1--rtm-p1 and dft-ac1--ams-pe1 lost light, and everything behind failed with it."
)


BY = "fibre f-ams-rtm-1 → link dft-ac1--ams-pe1 → LSP dft-ac1_ams-pe1 → tunnel t-hmc-internet-1, whose protection is lost"
BUDGET = {
    "service": "nsx-lowlat-1",
    "plan": "lab-gold",
    "left_s": 31 * 60,
    "missed_at": AT + 31 * 60 * S,
    "told": "31 min left of 43 min 12 s in 2026-11; target missed at 14:36:41 UTC if it lasts",
}


def incident(**changes: Any) -> Json:
    impacts = [
        {"tier": "gold", "customer": "northsea-exchange", "customer_name": "North Sea Exchange B.V.", "service": "nsx-lowlat-1"},
        {"tier": "silver", "customer": "duinzicht-retail", "customer_name": "Duinzicht Retail Groep B.V.", "service": "dzr-vpn-1"},
        {"tier": "gold", "customer": "helvoet-medical", "customer_name": "Helvoet Medical Centre", "service": "hmc-internet-1"},
    ]
    states = ("down", "down", "redundancy-lost")
    return {
        "id": INCIDENT,
        "state": "resolved",
        "severity": "critical",
        "reason": REASON,
        "root_cause": "fibre/f-ams-rtm-1",
        "explanation": ["It explains 22 alarms: 5 on interface, 7 on lsp.", "Probability 77%; otherwise duct/d-ams-rtm-coast 23%."],
        "alarms": ["al-1", "al-2", "al-3"],
        "alarm_count": 3,
        "points": [
            {"label": "explains", "text": "It explains 22 alarms: 5 on interface, 7 on lsp."},
            {"label": "instead", "text": "It could be duct d-ams-rtm-coast, 23%: it explains the same, but fails more rarely."},
            {"label": "instead", "text": "It could be site ams, 2%: 40 alarms that it would cause are missing."},
            {"label": "to settle it", "text": "Poll dft-ac1: if it answers, the cause is fibre f-ams-rtm-1; if not, duct d-ams-rtm-coast."},
        ],
        "impacts": [
            {**impact, "state": state, "told": state, "since_at": AT, "share": 0.0, "by": BY, "budget": BUDGET}
            for impact, state in zip(impacts, states, strict=True)
        ],
        "customers": [{"tier": "gold", "customers": 2, "services": 2}, {"tier": "silver", "customers": 1, "services": 1}],
        "tightest": BUDGET,
        "planned": "",
        "flapping": False,
        "revision": 3,
        "started_at": AT,
        "resolved_at": AT + 14 * S,
        "probability": 0.77,
        "shelved": "",
        "acknowledged_by": "",
        "acknowledged_at": 0,
        "comments": [],
        "escalation": 0,
        "ticket": {"number": "TT-000001", "status": "resolved"},
        **changes,
    }


def alarm(**changes: Any) -> Json:
    return {
        "id": "al-1",
        "resource": "interface/ams-pe1/xe-0/0/2",
        "alarm_type": "optical-loss-of-signal",
        "severity": "critical",
        "is_cleared": True,
        "occurrences": 12,
        "last_raised_at": AT,
        "cleared_at": AT + 12 * S,
        "text": "port/ams-pe1/xe-0/0/2 receives no light (-40.0 dBm)",
        "operator_state": "none",
        "shelved_reason": "",
        **changes,
    }


def credit(**changes: Any) -> Json:
    return {
        "key": CREDIT,
        "customer": "windsor-gate-schools",
        "service": "wgs-internet-1",
        "period": "2026-11",
        "revision": 1,
        "amount_minor": 1_234_567,
        "currency": "EUR",
        "dry_run": True,
        "told": "dry run",
        **changes,
    }


def evaluation(**changes: Any) -> Json:
    return {
        "customer": "windsor-gate-schools",
        "service": "wgs-internet-1",
        "plan": "lab-bronze",
        "period": "2026-11",
        "availability": "99.99933",
        "counted_s": 13,
        "violated": True,
        "credit_minor": 1_234_567,
        "currency": "EUR",
        "arithmetic": ["downtime: 13 s counted, 0 s planned, 0 s unconfirmed"],
        **changes,
    }


def node(kind: str, name: str, title: str, *children: Json, lines: tuple[str, ...] = (), value: Json | None = None) -> Json:
    return {"kind": kind, "id": name, "title": title, "lines": list(lines), "children": list(children), "value": value}


HEX = " ".join(f"{octet:02x}" for octet in range(48, 80)) + " ... (116 more)"


def _alarm_node(number: int) -> Json:
    def event(what: str, sequence: int) -> Json:
        record = node(
            "datagram", f"trap-1:{sequence}", f"trap-1:{sequence}: 148 bytes from 127.20.0.2 at 2026-11-23 14:05:41.777", lines=(HEX,)
        )
        title = f"{what} by trap at 2026-11-23 14:05:41.777: interface/rtm-p1/et-0/0/{number} is {what} (rule if-link-{what})"
        return node("event", f"trap-1:{sequence}:0", title, record)

    title = f"link-down on interface/rtm-p1/et-0/0/{number}: major, raised 2026-11-23 14:05:41.777, cleared 2026-11-23 14:05:53.982"
    return node("alarm", f"al-{number}", title, event("raise", number), event("clear", number + 40))


def chain(alarms: int = 3) -> Json:
    """Credit, evaluation, outage, incident, three alarms shown of ``alarms``, their events and datagrams."""
    shown = [_alarm_node(number) for number in range(1, min(alarms, 3) + 1)]
    more = [node("", "", f"and {alarms - 3} more alarms of this incident")] if alarms > 3 else []
    names = [f"al-{number}" for number in range(1, alarms + 1)]
    of_incident = node("incident", INCIDENT, REASON, *shown, *more, lines=("Services: 4 down.",), value=incident(alarms=names))
    outage = node("outage", "ou-1", "nsx-lowlat-1 down 2026-11-23 14:05:41.770 to 2026-11-23 14:05:55.539, confirmed", of_incident)
    arithmetic = ("downtime: 13 s counted", "credit: 5 % of 9800.00 EUR = 490.00 EUR")
    of_evaluation = node("SLA evaluation", "ev-1", "nsx-lowlat-1 under lab-gold, 2026-11: target missed", outage, lines=arithmetic)
    return node("credit", CREDIT, "490.00 EUR to northsea-exchange for nsx-lowlat-1, 2026-11", of_evaluation, lines=("ledger entry 4db3",))


class FakeReader:
    """Answers like :class:`pipeline.reading.Reader`; ``down`` makes every question fail as a store that does not answer."""

    down = False
    empty = False
    broken_ledger = ""
    alarms_of_chain = 22

    def __init__(self, settings: object) -> None:
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return

    def _answer(self, rows: list[Json]) -> list[Json]:
        if self.down:
            raise StoreError("ClickHouse at 127.0.0.1:18123: Connection refused")
        return [] if self.empty else rows

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        return self._answer(
            [each for each in (incident(), incident(id="0aa", ticket=None, impacts=[])) if state in {None, each["state"]}][:limit]
        )

    def incident(self, incident_id: str) -> Json | None:
        return next((each for each in self.incidents() if each["id"].startswith(incident_id)), None)

    def history(self, name: str) -> list[Json] | None:
        opened = {"revision": 1, "at": AT + S, "changed": [f"opened: {REASON}", "22 alarms, critical, probability 55%"]}
        moved = {"revision": 2, "at": AT + 3 * S, "changed": ["the cause is now fibre/f-ams-rtm-1, probability 77% (it was duct/d1)"]}
        return self._answer([opened, moved]) if INCIDENT.startswith(name) else None

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Json]:
        return self._answer([each for each in (alarm(is_cleared=False), alarm(id="al-2")) if not (standing and each["is_cleared"])][:limit])

    def alarms_of(self, ids: Iterable[str]) -> list[Json]:
        return self._answer([alarm(id=each) for each in ids])

    def tickets(self, limit: int = 100) -> list[Json]:
        ticket = {"number": "TT-000001", "status": "acknowledged", "system": "tmf621", "incident": INCIDENT}
        return self._answer([{**ticket, "linked_at": AT, "updated_at": AT}][:limit])

    def credits(self) -> list[Json]:
        return self._answer([credit()])

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        return self._answer([evaluation()][:limit])

    def observed(self, asked: Asked) -> list[Observed]:
        month = month_named(asked.label, "Europe/London")
        minute = 60 * S
        pauses = [month.starts_at + 9 * 86_400 * S + n * 3_600 * S for n in range(7)]
        blind = {"ams-pe1": union(Span(at, at + 7 * minute) for at in pauses), "rtm-p1": (Span(pauses[0], pauses[0] + 26 * minute),)}
        whole, partly = (("wgs-vpn-1", "windsor-gate-schools", "k"), ("wgs-internet-1", "windsor-gate-schools", "k"))
        seen = observe(month, partly, blind, Polling({}, asked.now))
        all_of_it = observe(month, whole, {"ams-pe1": ()}, Polling({}, asked.now))
        self._answer([])
        return [] if self.empty else [Observed(seen, seen.stretches[:1]), Observed(all_of_it)]

    def verify_ledger(self) -> tuple[int, str]:
        return len(self._answer([credit()])), self.broken_ledger

    def explain(self, name: str) -> Json | None:
        self._answer([])
        if name.startswith("al-"):
            return _alarm_node(int(name[3:]))
        if name == "8":
            return node("several", name, "8 is the beginning of more than one name", node("incident", INCIDENT, INCIDENT))
        whole = chain(self.alarms_of_chain)
        if INCIDENT.startswith(name):
            return dict(whole["children"][0]["children"][0]["children"][0])
        return whole if CREDIT.startswith(name) else None
