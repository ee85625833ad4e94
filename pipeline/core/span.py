"""Stretches of time as half-open pairs of integers: the exact set arithmetic under every sum of downtime."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """From ``start`` (included) to ``end`` (excluded), UTC nanoseconds."""

    start: int
    end: int


Spans = tuple[Span, ...]
"""Disjoint spans in order, none empty, none touching: what every function here returns."""


def union(spans: Iterable[Span], gap: int = 0) -> Spans:
    """Join what overlaps, touches or is at most ``gap`` nanoseconds apart; the bridged time belongs to the result."""
    joined: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if joined and span.start <= joined[-1].end + gap:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def subtract(spans: Spans, holes: Spans) -> Spans:
    """What of ``spans`` lies in none of ``holes``; both disjoint and in order."""
    left: list[Span] = []
    for span in spans:
        start = span.start
        for hole in holes:
            if hole.end <= start or hole.start >= span.end:
                continue
            if hole.start > start:
                left.append(Span(start, hole.start))
            start = max(start, hole.end)
        if start < span.end:
            left.append(Span(start, span.end))
    return tuple(left)


def clip(spans: Spans, start: int, end: int) -> Spans:
    """What of ``spans`` lies between ``start`` and ``end``."""
    cut = (Span(max(span.start, start), min(span.end, end)) for span in spans)
    return tuple(span for span in cut if span.start < span.end)


def intersect(spans: Spans, others: Spans) -> Spans:
    """What lies in both; both disjoint and in order."""
    return tuple(part for other in others for part in clip(spans, other.start, other.end))


def after(spans: Spans, amount: int) -> Spans:
    """What is left of ``spans`` when their first ``amount`` nanoseconds are taken away."""
    left: list[Span] = []
    for span in spans:
        taken = min(amount, span.end - span.start)
        amount -= taken
        if span.start + taken < span.end:
            left.append(Span(span.start + taken, span.end))
    return tuple(left)


def length(spans: Spans) -> int:
    """Nanoseconds in all."""
    return sum(span.end - span.start for span in spans)
