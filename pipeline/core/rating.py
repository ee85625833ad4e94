"""From seconds of downtime to what is owed: availability, the schedule's answer, and the credit, each with the lines that show it.

Exact: integers, Decimal and Fraction; a figure is rounded once, where the plan says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from pipeline.core.downtime import Group
from pipeline.core.money import money_text
from pipeline.core.period import Period, days_of
from pipeline.core.plan import BANDED, Band, ChargeBase, Closure, MonthDays, Plan, Rating, Rounding, band_of
from pipeline.core.reason import Reason
from pipeline.core.workday import days_owed

DAY_S = 86_400
MONTH_DAYS = 30
_DIGITS = 60


@dataclass(frozen=True, slots=True)
class Rated:
    """What a schedule makes of a month: whether it is missed, and what is owed, as a ``share`` of the charge or an ``amount_minor``.

    ``band`` is the band that answered, if bands do. ``lines`` show how it came about.
    """

    availability: Decimal
    violated: bool
    share: Fraction = Fraction(0)
    amount_minor: int = 0
    band: Band | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owed:
    """A credit in minor units, why it is this much, and the lines that show how it came about."""

    minor: int
    reason: Reason
    lines: tuple[str, ...]


def rate(plan: Plan, counted_s: int, denominator_s: int, period: Period, groups: Sequence[Group] = ()) -> Rated:
    """Hold a month's downtime against the plan. Raises ``ValueError`` for a schedule with a gap."""
    availability = availability_of(plan, counted_s, denominator_s)
    if plan.rating in BANDED:
        is_percent = plan.rating is Rating.AVAILABILITY_PERCENT
        band = band_of(plan.bands, availability if is_percent else Decimal(counted_s), plan.bands_closed)
        violated = availability < plan.target if is_percent else band.credit_percent > 0
        return Rated(
            availability, violated, Fraction(band.credit_percent) / 100, 0, band, _band_line(plan, band, counted_s, violated=violated)
        )
    if plan.rating is Rating.CALENDAR_DAYS:
        days = days_owed(
            (each for each in groups if each.counted), period, plan.grace_working_days, plan.holidays, last_day_counts=plan.last_day_counts
        )
        paid = days[: plan.cap_days or None]
        return Rated(
            availability, bool(days), Fraction(0), len(paid) * plan.day_amount_minor, None, tuple(_day_lines(plan, days, len(paid)))
        )
    if plan.rating is Rating.STARTED_UNITS:
        return _by_units(plan, availability, counted_s, period)
    return _pro_rata(plan, availability, counted_s, period)


def is_missed(plan: Plan, counted_s: int, denominator_s: int) -> bool:
    """Whether a month with that downtime misses the plan's target, by the plan's own rounding and bands.

    A plan by calendar days has no answer in seconds: there, availability is held against the target.
    """
    availability = availability_of(plan, counted_s, denominator_s)
    match plan.rating:
        case Rating.AVAILABILITY_PERCENT | Rating.CALENDAR_DAYS:
            return availability < plan.target
        case Rating.CUMULATIVE_SECONDS:
            return band_of(plan.bands, Decimal(counted_s), plan.bands_closed).credit_percent > 0
        case Rating.STARTED_UNITS:
            return _units(plan, counted_s) > 0
        case Rating.PRO_RATA:
            return counted_s > 0


def availability_of(plan: Plan, counted_s: int, denominator_s: int) -> Decimal:
    """100 x (denominator - counted) / denominator, as the plan rounds it; 100 when nothing was to be delivered (ITU-T E.800)."""
    with localcontext(prec=_DIGITS):
        up = max(0, denominator_s - counted_s)
        exact = Decimal(100 * up) / denominator_s if denominator_s > 0 else Decimal(100)
        return exact.quantize(Decimal(1).scaleb(-plan.availability_places), rounding=plan.availability_rounding.mode)


def owe(plan: Plan, rated: Rated, charge: int, currency: str) -> Owed:
    """The credit of a month: its share of the charge (or its amount), capped, rounded once, and paid only from the minimum on."""
    if not rated.violated:
        return Owed(0, Reason.TARGET_MET, ("credit: none, the target is met",))
    asked = rated.amount_minor or int(rounded(rated.share * charge, Fraction(plan.rounding_step_minor), plan.credit_rounding))
    lines = list(_share_lines(plan, rated, charge, asked, currency))
    cap = share_of_charge(plan, plan.cap_percent, charge)
    is_capped = plan.rating is not Rating.CALENDAR_DAYS and asked > cap
    if is_capped:
        lines.append(f"capped at {plan.cap_percent} % of the charge = {money_text(cap, currency)}")
    minor = cap if is_capped else asked
    if minor < plan.minimum_payable_minor:
        lines.append(f"not paid: under the least payable amount of {money_text(plan.minimum_payable_minor, currency)}")
        return Owed(0, Reason.BELOW_MINIMUM, tuple(lines))
    return Owed(minor, Reason.CAPPED if is_capped else Reason.TARGET_MISSED, tuple(lines))


def share_of_charge(plan: Plan, percent: Decimal, charge: int) -> int:
    """A percentage of a charge in minor units, rounded as the plan rounds credits."""
    return int(rounded(Fraction(percent) / 100 * charge, Fraction(1), plan.credit_rounding))


def rounded(value: Fraction, step: Fraction, rounding: Rounding) -> Fraction:
    """A figure that is not negative brought to a multiple of ``step``, exactly."""
    steps, rest = divmod(value / step, 1)
    match rounding:
        case Rounding.DOWN:
            up = False
        case Rounding.UP:
            up = rest > 0
        case Rounding.HALF_UP:
            up = rest * 2 >= 1
        case Rounding.HALF_EVEN:
            up = rest * 2 > 1 or (rest * 2 == 1 and steps % 2 == 1)
    return (steps + up) * step


def figure_text(value: Fraction, places: int = 8) -> str:
    """A fraction as people write it: exact if it ends within ``places`` decimals, else as ``5/744``."""
    with localcontext(prec=_DIGITS):
        scaled = value * 10**places
        if scaled.denominator != 1:
            return f"{value.numerator}/{value.denominator}"
        text = f"{Decimal(scaled.numerator).scaleb(-places):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


def charge_days(plan: Plan, period: Period) -> int:
    """By how many days the plan divides a month's charge."""
    return days_of(period) if plan.charge_days is MonthDays.ACTUAL else MONTH_DAYS


def _units(plan: Plan, counted_s: int) -> int:
    return int(rounded(Fraction(counted_s, plan.unit_s), Fraction(1), plan.unit_rounding))


def _by_units(plan: Plan, availability: Decimal, counted_s: int, period: Period) -> Rated:
    units, days = _units(plan, counted_s), charge_days(plan, period)
    share = units * Fraction(plan.unit_days) / days
    worth = f"{units} x {plan.unit_days} of {days} days = {figure_text(share)} of the charge"
    told = "1 unit" if units == 1 else f"{units} units"
    line = f"downtime {counted_s} s: {counted_s} / {plan.unit_s} = {told} (rounded {plan.unit_rounding}); {worth}"
    return Rated(availability, units > 0, share, lines=(line,))


def _pro_rata(plan: Plan, availability: Decimal, counted_s: int, period: Period) -> Rated:
    days = charge_days(plan, period)
    ratio = Fraction(counted_s, DAY_S * days)
    told = ""
    if plan.ratio_places is not None:
        ratio = rounded(ratio, Fraction(1, 10**plan.ratio_places), plan.ratio_rounding)
        told = f" ({plan.ratio_places} decimals, rounded {plan.ratio_rounding})"
    share = ratio * Fraction(plan.factor)
    line = f"downtime {counted_s} s / {DAY_S} s / {days} days = {figure_text(ratio)} of the month{told}"
    times = f"; times {plan.factor} = {figure_text(share)} of the charge" if plan.factor != 1 else ""
    return Rated(availability, counted_s > 0, share, lines=(line + times,))


def _band_line(plan: Plan, band: Band, counted_s: int, *, violated: bool) -> tuple[str]:
    unit = "%" if plan.rating is Rating.AVAILABILITY_PERCENT else "s"
    if plan.bands_closed is Closure.LOWER:
        upper = "upwards" if band.upper is None else f"up to, not including, {band.upper} {unit}"
        begins = "from"
    else:
        upper = "upwards" if band.upper is None else f"up to and with {band.upper} {unit}"
        begins = "above" if band.lower else "from"
    if plan.rating is Rating.AVAILABILITY_PERCENT:
        return (f"target {plan.target} %: {'missed' if violated else 'met'}; band: {begins} {band.lower} {unit} {upper}",)
    return (f"downtime {counted_s} s: band: {begins} {band.lower} {unit} {upper}: {band.credit_percent} %",)


def _day_lines(plan: Plan, days: Sequence[object], paid: int) -> Iterator[str]:
    grace = f"after {plan.grace_working_days} full working days" if plan.grace_working_days else "of the outage"
    yield f"calendar days {grace}: {len(days)}{' (' + ', '.join(map(str, days)) + ')' if days else ''}"
    if paid < len(days):
        yield f"at most {plan.cap_days} days are paid"


def _share_lines(plan: Plan, rated: Rated, charge: int, asked: int, currency: str) -> Iterator[str]:
    whole, result = money_text(charge, currency), money_text(asked, currency)
    base = " with access" if plan.charge_base is ChargeBase.WITH_ACCESS else ""
    if rated.band is not None:
        yield f"credit: {rated.band.credit_percent} % of {whole}{base} = {result}"
    elif plan.rating is Rating.CALENDAR_DAYS:
        yield f"credit: {asked // plan.day_amount_minor} x {money_text(plan.day_amount_minor, currency)} = {result}"
    else:
        yield f"credit: {figure_text(rated.share)} of {whole}{base} = {result} (rounded {plan.credit_rounding})"
