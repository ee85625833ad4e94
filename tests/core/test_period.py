"""A period is the calendar month of the customer's own clock, whatever that clock does."""

from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.period import cut_at, local_text, month_of
from tests.support.contracts import ns

ZONES = sorted(name for name in available_timezones() if not name.startswith(("posix/", "right/")) and name != "localtime")


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("UTC", "2026-10-15", 31 * 24),
        ("Europe/London", "2026-10-15", 31 * 24 + 1),
        ("Europe/London", "2026-03-15", 31 * 24 - 1),
        ("Europe/Amsterdam", "2024-02-29", 29 * 24),
        ("America/New_York", "2026-11-30", 30 * 24 + 1),
        ("Asia/Kolkata", "2026-12-31", 31 * 24),
    ],
)
def test_month_has_the_hours_of_its_zone(timezone: str, day: str, hours: int) -> None:
    """A month with a change of clocks is an hour longer or shorter."""
    assert month_of(ns(day, timezone), timezone).seconds == hours * 3600


def test_same_instant_is_another_month_elsewhere() -> None:
    """The last evening of October in New York is November in Auckland."""
    at = ns("2026-10-31 20:00", "America/New_York")
    assert month_of(at, "America/New_York").label == "2026-10"
    assert month_of(at, "Pacific/Auckland").label == "2026-11"


def test_december_is_followed_by_january() -> None:
    """A year's end is a month's end like any other."""
    december = month_of(ns("2026-12-31 23:59:59"), "UTC")
    assert (december.label, december.ends_at) == ("2026-12", ns("2027-01-01"))
    assert month_of(december.ends_at, "UTC").label == "2027-01"


@settings(deadline=None)
@given(at=st.integers(ns("1990-01-01"), ns("2037-12-01")), timezone=st.sampled_from(ZONES))
def test_every_instant_lies_in_its_month_and_months_abut(at: int, timezone: str) -> None:
    """Months cover time without gap or overlap in every zone of the world."""
    month = month_of(at, timezone)
    assert month.starts_at <= at < month.ends_at
    assert month_of(month.ends_at, timezone).starts_at == month.ends_at
    assert month_of(month.starts_at, timezone) == month


def test_month_that_is_not_over_is_cut_at_now() -> None:
    """A running month ends now; a future one is empty; a past one stays whole."""
    month = month_of(ns("2026-11-10"), "UTC")
    assert (cut_at(month, ns("2026-11-02")).seconds, cut_at(month, ns("2026-11-02")).cut) == (86_400, True)
    assert cut_at(month, ns("2026-10-02")).seconds == 0
    assert cut_at(month, ns("2026-12-02")) == month


def test_unknown_zone_is_named() -> None:
    """A misspelt zone is refused by its name, and a path is no zone."""
    for wrong in ("Europe/Amsterdamn", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="not an IANA time zone"):
            month_of(0, wrong)


def test_local_text_carries_the_offset() -> None:
    """An instant is shown on the customer's clock."""
    assert local_text(ns("2026-10-01", "Europe/London"), "Europe/London") == "2026-10-01T00:00:00+01:00"


def test_month_that_has_begun_stays_begun_when_clocks_go_back_over_midnight() -> None:
    """Newfoundland went back from 00:01 on 1 November 2009 to 23:01: the second 23:30 is November's, and October is whole."""
    again = ns("2009-11-01 03:00")
    assert local_text(again, "America/St_Johns") == "2009-10-31T23:30:00-03:30"
    november = month_of(again, "America/St_Johns")
    assert (november.label, november.starts_at) == ("2009-11", ns("2009-11-01 02:30"))
    assert month_of(november.starts_at - 1, "America/St_Johns").ends_at == november.starts_at


def test_month_ends_at_its_very_end() -> None:
    """At the end itself nothing is cut any more; a nanosecond before, it is."""
    month = month_of(ns("2026-11-10"), "UTC")
    assert not cut_at(month, month.ends_at).cut
    assert cut_at(month, month.ends_at - 1).cut
