"""Runs the tests that plans carry: a month of outages, and what it must come to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.config.moment import nanoseconds
from pipeline.config.problem import did_you_mean
from pipeline.config.rule_form import PlanExclusion, PlanOutage, PlanTest
from pipeline.config.rule_set import RuleSet
from pipeline.core.evaluation import Evaluation
from pipeline.core.exclusion import Exclusion
from pipeline.core.inventory import Contract, Customer, MaintenanceWindow, Service, Tier
from pipeline.core.money import money_text, to_minor
from pipeline.core.outage import Outage
from pipeline.core.period import NANOSECONDS, month_of
from pipeline.core.plan import Plan, version_at
from pipeline.core.sla import evaluate_all

SERVICE = "service"
_LATER = 62 * 86_400 * NANOSECONDS
"""How long after the month it is evaluated: nothing of it is still to come."""


def prove_plan(test: PlanTest, rules: RuleSet) -> tuple[Mapping[str, Any], Mapping[str, Any] | str]:
    """What a test expects, and what came of it, or why nothing could."""
    plan = rules.plans.get(test.plan)
    if plan is None:
        return test.expect, f"'{test.plan}' is not a plan; {did_you_mean(test.plan, rules.plans)}"
    try:
        found = evaluated(
            plan,
            outages_of(test.outages),
            exclusions_of(test.exclusions),
            at=nanoseconds(test.at),
            charge_minor=to_minor(test.charge, test.currency),
            access_minor=to_minor(test.access_charge, test.currency),
            currency=test.currency,
            timezone=test.timezone,
        )
    except ValueError as error:
        return test.expect, str(error)
    named = {each.metric: each for each in found}
    if test.metric not in named:
        return test.expect, f"plan {test.plan} promises no '{test.metric}'; {did_you_mean(test.metric, named)}"
    return test.expect, _told(named[test.metric])


def evaluated(
    plan: Plan,
    outages: Iterable[Outage],
    exclusions: Iterable[Exclusion],
    *,
    at: int,
    charge_minor: int,
    access_minor: int,
    currency: str,
    timezone: str,
) -> tuple[Evaluation, ...]:
    """One service's whole month that contains ``at``, by the version of the plan that is for it.

    Raises ``ValueError`` for an unknown zone or currency, and where no version is for that month.
    """
    outages = tuple(outages)
    month = month_of(at, timezone)
    version = version_at(plan, month.starts_at)
    if version is None:
        raise ValueError(f"no version of plan {plan.name} is for {month.label}")
    if version.currency not in {"", currency}:
        raise ValueError(f"plan {plan.name} speaks of {version.currency}, and the charge is in {currency}")
    contract = Contract("contract", "customer", plan.name, currency, {SERVICE: charge_minor}, access_charges={SERVICE: access_minor})
    customer = Customer("customer", "Customer", Tier.GOLD, timezone)
    service = Service(SERVICE, "customer", "contract", "test", ())
    windows = [
        MaintenanceWindow(o.excluded, (), o.started_at, o.ended_at, noticed_at=o.started_at - version.planned_notice_s * NANOSECONDS)
        for o in outages
        if o.excluded
    ]
    now = max(at + _LATER, month.ends_at)
    return evaluate_all(contract, version, service, customer, outages, at, now, windows=windows, exclusions=exclusions)


def outages_of(given: Iterable[PlanOutage]) -> Iterator[Outage]:
    """Outages as they are written. Raises ``ValueError`` for a time that is none."""
    for place, each in enumerate(given):
        started_at = nanoseconds(each.at)
        ended_at = _end_of(started_at, each.lasts_s, each.until)
        yield Outage(
            id=f"outage-{place}",
            service=SERVICE,
            customer="customer",
            contract="contract",
            state=each.state,
            incident=f"incident-{place}",
            root_cause="link/test",
            started_at=started_at,
            ended_at=ended_at,
            confirmed_by="alarm" if each.confirmed else "",
            excluded=f"window-{place}" if each.planned else "",
            ticketed_at=_after(started_at, each.ticketed_after_s),
            acknowledged_at=_after(started_at, each.acknowledged_after_s),
            closed_at=_after(started_at, each.closed_after_s),
        )


def exclusions_of(given: Iterable[PlanExclusion]) -> Iterator[Exclusion]:
    """Exclusions as they are written. Raises ``ValueError`` for a time that is none."""
    for place, each in enumerate(given):
        starts_at = nanoseconds(each.at)
        noticed_at = starts_at - each.noticed_before_s * NANOSECONDS if each.noticed_before_s else 0
        ends_at = _end_of(starts_at, each.lasts_s, each.until)
        yield Exclusion(f"exclusion-{place}", each.kind, starts_at, ends_at, SERVICE, "", each.text, noticed_at)


def _end_of(starts_at: int, lasts_s: int | None, until: str) -> int:
    if (lasts_s is None) == (not until):
        raise ValueError("say how long it lasted (lasts_s), or until when (until): one of them")
    ends_at = nanoseconds(until) if until else starts_at + (lasts_s or 0) * NANOSECONDS
    if ends_at < starts_at:
        raise ValueError("it ends before it begins")
    return ends_at


def _after(starts_at: int, seconds: int | None) -> int:
    return 0 if seconds is None else starts_at + seconds * NANOSECONDS


def _told(found: Evaluation) -> dict[str, Any]:
    fields = {name: getattr(found, name) for name in Evaluation.__dataclass_fields__}
    return {**fields, "credit": money_text(found.credit_minor, found.currency).split()[0]}
