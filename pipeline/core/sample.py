"""Counters -> rates whose quality is known. A reset is a gap, never a spike and never a negative.

Rules of RFC 2863: Counter32 and Counter64 wrap (section 3.1.6 says which a speed needs); a value may be compared with an earlier one only
when neither sysUpTime went back nor ifCounterDiscontinuityTime changed in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from pipeline.core.raw import PollOutcome, RawPoll

Values = tuple[float | None, ...]
Qualities = tuple[int, ...]

DISCONTINUITY = "discontinuity_ticks"

STALE_AFTER_S = 900.0
"""A rate over a longer time says too little of any moment in it."""

_TICKS = 1 << 32
_TICKS_PER_S = 100
_UPTIME_SLACK_TICKS = 100
_CACHED_S = 1.0
_HEADROOM = 1.05
_FASTEST_MBPS = 10_000_000
_SMALLEST_FRAME_BITS = 672


class Quality(IntEnum):
    """Why a value may or may not count (glossary: sample quality). The numbers are those stored in ClickHouse.

    ``STALE``: measured over too long a time. ``BLIND``: the device did not answer, so nothing is known.
    """

    GOOD = 0
    MISSING = 1
    RESET = 2
    STALE = 3
    BLIND = 4


@dataclass(frozen=True, slots=True)
class Counter:
    """What a profile knows of a counter column: how many bits it has, and the bits on the wire that one count stands for at least."""

    bits: int
    wire_bits: int


COUNTERS: dict[str, Counter] = {
    "in_octets": Counter(64, 8),
    "out_octets": Counter(64, 8),
    "in_errors": Counter(32, _SMALLEST_FRAME_BITS),
    "out_errors": Counter(32, _SMALLEST_FRAME_BITS),
}
"""IF-MIB ifHCInOctets, ifHCOutOctets, ifInErrors, ifOutErrors. The smallest Ethernet frame takes 672 bits with preamble and gap."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Counts a second of one device's interfaces: row ``i`` belongs to ``indexes[i]``, ``seconds`` is the time between the two polls.

    ``rates[column][i]`` is ``None`` unless ``quality[column][i]`` is good.
    """

    indexes: tuple[int, ...]
    seconds: float
    rates: dict[str, Values] = field(default_factory=dict)
    quality: dict[str, Qualities] = field(default_factory=dict)


def sample(
    previous: RawPoll | None, present: RawPoll, speeds_mbps: Mapping[int, int], counters: Mapping[str, Counter] = COUNTERS
) -> Samples:
    """Rates between two polls of one device.

    ``speeds_mbps`` maps ifIndex to the declared speed, and is the measure of what is plausible (0 or absent: 10 Tbit/s). Without an
    earlier answer a value is missing; after a restart, a discontinuity or an implausible step it is a reset; when the earlier poll is
    over ``STALE_AFTER_S`` old it is stale.
    """
    if previous is None or previous.outcome is not PollOutcome.ANSWERED or present.polled_at <= previous.polled_at:
        return _without_rates(present, counters, Quality.MISSING)
    seconds = (present.polled_at - previous.polled_at) / 1e9
    if was_restarted(previous.uptime_ticks, present.uptime_ticks, seconds):
        return _without_rates(present, counters, Quality.RESET, seconds)
    if seconds > STALE_AFTER_S:
        return _without_rates(present, counters, Quality.STALE, seconds)
    rows = _rows_of(previous, present)
    broken = _discontinuities(previous, present, rows)
    limits = _limits(present.indexes, speeds_mbps, seconds)
    rates: dict[str, Values] = {}
    quality: dict[str, Qualities] = {}
    for name, counter in counters.items():
        steps = _steps(previous.columns.get(name), present.columns.get(name), rows, (1 << counter.bits) - 1)
        rates[name], quality[name] = _judge(steps, broken, [limit / counter.wire_bits for limit in limits], seconds)
    return Samples(present.indexes, seconds, rates, quality)


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


def _without_rates(present: RawPoll, counters: Mapping[str, Counter], why: Quality, seconds: float = 0.0) -> Samples:
    rows = len(present.indexes)
    return Samples(present.indexes, seconds, dict.fromkeys(counters, (None,) * rows), dict.fromkeys(counters, (int(why),) * rows))


def _rows_of(previous: RawPoll, present: RawPoll) -> list[int]:
    """For each present row the previous one of the same ifIndex, -1 for none."""
    if previous.indexes == present.indexes:
        return list(range(len(present.indexes)))
    place = {index: row for row, index in enumerate(previous.indexes)}
    return [place.get(index, -1) for index in present.indexes]


def _discontinuities(previous: RawPoll, present: RawPoll, rows: list[int]) -> list[bool]:
    before, after = previous.columns.get(DISCONTINUITY), present.columns.get(DISCONTINUITY)
    if before is None or after is None:
        return [False] * len(rows)
    return [row >= 0 and before[row] != now for row, now in zip(rows, after, strict=True)]


def _limits(indexes: tuple[int, ...], speeds_mbps: Mapping[int, int], seconds: float) -> list[float]:
    """The most bits that can have passed: agents may answer from a cache about a second old, so that much more time is granted."""
    granted = (seconds + _CACHED_S) * _HEADROOM * 1e6
    return [(speeds_mbps.get(index, 0) or _FASTEST_MBPS) * granted for index in indexes]


def _steps(before: tuple[int | None, ...] | None, after: tuple[int | None, ...] | None, rows: list[int], mask: int) -> list[int | None]:
    """How far each counter went, wrapped at ``mask``; ``None`` where either value is missing."""
    if before is None or after is None:
        return [None] * len(rows)
    earlier = [before[row] if row >= 0 else None for row in rows]
    return [None if now is None or then is None else (now - then) & mask for now, then in zip(after, earlier, strict=True)]


def _judge(steps: list[int | None], broken: list[bool], limits: list[float], seconds: float) -> tuple[Values, Qualities]:
    quality = [
        Quality.MISSING if step is None else Quality.RESET if gone or step > limit else Quality.GOOD
        for step, gone, limit in zip(steps, broken, limits, strict=True)
    ]
    rates = [step / seconds if step is not None and good is Quality.GOOD else None for step, good in zip(steps, quality, strict=True)]
    return tuple(rates), tuple(map(int, quality))
