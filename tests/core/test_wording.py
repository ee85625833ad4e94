"""Text of devices in tickets: the same to a person, and markup, mentions, links and terminal commands to nobody."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.budget import Budget
from pipeline.core.outage import ServiceState
from pipeline.core.wording import LINE_LIMIT, budget_text, duration, plain, rfc3339, state_text, tiers_text

FORBIDDEN = set("<>&@[]`*|\\")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("ge-0/0/1 to core_2", "ge-0/0/1 to core_2"),
        ("<script>alert(1)</script>", "\u2039script\u203aalert(1)\u2039/script\u203a"),
        ("&lt;b&gt;", "\uff06lt;b\uff06gt;"),
        ("@here <!channel> [~admin]", "\uff20here \u2039!channel\u203a \uff3b~admin\uff3d"),
        ("![x](http://evil.example/?q)", "!\uff3bx\uff3d(http:\u2215\u2215evil.example/?q)"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07done", "red done"),
        ("a\r\nb\tc\x00d\x07", "a b cd"),
        ("safe\u202egnp.exe\u2066\u200b", "safegnp.exe"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_hostile_text_is_shown_and_does_nothing(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@given(st.text())
def test_any_text_becomes_one_safe_line_of_bounded_length_and_stays_so(text: str) -> None:
    line = plain(text)
    assert len(line) <= LINE_LIMIT
    assert not FORBIDDEN & set(line)
    assert "://" not in line
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in line)
    assert plain(line) == line


def test_a_long_text_ends_with_an_ellipsis() -> None:
    assert plain("x" * 600, 10) == "xxxxxxxxx\u2026"


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [(0, "0 s"), (-5, "0 s"), (999_999_999, "0 s"), (61_000_000_000, "1 min 1 s"), (90_000 * 1_000_000_000, "25 h")],
)
def test_lengths_of_time_for_people(nanoseconds: int, words: str) -> None:
    assert duration(nanoseconds) == words


def test_times_are_rfc_3339_in_utc_with_milliseconds_cut_not_rounded() -> None:
    assert rfc3339(1_795_000_000_999_999_999) == "2026-11-18T11:06:40.999Z"


NOW = 1_795_000_000_000_000_000


def budget(allowed_s: int, counted_s: int, missed_at: int = 0, *, running: bool = True) -> Budget:
    return Budget("s", "c", "p", "99.9", "2026-11", "UTC", NOW + 10**15, allowed_s, counted_s, 0, 0, running, missed_at)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (budget(2592, 0, running=False), "43 min 12 s left of 43 min 12 s in 2026-11"),
        (
            budget(2592, 720, NOW + 1873 * 10**9),
            "31 min 12 s left of 43 min 12 s in 2026-11; target missed at 11:37:53 UTC if it lasts",
        ),
        (
            budget(9, 9, NOW + 86_400 * 10**9),
            "0 s left of 9 s in 2026-11; target missed at 2026-11-19 11:06:40 UTC if it lasts",
        ),
        (budget(9, 2), "7 s left of 9 s in 2026-11; the month ends before it is missed"),
        (budget(9, 61, NOW - 52 * 10**9), "target missed since 11:05:48 UTC: 9 s allowed, 1 min 1 s lost in 2026-11"),
        (budget(-1, 0), "target missed: 0 s lost in 2026-11"),
    ],
)
def test_what_is_left_of_a_month_is_told_with_the_instant_at_which_it_is_gone(found: Budget, told: str) -> None:
    assert budget_text(found, NOW) == told


def test_a_share_is_told_only_where_it_says_something() -> None:
    assert state_text(ServiceState.DEGRADED, 0.4) == "degraded, 40 % lost"
    assert state_text(ServiceState.DEGRADED, 1 / 3) == "degraded, 33.3 % lost"
    assert state_text(ServiceState.DEGRADED, 0.0) == "degraded"
    assert state_text(ServiceState.DOWN, 1.0) == "down"


def test_customers_are_told_by_tier() -> None:
    tiers = [{"tier": "gold", "customers": 2, "services": 3}, {"tier": "bronze", "customers": 1, "services": 1}]
    assert tiers_text(tiers) == "2 gold customers (3 services), 1 bronze customer (1 service)"
    assert tiers_text([]) == "none"
