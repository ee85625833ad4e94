"""Tables fit the terminal, times are short while that is clear, amounts and durations read as people say them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.cli.output import clock, duration, money, plural, table

NOW = 1_795_442_741 * 10**9  # 2026-11-23 14:05:41 UTC
DAY = 86_400 * 10**9


def printed(columns: tuple[str, ...], rows: list[tuple[str, ...]], width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    Console(file=out, width=width).print(table(columns, rows))
    return out.getvalue()


def test_a_table_that_fits_wraps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row, one line."""
    rows = [("a" * 30, "b" * 20, "c" * 26)]
    assert printed(("x", "y", "z"), rows, 80, monkeypatch).splitlines()[1].rstrip() == "  ".join(rows[0])


def test_only_the_widest_column_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short columns stay whole, wherever the long one stands."""
    for place in range(3):
        row = ["2026-11-23", "critical", "acknowledged"]
        row.insert(place, "a sentence that is far too long for what the others leave of the line, so it wraps")
        text = printed(("a", "b", "c", "d"), [tuple(row)], 80, monkeypatch)
        assert all(word in text for word in ("2026-11-23", "critical", "acknowledged"))
        assert max(map(len, text.splitlines())) <= 80


@given(st.lists(st.lists(st.text("abc ", max_size=60), min_size=4, max_size=4), min_size=1, max_size=5))
def test_no_table_is_wider_than_the_terminal(rows: list[list[str]]) -> None:
    """Whatever is in it."""
    with pytest.MonkeyPatch.context() as patch:
        text = printed(("one", "two", "three", "four"), [tuple(row) for row in rows], 80, patch)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0, "-"),
        (NOW, "14:05:41"),
        (NOW - DAY, "11-22 14:05"),
        (NOW - 400 * DAY, "2025-10-19 14:05"),
    ],
)
def test_a_time_is_as_short_as_is_clear(at: int, shown: str) -> None:
    """Of today the time, of this year the day too, else the year."""
    assert clock(at, NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3_599, "59 min 59 s"), (3_600, "1 h 00 min"), (90_000, "25 h 00 min")],
)
def test_a_duration_reads_as_people_say_it(seconds: int, shown: str) -> None:
    """Two units at most."""
    assert duration(seconds * 10**9) == shown


@pytest.mark.parametrize(("minor", "shown"), [(0, "0.00 EUR"), (5, "0.05 EUR"), (123_456, "1234.56 EUR"), (-5, "-0.05 EUR")])
def test_money_has_two_places(minor: int, shown: str) -> None:
    """Also below zero."""
    assert money(minor, "EUR") == shown


def test_nouns_are_counted() -> None:
    """One problem, two problems, two entries."""
    assert [plural(1, "problem"), plural(2, "problem"), plural(2, "entry", "entries")] == ["1 problem", "2 problems", "2 entries"]
