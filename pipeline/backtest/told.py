"""A replay's answer as values for scripts and analysts: one JSON document, and flat tables. The same question gives the same bytes."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.backtest.difference import Money, Pair, told_words
from pipeline.backtest.past import Act, Owed, Past
from pipeline.backtest.trying import Answer
from pipeline.core.incident import Incident
from pipeline.core.knowledge import Knowledge
from pipeline.core.money import money_text
from pipeline.core.outage import Outage
from pipeline.core.wording import rfc3339

Json = dict[str, Any]
SIDES = ("before", "after")


def document(answer: Answer) -> Json:
    """Everything, JSON-ready. Times are UTC nanoseconds, amounts minor units."""
    found, question = answer.difference, answer.question
    return {
        "from": question.stretch.starts_at,
        "to": question.stretch.ends_at,
        "warm_up_from": question.warm_from,
        **{side: _versions(known) for side, known in zip(SIDES, answer.known, strict=True)},
        "heard": {"notifications": answer.account.notifications, "polls": answer.account.polls},
        "limits": list(answer.limits),
        "is_same": found.is_empty,
        "counts": [{"what": each.what, "before": each.before, "after": each.after} for each in found.counts],
        "incidents": [_pair(pair, answer.sides) for pair in found.pairs],
        "outages": {
            "only_before": [_outage(one) for one in found.outages_before],
            "only_after": [_outage(one) for one in found.outages_after],
        },
        "credits": [_money(each) for each in found.money],
    }


def as_text(answer: Answer) -> str:
    """The JSON document as text."""
    return json.dumps(document(answer), indent=2) + "\n"


def tables(answer: Answer) -> dict[str, str]:
    """File name -> content: the JSON document, and CSV tables with a head line, times as RFC 3339."""
    return {
        "replay.json": as_text(answer),
        "incidents.csv": _csv(_INCIDENT, (_incident_row(pair, answer.sides) for pair in answer.difference.pairs)),
        "outages.csv": _csv(_OUTAGE, _outage_rows(answer)),
        "told.csv": _csv(_TOLD, (row for side, past in zip(SIDES, answer.sides, strict=True) for row in _told_rows(side, past))),
        "credits.csv": _csv(_CREDIT, map(_credit_row, answer.difference.money)),
    }


def write(answer: Answer, folder: Path) -> list[Path]:
    """Write the tables into a folder, made if need be; the files. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in tables(answer).items():
        path = folder / name
        path.write_text(content)
        written.append(path)
    return written


def _versions(known: Knowledge | None) -> Json:
    if known is None:
        return {"is": "history"}
    return {"is": "replay", "rules_version": known.rules.version, "topology_version": known.topology.version}


def outcome(pair: Pair) -> str:
    """``same``, ``changed``, ``only before`` or ``only after``."""
    if pair.before is None or pair.after is None:
        return "only after" if pair.before is None else "only before"
    return "changed" if pair.changes else "same"


def _pair(pair: Pair, sides: tuple[Past, Past]) -> Json:
    return {
        "outcome": outcome(pair),
        "changes": [{"what": each.what, "before": each.before, "after": each.after} for each in pair.changes],
        **{
            side: _incident(one, past) if one is not None else None
            for side, one, past in zip(SIDES, (pair.before, pair.after), sides, strict=True)
        },
    }


def _incident(incident: Incident, past: Past) -> Json:
    return {
        "id": incident.id,
        "domain": incident.domain,
        "root_cause": incident.root_cause,
        "severity": incident.severity.name.lower(),
        "state": incident.state.value,
        "reason": incident.reason,
        "started_at": incident.started_at,
        "resolved_at": incident.resolved_at,
        "planned": incident.planned,
        "flapping": incident.flapping,
        "is_absorbed": incident.is_absorbed,
        "probability": incident.probability,
        "alarms": list(incident.alarms),
        "services": {one.service: one.state.value for one in sorted(incident.impacts, key=lambda one: one.service)},
        "told": [{"who": who, "what": what, "times": times} for (who, what), times in sorted(past.acts_of(incident.id).items())],
    }


def _outage(outage: Outage) -> Json:
    names = ("id", "service", "customer", "contract", "incident", "root_cause", "started_at", "ended_at", "confirmed_by", "excluded")
    return {**{name: getattr(outage, name) for name in names}, "state": outage.state.value}


def _money(money: Money) -> Json:
    owed = money.after or money.before
    assert owed is not None
    return {
        **{name: getattr(owed, name) for name in ("contract", "service", "customer", "period", "is_over")},
        **{side: _owed(one) for side, one in zip(SIDES, (money.before, money.after), strict=True)},
    }


def _owed(owed: Owed | None) -> Json | None:
    return {name: getattr(owed, name) for name in ("amount_minor", "currency", "counted_s")} if owed is not None else None


# tables

_INCIDENT = (
    *("outcome", "started_at", "incident_before", "incident_after", "root_before", "root_after", "severity_before", "severity_after"),
    *("services_before", "services_after", "told_before", "told_after"),
)
_OUTAGE = ("side", "service", "customer", "contract", "state", "started_at", "ended_at", "confirmed", "excluded", "incident", "root_cause")
_TOLD = ("side", "at", "kind", "who", "what", "incident")
_CREDIT = ("contract", "service", "customer", "period", "month_is_over", "downtime_s_before", "downtime_s_after", "before", "after")


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _incident_row(pair: Pair, sides: tuple[Past, Past]) -> list[object]:
    both = (pair.before, pair.after)
    told = (told_words(past.acts_of(one.id)) if one else {} for one, past in zip(both, sides, strict=True))
    services = ((f"{each.service} {each.state.value}" for each in one.impacts) if one else () for one in both)
    return [
        outcome(pair),
        rfc3339(pair.started_at),
        *(one.id if one else "" for one in both),
        *(one.root_cause if one else "" for one in both),
        *(one.severity.name.lower() if one else "" for one in both),
        *("; ".join(sorted(each)) for each in services),
        *("; ".join(f"{who}: {what}" for who, what in each.items()) for each in told),
    ]


def _outage_rows(answer: Answer) -> Iterator[list[object]]:
    """Every outage, those that both sides have once."""
    before, after = answer.sides
    only_before, only_after = ({one.id for one in each} for each in (answer.difference.outages_before, answer.difference.outages_after))
    rows = [("before", one) for one in before.outages.values() if one.id in only_before]
    rows += [("after" if one.id in only_after else "both", one) for one in after.outages.values()]
    for side, one in sorted(rows, key=lambda row: (row[1].started_at, row[1].service, row[1].state.value, row[0], row[1].id)):
        ended = rfc3339(one.ended_at) if one.ended_at else ""
        confirmed = "yes" if one.confirmed_by else "no"
        yield [
            *(side, one.service, one.customer, one.contract, one.state.value, rfc3339(one.started_at), ended),
            *(confirmed, one.excluded, one.incident, one.root_cause),
        ]


def _told_rows(side: str, past: Past) -> Iterator[list[object]]:
    acts: list[Act] = sorted(past.acts.values(), key=lambda act: (act.at, act.key))
    for act in acts:
        yield [side, rfc3339(act.at), act.kind_word, act.route, act.what, act.subject]


def _credit_row(money: Money) -> list[object]:
    owed = money.after or money.before
    assert owed is not None
    both = (money.before, money.after)
    return [
        *(owed.contract, owed.service, owed.customer, owed.period, "yes" if owed.is_over else "no"),
        *(one.counted_s if one else "" for one in both),
        *(money_text(one.amount_minor, one.currency) if one else "" for one in both),
    ]
