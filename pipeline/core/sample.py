"""Raw columns -> samples in base units whose quality is known. A reset is a gap, never a spike and never a negative.

Rules of RFC 2863: Counter32 and Counter64 wrap (section 3.1.6 says which a speed needs); a value may be compared with an earlier one only
when neither sysUpTime went back nor ifCounterDiscontinuityTime changed in between. Rows are compared by their names, since an index may be
renumbered (section 3.1.5). Everything is worked on for all rows of a table at once.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.core.column import Bytes, Column, Flags, Floats
from pipeline.core.formula import rate_key, says_key
from pipeline.core.profile import PollColumn, ProfileTable
from pipeline.core.raw import NO_TABLE, RawTable
from pipeline.core.resource import ResourceId
from pipeline.core.unit import unit

Rows = np.ndarray[Any, np.dtype[np.intp]]
"""For each row, the place of its counterpart; -1 for none."""

DISCONTINUITY = "discontinuity_ticks"

STALE_AFTER_S = 900.0
"""A rate over a longer time says too little of any moment in it."""

_TICKS = 1 << 32
_TICKS_PER_S = 100
_UPTIME_SLACK_TICKS = 100
_CACHED_S = 1.0
_LEAST_S = 1.0
_HEADROOM = 1.05
_FASTEST_BPS = 1e13


class Quality(IntEnum):
    """Why a value may or may not count (glossary: sample quality). The numbers are those stored in ClickHouse, the worst is the greatest.

    ``STALE``: measured over too long a time. ``BLIND``: the device did not answer, so nothing is known.
    """

    GOOD = 0
    MISSING = 1
    RESET = 2
    STALE = 3
    BLIND = 4


@dataclass(frozen=True, slots=True)
class Told:
    """Which KPIs a table told of which resources."""

    resources: tuple[ResourceId, ...]
    kpis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenTable:
    """A table as it was last read: when (UTC nanoseconds), at which sysUpTime, and the names of its rows.

    ``told`` is what it told; of interfaces that is known without it.
    """

    at: int = 0
    uptime_ticks: int | None = None
    table: RawTable = NO_TABLE
    labels: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Samples:
    """One table's samples: for each input of a formula, a column name or ``rate(name)``, a value and a quality for each row.

    Values are in base units (:mod:`pipeline.core.unit`), NaN where the quality is not good.
    """

    rows: int
    values: dict[str, Floats] = field(default_factory=dict)
    quality: dict[str, Bytes] = field(default_factory=dict)


def gauges(table: RawTable, spec: ProfileTable) -> dict[str, Floats]:
    """The columns of a table that are no counters, in base units; NaN where the device gave no value, or not even the column."""
    rows = len(table.indexes)
    return {column.name: _gauge(table, column, rows) for column in spec.columns if not column.type.counter_bits}


def said(table: RawTable, wanted: Iterable[tuple[str, str]]) -> dict[str, Floats]:
    """Whether a column of text has what a pattern finds: 1 or 0 for each row, 0 where the device gave no text."""
    found = {}
    for name, pattern in wanted:
        column = table.columns.get(name)
        rows = len(table.indexes)
        texts = column.texts() if column is not None and len(column) == rows else ("",) * rows
        found[says_key(name, pattern)] = np.array([_said(pattern, text) for text in texts], np.float64)
    return found


@lru_cache(maxsize=65_536)
def _said(pattern: str, text: str) -> float:
    """Devices repeat their texts with every poll, so that looking once is enough."""
    return float(bool(text) and re.search(pattern, text, re.IGNORECASE) is not None)


def _gauge(table: RawTable, column: PollColumn, rows: int) -> Floats:
    packed = table.columns.get(column.name)
    if packed is None or len(packed) != rows:
        return np.full(rows, np.nan)
    factor = column.scale * unit(column.unit).factor
    return packed.numbers() if factor == 1 else packed.numbers() * factor


def sampled(previous: SeenTable | None, present: SeenTable, spec: ProfileTable, speeds: Floats) -> Samples:
    """The rates of a table's counters since it was read before, in base units a second.

    ``speeds`` are the rows' speeds in bits a second, the measure of what is plausible (0 or NaN: 10 Tbit/s). Without an earlier answer, or
    one that time has passed since, a rate is missing; after a restart, a discontinuity or an implausible step it is a reset; when the
    earlier answer is over ``STALE_AFTER_S`` old it is stale.
    """
    counters = [column for column in spec.columns if column.type.counter_bits]
    rows = len(present.table.indexes)
    if not counters:
        return Samples(rows)
    if previous is None:
        return _without_rates(counters, rows, Quality.MISSING)
    by_clock = (present.at - previous.at) / 1e9
    if by_clock > 0 and was_restarted(previous.uptime_ticks, present.uptime_ticks, by_clock):
        return _without_rates(counters, rows, Quality.RESET)
    seconds = elapsed_s(by_clock, previous.uptime_ticks, present.uptime_ticks)
    if seconds <= 0:
        return _without_rates(counters, rows, Quality.MISSING)
    if seconds > STALE_AFTER_S:
        return _without_rates(counters, rows, Quality.STALE)
    before = counterparts(previous.labels, present.labels)
    broken = _discontinuities(previous.table, present.table, before)
    bits = _most_bits(speeds, seconds)
    samples = Samples(rows)
    for column in counters:
        rates, quality = _rates(previous.table, present.table, column, before, broken, bits, seconds)
        samples.values[rate_key(column.name)] = rates
        samples.quality[rate_key(column.name)] = quality
    return samples


def was_restarted(before_ticks: int | None, after_ticks: int | None, seconds: float) -> bool:
    """Whether an agent started anew between two answers ``seconds`` apart, told by sysUpTime (hundredths of a second).

    sysUpTime wraps after 497 days: it then shows the time that passed, counted modulo 2^32, which a restart does not. An uptime shorter
    than the time since the earlier poll tells of a restart even where it is larger than before.
    """
    if before_ticks is None or after_ticks is None:
        return False
    expected = seconds * _TICKS_PER_S
    slack = _UPTIME_SLACK_TICKS + expected / 10
    if after_ticks < before_ticks:
        return abs((after_ticks - before_ticks) % _TICKS - expected) > slack
    return after_ticks + slack < expected


def elapsed_s(by_clock: float, before_ticks: int | None, after_ticks: int | None) -> float:
    """How long passed between two answers, in seconds; 0 when nothing tells.

    By the collector's clock, unless the agent's sysUpTime, which went on, moved by something else: then the clock was set, and the agent
    has counted through its own time.
    """
    clock = max(by_clock, 0.0)
    if before_ticks is None or after_ticks is None or after_ticks < before_ticks:
        return clock
    own = (after_ticks - before_ticks) / _TICKS_PER_S
    if abs(own - by_clock) <= _UPTIME_SLACK_TICKS / _TICKS_PER_S + abs(by_clock) / 10 or own < _LEAST_S:
        return clock
    return own


def counterparts(before: Sequence[str], after: Sequence[str]) -> Rows:
    """For each name the place it had before."""
    if before == after:
        return np.arange(len(after))
    place = {label: row for row, label in enumerate(before)}
    return np.array([place.get(label, -1) for label in after], np.intp)


def _without_rates(counters: Sequence[PollColumn], rows: int, why: Quality) -> Samples:
    names = [rate_key(column.name) for column in counters]
    return Samples(
        rows,
        {name: np.full(rows, np.nan) for name in names},
        {name: np.full(rows, int(why), np.uint8) for name in names},
    )


def _discontinuities(previous: RawTable, present: RawTable, before: Rows) -> Flags:
    earlier, now = previous.columns.get(DISCONTINUITY), present.columns.get(DISCONTINUITY)
    if earlier is None or now is None or not len(earlier):
        return np.zeros(len(before), np.bool_)
    changed: Flags = earlier.counts()[before] != now.counts()
    return changed & (before >= 0)


def _most_bits(speeds: Floats, seconds: float) -> Floats:
    """The most bits that can have passed: agents may answer from a cache about a second old, so that much more time is granted."""
    known = np.where(speeds > 0, speeds, _FASTEST_BPS)
    return known * ((seconds + _CACHED_S) * _HEADROOM)


def _rates(
    previous: RawTable, present: RawTable, column: PollColumn, before: Rows, broken: Flags, bits: Floats, seconds: float
) -> tuple[Floats, Bytes]:
    """One counter's rates and their quality."""
    earlier, now = previous.columns.get(column.name), present.columns.get(column.name)
    if earlier is None or now is None or not len(earlier) or len(now) != len(before):
        return np.full(len(before), np.nan), np.full(len(before), int(Quality.MISSING), np.uint8)
    known = now.present() & earlier.present()[before] & (before >= 0)
    steps = _steps(earlier, now, before, column.type.counter_bits)
    reset = broken if not column.wire_bits else broken | (steps > bits / column.wire_bits)
    quality = np.where(known, np.where(reset, int(Quality.RESET), int(Quality.GOOD)), int(Quality.MISSING)).astype(np.uint8)
    factor = column.scale * unit(column.unit).factor / seconds
    return np.where(quality == int(Quality.GOOD), steps * factor, np.nan), quality


def _steps(earlier: Column, now: Column, before: Rows, bits: int) -> Floats:
    """How far each counter went, wrapped at its size."""
    steps = now.counts() - earlier.counts()[before]
    if bits < 64:  # noqa: PLR2004  # the arrays' own size, at which they wrap by themselves
        steps &= np.uint64((1 << bits) - 1)
    return steps.astype(np.float64)


def labels_of(table: RawTable, spec: ProfileTable) -> tuple[str, ...]:
    """The name of each row, by the first alternative of the profile's label that has a value; a name that stands twice gets the index."""
    wanted = [column.name for column in spec.columns if column.type.is_text and f"{{{column.name}}}" in spec.label]
    texts: Mapping[str, tuple[str, ...]] = {name: table.columns[name].texts() for name in wanted if name in table.columns}
    alternatives = spec.label.split("|")
    only = alternatives[0].strip("{}")
    if f"{{{only}}}" == alternatives[0] and only in texts and all(texts[only]):
        labels = list(texts[only])
    else:
        labels = [
            _label(alternatives, index, {name: found[row] for name, found in texts.items()}) for row, index in enumerate(table.indexes)
        ]
    if len(set(labels)) == len(labels):
        return tuple(labels)
    counted = Counter(labels)
    return tuple(f"{label} {index}" if counted[label] > 1 else label for label, index in zip(labels, table.indexes, strict=True))


def _label(alternatives: Sequence[str], index: str, texts: Mapping[str, str]) -> str:
    values = {name: text for name, text in texts.items() if text} | {"index": index}
    for alternative in alternatives:
        try:
            return alternative.format_map(values)
        except (KeyError, ValueError, IndexError, AttributeError):
            continue
    return index
