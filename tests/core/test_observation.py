"""What was not observed is exactly the time in pauses over the limit, of any device, cut where the customer lives and to what is past."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.observation import Polled, Polling, Stretch, beside, limit_of, observe, share_text, unobserved
from pipeline.core.period import cut_at, month_named
from pipeline.core.span import Span, clip, length, union
from tests.support.contracts import HOUR, MINUTE, ns

DAY = 24 * HOUR
WHO = ("vpn", "acme", "gold")
MINUTES = st.lists(st.integers(0, 60), max_size=30, unique=True)


def polled(minutes: list[int], interval: int = 1) -> Polled:
    """Polls in these minutes, told with how many minutes usually lie between two."""
    return Polled(tuple(union(Span(at * MINUTE, (at + 1) * MINUTE) for at in minutes)), interval * MINUTE)


@settings(deadline=None)
@given(minutes=MINUTES, start=st.integers(0, 60), lasts=st.integers(0, 60), limit=st.integers(1, 20), until=st.integers(60, 80))
def test_every_minute_is_observed_or_in_a_pause_over_the_limit(minutes: list[int], start: int, lasts: int, limit: int, until: int) -> None:
    """Held to a count of single minutes: one without a poll counts when the whole run of such minutes around it is over the limit."""
    end = min(start + lasts, until)
    missed: set[int] = set()
    edges = sorted(minutes)
    runs = [range(last + 1, following) for last, following in zip(edges, [*edges[1:], max(until, 62)], strict=True)] if edges else []
    for run in runs:
        missed |= set(run) if len(run) > limit else set()
    missed |= set(range(edges[0] if edges else 100))  # before the first poll nobody looked, however short it is
    found = unobserved(polled(minutes, 0), start * MINUTE, max(start, end) * MINUTE, max(until, 62) * MINUTE, limit * MINUTE)
    assert length(found) == sum(at in missed for at in range(start, end)) * MINUTE
    assert found == clip(found, start * MINUTE, max(start, end) * MINUTE)


@settings(deadline=None)
@given(one=MINUTES, other=MINUTES, more=st.integers(0, 60))
def test_another_device_or_a_lower_limit_never_adds_to_what_was_observed(one: list[int], other: list[int], more: int) -> None:
    """And one more poll never takes from it."""
    month = cut_at(month_named("1970-01", "UTC"), HOUR)

    def share(*devices: list[int], limit: int = 5) -> Fraction:
        blind = {f"pe{n}": unobserved(polled(each), 0, HOUR, HOUR, limit * MINUTE) for n, each in enumerate(devices)}
        return observe(month, WHO, blind, Polling({}, HOUR)).share

    assert share(one, other) <= min(share(one), share(other))
    assert share(one, limit=4) <= share(one, limit=9)
    assert 0 <= share(one) <= share([*one, more]) <= 1


@pytest.mark.parametrize(
    ("missing", "interval", "stretch"),
    [
        pytest.param((10, 15), 1, None, id="five-minutes-are-not-longer-than-five"),
        pytest.param((10, 16), 1, (10, 16), id="six-are"),
        pytest.param((10, 24), 5, None, id="three-usual-intervals-and-no-more"),
        pytest.param((10, 26), 5, (10, 26), id="more-than-three"),
        pytest.param((52, 60), 1, (52, 60), id="a-pause-that-lasts"),
        pytest.param((57, 60), 1, None, id="the-next-poll-is-not-due-for-long"),
    ],
)
def test_a_pause_is_told_when_it_is_over_the_limit(missing: tuple[int, int], interval: int, stretch: tuple[int, int] | None) -> None:
    """The limit is five minutes, or three of the device's usual intervals if that is longer."""
    minutes = [at for at in range(60) if not missing[0] <= at < missing[1]]
    found = unobserved(polled(minutes, interval), 0, HOUR, HOUR)
    assert found == ((Span(stretch[0] * MINUTE, stretch[1] * MINUTE),) if stretch else ())
    assert (limit_of(MINUTE), limit_of(5 * MINUTE), limit_of(0, 7)) == (5 * MINUTE, 15 * MINUTE, 7)


@pytest.mark.parametrize(
    ("label", "timezone", "hours"),
    [
        ("2026-10", "Europe/Amsterdam", 31 * 24 + 1),
        ("2026-03", "Europe/Amsterdam", 31 * 24 - 1),
        ("2026-10", "UTC", 31 * 24),
        ("2026-04", "Australia/Lord_Howe", 30 * 24 + Fraction(1, 2)),
    ],
)
def test_the_share_is_of_the_hours_that_the_month_has_where_the_customer_lives(label: str, timezone: str, hours: Fraction | int) -> None:
    """Clocks that are set back make it longer; a pause over the month's edge counts by what lies within."""
    month = month_named(label, timezone)
    pause = Span(month.starts_at - HOUR, month.starts_at + HOUR)
    device = Polled((Span(month.starts_at - DAY, pause.start), Span(pause.end, month.ends_at + DAY)), MINUTE)
    found = observe(month, WHO, {"pe1": unobserved(device, month.starts_at, month.ends_at, month.ends_at + DAY)}, Polling({}, 0))
    assert found.share == 1 - Fraction(1) / hours
    assert found.stretches == (Stretch(month.starts_at, pause.end, ("pe1",)),)


def test_stretches_are_united_over_devices_and_say_whose_they_are() -> None:
    """A device that was none yet was not missed; without any device that is polled nothing is observed."""
    month = cut_at(month_named("2026-11", "UTC"), ns("2026-11-02"))
    start = month.starts_at
    blind = {
        "pe1": (Span(start, start + HOUR),),
        "pe2": (Span(start + 30 * MINUTE, start + 2 * HOUR), Span(start + 5 * HOUR, start + 6 * HOUR)),
    }
    found = observe(month, WHO, blind, Polling({}, 0))
    assert found.stretches == (Stretch(start, start + 2 * HOUR, ("pe1", "pe2")), Stretch(start + 5 * HOUR, start + 6 * HOUR, ("pe2",)))
    assert (found.share, found.told) == (Fraction(21, 24), "87.50 %")
    later = observe(month, WHO, blind, Polling({}, 0), {"pe2": start + 5 * HOUR})
    assert later.stretches == (Stretch(start, start + HOUR, ("pe1",)), Stretch(start + 5 * HOUR, start + 6 * HOUR, ("pe2",)))
    nothing = observe(month, WHO, {}, Polling({}, 0))
    assert (nothing.share, nothing.told, nothing.stretches[0].devices) == (0, "not measured", ())


@pytest.mark.parametrize(("first_at", "told"), [(0, 0), (None, None), ("2026-10-03", 0), ("2026-11-20", "2026-11-20")])
def test_a_month_before_the_first_poll_says_since_when_it_is_measured(first_at: str | int | None, told: str | int | None) -> None:
    at = ns(first_at) if isinstance(first_at, str) else first_at
    found = observe(month_named("2026-11", "UTC"), WHO, {}, Polling({}, 0, at))
    assert found.first_at == (ns(told) if isinstance(told, str) else told)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Fraction(1), "100 %"),
        (Fraction(99_999, 100_000), "99.99 %"),
        (Fraction(1, 100_000), "0.00 %"),
        (Fraction(1, 3), "33.33 %"),
        (Fraction(0), "not measured"),
    ],
)
def test_only_what_is_whole_is_called_whole(share: Fraction, text: str) -> None:
    assert share_text(share) == text


@pytest.mark.parametrize(("outage", "is_near"), [((0, 10), True), ((26, 30), False), ((24, 30), True), ((12, 13), True), ((0, 4), False)])
def test_a_stretch_is_beside_an_outage_that_it_overlaps_or_adjoins(outage: tuple[int, int], is_near: bool) -> None:  # a table
    stretch = Stretch(10 * MINUTE, 20 * MINUTE, ("pe1",))
    assert beside([stretch], [Span(outage[0] * MINUTE, outage[1] * MINUTE)]) == ((stretch,) if is_near else ())
