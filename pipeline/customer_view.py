"""What one customer may see: what they feel and since when, what is done, planned work, their SLA so far, messages and credits.

A view is a value of its own, made of what is listed here and nothing else. No resource of the network, no other customer and no word that
was written for colleagues is ever put into it, so none has to be taken out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.message_form import MessageFile
from pipeline.config.message_template import OTHER
from pipeline.core.exclusion import Exclusion, ExclusionKind
from pipeline.core.inventory import Customer, MaintenanceWindow, Service
from pipeline.core.notice import Notices, Stage, reference_of
from pipeline.core.outage import ServiceState
from pipeline.core.period import month_of
from pipeline.core.posting import PAID, CreditState
from pipeline.core.resource import ResourceId, kind_of
from pipeline.core.wording import plain

Json = dict[str, Any]

AHEAD_NS = 30 * 86_400 * 1_000_000_000
"""How long before it begins planned work is shown."""
_WORST_FIRST = (ServiceState.DOWN, ServiceState.DEGRADED, ServiceState.REDUNDANCY_LOST, ServiceState.UP)
_FELT = frozenset({ServiceState.DOWN, ServiceState.DEGRADED})
"""States that anybody feels: whoever gets no message of them still sees them."""
_APPROVED = dict.fromkeys((CreditState.APPROVED, CreditState.POSTING), "approved")
_GIVEN = dict.fromkeys(PAID, "credited") | _APPROVED | {CreditState.REVERSED: "taken_back"}


@dataclass(frozen=True, slots=True)
class Told:
    """A message that went to the customer: what it told of which incident, and when (UTC nanoseconds)."""

    incident: str
    stage: Stage
    at: int


@dataclass(frozen=True, slots=True)
class Work:
    """Planned work, and how it would leave each service that it touches."""

    window: MaintenanceWindow
    services: Mapping[str, ServiceState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What the stores have of one customer.

    ``outages`` are those of ``services`` that last or ended this month, ``budgets`` the months of services (:mod:`pipeline.budgeting`), by
    service; ``credits`` as :func:`pipeline.crediting.credit_value` has them; ``states`` those that such a customer is told of.
    """

    customer: Customer
    services: Sequence[Service]
    states: Collection[ServiceState]
    outages: Sequence[Json] = ()
    exclusions: Sequence[Exclusion] = ()
    budgets: Mapping[str, Json] = field(default_factory=dict)
    works: Sequence[Work] = ()
    told: Sequence[Told] = ()
    credits: Sequence[Json] = ()


def states_told(customer: Customer, notices: Notices) -> Collection[ServiceState]:
    """Which states of a service this customer sees: what anybody would feel, and what its notices tell besides."""
    rule = notices.rule_for(customer.tier)
    return _FELT.union(rule.states if rule is not None else ())


def view_of(known: Known, language: MessageFile, now: int) -> Json:
    """The view at ``now`` (UTC nanoseconds), in the words of a language.

    Returns:
        ``customer, language, timezone, period, made_at, moment, state, services, planned, outages, agreements, messages, credits, words``.
        Times are UTC nanoseconds, 0 for not yet; ``moment`` is how a page writes them (strftime). Amounts are minor units. What is said in
        a language is under ``told``, ``cause`` and ``why``, and in ``words`` (those of a page).
    """
    mine = {service.name: service for service in known.services}
    felt = [each for each in known.outages if each["service"] in mine and ServiceState(each["state"]) in known.states and _was(each)]
    worst: dict[str, Json] = {}
    for each in sorted((one for one in felt if not one["ended_at"]), key=lambda one: (_rank(one["state"]), one["started_at"])):
        worst.setdefault(each["service"], each)
    until = {work.window.name: work.window.ends_at for work in known.works}
    services = [_service(each, worst.get(each.name), until, language) for each in known.services]
    services.sort(key=lambda each: (_rank(each["state"]), each["name"]))
    month = month_of(now, known.customer.timezone)
    months = {month.label, month_of(month.starts_at - 1, known.customer.timezone).label}
    return {
        "customer": plain(known.customer.display_name),
        "language": language.language,
        "timezone": known.customer.timezone,
        "period": month.label,
        "made_at": now,
        "moment": language.moment,
        "state": services[0]["state"] if services else ServiceState.UP.value,
        "services": services,
        "planned": [_planned(work, mine, known.states) for work in known.works if _is_ahead(work, mine, known.states, now)],
        "outages": [_outage(each, known, language, now) for each in sorted(felt, key=lambda one: one["started_at"], reverse=True)],
        "agreements": [_agreement(known.budgets[name]) for name in sorted(mine) if name in known.budgets],
        "messages": [_message(each, language) for each in sorted(known.told, key=lambda one: one.at, reverse=True)],
        "credits": [_credit(each, language) for each in known.credits if each["period"] in months and _is_given(each)],
        "words": {**language.words},
    }


def _rank(state: str) -> int:
    return _WORST_FIRST.index(ServiceState(state))


def _was(outage: Json) -> bool:
    """Whether it lasted at all: one that is held no more to have been ended as it began."""
    return bool(outage["ended_at"] != outage["started_at"])


def _service(service: Service, outage: Json | None, until: Mapping[str, int], language: MessageFile) -> Json:
    state = outage["state"] if outage else ServiceState.UP.value
    return {
        "name": plain(service.name),
        "description": plain(service.description),
        "kind": plain(service.kind),
        "state": state,
        "told": language.states[state],
        "since_at": outage["started_at"] if outage else 0,
        "cause": _cause(outage, language) if outage else "",
        "reference": reference_of(outage["incident"]) if outage else "",
        "attended": bool(outage and outage["acknowledged_at"]),
        "planned": bool(outage and outage["excluded"]),
        "until_at": until.get(outage["excluded"], 0) if outage else 0,
    }


def _cause(outage: Json, language: MessageFile) -> str:
    """What failed, as a kind of thing: the name of the thing itself is the network's."""
    if outage["excluded"]:
        return language.exclusions[ExclusionKind.PLANNED]
    return language.causes.get(kind_of(ResourceId(outage["root_cause"])).value, language.causes[OTHER])


def _is_ahead(work: Work, mine: Mapping[str, Service], states: Collection[ServiceState], now: int) -> bool:
    """Whether it was announced, is not over, begins soon enough to be told, and leaves something in a state that is told."""
    window = work.window
    timely = 0 < window.noticed_at <= now < window.ends_at and window.starts_at <= now + AHEAD_NS
    return timely and bool(_touched(work, mine, states))


def _touched(work: Work, mine: Mapping[str, Service], states: Collection[ServiceState]) -> list[str]:
    return sorted(name for name, state in work.services.items() if name in mine and state in states)


def _planned(work: Work, mine: Mapping[str, Service], states: Collection[ServiceState]) -> Json:
    services = [{"name": plain(name), "description": plain(mine[name].description)} for name in _touched(work, mine, states)]
    return {"starts_at": work.window.starts_at, "ends_at": work.window.ends_at, "services": services}


def _outage(outage: Json, known: Known, language: MessageFile, now: int) -> Json:
    kind = _excluded(outage, known.exclusions, now)
    return {
        "service": plain(outage["service"]),
        "state": outage["state"],
        "told": language.states[outage["state"]],
        "started_at": outage["started_at"],
        "ended_at": outage["ended_at"],
        "cause": _cause(outage, language),
        "reference": reference_of(outage["incident"]),
        "excluded": kind.value if kind else "",
        "why": language.exclusions[kind.value] if kind else "",
    }


def _excluded(outage: Json, exclusions: Iterable[Exclusion], now: int) -> ExclusionKind | None:
    """Why some of it, or all, may not count: planned work first, then what people recorded."""
    if outage["excluded"]:
        return ExclusionKind.PLANNED
    until = outage["ended_at"] or now
    covering = (each for each in exclusions if each.covers(outage["service"], outage["incident"]))
    return next((each.kind for each in covering if each.starts_at < until and outage["started_at"] < each.ends_at), None)


def _agreement(budget: Json) -> Json:
    return {
        "service": plain(budget["service"]),
        "period": budget["period"],
        "target": budget["target"],
        "availability": budget["availability"],
        "downtime_s": budget["counted_s"],
        "allowed_s": max(budget["allowed_s"], 0),
        "left_s": max(budget["left_s"], 0),
        "excluded_s": budget["excluded_s"],
        "missed": budget["left_s"] < 0,
    }


def _message(told: Told, language: MessageFile) -> Json:
    return {"at": told.at, "stage": told.stage.value, "told": language.words[told.stage.value], "reference": reference_of(told.incident)}


def _is_given(credit: Json) -> bool:
    """Whether somebody has approved it. The entry that takes another back says nothing new: that one says that it was taken back."""
    return bool(credit["live"]) and credit["revision"] > 0 and CreditState(credit["state"]) in _GIVEN


def _credit(credit: Json, language: MessageFile) -> Json:
    state = _GIVEN[CreditState(credit["state"])]
    return {
        "service": plain(credit["service"]),
        "period": credit["period"],
        "amount_minor": credit["amount_minor"],
        "currency": credit["currency"],
        "state": state,
        "told": language.words[state],
    }
