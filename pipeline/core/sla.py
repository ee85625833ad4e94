"""SLA arithmetic: what was agreed against what was delivered, exactly. Decimal and integers only; never float."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from uuid import NAMESPACE_URL, uuid5

from pipeline.core.claim import ON_CLAIM, Claim, claim_for, claim_line, deadline, is_whole
from pipeline.core.downtime import (
    Interval,
    Piece,
    Tally,
    counted_ns,
    excuses,
    is_excuse,
    main_excuse,
    outages_of,
    pieces_of,
    relevant,
    tally,
)
from pipeline.core.evaluation import METRIC, Evaluation
from pipeline.core.exclusion import Exclusion
from pipeline.core.inventory import Contract, Customer, MaintenanceWindow, Service
from pipeline.core.money import money_text
from pipeline.core.objective import Asked, evaluate_objectives
from pipeline.core.outage import Outage
from pipeline.core.period import NANOSECONDS, Period, cut_at, local_text, month_of
from pipeline.core.plan import ChargeBase, Combination, Denominator, Plan, Rating
from pipeline.core.rating import Rated, is_missed, owe, rate, share_of_charge
from pipeline.core.reason import Reason
from pipeline.core.span import Spans, length

THIRTY_DAYS_S = 30 * 86_400
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:assurance-pipeline:evaluation")
_DIGITS = 60


@dataclass(frozen=True, slots=True)
class Downtime:
    """Whole seconds of a period's downtime by what becomes of it, and of what time availability would be a share."""

    counted_s: int
    excluded_s: int
    unconfirmed_s: int
    denominator_s: int
    stopped_s: int = 0


@dataclass(frozen=True, slots=True)
class _Month:
    """One service's month, its downtime sorted."""

    pieces: tuple[Piece, ...]
    tally: Tally
    sums: Downtime


def evaluate(
    contract: Contract,
    plan: Plan,
    service: Service,
    customer: Customer,
    outages: Iterable[Outage],
    at: int,
    now: int,
    enabled_from: int = 0,
    *,
    windows: Iterable[MaintenanceWindow] = (),
    exclusions: Iterable[Exclusion] = (),
    claims: Iterable[Claim] = (),
    revision: int = 1,
) -> Evaluation:
    """Hold one service's availability against its plan for the customer's month that contains ``at``, up to ``now`` if it is not over.

    ``outages`` may hold other services' outages, several revisions of one, and those of the neighbouring months (they decide whether an
    outage over the month's edge reaches the minimum). An outage that lasts ends at ``now``. ``windows`` are those that outages name in
    ``excluded``: the part of the outage inside a window that was announced in time does not count; a window that is not given cannot show
    its notice and excludes nothing. ``exclusions`` are what people recorded of any service, ``claims`` what customers claimed. Downtime
    before ``enabled_from`` does not count. Times are UTC nanoseconds.

    Sums are made in nanoseconds and cut to whole seconds once. Raises ``ValueError`` for an unknown time zone or currency, or a schedule
    with a gap (:func:`pipeline.core.plan_check.validate` finds it beforehand).
    """
    period = cut_at(month_of(at, customer.timezone), now)
    recorded = tuple(each for each in exclusions if each.service in {service.name, ""})
    month = _month(contract, plan, service, outages, period, now, enabled_from, windows, recorded)
    return with_claims(_availability(contract, plan, service, customer, period, now, month, recorded, revision), claims)


def evaluate_all(
    contract: Contract,
    plan: Plan,
    service: Service,
    customer: Customer,
    outages: Iterable[Outage],
    at: int,
    now: int,
    enabled_from: int = 0,
    *,
    windows: Iterable[MaintenanceWindow] = (),
    exclusions: Iterable[Exclusion] = (),
    claims: Iterable[Claim] = (),
) -> tuple[Evaluation, ...]:
    """As :func:`evaluate`, for availability and every other promise of the plan; what is owed for them together is bounded as it says."""
    period = cut_at(month_of(at, customer.timezone), now)
    recorded = tuple(each for each in exclusions if each.service in {service.name, ""})
    month = _month(contract, plan, service, outages, period, now, enabled_from, windows, recorded)
    first = _availability(contract, plan, service, customer, period, now, month, recorded, 1)
    if not (first.credit_minor or plan.objectives or plan.chronic):
        return (with_claims(first, claims),)
    asked = Asked(plan, period, now, first, month.pieces, month.tally.groups)
    said = tuple(claims)
    return tuple(with_claims(each, said) for each in _together(plan, (first, *(_named(each) for each in evaluate_objectives(asked)))))


def downtime(
    contract: Contract,
    plan: Plan,
    service: Service,
    outages: Iterable[Outage],
    month: Period,
    now: int,
    enabled_from: int = 0,
    *,
    windows: Iterable[MaintenanceWindow] = (),
    exclusions: Iterable[Exclusion] = (),
) -> Downtime:
    """The downtime of a whole month as :func:`evaluate` counts it, of outages up to ``now``; an outage that lasts ends there."""
    return _month(contract, plan, service, outages, month, now, enabled_from, windows, exclusions).sums


def _month(
    contract: Contract,
    plan: Plan,
    service: Service,
    outages: Iterable[Outage],
    month: Period,
    now: int,
    enabled_from: int,
    windows: Iterable[MaintenanceWindow],
    exclusions: Iterable[Exclusion],
) -> _Month:
    starts_at, ends_at = _validity(contract, month, enabled_from)
    suffered = relevant(outages, service.name, plan)
    work, recorded = excuses(plan, windows, exclusions) if suffered else ({}, ())
    pieces = tuple(pieces_of(suffered, plan, work, recorded, now))
    found = tally(pieces, plan, starts_at, ends_at)
    excluded_s = _whole_seconds(found.excluded)
    taken_s = _whole_seconds(found.planned) if plan.denominator is Denominator.MINUS_PLANNED else excluded_s
    sums = Downtime(
        counted_ns(found, plan) // NANOSECONDS,
        excluded_s,
        _whole_seconds(found.unconfirmed),
        _denominator_s(plan, month, taken_s, max(0, ends_at - starts_at)),
        _whole_seconds(found.stopped),
    )
    return _Month(pieces, found, sums)


def _availability(
    contract: Contract,
    plan: Plan,
    service: Service,
    customer: Customer,
    period: Period,
    now: int,
    month: _Month,
    exclusions: tuple[Exclusion, ...],
    revision: int,
) -> Evaluation:
    sums, found = month.sums, month.tally
    rated = rate(plan, sums.counted_s, sums.denominator_s, period, found.groups)
    charge = _charge(contract, plan, service.name, period)
    owed = owe(plan, rated, charge, contract.currency)
    reason = owed.reason if rated.violated else _why_met(plan, month)
    claim_until = 0 if plan.automatic else deadline(plan, month_of(period.starts_at, period.timezone))
    unnamed = Evaluation(
        id="",
        contract=contract.name,
        service=service.name,
        customer=customer.name,
        plan=plan.name,
        plan_version=plan.version,
        period=period.label,
        timezone=period.timezone,
        period_starts_at=period.starts_at,
        period_ends_at=period.ends_at,
        evaluated_at=now,
        counted_s=sums.counted_s,
        excluded_s=sums.excluded_s,
        unconfirmed_s=sums.unconfirmed_s,
        denominator_s=sums.denominator_s,
        availability=rated.availability,
        target=plan.target,
        violated=rated.violated,
        reason=reason.value,
        credit_minor=owed.minor,
        currency=contract.currency,
        charge_minor=charge,
        intervals=found.intervals,
        arithmetic=(
            *_time_lines(period, plan, found, sums, exclusions),
            *_availability_lines(plan, rated, sums),
            *rated.lines,
            *owed.lines,
        ),
        outages=outages_of(found, month.pieces),
        revision=revision,
        automatic=plan.automatic,
        stopped_s=sums.stopped_s,
        figure=rated.availability,
        claim_until=claim_until,
    )
    return _named(unnamed)


def _named(evaluation: Evaluation) -> Evaluation:
    """With the id: the same promise, period, revision and figures have the same, whenever they were asked for."""
    one = evaluation
    name = "|".join((one.contract, one.service, one.metric, one.period, str(one.revision)))
    sums = (one.counted_s, one.excluded_s, one.unconfirmed_s, one.denominator_s, one.charge_minor)
    claimed = (one.claimed_at,) if one.claimed_at else ()
    inputs = (name, one.plan, one.plan_version, one.period_ends_at, *sums, one.figure, one.stopped_s, one.credit_minor, *claimed)
    return replace(one, id=str(uuid5(_NAMESPACE, "|".join(map(str, inputs)))))


def with_revision(evaluation: Evaluation, revision: int) -> Evaluation:
    """The same evaluation as another revision of its period."""
    return evaluation if evaluation.revision == revision else _named(replace(evaluation, revision=revision))


def with_claims(evaluation: Evaluation, claims: Iterable[Claim]) -> Evaluation:
    """The same evaluation as these claims leave it: payable if its plan pays on claim, it was claimed in time, and the month is over.

    The last line of its arithmetic says until when it may be claimed, or since when it is.
    """
    if evaluation.automatic:
        return evaluation
    claim = claim_for(claims, evaluation)
    claimed_at = claim.claimed_at if claim is not None and is_whole(evaluation) else 0
    lines = tuple(line for line in evaluation.arithmetic if not line.startswith(ON_CLAIM))
    told = (claim_line(evaluation, claim),) if evaluation.credit_minor or claim else ()
    return _named(replace(evaluation, claimed_at=claimed_at, arithmetic=(*lines, *told)))


def _together(plan: Plan, found: tuple[Evaluation, ...]) -> Iterator[Evaluation]:
    """What is owed for several metrics at once: the highest alone, or all of them up to the plan's bound, in their order."""
    highest = max(found, key=lambda each: each.credit_minor)
    is_share = plan.rating is not Rating.CALENDAR_DAYS
    left = share_of_charge(plan, plan.total_cap_percent, found[0].charge_minor) if is_share else sum(each.credit_minor for each in found)
    for each in found:
        if each.credit_minor and plan.combination is Combination.HIGHEST and each is not highest:
            line = f"not paid: {highest.metric} pays {money_text(highest.credit_minor, each.currency)}, and only the highest is paid"
            yield _bounded(each, 0, Reason.PAID_BY_ANOTHER_METRIC, line)
        elif each.credit_minor > left:
            line = f"all metrics together are capped at {plan.total_cap_percent} % of the charge: {money_text(left, each.currency)} is left"
            yield _bounded(each, left, Reason.CAPPED, line)
            left = 0
        else:
            left -= each.credit_minor
            yield each


def _bounded(evaluation: Evaluation, minor: int, reason: Reason, line: str) -> Evaluation:
    return _named(replace(evaluation, credit_minor=minor, reason=reason.value, arithmetic=(*evaluation.arithmetic, line)))


def _validity(contract: Contract, month: Period, enabled_from: int) -> tuple[int, int]:
    """When downtime can count at all: within the period, while the contract was in force, and after the service was enabled."""
    ends_at = min(month.ends_at, contract.valid_until) if contract.valid_until else month.ends_at
    return max(month.starts_at, contract.valid_from, enabled_from), ends_at


def _charge(contract: Contract, plan: Plan, service: str, period: Period) -> int:
    """The charge of which credits are a share: that of the month's first instant, or of the contract's if it began within."""
    charge = contract.charge_at(service, max(period.starts_at, contract.valid_from))
    return charge + contract.access_charges.get(service, 0) if plan.charge_base is ChargeBase.WITH_ACCESS else charge


def _whole_seconds(spans: Spans) -> int:
    return length(spans) // NANOSECONDS


def _denominator_s(plan: Plan, month: Period, taken_s: int, enabled_ns: int) -> int:
    match plan.denominator:
        case Denominator.ACTUAL:
            return month.seconds
        case Denominator.FIXED_30_DAYS:
            return THIRTY_DAYS_S
        case Denominator.MINUS_PLANNED | Denominator.MINUS_EXCLUDED:
            return month.seconds - taken_s
        case Denominator.ENABLED:
            return enabled_ns // NANOSECONDS


def _why_met(plan: Plan, month: _Month) -> Reason:
    """What saved a target that was met: the doubt about an outage, what excuses it, or nothing."""
    sums = month.sums
    if sums.unconfirmed_s and is_missed(plan, sums.counted_s + sums.unconfirmed_s, sums.denominator_s):
        return Reason.UNCONFIRMED
    if sums.excluded_s and is_missed(plan, sums.counted_s + sums.excluded_s, sums.denominator_s):
        return main_excuse(month.pieces)
    if sums.stopped_s and is_missed(plan, sums.counted_s + sums.stopped_s, sums.denominator_s):
        return Reason.CLOCK_STOPPED
    return Reason.TARGET_MET


def _time_lines(month: Period, plan: Plan, found: Tally, sums: Downtime, exclusions: Iterable[Exclusion]) -> Iterator[str]:
    starts, ends = (local_text(at, month.timezone) for at in (month.starts_at, month.ends_at))
    yield f"period {month.label} of {month.timezone}: {starts} to {ends} = {month.seconds} s{' so far' if month.cut else ''}"
    for interval in found.intervals:
        begin, end = (local_text(at, month.timezone) for at in (interval.starts_at, interval.ends_at))
        verdict = f"does not count ({interval.excluded})" if interval.excluded else "counts"
        yield f"{begin} to {end}: {_seconds_text(interval)} s, outage {interval.outage}, {verdict}"
    for each in exclusions:
        if found.intervals and not is_excuse(plan, each) and each.starts_at < month.ends_at and each.ends_at > month.starts_at:
            yield f"no excuse under this plan: {each.kind}, {each.told}"
    if found.light:
        weighed = f"{length(found.light) // NANOSECONDS} s of it degraded, which weigh {plan.degraded_weight_percent} %"
        yield f"of {length(found.counted) // NANOSECONDS} s {weighed} = {sums.counted_s} s"
    unplanned = sums.excluded_s - length(found.planned) // NANOSECONDS
    more = "".join(f", {seconds} s {word}" for seconds, word in ((unplanned, "otherwise excluded"), (sums.stopped_s, "stopped")) if seconds)
    yield f"downtime: {sums.counted_s} s counted, {sums.excluded_s - unplanned} s planned{more}, {sums.unconfirmed_s} s unconfirmed"


def _seconds_text(interval: Interval) -> str:
    with localcontext(prec=_DIGITS):
        seconds = Decimal(interval.ends_at - interval.starts_at) / NANOSECONDS
        return f"{seconds.normalize():f}"


def _availability_lines(plan: Plan, rated: Rated, sums: Downtime) -> Iterator[str]:
    rounding = f"{plan.availability_places} decimals, rounded {plan.availability_rounding}"
    whole = sums.denominator_s
    yield f"availability: 100 x ({whole} - {sums.counted_s}) / {whole} = {rated.availability} % ({rounding})"


__all__ = ["METRIC", "Downtime", "Evaluation", "Interval", "downtime", "evaluate", "evaluate_all", "is_missed", "with_revision"]
