"""The algebra of downtime: each nanosecond of a service's outages has one standing; those that count add up to what is rated.

What an outage was is cut by what excuses it. Where several outages lie over each other, time that counts in one of them counts; else it is
excluded, or its clock stood, or it is unconfirmed, the first of these.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.exclusion import Exclusion, ExclusionKind
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.period import NANOSECONDS
from pipeline.core.plan import ClockEnd, ClockStart, Plan, Redundancy
from pipeline.core.reason import Reason
from pipeline.core.span import Span, Spans, after, clip, intersect, length, subtract, union


class Standing(StrEnum):
    """What becomes of a stretch of an outage."""

    COUNTS = "counts"
    EXCLUDED = "excluded"
    STOPPED = "stopped"
    UNCONFIRMED = "unconfirmed"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an outage with its one standing; ``why`` is empty only for what counts, ``kind`` is of what excuses it."""

    span: Span
    outage: Outage
    standing: Standing
    why: str = ""
    kind: ExclusionKind | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in UTC nanoseconds, with the outage it came from and, if it does not count, why."""

    starts_at: int
    ends_at: int
    outage: str
    excluded: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One outage as the plan sees it, joined over gaps and stops: its clock, and what of that counts (nothing below the minimum)."""

    clock: Spans
    counted: Spans

    @property
    def starts_at(self) -> int:
        """Its first instant, UTC nanoseconds."""
        return self.clock[0].start

    @property
    def ends_at(self) -> int:
        """Its last instant, UTC nanoseconds."""
        return self.clock[-1].end


@dataclass(frozen=True, slots=True)
class Tally:
    """Downtime of one period by what becomes of it, each disjoint from the others.

    ``light`` is the part of ``counted`` that weighs less (degraded only). ``groups`` are whole outages, of every period.
    """

    counted: Spans = ()
    light: Spans = ()
    planned: Spans = ()
    excluded: Spans = ()
    stopped: Spans = ()
    unconfirmed: Spans = ()
    groups: tuple[Group, ...] = ()
    intervals: tuple[Interval, ...] = ()


def counts(plan: Plan, state: ServiceState) -> bool:
    """Whether time in this state is downtime by the plan."""
    match state:
        case ServiceState.DOWN:
            return True
        case ServiceState.DEGRADED:
            return plan.degraded_counts
        case ServiceState.REDUNDANCY_LOST:
            return plan.redundancy is Redundancy.ANY_LEG
        case ServiceState.UP:
            return False


def relevant(outages: Iterable[Outage], service: str, plan: Plan) -> tuple[Outage, ...]:
    """The last revision of each outage of the service whose state is downtime by the plan, by start."""
    latest: dict[str, Outage] = {}
    for outage in outages:
        known = latest.get(outage.id)
        if outage.service == service and (known is None or known.revision < outage.revision):
            latest[outage.id] = outage
    return tuple(sorted((o for o in latest.values() if counts(plan, o.state)), key=lambda o: (o.started_at, o.id)))


def excuses(
    plan: Plan, windows: Iterable[MaintenanceWindow], exclusions: Iterable[Exclusion]
) -> tuple[dict[str, Exclusion], tuple[Exclusion, ...]]:
    """What the plan lets count as excuses: planned work by its name, and what people recorded, in the order in which they name time."""
    work = (Exclusion(w.name, ExclusionKind.PLANNED, w.starts_at, w.ends_at, noticed_at=w.noticed_at) for w in windows)
    recorded = (each for each in exclusions if is_excuse(plan, each))
    return {each.id: each for each in work if is_excuse(plan, each)}, tuple(sorted(recorded, key=lambda each: each.place))


def is_excuse(plan: Plan, exclusion: Exclusion) -> bool:
    """Whether the plan knows this kind; planned work must have been announced as long before it began as the plan wants."""
    if exclusion.kind not in plan.excludes:
        return exclusion.kind in plan.stops_clock
    if exclusion.kind is not ExclusionKind.PLANNED or plan.planned_notice_s == 0:
        return True
    return exclusion.noticed_at > 0 and exclusion.starts_at - exclusion.noticed_at >= plan.planned_notice_s * NANOSECONDS


def pieces_of(
    outages: Iterable[Outage], plan: Plan, work: dict[str, Exclusion], recorded: Sequence[Exclusion], now: int
) -> Iterator[Piece]:
    """Every outage, cut by its clock and by what excuses it; one that lasts ends at ``now``."""
    for outage in outages:
        starts_at, ends_at = clock_of(outage, plan, now)
        begun = union([Span(min(outage.started_at, ends_at), ends_at)])
        yield from (
            Piece(span, outage, Standing.NOT_STARTED, Reason.CLOCK_NOT_STARTED.value) for span in clip(begun, outage.started_at, starts_at)
        )
        left = clip(begun, starts_at, ends_at)
        named = (work[outage.excluded],) if outage.excluded in work else ()
        for each in (*named, *(one for one in recorded if one.covers(outage.service, outage.incident))):
            part = clip(left, each.starts_at, each.ends_at)
            left = subtract(left, part)
            yield from (_excused(span, outage, plan, each) for span in part)
        standing, why = (Standing.COUNTS, "") if outage.confirmed_by else (Standing.UNCONFIRMED, Reason.UNCONFIRMED.value)
        yield from (Piece(span, outage, standing, why) for span in left)


def clock_of(outage: Outage, plan: Plan, now: int) -> tuple[int, int]:
    """When an outage's clock starts and ends by the plan (UTC nanoseconds); empty for one that was withdrawn or never got a ticket."""
    ends_at = min(outage.ended_at or now, now)
    is_withdrawn = 0 < outage.ended_at <= outage.started_at
    if plan.clock_ends is ClockEnd.TICKET_RESOLVED and outage.ticketed_at and not is_withdrawn:
        ends_at = max(ends_at, min(outage.closed_at or now, now))
    if plan.clock_starts is ClockStart.TICKETED:
        return max(outage.started_at, outage.ticketed_at or ends_at), ends_at
    return outage.started_at, ends_at


def _excused(span: Span, outage: Outage, plan: Plan, exclusion: Exclusion) -> Piece:
    if exclusion.kind in plan.excludes:
        return Piece(span, outage, Standing.EXCLUDED, f"excluded-{exclusion.kind}: {exclusion.told}", exclusion.kind)
    return Piece(span, outage, Standing.STOPPED, f"{Reason.CLOCK_STOPPED}, {exclusion.kind}: {exclusion.told}", exclusion.kind)


def tally(pieces: Sequence[Piece], plan: Plan, starts_at: int, ends_at: int) -> Tally:
    """Sort downtime. Whole outages are joined and held against the minimum first, and only then cut to the period."""
    if not pieces:
        return Tally()
    down = union(piece.span for piece in pieces if piece.standing is Standing.COUNTS)
    excluded = subtract(_spans(pieces, Standing.EXCLUDED), down)
    stopped = subtract(subtract(_spans(pieces, Standing.STOPPED), down), excluded)
    groups = tuple(_groups(plan, down, stopped, excluded))
    kept = tuple(span for group in groups for span in group.counted)
    counted = clip(kept, starts_at, ends_at)
    settled = union((*kept, *down, *excluded, *stopped))
    planned = union(p.span for p in pieces if p.kind is ExclusionKind.PLANNED and p.standing is Standing.EXCLUDED)
    shown = (
        *(Interval(span.start, span.end, _source_of(span, pieces)) for span in counted),
        *_not_counted(pieces, kept, down, starts_at, ends_at),
    )
    return Tally(
        counted=counted,
        light=_light(pieces, plan, counted),
        planned=clip(subtract(planned, down), starts_at, ends_at),
        excluded=clip(excluded, starts_at, ends_at),
        stopped=clip(stopped, starts_at, ends_at),
        unconfirmed=clip(subtract(_spans(pieces, Standing.UNCONFIRMED), settled), starts_at, ends_at),
        groups=groups,
        intervals=tuple(sorted(shown, key=lambda each: (each.starts_at, each.ends_at, each.outage, each.excluded))),
    )


def _spans(pieces: Iterable[Piece], standing: Standing) -> Spans:
    return union(piece.span for piece in pieces if piece.standing is standing)


def _groups(plan: Plan, down: Spans, stopped: Spans, excluded: Spans) -> Iterator[Group]:
    """Outages as the plan joins them: over gaps and while the clock stands, never over what is cut out."""
    minimum = plan.minimum_outage_s * NANOSECONDS
    for whole in _joined(union((*down, *stopped)), _gap_ns(plan), excluded):
        clock = subtract((whole,), stopped)
        clock = clock if plan.merge_gap_counts else intersect(down, clock)
        if not clock:
            continue
        long_enough = length(clock) >= minimum
        counted = () if not long_enough else clock if plan.minimum_counts else after(clock, minimum)
        yield Group(clock, counted)


def _gap_ns(plan: Plan) -> int:
    gap = plan.merge_gap_s * NANOSECONDS
    return gap if plan.merge_gap_closed else max(0, gap - 1)


def _joined(spans: Spans, gap: int, holes: Spans) -> Iterator[Span]:
    starts = [hole.start for hole in holes]
    current: Span | None = None
    for span in spans:
        if current is not None and span.start <= current.end + gap:
            between = bisect_left(starts, current.end)
            if between == len(starts) or starts[between] >= span.start:
                current = Span(current.start, span.end)
                continue
        if current is not None:
            yield current
        current = span
    if current is not None:
        yield current


def _light(pieces: Sequence[Piece], plan: Plan, counted: Spans) -> Spans:
    """What of the counted time was degraded and not down."""
    if plan.degraded_weight_percent == 100:  # noqa: PLR2004  # the whole
        return ()
    counting = [piece for piece in pieces if piece.standing is Standing.COUNTS]
    degraded = union(piece.span for piece in counting if piece.outage.state is ServiceState.DEGRADED)
    other = union(piece.span for piece in counting if piece.outage.state is not ServiceState.DEGRADED)
    return intersect(counted, subtract(degraded, other))


def _source_of(span: Span, pieces: Iterable[Piece]) -> str:
    """The first outage of a counted span. A bridged stretch is named after the outage that follows."""
    return next(piece.outage.id for piece in pieces if piece.standing is Standing.COUNTS and piece.span.end > span.start)


def _not_counted(pieces: Iterable[Piece], kept: Spans, down: Spans, starts_at: int, ends_at: int) -> Iterator[Interval]:
    beyond = union((*kept, *down))
    for piece in pieces:
        is_short = piece.standing is Standing.COUNTS
        why = Reason.BELOW_MINIMUM.value if is_short else piece.why
        for span in clip(subtract((piece.span,), kept if is_short else beyond), starts_at, ends_at):
            yield Interval(span.start, span.end, piece.outage.id, why)


def counted_ns(found: Tally, plan: Plan) -> int:
    """Nanoseconds that are rated: degraded time by its weight, cut to whole nanoseconds."""
    light = length(found.light)
    return length(found.counted) - light + int(light * plan.degraded_weight_percent / 100)


def outages_of(found: Tally, pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Ids of the outages that counted, by start."""
    counting = (piece for piece in pieces if piece.standing is Standing.COUNTS)
    return tuple(dict.fromkeys(p.outage.id for p in counting if any(clip((p.span,), *span) for span in found.counted)))


def main_excuse(pieces: Iterable[Piece]) -> Reason:
    """The kind that excuses most, as a reason; planned work when nothing else does."""
    by_kind: dict[ExclusionKind, int] = {}
    for piece in pieces:
        if piece.kind is not None and piece.standing is Standing.EXCLUDED:
            by_kind[piece.kind] = by_kind.get(piece.kind, 0) + piece.span.end - piece.span.start
    kind = max(by_kind, key=lambda each: by_kind[each], default=ExclusionKind.PLANNED)
    return Reason(f"excluded-{kind}")
