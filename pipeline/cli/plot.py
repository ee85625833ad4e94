"""A series with its expected range, drawn in the terminal or as a PNG; the only plotext and matplotlib code."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from pipeline.anomalies import Line
from pipeline.core.column import Floats

_GAP = 3.0
"""Steps without a value that break the line."""
_HEADROOM = 1.0
"""How much of the observed span the expected range may add on either side: a wide range must not flatten the series."""
_TICK_COLUMNS = 14
_FEW_MINUTES_S, _TWO_DAYS_S = 900, 2 * 86_400
_BOUND, _MARK = "·", "●"
_STYLES = {_BOUND: "cyan", _MARK: "bold red"}


def terminal(line: Line, mark: int, width: int, height: int = 18) -> Text:
    """The plot as text: the series, its expected range in dots, and a point where ``mark`` (UTC nanoseconds, 0 for none) is."""
    import plotext  # noqa: PLC0415  # only a command that plots pays for it

    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    at, observed = _seconds(line.at), np.array(line.observed)
    low, high = _limits(line)
    for bound in (line.lower, line.upper):
        values = np.array(bound)
        for part in _segments(at, np.where((values >= low) & (values <= high), values, np.nan)):
            figure.draw(figure.signal(at[part].tolist(), values[part].tolist(), marker=_BOUND))
    for part in _segments(at, observed):
        signal = figure.signal(at[part].tolist(), observed[part].tolist(), marker="hd")
        signal.lines()
        figure.draw(signal)
    place = _nearest(line, mark)
    if place is not None:
        figure.draw(figure.signal([float(at[place])], [float(observed[place])], marker=_MARK))
    figure.ruler("y").lim(low, high)
    ticks = np.linspace(at[0], at[-1], max(2, width // _TICK_COLUMNS))
    figure.ruler("x").ticks(ticks.tolist(), [_clock(each, at[-1] - at[0]) for each in ticks])
    text = Text("\n".join(row.rstrip() for row in figure.build().string(colorless=True).splitlines()))
    for character, style in _STYLES.items():
        text.highlight_words([character], style)
    return text


def legend(line: Line, mark: int) -> Text:
    """What the plot's characters mean."""
    low, high = _limits(line)
    bounds = np.array([*line.lower, *line.upper])
    ranged = bool(((bounds >= low) & (bounds <= high)).any())
    parts: list[str | tuple[str, str]] = [f"{line.title}, UTC"]
    parts += [", ", (_BOUND, _STYLES[_BOUND]), " what is usual lies between"] if ranged else [_beyond(line, mark)]
    parts += [", ", (_MARK, _STYLES[_MARK]), f" {_clock(mark / 1e9, 0)}"] if mark else []
    return Text.assemble(*parts)


def _beyond(line: Line, mark: int) -> str:
    """Where the expected range lies when the plot has no room for it: at the mark, or at the end."""
    place = _nearest(line, mark)
    place = len(line.at) - 1 if place is None else place
    if not np.isfinite([line.lower[place], line.upper[place]]).all():
        return ""
    return f", usual is {line.lower[place]:.3g} to {line.upper[place]:.3g}, beyond the plot"


def png(line: Line, mark: int, title: str, path: Path) -> None:
    """The plot as a PNG file, for a ticket or a report. Raises ``OSError`` when it cannot be written."""
    import matplotlib as mpl  # noqa: PLC0415  # as above

    mpl.use("Agg")
    from matplotlib import dates as mpl_dates  # noqa: PLC0415  # as above
    from matplotlib.figure import Figure  # noqa: PLC0415  # as above

    figure = Figure(figsize=(10, 4.5), dpi=120, layout="constrained")
    axes: Any = figure.subplots()
    dates: Any = mpl_dates  # its classes have no types
    at = [datetime.fromtimestamp(each, UTC) for each in _seconds(line.at)]
    observed = np.array(line.observed)
    if np.isfinite(np.array([*line.lower, *line.upper])).any():
        axes.fill_between(at, line.lower, line.upper, color="tab:blue", alpha=0.15, linewidth=0, label="usual")
        axes.plot(at, line.expected, color="tab:blue", linewidth=0.8, linestyle="--", label="expected")
    for number, part in enumerate(_segments(_seconds(line.at), observed)):
        axes.plot([at[each] for each in part], observed[part], color="black", linewidth=1.1, label="observed" if not number else None)
    place = _nearest(line, mark)
    if place is not None:
        axes.plot([at[place]], [observed[place]], "o", color="tab:red", markersize=8, label=_clock(mark / 1e9, 0))
    axes.set_ylim(*_limits(line))
    axes.set_title(title, fontsize=11, loc="left", wrap=True)
    axes.set_ylabel(line.title, fontsize=9)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator(), tz=UTC))
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=8)
    figure.savefig(path, format="png")


def _seconds(at: Sequence[int]) -> Floats:
    return np.array(at, dtype=float) / 1e9


def _limits(line: Line) -> tuple[float, float]:
    """What the vertical axis shows: all that was observed, and of the expected range what does not flatten it.

    Below zero only where something observed is: a rate or a share has no room there.
    """
    observed = np.array(line.observed)
    low, high = float(np.nanmin(observed)), float(np.nanmax(observed))
    room = _HEADROOM * (high - low) or 0.05 * abs(high) or 1.0
    bounds = np.array([*line.lower, *line.upper])
    bounds = bounds[np.isfinite(bounds)]
    if bounds.size:
        low, high = min(low, max(float(bounds.min()), low - room)), max(high, min(float(bounds.max()), high + room))
    margin = 0.04 * (high - low) or room
    floor = 0.0 if np.nanmin(observed) >= 0 else -np.inf
    return max(low - margin, floor), high + margin


def _segments(at: Floats, values: Floats) -> Iterator[list[int]]:
    """Places of values that follow one another without a gap."""
    present = np.flatnonzero(np.isfinite(values))
    if not present.size:
        return
    step = float(np.median(np.diff(at))) if len(at) > 1 else 1.0
    breaks = np.flatnonzero((np.diff(at[present]) > _GAP * step) | (np.diff(present) > _GAP)) + 1
    for part in np.split(present, breaks):
        yield part.tolist()


def _nearest(line: Line, mark: int) -> int | None:
    """The place of the value nearest to a time."""
    if not mark:
        return None
    known = [place for place, value in enumerate(line.observed) if np.isfinite(value)]
    return min(known, key=lambda place: abs(line.at[place] - mark), default=None)


def _clock(seconds: float, span: float) -> str:
    """``14:05``, or with seconds when the plot is of few minutes, with the day when it is of more than one."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if 0 < span < _FEW_MINUTES_S:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%H:%M" if 0 < span < _TWO_DAYS_S else "%m-%d %H:%M")
