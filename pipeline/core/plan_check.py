"""What makes a plan complete: every possible month has one answer, and every figure can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from pipeline.core.money import MINOR_UNITS
from pipeline.core.plan import BANDED, Band, Plan, Rating

_HUNDRED = Decimal(100)
_MOST_PLACES = 9
_NOT_NEGATIVE = (
    *("merge_gap_s", "minimum_outage_s", "planned_notice_s", "minimum_payable_minor", "day_amount_minor", "grace_working_days"),
    *("unit_days", "factor", "claim_days", "cap_days"),
)
_SHARES = ("cap_percent", "total_cap_percent", "degraded_weight_percent")


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a plan is refused: the place (``$.bands[1].upper``), what is wrong there, what to do."""

    path: str
    message: str
    remedy: str


def validate(plan: Plan) -> tuple[Finding, ...]:
    """Everything that is wrong with a plan; empty when it can be evaluated for every possible month.

    Published schedules do have gaps (one steps from 97.9 % to 96.89 %): a month in the gap would have no answer, so it is refused here.
    """
    objectives = (finding for place in range(len(plan.objectives)) for finding in _wrong_objective(plan, place))
    return (*_wrong_numbers(plan), *_wrong_times(plan), *_wrong_words(plan), *_wrong_bands(plan), *objectives)


def _wrong_numbers(plan: Plan) -> Iterator[Finding]:
    if not 0 < plan.target <= _HUNDRED:
        yield Finding("$.target", f"{plan.target} is no availability", "write a percentage above 0, at most 100")
    for field in _SHARES:
        if not 0 <= getattr(plan, field) <= _HUNDRED:
            yield Finding(f"$.{field}", f"{getattr(plan, field)} is no share", "write 0 to 100")
    for field in ("availability_places", "ratio_places"):
        places = getattr(plan, field)
        if places is not None and not 0 <= places <= _MOST_PLACES:
            yield Finding(f"$.{field}", f"{places} decimals", f"write 0 to {_MOST_PLACES}")
    for field in _NOT_NEGATIVE:
        if getattr(plan, field) < 0:
            yield Finding(f"$.{field}", f"{getattr(plan, field)} is negative", "write 0 or more")
    for field in ("unit_s", "rounding_step_minor"):
        if getattr(plan, field) < 1:
            yield Finding(f"$.{field}", f"{getattr(plan, field)} is nothing", "write 1 or more")


def _wrong_times(plan: Plan) -> Iterator[Finding]:
    if plan.chronic is not None and (plan.chronic.outages < 1 or plan.chronic.days < 1):
        yield Finding("$.chronic", "no outage at all would be chronic", "write at least 1 outage and 1 day")
    if 0 < plan.valid_until <= plan.valid_from:
        yield Finding("$.valid_until", "it ends before it begins to hold", "write a later time, or leave it out")


def _wrong_words(plan: Plan) -> Iterator[Finding]:
    for kind in sorted(set(plan.excludes) & set(plan.stops_clock)):
        yield Finding("$.stops_clock", f"{kind} is cut out already by excludes", "keep it in one of the two")
    for place, day in enumerate(plan.holidays):
        if not _is_date(day):
            yield Finding(f"$.holidays[{place}]", f"'{day}' is no date", "write it as 2026-12-25")
    if plan.currency and plan.currency not in MINOR_UNITS:
        yield Finding("$.currency", f"'{plan.currency}' is no currency of the table", "write ISO 4217's three capital letters, as EUR")
    if plan.rating is Rating.CALENDAR_DAYS and (not plan.currency or not plan.day_amount_minor):
        yield Finding("$.day_amount_minor", "a day has no worth", "write day_amount_minor and its currency")
    if plan.earlier:
        yield Finding("$.earlier", "versions of other times stand beside it", "write each as a plan of the same name, with valid_from")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _wrong_bands(plan: Plan) -> Iterator[Finding]:
    if plan.rating in BANDED:
        is_percent = plan.rating is Rating.AVAILABILITY_PERCENT
        yield from _wrong_schedule(plan.bands, "$.bands", is_percent=is_percent)
        if is_percent:
            yield from _wrong_target(plan)
    elif plan.bands:
        yield Finding("$.bands", f"the rating {plan.rating} has no bands", "leave them out, or write another rating")


def _wrong_target(plan: Plan) -> Iterator[Finding]:
    """A month that meets the target and is paid for all the same is a contradiction that no customer would accept as evidence."""
    for place, band in enumerate(plan.bands):
        if band.lower >= plan.target > 0 and band.credit_percent > 0:
            message = f"from {band.lower} % on {band.credit_percent} % would be owed, though the target of {plan.target} % is met"
            yield Finding(f"$.bands[{place}].credit_percent", message, "let bands from the target on owe nothing, or raise the target")


def _wrong_objective(plan: Plan, place: int) -> Iterator[Finding]:
    objective, path = plan.objectives[place], f"$.objectives[{place}]"
    if objective.target_s < 0:
        yield Finding(f"{path}.target_s", f"{objective.target_s} is negative", "write 0 or more")
    if any(each.metric is objective.metric for each in plan.objectives[:place]):
        yield Finding(f"{path}.metric", f"{objective.metric} is promised twice", "keep one of them")
    if objective.bands:
        yield from _wrong_schedule(objective.bands, f"{path}.bands", is_percent=False)


def _wrong_schedule(bands: tuple[Band, ...], path: str, *, is_percent: bool) -> Iterator[Finding]:
    if not bands:
        yield Finding(path, "the schedule has no band", "write at least one band from 0 upwards")
        return
    if bands[0].lower != 0:
        message = f"gap: nothing is said from 0 to {bands[0].lower}"
        yield Finding(f"{path}[0].lower", message, "begin the first band at 0, lowest figure first")
    for index, band in enumerate(bands):
        yield from _wrong_band(f"{path}[{index}]", band)
    for index, (before, after) in enumerate(pairwise(bands), start=1):
        yield from _wrong_step(f"{path}[{index}]", before, after, is_percent=is_percent)
    last = bands[-1].upper
    if last is not None and not (is_percent and last > _HUNDRED):
        yield Finding(f"{path}[{len(bands) - 1}].upper", f"gap: nothing is said from {last} upwards", "leave upper out of the last band")


def _wrong_band(path: str, band: Band) -> Iterator[Finding]:
    if band.upper is not None and band.upper <= band.lower:
        yield Finding(path, f"from {band.lower} up to {band.upper} is empty", "let upper be greater than lower")
    if not 0 <= band.credit_percent <= _HUNDRED:
        yield Finding(f"{path}.credit_percent", f"{band.credit_percent} is no share of the charge", "write 0 to 100")


def _wrong_step(path: str, before: Band, after: Band, *, is_percent: bool) -> Iterator[Finding]:
    if before.upper is None or before.upper > after.lower:
        until = before.upper if before.upper is not None else "no end"
        message = f"overlap: from {after.lower} to {until} two bands answer"
        yield Finding(f"{path}.lower", message, "let each band begin where the one before ends")
    elif before.upper < after.lower:
        message = f"gap: nothing is said from {before.upper} to {after.lower}"
        yield Finding(f"{path}.lower", message, "let each band begin where the one before ends")
    rises = after.credit_percent > before.credit_percent
    falls = after.credit_percent < before.credit_percent
    if rises if is_percent else falls:
        yield Finding(f"{path}.credit_percent", "a worse month would pay less than a better one", "order the credits with the downtime")


def versions_findings(plans: tuple[Plan, ...]) -> Iterator[tuple[int, Finding]]:
    """What is wrong with the versions of one plan together, by the place of the version: two that hold at once, or none."""
    in_order = sorted(enumerate(plans), key=lambda each: each[1].valid_from)
    for (_, before), (place, after) in pairwise(in_order):
        if not before.valid_until or before.valid_until > after.valid_from:
            message = f"the plan '{after.name}' stands twice at one time, as version {before.version} and {after.version}"
            yield place, Finding("$.valid_from", message, "rename one, or let valid_until of the one be valid_from of the next")
        elif before.valid_until < after.valid_from:
            message = f"gap: between versions {before.version} and {after.version} none holds"
            yield place, Finding("$.valid_from", message, "let valid_until of the one be valid_from of the next")
