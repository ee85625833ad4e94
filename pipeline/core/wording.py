"""What people read of an incident in tickets and notifications: plain text that is safe wherever it is shown.

Names and texts of devices are hostile (a trap's varbind can hold HTML, Markdown, mentions, terminal escapes). Ticket systems render
text in ways we cannot know, so the characters that start markup are replaced by look-alikes that start none; a person reads the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.core.budget import Budget
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident
from pipeline.core.inventory import Tier
from pipeline.core.outage import ServiceState
from pipeline.core.points import counted
from pipeline.core.trace import way

LINE_LIMIT = 500
LISTED = 200
"""How many services and lines of explanation a text holds; the rest is told as a number."""

_NANO = 1_000_000_000
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_LOOK_ALIKES = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "&": "\uff06",
        "@": "\uff20",
        "[": "\uff3b",
        "]": "\uff3d",
        "`": "\u02cb",
        "*": "\u2217",
        "|": "\u2223",
        "\\": "\uff3c",
    }
)
_SEVERITY_WORDS = {
    Severity.CRITICAL: "Critical",
    Severity.MAJOR: "Major",
    Severity.MINOR: "Minor",
    Severity.WARNING: "Warning",
    Severity.INDETERMINATE: "Indeterminate",
}
_STATE_WORDS = {
    ServiceState.DOWN: "down",
    ServiceState.DEGRADED: "degraded",
    ServiceState.REDUNDANCY_LOST: "without redundancy",
    ServiceState.UP: "up",
}


def plain(text: str, limit: int = LINE_LIMIT) -> str:
    """One line of ``text`` that no viewer takes for markup, a mention, a link or a terminal command; at most ``limit`` characters.

    Removes ANSI sequences, control, format (bidi) and surrogate characters; applying it again changes nothing.
    """
    visible = "".join(_shown(char) for char in _ANSI.sub("", text))
    line = " ".join(visible.split()).translate(_LOOK_ALIKES).replace("://", ":\u2215\u2215")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


def _shown(char: str) -> str:
    if char in "\t\r\n":
        return " "
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else char


def rfc3339(at: int) -> str:
    """UTC nanoseconds as an RFC 3339 date-time with milliseconds: ``2026-11-23T10:00:00.000Z``."""
    moment = datetime.fromtimestamp(at // _NANO, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % _NANO // 1_000_000:03d}Z"


def severity_word(severity: Severity) -> str:
    """A severity as TMF621 writes it: ``Critical``, ``Major``, ``Minor``."""
    return _SEVERITY_WORDS[severity]


def headline(incident: Incident) -> str:
    """The incident in one short line: the cause and how many services feel it."""
    return plain(f"{incident.root_cause}: {tally(incident.impacts) or 'no service affected'}", 120)


def tally(impacts: tuple[Impact, ...]) -> str:
    """How many services fare how: ``3 services down, 1 without redundancy``; empty for none."""
    counts = [(sum(impact.state is state for impact in impacts), words) for state, words in _STATE_WORDS.items()]
    parts = [f"{count} {words}" for count, words in counts if count]
    if not parts:
        return ""
    number, _, words = parts[0].partition(" ")
    return ", ".join([f"{number} service{'' if number == '1' else 's'} {words}", *parts[1:]])


def description(incident: Incident) -> str:
    """The ticket's text: cause, reason, explanation, times, and the services by tier; plain text in lines."""
    lines = [
        f"Root cause: {plain(incident.root_cause)}",
        f"Why: {plain(incident.reason)}",
        *_capped([f"- {plain(line)}" for line in incident.explanation], "lines"),
        f"Since: {rfc3339(incident.started_at)}",
    ]
    if incident.resolved_at:
        lines.append(f"Resolved: {rfc3339(incident.resolved_at)} after {duration(incident.resolved_at - incident.started_at)}")
    lines.append(f"Services: {tally(incident.impacts) or 'none affected'}")
    if incident.impacts:
        lines.append(f"Customers: {tiers_text(tiers_of(incident.impacts))}")
    lines += _capped(services_by_tier(incident.impacts), "services")
    return "\n".join(lines)


def services_by_tier(impacts: tuple[Impact, ...]) -> list[str]:
    """One line for each service, gold customers first, in the incident's own order within a tier; with the way on which it is reached."""
    rank = {tier: number for number, tier in enumerate(Tier)}
    return [plain(_service_line(impact)) for impact in sorted(impacts, key=lambda impact: rank[impact.tier])]


def _service_line(impact: Impact) -> str:
    by = way(impact.path, impact.gate, impact.state)
    state = state_text(impact.state, impact.share)
    said = f"{impact.tier.value}: {impact.service} of {impact.customer}, {state} since {rfc3339(impact.since_at)}"
    return f"{said}, by {by}" if by else said


def tiers_of(impacts: Sequence[Impact]) -> list[dict[str, Any]]:
    """How many customers and services of each tier feel it, gold first: ``tier, customers, services, down``; only tiers that do."""
    found = []
    for tier in Tier:
        felt = [impact for impact in impacts if impact.tier is tier]
        if felt:
            down = sum(impact.state is ServiceState.DOWN for impact in felt)
            customers = len({impact.customer for impact in felt})
            found.append({"tier": tier.value, "customers": customers, "services": len(felt), "down": down})
    return found


def tiers_text(tiers: Iterable[dict[str, Any]]) -> str:
    """``2 gold customers (3 services), 1 bronze customer (1 service)``; ``none`` for nobody."""
    said = [f"{counted(each['customers'], each['tier'] + ' customer')} ({counted(each['services'], 'service')})" for each in tiers]
    return ", ".join(said) or "none"


def state_text(state: ServiceState, share: float) -> str:
    """``down``, ``degraded, 40 % lost``, ``without redundancy``."""
    lost = f", {share * 100:.3g} % lost" if state is ServiceState.DEGRADED and share else ""
    return _STATE_WORDS[state] + lost


def budget_text(found: Budget, now: int) -> str:
    """What is left of a month's downtime, and until when.

    ``31 min 12 s left of 43 min 12 s in 2026-11; target missed at 14:37:20 UTC if it lasts``. Instants of another day than ``now``
    (UTC nanoseconds) are told with their date.
    """
    if found.left_s < 0:
        since = f" since {moment(found.missed_at, now)}" if found.missed_at else ""
        allowed = f"{duration(found.allowed_s * _NANO)} allowed, " if found.allowed_s >= 0 else ""
        return f"target missed{since}: {allowed}{duration(found.counted_s * _NANO)} lost in {found.period}"
    left = f"{duration(found.left_s * _NANO)} left of {duration(found.allowed_s * _NANO)} in {found.period}"
    if not found.running:
        return left
    if not found.missed_at:
        return f"{left}; the month ends before it is missed"
    return f"{left}; target missed at {moment(found.missed_at, now)} if it lasts"


def moment(at: int, now: int) -> str:
    """UTC nanoseconds as ``14:37:20 UTC``, with its date when that is not the date of ``now``."""
    told, today = (datetime.fromtimestamp(each // _NANO, UTC) for each in (at, now))
    return told.strftime("%H:%M:%S UTC" if told.date() == today.date() else "%Y-%m-%d %H:%M:%S UTC")


def duration(nanoseconds: int) -> str:
    """A length of time for people: ``2 h 5 min 3 s``; below a second, ``0 s``."""
    seconds = max(nanoseconds, 0) // _NANO
    parts = [(seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def _capped(lines: list[str], what: str) -> list[str]:
    return lines if len(lines) <= LISTED else [*lines[:LISTED], f"and {len(lines) - LISTED} more {what}"]


def related_entities(incident: Incident) -> list[dict[str, Any]]:
    """TMF621 ``relatedEntity``: the root-cause resource, then the affected services (at most :data:`LISTED`)."""
    cause = {"id": plain(incident.root_cause), "role": "rootCause", "@referredType": "Resource"}
    services = [
        {"id": plain(impact.service), "role": "affectedService", "name": plain(impact.service), "@referredType": "Service"}
        for impact in incident.impacts[:LISTED]
    ]
    return [cause, *services]


def related_parties(incident: Incident) -> list[dict[str, Any]]:
    """TMF621 ``relatedParty``: the customers who feel it, each once, in the order of the impacts."""
    customers = dict.fromkeys(impact.customer for impact in incident.impacts[:LISTED])
    return [{"id": plain(customer), "role": "customer", "@referredType": "Customer"} for customer in customers]


def incident_data(incident: Incident) -> dict[str, Any]:
    """The incident as a notification tells it: JSON-ready, times in RFC 3339, texts made plain."""
    return {
        "incident": incident.id,
        "revision": incident.revision,
        "state": incident.state.value,
        "severity": incident.severity.name.lower(),
        "root_cause": plain(incident.root_cause),
        "summary": headline(incident),
        "reason": plain(incident.reason),
        "explanation": [plain(line) for line in incident.explanation[:LISTED]],
        "alarms": len(incident.alarms),
        "customers": tiers_of(incident.impacts),
        "services": [_impact_data(impact) for impact in incident.impacts[:LISTED]],
        "services_total": len(incident.impacts),
        "started_at": rfc3339(incident.started_at),
        "resolved_at": rfc3339(incident.resolved_at) if incident.resolved_at else None,
        "confirmed": bool(incident.confirmed_by),
    }


def _impact_data(impact: Impact) -> dict[str, Any]:
    return {
        "service": plain(impact.service),
        "customer": plain(impact.customer),
        "tier": impact.tier.value,
        "state": impact.state.value,
        "share_lost": impact.share,
        "since": rfc3339(impact.since_at),
        "by": plain(way(impact.path, impact.gate, impact.state)),
    }
