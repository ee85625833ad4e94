"""For how long nobody looked: the stretches of a month in which a device was not polled, and what that leaves observed of a service.

A poll that a device did not answer is an observation: somebody looked. No poll at all is none, whatever the state of the device was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from pipeline.core.period import NANOSECONDS, Period
from pipeline.core.span import Span, Spans, clip, intersect, length, subtract, union

LONGER_THAN_NS = 300 * NANOSECONDS
"""A pause between polls that is no longer than this is never told."""
POLLS_MISSED = 3
"""Nor is one that is no longer than so many of the device's usual intervals: a lost packet or a restart is no blindness."""


@dataclass(frozen=True, slots=True)
class Polled:
    """When one device was polled: ``looked`` are the minutes with a poll, or whole hours in which none was missing.

    ``interval_ns`` is how often it usually is. Of ``coarse`` hours it is kept only that it was polled in them, not when.
    """

    looked: Spans
    interval_ns: int
    coarse: Spans = ()


@dataclass(frozen=True, slots=True)
class Polling:
    """What the history knows of polls up to ``until`` (UTC nanoseconds), by device.

    ``first_at`` is when the installation polled for the first time: 0 for earlier than anybody asked, ``None`` for never.
    """

    devices: Mapping[str, Polled]
    until: int
    first_at: int | None = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which nobody looked at ``devices``, each for a part of it at least; UTC nanoseconds, the end excluded."""

    starts_at: int
    ends_at: int
    devices: tuple[str, ...]

    @property
    def span(self) -> Span:
        """The same as a span."""
        return Span(self.starts_at, self.ends_at)


@dataclass(frozen=True, slots=True)
class Observation:
    """What was observed of one service in one month, as far as the month is past.

    ``first_at`` is when the installation polled for the first time if that was after the month began, else 0; ``None`` when it never did.
    ``is_coarse`` says that part of it is known by the hour only.
    """

    service: str
    customer: str
    contract: str
    period: Period
    devices: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    first_at: int | None = 0
    is_coarse: bool = False

    @property
    def share(self) -> Fraction:
        """The exact part of the month that was observed, 0 to 1; 0 for what is over before it began."""
        whole = self.period.ends_at - self.period.starts_at
        return Fraction(whole - length(tuple(each.span for each in self.stretches)), whole) if whole else Fraction(0)

    @property
    def told(self) -> str:
        """The share for people: ``99.98 %``, or ``not measured``."""
        return share_text(self.share)


def share_text(share: Fraction) -> str:
    """A share in hundredths of a percent, cut and not rounded: only what is whole is 100 %. ``not measured`` for none."""
    if not share:
        return "not measured"
    hundredths = share.numerator * 10_000 // share.denominator
    return f"{hundredths // 100}.{hundredths % 100:02d} %" if share != 1 else "100 %"


def limit_of(interval_ns: int, longer_than: int = LONGER_THAN_NS) -> int:
    """How long a pause between two polls of a device may be before nobody looked, nanoseconds."""
    return max(longer_than, POLLS_MISSED * interval_ns)


def unobserved(polled: Polled | None, start: int, end: int, until: int, longer_than: int = LONGER_THAN_NS) -> Spans:
    """What of ``start`` to ``end`` lies in a pause between polls that is over the limit; all of it for a device that was never polled.

    A pause is measured whole, also what lies outside, and up to ``until`` while it lasts.
    """
    looked: Spans = ()
    if polled is not None:
        limit = limit_of(polled.interval_ns, longer_than)
        known = union((*polled.looked, *polled.coarse))
        last = max((span.end for span in known if span.start < until), default=None)
        lasting = (Span(last, until),) if last is not None and last < until <= last + limit else ()
        looked = union((*known, *lasting), limit)
    return subtract(union([Span(start, end)]), looked)


def observe(
    period: Period, who: tuple[str, str, str], blind: Mapping[str, Spans], polling: Polling, declared: Mapping[str, int] | None = None
) -> Observation:
    """One service's month: ``who`` is the service, its customer and contract; ``blind`` when nobody looked, by each device it depends on.

    Time in which one of the devices was not looked at is not observed: nobody can say that it was not that one that failed. ``declared``
    says from when on a device is one at all.
    """
    since = declared or {}
    missed = {name: clip(spans, max(period.starts_at, since.get(name, 0)), period.ends_at) for name, spans in blind.items()}
    if not missed:
        missed = {"": union([Span(period.starts_at, period.ends_at)])}
    joined = union(span for spans in missed.values() for span in spans)
    stretches = tuple(Stretch(*span, tuple(sorted(_blind_in(span, missed)))) for span in joined)
    first_at = polling.first_at if polling.first_at is None or polling.first_at > period.starts_at else 0
    coarse = any(_is_coarse(polling.devices.get(name), period) for name in missed)
    return Observation(*who, period, tuple(sorted(blind)), stretches, first_at, coarse)


def beside(stretches: Iterable[Stretch], outages: Iterable[Span], within: int = LONGER_THAN_NS) -> tuple[Stretch, ...]:
    """The stretches that overlap an outage, or are at most ``within`` nanoseconds from one: what it says may not be the whole truth."""
    near = tuple(Span(outage.start - within, outage.end + within) for outage in outages)
    return tuple(each for each in stretches if any(each.starts_at <= outage.end and outage.start <= each.ends_at for outage in near))


def _blind_in(span: Span, missed: Mapping[str, Spans]) -> Iterable[str]:
    return (name for name, spans in missed.items() if name and clip(spans, *span))


def _is_coarse(polled: Polled | None, period: Period) -> bool:
    return polled is not None and bool(intersect((Span(period.starts_at, period.ends_at),), polled.coarse))
