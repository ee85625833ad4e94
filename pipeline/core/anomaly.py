"""A streaming detector of what is unusual in a series: causal, robust, seasonal, explained; vectorised over series.

How it decides, for one value of one series:

1. Four *features* tell how a value may be odd: how far it is from the series' slow **level**; how far it **step**ped from the value before;
   how far the mean of the last residuals has **drift**ed from what is usual at this time of day; how far it **ramp**ed within some samples.
2. Each is divided by how large it usually is (its *scale*, a slow mean of its size that single outliers cannot stretch), so that all
   series are alike. A floor under the scale keeps a flat series from being startled by nothing: a share of the level's scale, a share of
   the configured range, and the smallest change that the operator cares for.
3. How *rare* such a value is, is read from the series' own history: a histogram for each feature and side, in quarter octaves. Rarity is
   in decades: 3 is one in a thousand. What goes beyond the record on its side counts on by the ratio to the record, as a Pareto tail of
   index 1 would: without that all records would be alike, and the history's length would be the limit of any surprise.
4. The longer a series is watched, the rarer its rarest value becomes by chance alone. So rarity is lowered with the length of the history.
5. *The refractory gate*: after a surprise only a larger one is told, until the memory of it has faded. One disturbance has many odd values;
   the first is the news.

It is robust since everything that learns is clipped in multiples of the scale, and causal since nothing is used that no poll has brought
yet. What an operator knows of a series, its *configured range* (0 to 1 for a share, 0 to its speed for an interface), is an argument. There
is one set of constants for both; see :data:`DEFAULT`.

A value that is missing neither teaches nor alarms. After a long gap, or when the clock jumped, level and neighbours begin anew where the
series is found, and the detector stays silent for its grace period; what is usual for it is kept.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from pipeline.core.anomaly_state import BINS, FEATURES, NO_SLOT, SLOTS, Integers, Records, SeriesState
from pipeline.core.column import Floats

DAY_S = 86_400
WARM_SAMPLES = 50
"""So many samples a series learns from without clipping: until then its scales mean too little to clip by."""

SETTLED_SAMPLES = 20
"""Before so many samples a series has no scale to speak of, and how many scales a value is out says nothing: it is not counted."""

FADES_AT = 60_000
"""So many samples (six weeks of minutes) a history stands for at most: then all its counts are halved, and the oldest weigh half."""

FIRST_OCTAVE = -4
BINS_PER_OCTAVE = 4
"""The histograms begin at 1/16 of the scale; everything smaller is in the first bin and never rare."""

_EDGES = 2.0 ** (FIRST_OCTAVE + np.arange(BINS) / BINS_PER_OCTAVE)
_EDGES[0] = 0.0
_NEXT_EDGES = np.append(_EDGES[1:], np.inf)
_BIN = np.arange(BINS)
_FEATURE = np.arange(FEATURES)[None, :]
_EVERY_S_SHARE = 0.1
_MOST_VISITS = 255


class Feature(IntEnum):
    """In which way a value is unusual. The numbers are those in the state and in ClickHouse."""

    LEVEL = 0
    STEP = 1
    DRIFT = 2
    RAMP = 3


@dataclass(frozen=True, slots=True)
class Tuning:
    """The detector's constants; shares are of one sample's step unless told otherwise. How they were found: tests/bench/nab_constants.yaml.

    ``level_share``: how much of a residual the slow level takes over, clipped at ``level_clip`` scales. ``scale_share``: the same for the
    scales, each size clipped at ``scale_clip`` scales. ``season_share``: how much a day changes the usual value of its quarters of an hour,
    clipped at ``season_clip`` scales. ``floor_share``: of the level's scale that is under every scale; ``range_share``: of the configured
    range; ``still_share``: of the level itself (a change below it is nobody's news). ``length_weight`` decades of rarity are taken off for
    every tenfold of history beyond ``10 ** length_from`` samples. ``gate``: how many times the memory of the last surprise the next must
    be, and ``gate_samples`` in how many samples that memory fades to 1/e. ``together``: how much the other features' rarity adds to the
    largest. The weights are in the order of :class:`Feature`.
    """

    level_share: float
    level_clip: float
    scale_share: float
    scale_clip: float
    season_share: float
    season_clip: float
    drift_samples: int
    ramp_samples: int
    floor_share: float
    range_share: float
    length_weight: float
    length_from: float
    gate: float
    gate_samples: float
    grace_samples: int
    together: float
    weights: tuple[float, float, float, float]
    still_share: float = 1e-4
    gap_samples: float = 100.0


DEFAULT = Tuning(
    level_share=0.0525,
    level_clip=2.289,
    scale_share=0.0001239,
    scale_clip=3.887,
    season_share=0.06505,
    season_clip=8.828,
    drift_samples=70,
    ramp_samples=44,
    floor_share=0.05534,
    range_share=0.02967,
    length_weight=0.4396,
    length_from=2.786,
    gate=1.068,
    gate_samples=828.5,
    grace_samples=100,
    together=0.08173,
    weights=(1.0, 0.4645, 0.9279, 0.8322),
)
"""What is shipped, with and without a configured range: a range enters as ``range_share`` of it under every scale, and as nothing else."""

DEFAULT_THRESHOLD = 3.5
"""Decades of rarity at which a value is told as an anomaly, where no rule says otherwise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is told to the detector of each series besides its values; arrays or one number for all.

    ``low`` and ``high`` are the configured range in the KPI's unit, NaN where none is known. ``min_change`` is the smallest change that
    matters. ``threshold`` (decades) is where the expected range ends. ``grace_samples`` overrules the tuning's.
    """

    low: Floats | float = float("nan")
    high: Floats | float = float("nan")
    min_change: Floats | float = 0.0
    threshold: Floats | float = DEFAULT_THRESHOLD
    grace_samples: Integers | int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of each value given, in their order.

    ``rarity`` is in decades, corrected, 0 for the usual and for no value; ``score`` is the rarity of what passed the refractory gate, else
    0. ``feature`` is the number of the :class:`Feature` in which it is rarest, and ``observed``, ``expected``, ``lower`` and ``upper`` are
    that feature's, in the KPI's unit. ``expected`` is the level, the value before, the usual value of this time of day or the value some
    samples ago; ``observed`` is the value, or for a drift the usual value plus the mean drift. ``lower`` and ``upper`` are where the score
    would reach the threshold; they are NaN for what stayed below it, unless they were asked for. ``residual`` is the difference from what
    each feature expects, one column for each.
    """

    rarity: Floats
    score: Floats
    feature: Integers
    observed: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    residual: Floats


def slot_of(at: Integers | int) -> Any:
    """The slot of the day that a time in UTC seconds falls into."""
    return np.asarray(at, np.int64) % DAY_S * SLOTS // DAY_S


def advance(
    state: SeriesState,
    rows: Integers,
    values: Floats,
    at: Integers | int,
    limits: Limits = Limits(),
    *,
    tuning: Tuning = DEFAULT,
    with_range: bool = False,
) -> Verdict:
    """Take one value for each of ``rows`` (no row twice), changing ``state`` in place, and judge it by what was known before.

    A value that is NaN or infinite is no value: its series does not change. ``at`` is when it was measured, UTC seconds. ``with_range``
    asks for the expected range of every value, for a plot; it is told by the level where nothing is unusual.
    """
    present = np.isfinite(values)
    verdict = _nothing(len(values))
    if present.any():
        whole = bool(present.all())
        chosen: Any = slice(None) if whole else present
        found = _Step(state.records, rows[chosen], values[chosen], _of(at, chosen, np.int64), _chosen(limits, chosen), tuning).judge(
            with_range
        )
        for name in ("rarity", "score", "feature", "observed", "expected", "lower", "upper", "residual"):
            getattr(verdict, name)[chosen] = getattr(found, name)
    return verdict


def _nothing(rows: int) -> Verdict:
    observed, expected, lower, upper = (np.full(rows, np.nan) for _ in range(4))
    residual = np.full((rows, FEATURES), np.nan)
    return Verdict(np.zeros(rows), np.zeros(rows), np.zeros(rows, np.int64), observed, expected, lower, upper, residual)


def _of(value: Any, chosen: Any, dtype: Any) -> Any:
    """One number for all as it is; of an array the chosen rows."""
    array = np.asarray(value, dtype)
    return array[chosen] if array.ndim else array


def _chosen(limits: Limits, chosen: Any) -> Limits:
    low, high, min_change, threshold = (
        _of(each, chosen, np.float64) for each in (limits.low, limits.high, limits.min_change, limits.threshold)
    )
    return Limits(low, high, min_change, threshold, None if limits.grace_samples is None else _of(limits.grace_samples, chosen, np.int64))


class _Step:
    """One step of some series: the fields that all parts of it need, read once."""

    __slots__ = (
        "at",
        "bins",
        "count",
        "floor",
        "limits",
        "reference",
        "residual",
        "rows",
        "scale",
        "season_residual",
        "sides",
        "slot",
        "state",
        "strange",
        "tuning",
        "values",
    )

    def __init__(self, state: Records, rows: Integers, values: Floats, at: Any, limits: Limits, tuning: Tuning) -> None:
        self.state, self.rows, self.at, self.limits, self.tuning = state, rows, at, limits, tuning
        self.values = values.astype(np.float32).astype(np.float64)  # as the state keeps them, so that equal values differ by exactly 0
        self._begin()
        self.count = state["count"][rows].astype(np.float64)
        self.scale = state["scale"][rows].astype(np.float64)
        self.floor = self._floor()
        self.slot = self._turn_slot()
        self._compare()

    def judge(self, with_range: bool) -> Verdict:
        """Judge by what was known, then learn."""
        tuning, state, rows = self.tuning, self.state, self.rows
        rarities = self._rarities()
        feature = rarities.argmax(axis=1)
        largest = rarities.max(axis=1)
        others = tuning.together * (rarities.sum(axis=1) - largest)
        off = tuning.length_weight * np.maximum(np.log10(self.count + 2.0) - tuning.length_from, 0.0)
        muted = state["mute"][rows]
        rarity = np.where(muted > 0, 0.0, np.maximum(largest + others - off, 0.0))
        held = state["held"][rows].astype(np.float64)
        score = np.where(rarity > tuning.gate * held, rarity, 0.0)
        told = score >= self.limits.threshold
        if with_range:
            feature = np.where(told, feature, int(Feature.LEVEL))
        line = np.arange(len(rows))
        expected = self.reference[line, feature]
        lower, upper = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        asked = np.flatnonzero(told | with_range)
        if len(asked):
            needed = np.maximum(self.limits.threshold, tuning.gate * np.where(told, held, 0.0)) + off - np.where(told, others, 0.0)
            lower[asked], upper[asked] = self._range(asked, feature[asked], needed[asked])
        observed = expected + self.residual[line, feature]
        state["held"][rows] = np.maximum(rarity, held * np.exp(-1.0 / tuning.gate_samples))
        state["mute"][rows] = muted - (muted > 0)
        self._learn()
        return Verdict(rarity, score, feature, observed, expected, lower, upper, self.residual)

    def _begin(self) -> None:
        """Start series that are new, and those whose level nobody saw for long, at the value that is there now."""
        state, rows, tuning = self.state, self.rows, self.tuning
        new = state["beat"][rows] == 0
        every = state["every_s"][rows].astype(np.float64)
        elapsed = np.where(new, 0.0, self.at - state["seen_at"][rows].astype(np.float64))
        lost = new | ((every > 0) & (np.abs(elapsed) > tuning.gap_samples * every))
        if lost.any():
            again, values = rows[lost], self.values[lost]
            grace = tuning.grace_samples if self.limits.grace_samples is None else self.limits.grace_samples
            state["level"][again] = state["previous"][again] = values
            state["ramp"][again] = values[:, None]
            state["drift"][again] = 0.0
            state["mute"][again] = (np.broadcast_to(grace, lost.shape)[lost]) + 1
        capped = np.where(every > 0, every + _EVERY_S_SHARE * (np.minimum(elapsed, 2.0 * every) - every), elapsed)
        state["every_s"][rows] = np.where(elapsed > 0, capped, every)
        state["seen_at"][rows] = self.at

    def _floor(self) -> Floats:
        """What is added to every scale: below it nothing is worth a word."""
        tuning, limits = self.tuning, self.limits
        span = np.subtract(limits.high, limits.low)
        known = np.where(np.isfinite(span), span, 0.0)
        level = np.abs(self.state["level"][self.rows])
        floor: Floats = tuning.floor_share * self.scale[:, 0] + tuning.still_share * level + tuning.range_share * known + limits.min_change
        return floor + 1e-12

    def _turn_slot(self) -> Integers:
        """When a slot of the day is over, the day's mean in it becomes part of what is usual then; the slot that it is now.

        A slot learns once a day and from its mean, so that the detector is the same whether a series is polled every minute or every hour.
        """
        state, rows, tuning = self.state, self.rows, self.tuning
        slot: Integers = np.broadcast_to(slot_of(self.at), rows.shape)
        left = state["slot"][rows]
        over = (left != slot) & (left != NO_SLOT)
        if over.any():
            ended, slots = rows[over], left[over]
            mean = state["visit_sum"][ended] / state["visit_count"][ended]
            visits = state["visits"][ended, slots].astype(np.float64)
            usual = state["season"][ended, slots].astype(np.float64)
            clip = tuning.season_clip * (state["season_scale"][ended] + self.floor[over])
            step = np.maximum(tuning.season_share, 1.0 / (visits + 1.0)) * np.clip(mean - usual, -clip, clip)
            state["season"][ended, slots] = np.where(visits > 0, usual + step, mean)
            state["visits"][ended, slots] = np.minimum(visits + 1, _MOST_VISITS)
            state["visit_sum"][ended] = 0.0
            state["visit_count"][ended] = 0
        state["slot"][rows] = slot
        return slot

    def _compare(self) -> None:
        """Residuals and what they are from, each feature's size in scales, its side and its bin."""
        state, rows, values = self.state, self.rows, self.values
        beat = state["beat"][rows]
        drift_at, ramp_at = beat % self.tuning.drift_samples, beat % self.tuning.ramp_samples
        level = state["level"][rows]
        known = state["visits"][rows, self.slot] > 0
        usual = np.where(known, state["season"][rows, self.slot], level)
        self.season_residual = values - usual
        state["drift"][rows, drift_at] = self.season_residual
        drift = state["drift"][rows].mean(axis=1, dtype=np.float64)
        earlier = state["ramp"][rows, ramp_at].astype(np.float64)
        state["ramp"][rows, ramp_at] = values
        previous = state["previous"][rows].astype(np.float64)
        self.reference = np.stack([level, previous, usual, earlier], axis=1)
        self.residual = values[:, None] - self.reference
        self.residual[:, Feature.DRIFT] = drift
        self.strange = np.abs(self.residual) / (self.scale + self.floor[:, None])
        self.sides = (self.residual > 0).astype(np.intp)
        octaves = np.log2(np.maximum(self.strange, _EDGES[1] / 2)) - FIRST_OCTAVE
        self.bins = np.clip(octaves * BINS_PER_OCTAVE, 0, BINS - 1).astype(np.intp)

    def _rarities(self) -> Floats:
        """Decades of rarity by feature, weighted: which share of the history was as far out on this side, and how far beyond it this is."""
        rows = self.rows[:, None]
        counts = self.state["histogram"][rows, _FEATURE, self.sides]
        own = np.take_along_axis(counts, self.bins[:, :, None], axis=2)[:, :, 0]
        beyond = np.where(self.bins[:, :, None] < _BIN, counts, 0).sum(axis=2, dtype=np.int64)
        record = self.state["record"][rows, _FEATURE, self.sides].astype(np.float64)
        rarity = np.log10((self.count[:, None] + 1.0) / (beyond + 0.5 * own + 0.5))
        record = np.maximum(record, 1.0)  # where nothing ever moved, as much as moves nobody
        rarity += np.log10(np.maximum(self.strange, record) / record)
        weighted: Floats = np.where(self.bins > 0, rarity, 0.0) * self.tuning.weights
        return weighted

    def _range(self, asked: Integers, feature: Integers, needed: Floats) -> tuple[Floats, Floats]:
        """Where a feature alone would reach ``needed``: the rarity's inverse, bin by bin, on both sides of the reference."""
        rows = self.rows[asked]
        counts = self.state["histogram"][rows, feature].astype(np.float64)
        record = np.maximum(self.state["record"][rows, feature].astype(np.float64)[:, :, None], 1.0)
        tail = counts[:, :, ::-1].cumsum(axis=2)[:, :, ::-1] - 0.5 * counts + 0.5
        rarity = np.log10((self.count[asked, None, None] + 1.0) / tail)
        short = needed[:, None, None] / np.asarray(self.tuning.weights)[feature][:, None, None] - rarity
        beyond = record * 10.0 ** np.minimum(short, 300.0)
        reached = np.maximum(_EDGES, np.where(short > 0, beyond, 0.0))
        reached[:, :, 0] = np.inf  # the first bin is never rare
        far = np.where(reached < _NEXT_EDGES, reached, np.inf).min(axis=2)
        unit = self.scale[asked, feature] + self.floor[asked]
        reference = self.reference[asked, feature]
        return reference - far[:, 0] * unit, reference + far[:, 1] * unit

    def _learn(self) -> None:
        """Take the values over into level, scales, histograms and the day's profile, clipped so that an outlier teaches little."""
        state, rows, tuning = self.state, self.rows, self.tuning
        warm = self.count < WARM_SAMPLES
        first = 1.0 / (self.count + 1.0)
        clip = np.where(warm, np.inf, tuning.level_clip * (self.scale[:, 0] + self.floor))
        state["level"][rows] += np.maximum(tuning.level_share, first) * np.clip(self.residual[:, 0], -clip, clip)
        share = np.maximum(tuning.scale_share, first)
        most = np.where(warm, np.inf, tuning.scale_clip)
        unit = self.scale + self.floor[:, None]
        size = np.minimum(np.abs(self.residual), most[:, None] * unit)
        state["scale"][rows] = self.scale + share[:, None] * (size - self.scale)
        season_scale = state["season_scale"][rows].astype(np.float64)
        season_size = np.minimum(np.abs(self.season_residual), most * (season_scale + self.floor))
        state["season_scale"][rows] = season_scale + share * (season_size - season_scale)
        state["visit_sum"][rows] += self.values
        state["visit_count"][rows] += 1
        state["previous"][rows] = self.values
        self._count()

    def _count(self) -> None:
        state, rows = self.state, self.rows
        settled = self.count >= SETTLED_SAMPLES
        chosen: Any = slice(None) if settled.all() else settled
        place = (rows[chosen, None], _FEATURE, self.sides[chosen])
        state["histogram"][(*place, self.bins[chosen])] += 1
        state["record"][place] = np.maximum(state["record"][place], self.strange[chosen])
        state["beat"][rows] += 1
        state["count"][rows] += 1
        old = rows[self.count + 1 >= FADES_AT]
        if len(old):
            _fade(state, old)


def _fade(state: Records, rows: Integers) -> None:
    """Halve the history. Single values vanish, and the records with them: what remains is bounded by its highest bin."""
    halved = state["histogram"][rows] // 2
    state["histogram"][rows] = halved
    state["count"][rows] //= 2
    top = BINS - 1 - (halved[..., ::-1] > 0).argmax(axis=-1)
    bound = np.where(halved.any(axis=-1), _NEXT_EDGES[top], 0.0)
    state["record"][rows] = np.minimum(state["record"][rows], bound)
