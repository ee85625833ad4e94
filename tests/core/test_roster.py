"""Who is on call on a place's own clock: turns, handover, daylight saving, holidays, overrides; and when any of it changes next."""

from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.roster import Day, Holidays, Hours, OnCall, Override, Rotation, easter, turn_after

NL = Holidays("nl", ("01-01", "easter-2", "easter", "easter+1", "easter+39", "2026-04-27", "12-25"))
CALENDARS = {"nl": NL}
WEEKLY = Rotation(("alice", "bob", "carol"), "2026-01-05", handover="09:00")
CORE = OnCall("core", (WEEKLY,), "Europe/Amsterdam", "nl")
WORKDAYS = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)
OFFICE = Hours("office", "Europe/Amsterdam", WORKDAYS, "08:00", "18:00", "nl")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("when", "person"),
    [
        ("2026-01-05T08:59:59+01:00", ""),  # it has not begun
        ("2026-01-05T09:00:00+01:00", "alice"),
        ("2026-01-12T08:59:59+01:00", "alice"),
        ("2026-01-12T09:00:00+01:00", "bob"),
        ("2026-03-29T12:00:00+02:00", "carol"),  # the clocks went forward in the night
        ("2026-03-30T08:59:59+02:00", "carol"),
        ("2026-03-30T09:00:00+02:00", "alice"),  # nine o'clock by the new time
        ("2026-10-26T08:59:59+01:00", "carol"),  # they went back: the turn had an hour more
        ("2026-10-26T09:00:00+01:00", "alice"),
    ],
)
def test_turns_change_by_the_clock_on_the_wall(when: str, person: str) -> None:
    assert CORE.duty(at(when), CALENDARS)[0] == person


def test_later_rotations_come_before_earlier_ones_and_an_override_before_all() -> None:
    nights = Rotation(("dave",), "2026-01-05", days=WORKDAYS, starts="22:00", ends="06:00")
    feast = Rotation(("erin",), "2026-01-05", days=(Day.HOLIDAY,))
    swap = Override("frank", at("2026-12-25T10:00:00+01:00"), at("2026-12-25T12:00:00+01:00"), "swap")
    core = replace(CORE, rotations=(WEEKLY, nights, feast), overrides=(swap,))
    duty = {
        when: core.duty(at(f"2026-12-{when}:00+01:00"), CALENDARS) for when in ("24T23:00", "25T09:59", "25T10:00", "25T12:00", "26T03:00")
    }
    assert duty == {
        "24T23:00": ("dave", "rotation 2"),
        "25T09:59": ("erin", "rotation 3"),
        "25T10:00": ("frank", "override: swap"),
        "25T12:00": ("erin", "rotation 3"),
        "26T03:00": ("carol", "rotation 1"),  # the night before was a holiday's, and no workday's
    }


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("2026-11-26T08:00:00+01:00", True),
        ("2026-11-26T07:59:59+01:00", False),
        ("2026-11-26T18:00:00+01:00", False),
        ("2026-11-28T12:00:00+01:00", False),  # a Saturday
        ("2026-12-25T12:00:00+01:00", False),  # a Friday, and Christmas
        ("2026-04-03T12:00:00+02:00", False),  # Good Friday
        ("2026-05-14T12:00:00+02:00", False),  # Ascension
        ("2027-04-27T12:00:00+02:00", True),  # named for one year only
    ],
)
def test_hours_leave_out_holidays_unless_they_name_them(when: str, holds: bool) -> None:
    assert OFFICE.hold(at(when), CALENDARS) is holds


def test_easter_is_when_it_was() -> None:
    assert [easter(year) for year in (1961, 2000, 2011, 2024, 2026, 2038)] == [
        *(date(1961, 4, 2), date(2000, 4, 23), date(2011, 4, 24)),
        *(date(2024, 3, 31), date(2026, 4, 5), date(2038, 4, 25)),
    ]


@given(st.integers(at("2025-01-01T00:00:00Z") // 10**9, at("2028-01-01T00:00:00Z") // 10**9), st.integers(1, 3 * 86_400))
def test_nothing_changes_between_a_moment_and_the_next_turn(start: int, ahead_s: int) -> None:
    """Whoever decides by the roster need not look before :func:`turn_after` says; but for the hour that is there twice in autumn."""
    nights = Rotation(("dave",), "2026-01-05", days=WORKDAYS, starts="22:00", ends="06:00")
    core = replace(CORE, rotations=(WEEKLY, nights))
    now = start * 10**9
    turn = turn_after(now, (core, OFFICE))
    then = min(now + ahead_s * 10**9, turn - 1)
    assert now < turn <= now + 86_400 * 10**9
    assert core.duty(now, CALENDARS) == core.duty(then, CALENDARS)
    assert OFFICE.hold(now, CALENDARS) is OFFICE.hold(then, CALENDARS)


def test_shifts_tell_who_from_when_to_when_without_a_gap() -> None:
    shifts = list(CORE.shifts(at("2026-11-26T12:00:00+00:00"), at("2026-12-10T12:00:00+00:00"), CALENDARS))
    assert [who for _, _, who, _ in shifts] == ["bob", "carol", "alice"]
    assert all(before[1] == after[0] for before, after in pairwise(shifts))
    assert (shifts[0][0], shifts[-1][1]) == (at("2026-11-26T12:00:00+00:00"), at("2026-12-10T12:00:00+00:00"))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Holidays("x", ("13-40",)),
        lambda: Holidays("x", ("christmas",)),
        lambda: Hours("x", "Europe/Amsterdm"),
        lambda: Hours("x", starts="8:00"),
        lambda: Rotation((), "2026-01-05"),
        lambda: Rotation(("a",), "2026-02-30"),
        lambda: Rotation(("a",), "2026-01-05", every_days=0),
        lambda: Override("a", 5, 5),
    ],
)
def test_what_is_no_day_hour_zone_or_turn_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each has its own words
        wrong()  # type: ignore[operator]  # a table of calls
