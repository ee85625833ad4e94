"""How commands speak: tables for people, JSON for scripts, one line for errors, exit codes that mean something."""

import json
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.core.money import money_text


class Exit(IntEnum):
    """The exit codes of every command."""

    FINE = 0
    PROBLEM = 1
    USAGE = 2
    NOT_FOUND = 3
    NO_ANSWER = 4
    INTERRUPTED = 130


SEVERITY_STYLE = {"critical": "bold red", "major": "red", "minor": "yellow", "warning": "cyan", "indeterminate": "dim"}
STATE_STYLE = {
    "down": "bold red",
    "degraded": "yellow",
    "redundancy-lost": "magenta",
    "up": "green",
    "open": "bold red",
    "resolved": "green",
}
TIER_STYLE = {"gold": "bold yellow", "silver": "bold white", "bronze": "dark_orange3"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever ran the command decides what a closed pipe means."""
        raise BrokenPipeError


def console() -> Console:
    """Where people read; it leaves styles out when the output is not a terminal."""
    return _Console(highlight=False, soft_wrap=False)


def fail(message: str, code: Exit) -> NoReturn:
    """End with one clear line on stderr."""
    click.echo(f"assure: {message}", err=True)
    sys.exit(code)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, indent=2, default=str))


def styled(word: object) -> Text:
    """A severity, state or tier in its colour."""
    text = str(word)
    return Text(text, style=SEVERITY_STYLE.get(text) or STATE_STYLE.get(text) or TIER_STYLE.get(text) or "")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """A table that fits the terminal: as few columns as possible wrap, and a word that fits is never cut."""
    cells = [[cell if isinstance(cell, Text) else styled(cell) for cell in row] for row in rows]
    by_column = list(zip(columns, *cells, strict=True))
    widths = [max(map(_width, column)) for column in by_column]
    wrapping = _wrapping(widths, [max(map(_longest_word, column)) for column in by_column], console().width)
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=number not in wrapping, max_width=wrapping.get(number))
    for row in cells:
        made.add_row(*row)
    return made


def _width(cell: str | Text) -> int:
    return max((len(line) for line in str(cell).splitlines()), default=0)


def _longest_word(cell: str | Text) -> int:
    return max(map(len, str(cell).split()), default=0)


def _wrapping(widths: Sequence[int], words: Sequence[int], available: int) -> dict[int, int]:
    """The columns that must wrap for the rest to fit, and how wide each may be.

    Between words as long as that is enough, the column with most to give first; only then the widest columns, through their words.
    """
    missing = sum(widths) + COLUMN_GAP * (len(widths) - 1) - available
    wrapping: dict[int, int] = {}
    for number in sorted(range(len(widths)), key=lambda each: words[each] - widths[each]):
        given = min(missing, widths[number] - words[number])
        if given > 0:
            wrapping[number] = widths[number] - given
            missing -= given
    for number in sorted(range(len(widths)), key=lambda each: -words[each]):
        given = min(missing, words[number] - LEAST_TO_WRAP)
        if given > 0:
            wrapping[number] = words[number] - given
            missing -= given
    return wrapping


LEAST_TO_WRAP = 18
"""A column's words are not cut into less than this."""
COLUMN_GAP = 2


def clock(at: int, now: int | None = None) -> str:
    """UTC nanoseconds as ``10:46:23`` when that is of the day of ``now``, else as ``11-23 10:46`` or ``2025-11-23 10:46``.

    A dash for never (0).
    """
    if not at:
        return "-"
    moment, today = (datetime.fromtimestamp(each / 1e9, UTC) for each in (at, time.time_ns() if now is None else now))
    if moment.date() == today.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%m-%d %H:%M" if moment.year == today.year else "%Y-%m-%d %H:%M")


def duration(nanoseconds: int) -> str:
    """A stretch of time for people: ``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    seconds = round(nanoseconds / 1e9)
    if seconds < 60:  # noqa: PLR2004  # seconds of a minute
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:  # noqa: PLR2004  # minutes of an hour
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def money(minor: int, currency: str) -> str:
    """An amount of minor units with the currency's decimals: ``60.00 EUR``, ``500 JPY``."""
    return money_text(minor, currency)


def own_command() -> str:
    """How this shell calls us: ``assure`` when that finds it, else the path that was used."""
    called = Path(sys.argv[0])
    if called.name != "assure" or shutil.which("assure") == str(called.absolute()):
        return "assure"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 problem``, ``2 problems``."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def existing(path: Path) -> Path:
    """The path, or a clear end when nothing is there."""
    if not path.exists():
        fail(f"{path} does not exist", Exit.USAGE)
    return path
