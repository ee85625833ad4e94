"""Spans are sets of instants: every operation is held to plain sets of integers, and gives disjoint, ordered, whole stretches."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.span import Span, Spans, clip, length, subtract, union

SPANS = st.lists(st.builds(Span, st.integers(0, 30), st.integers(0, 30)), max_size=8)


def instants(spans: list[Span] | Spans) -> set[int]:
    """Every instant that lies in one of the spans."""
    return {at for span in spans for at in range(span.start, span.end)}


def is_canonical(spans: Spans) -> bool:
    """None empty, none touching, in order."""
    ends = [edge for span in spans for edge in span]
    return all(early < late for early, late in pairwise(ends))


@settings(deadline=None)
@given(spans=SPANS)
def test_union_holds_the_same_instants(spans: list[Span]) -> None:
    """Joining changes how time is told, not which time it is; spans that end before they start hold nothing."""
    joined = union(spans)
    assert instants(joined) == instants(spans)
    assert is_canonical(joined)
    assert length(joined) == len(instants(spans))


@settings(deadline=None)
@given(left=SPANS, right=SPANS)
def test_subtract_takes_exactly_what_is_in_the_holes(left: list[Span], right: list[Span]) -> None:
    """What is left lies in no hole."""
    rest = subtract(union(left), union(right))
    assert instants(rest) == instants(left) - instants(right)
    assert is_canonical(rest)


@settings(deadline=None)
@given(spans=SPANS, start=st.integers(0, 30), end=st.integers(0, 30))
def test_clip_keeps_what_lies_between(spans: list[Span], start: int, end: int) -> None:
    """A period's share of a span is the part within it."""
    cut = clip(union(spans), start, end)
    assert instants(cut) == instants(spans) & set(range(start, end))
    assert is_canonical(cut)


def test_gap_is_bridged_up_to_its_length() -> None:
    """Two spans exactly the gap apart are one, an instant more and they are two."""
    spans = [Span(0, 10), Span(15, 20)]
    assert union(spans, gap=4) == (Span(0, 10), Span(15, 20))
    assert union(spans, gap=5) == (Span(0, 20),)
    assert union(spans) == (Span(0, 10), Span(15, 20))
    assert union([Span(0, 10), Span(11, 20)]) == (Span(0, 10), Span(11, 20))
