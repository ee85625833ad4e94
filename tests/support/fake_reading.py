"""A :class:`pipeline.api.reading.Reading` in memory, in the shapes of the real one: ``tests/api/test_real.py`` holds it to them."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config.message_check import MessageSource
from pipeline.core.inventory import Fibre
from pipeline.drawing.pictures import Pictures
from tests.support import history_samples
from tests.support.history_samples import NOW, S
from tests.support.mesh import grid

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
"""What a device or a careless inventory may call itself."""


BUDGET = {
    "service": "acme-vpn-1",
    "contract": "acme-gold",
    "plan": "lab-gold",
    "target": "99.9996",
    "period": "2026-11",
    "timezone": "Europe/Amsterdam",
    "ends_at": NOW + 10 * 86_400 * S,
    "availability": "99.9999",
    "allowed_s": 9,
    "counted_s": 2,
    "unconfirmed_s": 0,
    "excluded_s": 0,
    "running": True,
    "missed_at": NOW + 8 * S,
    "left_s": 7,
    "told": "7 s left of 9 s in 2026-11; target missed at 14:05:49 UTC if it lasts",
}
GROUNDS = msgspec.json.decode(msgspec.json.encode(history_samples.GROUNDS))


def incident(number: int = 1, *, state: str = "open", **changes: Any) -> Json:
    return {
        "id": f"in-{number}",
        "revision": 1,
        "recorded_at": NOW,
        "domain": "default",
        "root_cause": "fibre/f-ams-rtm-1",
        "state": state,
        "severity": "critical",
        "reason": "fibre f-ams-rtm-1 is cut",
        "explanation": ["explains 2 of 2 alarms", "nothing expected is missing"],
        "grounds": GROUNDS,
        "points": [
            {"label": "explains", "text": "It explains 2 alarms: 2 on interface."},
            {"label": "instead", "text": "It could be duct d1, 3%: 4 alarms that it would cause are missing."},
        ],
        "alarms": ["al-1"],
        "impacts": [
            {
                "service": "acme-vpn-1",
                "customer": "acme",
                "contract": "acme-gold",
                "tier": "gold",
                "state": "down",
                "since_at": NOW,
                "share": 1.0,
                "path": ["fibre/f-ams-rtm-1", "link/ams--rtm"],
                "gate": "",
                "customer_name": "Acme Trading",
                "by": "fibre f-ams-rtm-1 → link ams--rtm",
                "told": "down",
                "budget": BUDGET if state == "open" else None,
            }
        ],
        "customers": [{"tier": "gold", "customers": 1, "services": 1, "down": 1}],
        "tightest": BUDGET if state == "open" else None,
        "planned": "",
        "started_at": NOW,
        "opened_at": NOW + S,
        "resolved_at": NOW + 300 * S if state == "resolved" else 0,
        "probability": 0.97,
        "flapping": False,
        "confirmed_by": "al-1",
        "topology_version": "t1",
        "rules_version": "r1",
        "acknowledged_by": "",
        "acknowledged_at": 0,
        "comments": [],
        "escalation": 0,
        "shelved": "",
        "alarm_count": 1,
        "ticket": {"number": f"TT-{number}", "status": "acknowledged"},
        **changes,
    }


def alarm(number: int = 1, **changes: Any) -> Json:
    return {
        "at": NOW,
        "change": "raised",
        "reason": "first-raise",
        "event": "trap-1:1:0",
        "id": f"al-{number}",
        "revision": 1,
        "resource": "interface/pe1/ge-0/0/1",
        "alarm_type": "link-down",
        "qualifier": "",
        "domain": "default",
        "device": "pe1",
        "severity": "major",
        "text": "link ge-0/0/1 is down",
        "is_cleared": False,
        "created_at": NOW,
        "last_raised_at": NOW,
        "last_changed_at": NOW,
        "cleared_at": 0,
        "confirmed_at": NOW + S,
        "occurrences": 1,
        "flaps": 0,
        "condition": "down",
        "event_type": "communications-alarm",
        "probable_cause": "loss-of-signal",
        "raised_by": "trap",
        "cleared_by": "",
        "operator_state": "none",
        "shelved_reason": "",
        "events": ["trap-1:1:0"],
        "recorded_at": NOW,
        **changes,
    }


def outage(number: int = 1, *, ended: bool = False, **changes: Any) -> Json:
    return {
        "id": f"ou-{number}",
        "revision": 1,
        "recorded_at": NOW,
        "service": "acme-vpn-1",
        "customer": "acme",
        "contract": "acme-gold",
        "state": "down",
        "incident": "in-1",
        "root_cause": "fibre/f-ams-rtm-1",
        "started_at": NOW,
        "ended_at": NOW + 300 * S if ended else 0,
        "ticketed_at": NOW + 2 * S,
        "acknowledged_at": 0,
        "closed_at": NOW + 300 * S if ended else 0,
        "confirmed_by": "al-1",
        "excluded": "",
        "customer_name": "Acme Trading",
        "tier": "gold",
        **changes,
    }


def service(name: str = "acme-vpn-1", state: str = "down", **changes: Any) -> Json:
    felt = state != "up"
    return {
        "name": name,
        "kind": "l3vpn",
        "description": "",
        "contract": "acme-gold",
        "state": state,
        "since_at": NOW if felt else 0,
        "outage": "ou-1" if felt else "",
        "incident": "in-1" if felt else "",
        "root_cause": "fibre/f-ams-rtm-1" if felt else "",
        "confirmed": felt,
        "excluded": "",
        "ticket": {"number": "TT-1", "status": "acknowledged"} if felt else None,
        **changes,
    }


def customer(name: str = "acme", state: str = "down", **changes: Any) -> Json:
    return {
        "name": name,
        "display_name": "Acme Trading",
        "tier": "gold",
        "timezone": "Europe/Amsterdam",
        "state": state,
        "services": [service(state=state)],
        **changes,
    }


def evaluation(number: int = 1, **changes: Any) -> Json:
    return {
        "id": f"ev-{number}",
        "contract": "acme-gold",
        "service": "acme-vpn-1",
        "customer": "acme",
        "plan": "lab-gold",
        "plan_version": "v1",
        "period": "2026-11",
        "timezone": "Europe/Amsterdam",
        "period_starts_at": NOW - 20 * 86_400 * S,
        "period_ends_at": NOW + 10 * 86_400 * S,
        "evaluated_at": NOW,
        "counted_s": 300,
        "excluded_s": 0,
        "unconfirmed_s": 10,
        "denominator_s": 2_592_000,
        "availability": "99.98843",
        "target": "99.99",
        "violated": True,
        "reason": "target-missed",
        "credit_minor": 12_000,
        "currency": "EUR",
        "charge_minor": 120_000,
        "intervals": [{"starts_at": NOW, "ends_at": NOW + 300 * S, "outage": "ou-1", "excluded": ""}],
        "arithmetic": ["100 x (1 - 300 / 2592000) = 99.98843"],
        "outages": ["ou-1"],
        "metric": "availability",
        "revision": 1,
        "automatic": True,
        "stopped_s": 0,
        "figure": "99.98843",
        "unit": "percent",
        "claim_until": 0,
        "claimed_at": 0,
        "customer_name": "Acme Trading",
        "tier": "gold",
        **changes,
    }


def credit(number: int = 1, **changes: Any) -> Json:
    return {
        "key": f"cr-{number}",
        "contract": "acme-gold",
        "service": "acme-vpn-1",
        "customer": "acme",
        "period": "2026-11",
        "revision": 1,
        "amount_minor": 12_000,
        "currency": "EUR",
        "reason": "target-missed",
        "dry_run": True,
        "evidence": {"evaluation": {"id": "ev-1"}},
        "entered_at": NOW,
        "entry_hash": "ab" * 32,
        "state": "computed",
        "live": False,
        "approvers": [],
        "needed": 1,
        "remote_id": "",
        "detail": "",
        "told": "dry run",
        "customer_name": "Acme Trading",
        "tier": "gold",
        **changes,
    }


def revision(number: int = 1, **changes: Any) -> Json:
    return {
        "at": NOW,
        "revision": number,
        "root_cause": "fibre/f-ams-rtm-1",
        "probability": 0.97,
        "severity": "critical",
        "state": "open",
        "reason": "fibre f-ams-rtm-1 is cut",
        "topology_version": "t1",
        "changed": ["opened: fibre f-ams-rtm-1 is cut"],
        **changes,
    }


def window(name: str = "mw-1", **changes: Any) -> Json:
    return {
        "name": name,
        "state": "in-force",
        "starts_at": NOW,
        "ends_at": NOW + 3_600 * S,
        "noticed_at": NOW,
        "resources": ["site/ams"],
        "reason": "power work",
        "operator": "alice",
        "declared_in": "operations",
        **changes,
    }


def operation(number: int = 1, **changes: Any) -> Json:
    return {
        "id": f"op-{number}",
        "at": NOW,
        "kind": "ack",
        "operator": "alice",
        "via": "cli",
        "target": "in-1",
        "text": "on my way",
        "starts_at": 0,
        "until": 0,
        "resources": [],
        "domains": ["default"],
        "reason_kind": "",
        "period": "",
        "outcome": "done",
        "reason": "acknowledged",
        "detail": "acknowledged",
        "answered_at": NOW + S,
        **changes,
    }


def view(**changes: Any) -> Json:
    english = MessageSource(ROOT / "rules").current().languages["en"]
    down = {"state": "down", "told": "not working", "cause": "a damaged fibre cable", "reference": "in-1"}
    service = {
        "name": "acme-vpn-1",
        "description": "",
        "kind": "l3vpn",
        **down,
        "since_at": NOW,
        "attended": False,
        "planned": False,
        "until_at": 0,
    }
    outage = {"service": "acme-vpn-1", **down, "started_at": NOW, "ended_at": 0, "excluded": "", "why": ""}
    spent = {
        "target": "99.99",
        "availability": "99.998",
        "downtime_s": 60,
        "allowed_s": 259,
        "left_s": 199,
        "excluded_s": 0,
        "missed": False,
    }
    given = {"amount_minor": 12_000, "currency": "EUR", "state": "approved", "told": "approved"}
    return {
        "customer": "Acme Trading",
        "language": "en",
        "timezone": "Europe/Amsterdam",
        "period": "2026-11",
        "made_at": NOW,
        "moment": english.moment,
        "state": "down",
        "services": [service],
        "planned": [{"starts_at": NOW, "ends_at": NOW + 3_600 * S, "services": [{"name": "acme-vpn-1", "description": ""}]}],
        "outages": [outage],
        "agreements": [{"service": "acme-vpn-1", "period": "2026-11", **spent}],
        "messages": [{"at": NOW, "stage": "first", "told": "first notice", "reference": "in-1"}],
        "credits": [{"service": "acme-vpn-1", "period": "2026-11", **given}],
        "words": dict(english.words),
        **changes,
    }


def exclusion(number: int = 1, **changes: Any) -> Json:
    said = {
        "kind": "exclude",
        "target": "service/acme-vpn-1",
        "reason_kind": "no-access",
        "text": "site locked",
        "reason": "exclusion-recorded",
    }
    return {**operation(number, **said, starts_at=NOW, until=NOW + 3_600 * S), "withdrawn": False, **changes}


def claim(number: int = 1, **changes: Any) -> Json:
    return {
        "id": f"cl-{number}",
        "service": "acme-vpn-1",
        "customer": "acme",
        "contract": "acme-gold",
        "month": "2026-10",
        "timezone": "Europe/Amsterdam",
        "claimed_at": NOW,
        "claimed_on": "2026-11-23",
        "claim_until": NOW + 7 * 86_400 * S,
        "last_day": "2026-11-30",
        "recorded_at": NOW,
        "operator": "alice",
        "via": "cli",
        "text": "letter",
        "outcome": "done",
        "state": "proposed",
        "told": "120.00 EUR, in the ledger",
        "owed_minor": 12_000,
        "in_ledger_minor": 12_000,
        "currency": "EUR",
        **changes,
    }


def node(kind: str, name: str, title: str, children: list[Json] | None = None, value: Json | None = None) -> Json:
    return {"kind": kind, "id": name, "title": title, "lines": [f"a line on {name}"], "children": children or [], "value": value}


class FakeReading:
    """Holds what it is given; ``down`` is raised by every method while it is set."""

    def __init__(self, *, empty: bool = False) -> None:
        self.incidents_ = [] if empty else [incident()]
        self.alarms_ = [] if empty else [alarm()]
        self.outages_ = [] if empty else [outage()]
        self.receipts_: list[Json] = [] if empty else [_RECEIPT]
        self.windows_ = [] if empty else [window()]
        self.operations_ = [] if empty else [operation()]
        self.exclusions_ = [] if empty else [exclusion()]
        self.claims_ = [] if empty else [claim()]
        self.customers_ = [] if empty else [customer()]
        self.view_ = view()
        self.evaluations_ = [] if empty else [evaluation()]
        self.credits_ = [] if empty else [credit()]
        self.trees: dict[str, Json] = {} if empty else _TREES
        self.inventory_ = replace(grid(2, 2), fibres={"f-ams-rtm-1": Fibre("f-ams-rtm-1")})
        self.pictures_ = Pictures()
        self.down: Exception | None = None
        self.asked: list[str] = []

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        self._answer("incidents")
        return [each for each in self.incidents_ if state in {None, each["state"]}][:limit]

    def incident(self, incident_id: str) -> Json | None:
        self._answer("incident")
        return next((each for each in self.incidents_ if each["id"] == incident_id), None)

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Json]:
        self._answer("alarms")
        return [each for each in self.alarms_ if not (standing and each["is_cleared"])][:limit]

    def outages(self, incident: str | None = None, service: str | None = None, limit: int = 500, *, lasting: bool = False) -> list[Json]:
        self._answer("outages")
        return [
            each
            for each in self.outages_
            if incident in {None, each["incident"]} and service in {None, each["service"]} and not (lasting and each["ended_at"])
        ][:limit]

    def history(self, incident_id: str) -> list[Json] | None:
        self._answer("history")
        return [revision()] if self.incident(incident_id) else None

    def windows(self, at: int, *, everything: bool = False) -> list[Json]:
        self._answer("windows")
        return [each for each in self.windows_ if everything or each["state"] != "over"]

    def exclusions(self, limit: int = 1000) -> list[Json]:
        self._answer("exclusions")
        return self.exclusions_[:limit]

    def claims(self, month: str = "", limit: int = 1000) -> list[Json]:
        self._answer("claims")
        return [each for each in self.claims_ if month in {"", each["month"]}][:limit]

    def operations(self, target: str = "", limit: int = 100) -> list[Json]:
        self._answer("operations")
        return [each for each in self.operations_ if target in {"", each["target"]}][:limit]

    def receipts(self, subject: str) -> list[Json]:
        self._answer("receipts")
        return self.receipts_

    def customers(self) -> list[Json]:
        self._answer("customers")
        return self.customers_

    def customer(self, name: str) -> Json | None:
        self._answer("customer")
        found = next((each for each in self.customers_ if each["name"] == name), None)
        if found is None:
            return None
        outages = [_without({**each, "ticket": None}, "customer_name", "tier") for each in self.outages_]
        return {**found, "outages": outages, "credits": [_without(each, "customer_name", "tier") for each in self.credits_]}

    def view(self, name: str, now: int) -> Json | None:
        self._answer("view")
        return self.view_ if any(each["name"] == name for each in self.customers_) else None

    def topology(self, resource: str | None = None) -> Json | None:
        self._answer("topology")
        alarms = {each["id"]: each for each in self.alarms_}
        return self.pictures_.with_incidents(self.inventory_, self.incidents("open"), alarms, resource)

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        self._answer("evaluations")
        return list(self.evaluations_)

    def credits(self) -> list[Json]:
        self._answer("credits")
        return list(self.credits_)

    def explain(self, name: str) -> Json | None:
        self._answer("explain")
        found = self.trees.get(name)
        if found is None and (known := next((each for each in self.incidents_ if each["id"] == name), None)):
            return node("incident", name, known["reason"], [], known)
        return copy.deepcopy(found)

    def why_not_ready(self) -> str:
        return str(self.down or "")

    def _answer(self, name: str) -> None:
        self.asked.append(name)
        if self.down:
            raise self.down


def _without(value: Json, *names: str) -> Json:
    return {name: each for name, each in value.items() if name not in names}


_RECEIPT = {"kind": "ticket-open", "route": "tmf621", "outcome": "delivered", "remote_id": "TT-1", "at": NOW}
_DATAGRAM = node("datagram", "trap-1:1", "trap-1:1: 140 bytes from 127.20.0.1 at 2026-11-23 14:04:36.453")
_EVENT = node("event", "trap-1:1:0", "raise by trap: link ge-0/0/1 is down", [_DATAGRAM])
_ALARM = node("alarm", "al-1", "link-down on interface/pe1/ge-0/0/1", [_EVENT], alarm())
_INCIDENT = node("incident", "in-1", "fibre f-ams-rtm-1 is cut", [_ALARM], incident())
_OUTAGE = node("outage", "ou-1", "acme-vpn-1 down", [_INCIDENT], outage())
_EVALUATION = node("SLA evaluation", "ev-1", "acme-vpn-1 under lab-gold", [_OUTAGE], evaluation())
_CREDIT = node("credit", "cr-1", "120.00 EUR to acme for acme-vpn-1", [_EVALUATION], credit())
_TREES = {each["id"]: each for each in (_ALARM, _INCIDENT, _OUTAGE, _EVALUATION, _CREDIT)} | {
    "i": node(
        "several", "i", "i is the beginning of more than one name", [node("incident", "in-1", "in-1"), node("incident", "in-2", "in-2")]
    )
}
