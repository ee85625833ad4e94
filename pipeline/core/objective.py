"""What is promised beside availability: times to restore and to respond, and whether a service is chronically ill."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from pipeline.core.downtime import Group, Piece, Standing
from pipeline.core.evaluation import OUTAGES, SECONDS, Evaluation
from pipeline.core.outage import Outage
from pipeline.core.period import NANOSECONDS, Period, local_text
from pipeline.core.plan import Chronic, Closure, Objective, ObjectiveMetric, Plan, band_of
from pipeline.core.rating import Rated, owe
from pipeline.core.reason import Reason
from pipeline.core.span import length

CHRONIC_METRIC = "chronic-outage"
_RESTORING = frozenset({ObjectiveMetric.MEAN_TIME_TO_RESTORE, ObjectiveMetric.LONGEST_TIME_TO_RESTORE})
_MEANS = frozenset({ObjectiveMetric.MEAN_TIME_TO_RESTORE, ObjectiveMetric.MEAN_RESPONSE_TIME})
_DAY_NS = 86_400 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Asked:
    """One service's month as availability found it: the evaluation of that, and its outages, cut and joined."""

    plan: Plan
    period: Period
    now: int
    availability: Evaluation
    pieces: tuple[Piece, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    """How long one outage took, in nanoseconds, and the line that shows it."""

    ns: int
    line: str


def evaluate_objectives(asked: Asked) -> Iterator[Evaluation]:
    """An evaluation, not named yet, for each other promise of the plan; the last one for chronic outages, which never owe anything."""
    for objective in asked.plan.objectives:
        yield _evaluated(asked, objective)
    if asked.plan.chronic is not None:
        yield _chronic(asked, asked.plan.chronic)


def _evaluated(asked: Asked, objective: Objective) -> Evaluation:
    taken = tuple(_restored(asked) if objective.metric in _RESTORING else _responded(asked))
    figure, told = _figure(objective, taken)
    violated = figure > objective.target_s
    band = band_of(objective.bands, figure, asked.plan.bands_closed) if violated and objective.bands else None
    lines = [f"{objective.metric}: {told}; target {objective.target_s} s: {'missed' if violated else 'met'}"]
    first = asked.availability
    minor, reason = 0, Reason.TARGET_MISSED if violated else Reason.TARGET_MET
    if band is not None:
        end = "" if asked.plan.bands_closed is Closure.LOWER else "above "
        lines.append(f"band: {end}from {band.lower} s, {band.credit_percent} %")
        owed = owe(
            asked.plan,
            Rated(first.availability, band.credit_percent > 0, Fraction(band.credit_percent) / 100, 0, band),
            first.charge_minor,
            first.currency,
        )
        minor, reason, lines = owed.minor, owed.reason, [*lines, *owed.lines]
    elif violated:
        lines.append("credit: none, the plan promises none for it")
    return replace(
        first,
        metric=objective.metric.value,
        figure=figure,
        target=Decimal(objective.target_s),
        unit=SECONDS,
        violated=violated,
        reason=reason.value,
        credit_minor=minor,
        arithmetic=(first.arithmetic[0], *(each.line for each in taken), *lines),
    )


def _figure(objective: Objective, taken: tuple[_Taken, ...]) -> tuple[Decimal, str]:
    """Whole seconds, cut; none of them when there was no outage."""
    if not taken:
        return Decimal(0), "no outage"
    if objective.metric in _MEANS:
        total = sum(each.ns for each in taken)
        seconds = total // len(taken) // NANOSECONDS
        return Decimal(seconds), f"{total // NANOSECONDS} s / {len(taken)} outages = {seconds} s"
    seconds = max(each.ns for each in taken) // NANOSECONDS
    return Decimal(seconds), f"the longest of {len(taken)} outages took {seconds} s"


def _restored(asked: Asked) -> Iterator[_Taken]:
    """Outages that were mended in the period, by their clocks: gaps joined, stops and what is cut out left out."""
    lasting = {piece.span.end for piece in asked.pieces if not piece.outage.ended_at and piece.span.end >= asked.now}
    for group in asked.groups:
        if group.counted and asked.period.starts_at < group.ends_at <= asked.period.ends_at and group.ends_at not in lasting:
            clock = length(group.clock)
            begin, end = (local_text(at, asked.period.timezone) for at in (group.starts_at, group.ends_at))
            yield _Taken(clock, f"{begin} to {end}: restored in {clock // NANOSECONDS} s by its clock")


def _responded(asked: Asked) -> Iterator[_Taken]:
    """Outages that began in the period, one for each incident: from its first outage to the first answer, or to its end without one."""
    first: dict[str, Outage] = {}
    for piece in asked.pieces:
        if piece.standing is Standing.COUNTS or piece.standing is Standing.NOT_STARTED:
            known = first.get(piece.outage.incident or piece.outage.id)
            if known is None or piece.outage.started_at < known.started_at:
                first[piece.outage.incident or piece.outage.id] = piece.outage
    for outage in sorted(first.values(), key=lambda each: (each.started_at, each.id)):
        if asked.period.starts_at <= outage.started_at < asked.period.ends_at:
            answered = min((at for at in (outage.ticketed_at, outage.acknowledged_at) if at), default=0)
            until = answered or min(outage.ended_at or asked.now, asked.now)
            took = max(0, until - outage.started_at)
            told = "answered" if answered else "over" if outage.ended_at else "not answered yet"
            yield _Taken(
                took, f"{local_text(outage.started_at, asked.period.timezone)}: {told} after {took // NANOSECONDS} s, outage {outage.id}"
            )


def _chronic(asked: Asked, chronic: Chronic) -> Evaluation:
    """More than so many outages that began within so many days, the last of them in the period."""
    starts = [group.starts_at for group in asked.groups if group.counted]
    most, at = 0, 0
    for last in starts:
        if asked.period.starts_at <= last < asked.period.ends_at:
            within = sum(last - chronic.days * _DAY_NS < each <= last for each in starts)
            most, at = (within, last) if within > most else (most, at)
    violated = most > chronic.outages
    until = f", up to {local_text(at, asked.period.timezone)}" if at else ""
    word = "chronic" if violated else "not chronic"
    line = f"outages within {chronic.days} days: {most}{until}; more than {chronic.outages} are chronic: {word}; an event, and never money"
    first = asked.availability
    return replace(
        first,
        metric=CHRONIC_METRIC,
        figure=Decimal(most),
        target=Decimal(chronic.outages),
        unit=OUTAGES,
        violated=violated,
        reason=(Reason.CHRONIC_OUTAGE if violated else Reason.TARGET_MET).value,
        credit_minor=0,
        arithmetic=(first.arithmetic[0], line),
    )
