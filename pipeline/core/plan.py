"""What was agreed: an SLA plan, every parameter explicit, and what makes a schedule of bands complete."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise


class Rating(StrEnum):
    """By what a plan's bands are chosen."""

    AVAILABILITY_PERCENT = "availability-percent"
    CUMULATIVE_SECONDS = "cumulative-seconds"


class Denominator(StrEnum):
    """Which time availability is a share of.

    ``MINUS_PLANNED`` takes the planned downtime that was excluded off both sides; ``ENABLED`` starts when the service was enabled and ends
    with the contract.
    """

    ACTUAL = "actual"
    FIXED_30_DAYS = "fixed-30-days"
    MINUS_PLANNED = "minus-planned"
    ENABLED = "enabled"


class Rounding(StrEnum):
    """How a figure is brought to its last place."""

    DOWN = "down"
    HALF_UP = "half-up"
    HALF_EVEN = "half-even"
    UP = "up"

    @property
    def mode(self) -> str:
        """The constant of :mod:`decimal` of this name; figures here are never negative."""
        return {"down": ROUND_DOWN, "half-up": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "up": ROUND_CEILING}[self.value]


@dataclass(frozen=True, slots=True)
class Band:
    """One step of a schedule: from ``lower`` (included) up to ``upper`` (excluded; ``None`` is open), ``credit_percent`` of the charge."""

    lower: Decimal
    upper: Decimal | None
    credit_percent: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """An SLA plan, every parameter explicit (data in rules/slas). Durations are whole seconds, percentages Decimal.

    ``target`` is an availability percentage: a month below it is missed. When bands go by cumulative seconds, a month is missed when
    its band pays. Outages at most ``merge_gap_s`` apart are one, the time between included. An outage shorter than ``minimum_outage_s``
    does not count; a longer one counts from its start, or only from there on when ``minimum_counts`` is false. Availability is rounded to
    ``availability_places`` first, and that figure is held against target and bands. Planned work must have been announced
    ``planned_notice_s`` before. Less than ``minimum_payable_minor`` is not paid; ``automatic`` false is paid on claim only.
    """

    name: str
    version: str
    rating: Rating
    target: Decimal
    bands: tuple[Band, ...]
    denominator: Denominator = Denominator.ACTUAL
    availability_places: int = 5
    merge_gap_s: int = 0
    minimum_outage_s: int = 0
    degraded_counts: bool = False
    planned_excluded: bool = True
    planned_notice_s: int = 0
    cap_percent: Decimal = Decimal(100)
    minimum_payable_minor: int = 0
    automatic: bool = True
    description: str = ""
    minimum_counts: bool = True
    availability_rounding: Rounding = Rounding.DOWN
    credit_rounding: Rounding = Rounding.HALF_UP


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a plan is refused: the place (``$.bands[1].upper``), what is wrong there, what to do."""

    path: str
    message: str
    remedy: str


_HUNDRED = Decimal(100)
_MOST_PLACES = 9


def validate(plan: Plan) -> tuple[Finding, ...]:
    """Everything that is wrong with a plan; empty when it can be evaluated for every possible month.

    Published schedules do have gaps (one steps from 97.9 % to 96.89 %): a month in the gap would have no answer, so it is refused here.
    """
    return (*_wrong_numbers(plan), *_wrong_schedule(plan))


def band_of(plan: Plan, figure: Decimal) -> Band:
    """The one band that holds ``figure`` (a percentage or seconds, as ``plan.rating`` says). Raises ``ValueError`` where there is none."""
    for band in plan.bands:
        if band.lower <= figure and (band.upper is None or figure < band.upper):
            return band
    raise ValueError(f"the schedule of plan {plan.name} has a gap at {figure}")


def _wrong_numbers(plan: Plan) -> Iterator[Finding]:
    if not 0 < plan.target <= _HUNDRED:
        yield Finding("$.target", f"{plan.target} is no availability", "write a percentage above 0, at most 100")
    if not 0 <= plan.cap_percent <= _HUNDRED:
        yield Finding("$.cap_percent", f"{plan.cap_percent} is no share of the charge", "write 0 to 100")
    if not 0 <= plan.availability_places <= _MOST_PLACES:
        yield Finding("$.availability_places", f"{plan.availability_places} decimals", f"write 0 to {_MOST_PLACES}")
    for field in ("merge_gap_s", "minimum_outage_s", "planned_notice_s", "minimum_payable_minor"):
        if getattr(plan, field) < 0:
            yield Finding(f"$.{field}", f"{getattr(plan, field)} is negative", "write 0 or more")


def _wrong_schedule(plan: Plan) -> Iterator[Finding]:
    bands = plan.bands
    if not bands:
        yield Finding("$.bands", "the schedule has no band", "write at least one band from 0 upwards")
        return
    if bands[0].lower != 0:
        yield Finding(
            "$.bands[0].lower", f"gap: nothing is said from 0 to {bands[0].lower}", "begin the first band at 0, lowest figure first"
        )
    for index, band in enumerate(bands):
        yield from _wrong_band(index, band)
    for index, (lower, upper) in enumerate(pairwise(bands), start=1):
        yield from _wrong_step(index, lower, upper, plan.rating)
    yield from _wrong_end(plan)


def _wrong_band(index: int, band: Band) -> Iterator[Finding]:
    if band.upper is not None and band.upper <= band.lower:
        yield Finding(f"$.bands[{index}]", f"from {band.lower} up to {band.upper} is empty", "let upper be greater than lower")
    if not 0 <= band.credit_percent <= _HUNDRED:
        yield Finding(f"$.bands[{index}].credit_percent", f"{band.credit_percent} is no share of the charge", "write 0 to 100")


def _wrong_step(index: int, before: Band, after: Band, rating: Rating) -> Iterator[Finding]:
    if before.upper is None or before.upper > after.lower:
        until = before.upper if before.upper is not None else "no end"
        message = f"overlap: from {after.lower} to {until} two bands answer"
        yield Finding(f"$.bands[{index}].lower", message, "let each band begin where the one before ends")
    elif before.upper < after.lower:
        message = f"gap: nothing is said from {before.upper} to {after.lower}"
        yield Finding(f"$.bands[{index}].lower", message, "let each band begin where the one before ends")
    rises = after.credit_percent > before.credit_percent
    falls = after.credit_percent < before.credit_percent
    if rises if rating is Rating.AVAILABILITY_PERCENT else falls:
        yield Finding(
            f"$.bands[{index}].credit_percent", "a worse month would pay less than a better one", "order the credits with the downtime"
        )


def _wrong_end(plan: Plan) -> Iterator[Finding]:
    last = plan.bands[-1].upper
    enough = last is None or (plan.rating is Rating.AVAILABILITY_PERCENT and last > _HUNDRED)
    if not enough:
        path = f"$.bands[{len(plan.bands) - 1}].upper"
        yield Finding(path, f"gap: nothing is said from {last} upwards", "leave upper out of the last band")
