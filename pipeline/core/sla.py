"""SLA arithmetic: what was agreed against what was delivered, exactly. Decimal and integers only; never float."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from uuid import NAMESPACE_URL, uuid5

from pipeline.core.inventory import Contract, Customer, MaintenanceWindow, Service
from pipeline.core.money import money_text, share_of
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.period import NANOSECONDS, Period, cut_at, local_text, month_of
from pipeline.core.plan import Band, Denominator, Plan, Rating, band_of
from pipeline.core.reason import Reason
from pipeline.core.span import Span, Spans, clip, length, subtract, union

METRIC = "availability"
THIRTY_DAYS_S = 30 * 86_400
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:assurance-pipeline:evaluation")
_DIGITS = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in UTC nanoseconds, with the outage it came from and, if it does not count, why."""

    starts_at: int
    ends_at: int
    outage: str
    excluded: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One service of one contract held against its plan for one period; the evidence of a credit.

    ``period`` is the customer's calendar month (``2026-11``) cut in ``timezone``; times are UTC nanoseconds. ``credit_minor`` is in minor
    units of ``currency``. ``outages`` are those that counted; ``intervals`` also show what did not, and why. ``arithmetic`` are the lines a
    person can check with a pocket calculator. ``automatic`` false: the customer must claim. ``revision`` counts re-ratings of the period.
    """

    id: str
    contract: str
    service: str
    customer: str
    plan: str
    plan_version: str
    period: str
    timezone: str
    period_starts_at: int
    period_ends_at: int
    evaluated_at: int
    counted_s: int
    excluded_s: int
    unconfirmed_s: int
    denominator_s: int
    availability: Decimal
    target: Decimal
    violated: bool
    reason: str
    credit_minor: int = 0
    currency: str = ""
    charge_minor: int = 0
    intervals: tuple[Interval, ...] = ()
    arithmetic: tuple[str, ...] = ()
    outages: tuple[str, ...] = field(default_factory=tuple)
    metric: str = METRIC
    revision: int = 1
    automatic: bool = True


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an outage; ``window`` names the planned work that excludes it."""

    span: Span
    outage: Outage
    window: str = ""

    @property
    def counts(self) -> bool:
        return not self.window and bool(self.outage.confirmed_by)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Downtime of one period by what becomes of it; each disjoint, and disjoint from the others."""

    counted: Spans
    excluded: Spans
    unconfirmed: Spans
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class _Rated:
    availability: Decimal
    band: Band
    violated: bool


@dataclass(frozen=True, slots=True)
class _Credit:
    minor: int
    reason: Reason
    lines: tuple[str, ...]


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
    revision: int = 1,
) -> Evaluation:
    """Hold one service against its plan for the customer's month that contains ``at``, up to ``now`` if the month is not over.

    ``outages`` may hold other services' outages, several revisions of one, and those of the neighbouring months (they decide whether an
    outage over the month's edge reaches the minimum). An outage that lasts ends at ``now``. ``windows`` are those that outages name in
    ``excluded``: the part of the outage inside a window that was announced in time does not count; a window that is not given cannot show
    its notice and excludes nothing. Downtime before ``enabled_from`` does not count. Times are UTC nanoseconds.

    Sums are made in nanoseconds and cut to whole seconds once. Raises ``ValueError`` for an unknown time zone or currency, or a schedule
    with a gap (:func:`validate` finds it beforehand).
    """
    month = cut_at(month_of(at, customer.timezone), now)
    pieces = tuple(_pieces(_relevant(outages, service, plan), plan, {window.name: window for window in windows}, now))
    tally = _tally(pieces, plan, *_validity(contract, month, enabled_from))
    counted_s, excluded_s, unconfirmed_s = (_whole_seconds(spans) for spans in (tally.counted, tally.excluded, tally.unconfirmed))
    denominator_s = _denominator_s(plan, contract, month, excluded_s, enabled_from)
    rated = _rate(plan, counted_s, denominator_s)
    charge = contract.charges.get(service.name, 0)
    credit = _credit(plan, rated, charge, contract.currency)
    reason = credit.reason if rated.violated else _why_met(plan, counted_s, unconfirmed_s, excluded_s, denominator_s)
    name = "|".join((contract.name, service.name, METRIC, month.label, str(revision)))
    inputs = (name, plan.name, plan.version, month.ends_at, counted_s, excluded_s, unconfirmed_s, denominator_s, charge)
    return Evaluation(
        id=str(uuid5(_NAMESPACE, "|".join(map(str, inputs)))),
        contract=contract.name,
        service=service.name,
        customer=customer.name,
        plan=plan.name,
        plan_version=plan.version,
        period=month.label,
        timezone=month.timezone,
        period_starts_at=month.starts_at,
        period_ends_at=month.ends_at,
        evaluated_at=now,
        counted_s=counted_s,
        excluded_s=excluded_s,
        unconfirmed_s=unconfirmed_s,
        denominator_s=denominator_s,
        availability=rated.availability,
        target=plan.target,
        violated=rated.violated,
        reason=reason.value,
        credit_minor=credit.minor,
        currency=contract.currency,
        charge_minor=charge,
        intervals=tally.intervals,
        arithmetic=(
            *_time_lines(month, tally, counted_s, excluded_s, unconfirmed_s),
            *_rating_lines(plan, rated, counted_s, denominator_s),
            *credit.lines,
        ),
        outages=_ids_of(tally.counted, pieces),
        revision=revision,
        automatic=plan.automatic,
    )


@dataclass(frozen=True, slots=True)
class Downtime:
    """Whole seconds of a period's downtime by what becomes of it, and of what time availability would be a share."""

    counted_s: int
    excluded_s: int
    unconfirmed_s: int
    denominator_s: int


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
) -> Downtime:
    """The downtime of a whole month as :func:`evaluate` counts it, of outages up to ``now``; an outage that lasts ends there."""
    pieces = tuple(_pieces(_relevant(outages, service, plan), plan, {window.name: window for window in windows}, now))
    tally = _tally(pieces, plan, *_validity(contract, month, enabled_from))
    counted_s, excluded_s, unconfirmed_s = (_whole_seconds(spans) for spans in (tally.counted, tally.excluded, tally.unconfirmed))
    return Downtime(counted_s, excluded_s, unconfirmed_s, _denominator_s(plan, contract, month, excluded_s, enabled_from))


def is_missed(plan: Plan, counted_s: int, denominator_s: int) -> bool:
    """Whether a month with that downtime misses the plan's target, by the plan's own rounding and bands."""
    return _rate(plan, counted_s, denominator_s).violated


def counts(plan: Plan, state: ServiceState) -> bool:
    """Whether time in this state is downtime by the plan."""
    return state is ServiceState.DOWN or (plan.degraded_counts and state is ServiceState.DEGRADED)


def _relevant(outages: Iterable[Outage], service: Service, plan: Plan) -> tuple[Outage, ...]:
    latest: dict[str, Outage] = {}
    for outage in outages:
        known = latest.get(outage.id)
        if outage.service == service.name and (known is None or known.revision < outage.revision):
            latest[outage.id] = outage
    return tuple(sorted((o for o in latest.values() if counts(plan, o.state)), key=lambda o: (o.started_at, o.id)))


def _pieces(outages: Iterable[Outage], plan: Plan, windows: dict[str, MaintenanceWindow], now: int) -> Iterator[_Piece]:
    for outage in outages:
        whole = union([Span(outage.started_at, min(outage.ended_at or now, now))])
        window = windows.get(outage.excluded)
        planned = clip(whole, window.starts_at, window.ends_at) if window is not None and _was_announced(window, plan) else ()
        yield from (_Piece(span, outage, outage.excluded) for span in planned)
        yield from (_Piece(span, outage) for span in subtract(whole, planned))


def _was_announced(window: MaintenanceWindow, plan: Plan) -> bool:
    """Whether the plan lets this window exclude downtime: no notice wanted, or given that long before the work began."""
    if not plan.planned_excluded:
        return False
    in_time = window.noticed_at > 0 and window.starts_at - window.noticed_at >= plan.planned_notice_s * NANOSECONDS
    return plan.planned_notice_s == 0 or in_time


def _validity(contract: Contract, month: Period, enabled_from: int) -> tuple[int, int]:
    """When downtime can count at all: within the period, while the contract was in force, and after the service was enabled."""
    ends_at = min(month.ends_at, contract.valid_until) if contract.valid_until else month.ends_at
    return max(month.starts_at, contract.valid_from, enabled_from), ends_at


def _tally(pieces: tuple[_Piece, ...], plan: Plan, starts_at: int, ends_at: int) -> _Tally:
    """Sort downtime. Whole outages are joined and held against the minimum first, and only then cut to the period."""
    down = union(piece.span for piece in pieces if piece.counts)
    planned = subtract(union(piece.span for piece in pieces if piece.window), down)
    kept = subtract(tuple(_long_enough(union(down, plan.merge_gap_s * NANOSECONDS), plan)), planned)
    counted = clip(kept, starts_at, ends_at)
    unconfirmed = subtract(subtract(union(p.span for p in pieces if not p.window and not p.counts), kept), planned)
    doubtful = clip(subtract(unconfirmed, down), starts_at, ends_at)
    excluded = clip(planned, starts_at, ends_at)
    shown = (
        *(Interval(span.start, span.end, _source_of(span, pieces)) for span in counted),
        *_not_counted(pieces, kept, down, starts_at, ends_at),
    )
    return _Tally(counted, excluded, doubtful, tuple(sorted(shown, key=lambda i: (i.starts_at, i.ends_at, i.outage))))


def _long_enough(groups: Spans, plan: Plan) -> Iterator[Span]:
    minimum = plan.minimum_outage_s * NANOSECONDS
    for span in groups:
        if span.end - span.start >= minimum:
            yield from union([span if plan.minimum_counts else Span(span.start + minimum, span.end)])


def _source_of(span: Span, pieces: tuple[_Piece, ...]) -> str:
    """The first outage of a counted span. A bridged stretch is named after the outage that follows."""
    return next(piece.outage.id for piece in pieces if piece.counts and piece.span.end > span.start)


def _not_counted(pieces: tuple[_Piece, ...], kept: Spans, down: Spans, starts_at: int, ends_at: int) -> Iterator[Interval]:
    for piece in pieces:
        why = _why_not(piece)
        beside = kept if piece.counts else union((*kept, *down))
        for span in clip(subtract((piece.span,), beside), starts_at, ends_at):
            yield Interval(span.start, span.end, piece.outage.id, why)


def _why_not(piece: _Piece) -> str:
    if piece.window:
        return f"{Reason.EXCLUDED_PLANNED}: {piece.window}"
    return (Reason.BELOW_MINIMUM if piece.outage.confirmed_by else Reason.UNCONFIRMED).value


def _ids_of(counted: Spans, pieces: tuple[_Piece, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p.outage.id for p in pieces if p.counts and any(clip((p.span,), *span) for span in counted)))


def _whole_seconds(spans: Spans) -> int:
    return length(spans) // NANOSECONDS


def _denominator_s(plan: Plan, contract: Contract, month: Period, excluded_s: int, enabled_from: int) -> int:
    match plan.denominator:
        case Denominator.ACTUAL:
            return month.seconds
        case Denominator.FIXED_30_DAYS:
            return THIRTY_DAYS_S
        case Denominator.MINUS_PLANNED:
            return month.seconds - excluded_s
        case Denominator.ENABLED:
            starts_at, ends_at = _validity(contract, month, enabled_from)
            return max(0, ends_at - starts_at) // NANOSECONDS


def _rate(plan: Plan, counted_s: int, denominator_s: int) -> _Rated:
    availability = _availability(plan, counted_s, denominator_s)
    if plan.rating is Rating.AVAILABILITY_PERCENT:
        return _Rated(availability, band_of(plan, availability), availability < plan.target)
    band = band_of(plan, Decimal(counted_s))
    return _Rated(availability, band, band.credit_percent > 0)


def _availability(plan: Plan, counted_s: int, denominator_s: int) -> Decimal:
    """100 x (denominator - counted) / denominator, as the plan rounds it; 100 when nothing was to be delivered (ITU-T E.800)."""
    with localcontext(prec=_DIGITS):
        up = max(0, denominator_s - counted_s)
        exact = Decimal(100 * up) / denominator_s if denominator_s > 0 else Decimal(100)
        return exact.quantize(Decimal(1).scaleb(-plan.availability_places), rounding=plan.availability_rounding.mode)


def _why_met(plan: Plan, counted_s: int, unconfirmed_s: int, excluded_s: int, denominator_s: int) -> Reason:
    """What saved a target that was met: the doubt about an outage, the announcement of the work, or nothing."""
    if _rate(plan, counted_s + unconfirmed_s, denominator_s).violated:
        return Reason.UNCONFIRMED
    if _rate(plan, counted_s + excluded_s, denominator_s).violated:
        return Reason.EXCLUDED_PLANNED
    return Reason.TARGET_MET


def _credit(plan: Plan, rated: _Rated, charge: int, currency: str) -> _Credit:
    if not rated.violated:
        return _Credit(0, Reason.TARGET_MET, ("credit: none, the target is met",))
    asked, cap = (share_of(charge, percent, plan.credit_rounding.mode) for percent in (rated.band.credit_percent, plan.cap_percent))
    lines = [f"credit: {rated.band.credit_percent} % of {money_text(charge, currency)} = {money_text(asked, currency)}"]
    if asked > cap:
        lines.append(f"capped at {plan.cap_percent} % of the charge = {money_text(cap, currency)}")
    minor = min(asked, cap)
    if minor < plan.minimum_payable_minor:
        lines.append(f"not paid: under the least payable amount of {money_text(plan.minimum_payable_minor, currency)}")
        return _Credit(0, Reason.BELOW_MINIMUM, tuple(lines))
    if not plan.automatic:
        lines.append("paid on claim only")
    return _Credit(minor, Reason.CAPPED if asked > cap else Reason.TARGET_MISSED, tuple(lines))


def _time_lines(month: Period, tally: _Tally, counted_s: int, excluded_s: int, unconfirmed_s: int) -> Iterator[str]:
    starts, ends = (local_text(at, month.timezone) for at in (month.starts_at, month.ends_at))
    yield f"period {month.label} of {month.timezone}: {starts} to {ends} = {month.seconds} s{' so far' if month.cut else ''}"
    for interval in tally.intervals:
        begin, end = (local_text(at, month.timezone) for at in (interval.starts_at, interval.ends_at))
        verdict = f"does not count ({interval.excluded})" if interval.excluded else "counts"
        yield f"{begin} to {end}: {_seconds_text(interval)} s, outage {interval.outage}, {verdict}"
    yield f"downtime: {counted_s} s counted, {excluded_s} s planned, {unconfirmed_s} s unconfirmed"


def _seconds_text(interval: Interval) -> str:
    with localcontext(prec=_DIGITS):
        seconds = Decimal(interval.ends_at - interval.starts_at) / NANOSECONDS
        return f"{seconds.normalize():f}"


def _rating_lines(plan: Plan, rated: _Rated, counted_s: int, denominator_s: int) -> Iterator[str]:
    rounding = f"{plan.availability_places} decimals, rounded {plan.availability_rounding}"
    yield f"availability: 100 x ({denominator_s} - {counted_s}) / {denominator_s} = {rated.availability} % ({rounding})"
    upper = "upwards" if rated.band.upper is None else f"up to, not including, {rated.band.upper}"
    if plan.rating is Rating.AVAILABILITY_PERCENT:
        yield f"target {plan.target} %: {'missed' if rated.violated else 'met'}; band: from {rated.band.lower} % {upper}"
    else:
        yield f"downtime {counted_s} s: band: from {rated.band.lower} s {upper}, {rated.band.credit_percent} %"
