"""Text of devices in tickets: the same to a person, and markup, mentions, links and terminal commands to nobody."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.wording import LINE_LIMIT, duration, plain, rfc3339

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
