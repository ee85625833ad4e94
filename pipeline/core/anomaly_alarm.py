"""What is unusual -> events and rows for the store: the detector over a device's KPIs, with a standing for each series.

An anomaly is a warning, never an outage: its condition is always none. It is raised when the detector's score reaches the rule's threshold,
and cleared after ``clear_samples`` good samples in a row that were no further from where the series is than was usual when it was raised.
A value that comes back is usual again, and so is one whose level has followed it: what lasts becomes the new normal.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.core.anomaly import DEFAULT, Feature, Limits, Tuning, Verdict, advance
from pipeline.core.anomaly_batch import AnomalyBatch, packed
from pipeline.core.anomaly_rule import AnomalyRule, Watching
from pipeline.core.anomaly_state import Integers, Records, SeriesState, UnknownVersionError
from pipeline.core.column import Floats
from pipeline.core.event import Condition, Event, EventSource, Signal
from pipeline.core.kpi import KpiBatch
from pipeline.core.resource import ResourceId, name_of

VERSION = 1
"""Of the standings and the form around them; the series have one of their own."""

NANOSECONDS = 1_000_000_000
_HEADER = struct.Struct("<4sHIII")
_MAGIC = b"watc"
_STANDING = np.dtype([("raised_at", "<i8"), ("below", "<f4"), ("above", "<f4"), ("good", "<u2"), ("by_drift", "u1"), ("raised", "u1")])
_MOST_LAYOUTS = 64
_MOST_GOOD = 65_535
_MINUTE_S = 60
_HOUR_S = 3_600


class AnomalyState:
    """The series of one device: the detector's memory of each, and whether its alarm stands. It is changed in place.

    A series is known by ``kpi|resource`` and begins with its first good value.
    """

    __slots__ = ("_layouts", "_row_of", "series", "standing")

    def __init__(self, names: Sequence[str] = (), series: SeriesState | None = None, standing: Records | None = None) -> None:
        self._row_of = {name: row for row, name in enumerate(names)}
        self._layouts: dict[tuple[tuple[str, ...], tuple[ResourceId, ...]], Integers] = {}
        self.series = series if series is not None else SeriesState.empty(0, DEFAULT.drift_samples, DEFAULT.ramp_samples)
        self.standing: Records = standing if standing is not None else np.zeros(0, _STANDING)

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def names(self) -> tuple[str, ...]:
        """The series, in order."""
        return tuple(self._row_of)

    def rows(self, kpis: tuple[str, ...], resources: tuple[ResourceId, ...], present: Any) -> Integers:
        """The row of each series of a batch, KPI after KPI: new where it is ``present`` for the first time, -1 where it never was."""
        layout = (kpis, resources)
        rows = self._layouts.get(layout)
        if rows is None or bool(np.any(present & (rows < 0))):
            names = [f"{kpi}|{resource}" for kpi in kpis for resource in resources]
            self._add([name for name, here in zip(names, present.tolist(), strict=True) if here and name not in self._row_of])
            rows = np.array([self._row_of.get(name, -1) for name in names], np.int64)
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[layout] = rows
        return rows

    def _add(self, names: Sequence[str]) -> None:
        if names:
            first = len(self)
            self._row_of.update({name: first + place for place, name in enumerate(names)})
            self.series = self.series.grown(len(names))
            self.standing = np.concatenate([self.standing, np.zeros(len(names), _STANDING)])
            self._layouts.clear()

    def without(self, before_s: int) -> "AnomalyState":
        """The same without the series that were last seen before a time (UTC seconds): interfaces that are gone."""
        kept = np.flatnonzero(self.series.records["seen_at"] >= before_s)
        names = self.names
        return AnomalyState([names[row] for row in kept.tolist()], self.series.take(kept), self.standing[kept].copy())

    def standings(self) -> dict[str, bytes]:
        """The series whose alarm stands, each with how: little enough to be kept with every poll, as the series are not."""
        rows = np.flatnonzero(self.standing["raised"]).tolist()
        names = self.names if rows else ()
        return {names[row]: self.standing[row].tobytes() for row in rows}

    def stand_as(self, standings: Mapping[str, bytes]) -> None:
        """Let exactly these alarms stand; a series that is not known yet begins."""
        self._add([name for name in standings if name not in self._row_of])
        self.standing[:] = np.zeros(1, _STANDING)
        for name, data in standings.items():
            if len(data) == _STANDING.itemsize:
                self.standing[self._row_of[name]] = np.frombuffer(data, _STANDING)[0]

    def to_bytes(self) -> bytes:
        """Pack: a header with the version and lengths, then names, standings and series."""
        names, standing, series = json.dumps(self.names).encode(), self.standing.tobytes(), self.series.to_bytes()
        return b"".join([_HEADER.pack(_MAGIC, VERSION, len(names), len(standing), len(series)), names, standing, series])

    @classmethod
    def from_bytes(cls, data: bytes) -> "AnomalyState":
        """Unpack. Raises ``UnknownVersionError`` for what another version wrote, or what is damaged: begin anew then, and say so."""
        if len(data) < _HEADER.size:
            raise UnknownVersionError(f"{len(data)} bytes are no state of anomalies")
        magic, version, names, standing, series = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION or len(data) != _HEADER.size + names + standing + series:
            raise UnknownVersionError(
                f"a state of anomalies of version {version} in {len(data)} bytes; this program reads version {VERSION}"
            )
        first, second = _HEADER.size + names, _HEADER.size + names + standing
        memory = SeriesState.from_bytes(data[second:])
        if memory.records.dtype != SeriesState.empty(0, DEFAULT.drift_samples, DEFAULT.ramp_samples).records.dtype:
            raise UnknownVersionError("a state of anomalies that other constants made")
        return cls(json.loads(data[_HEADER.size : first]), memory, np.frombuffer(data[first:second], _STANDING).copy())


@dataclass(frozen=True, slots=True)
class _Watched:
    """The part of a batch that is watched: one entry for each series with a good value, in the order of KPIs, then of resources."""

    batch: KpiBatch
    kpis: tuple[str, ...]
    rules: tuple[AnomalyRule, ...]
    places: Integers
    rows: Integers
    values: Floats

    def kpi(self, entry: int) -> str:
        return self.kpis[int(self.places[entry]) // len(self.batch.resources)]

    def rule(self, entry: int) -> AnomalyRule:
        return self.rules[int(self.places[entry]) // len(self.batch.resources)]

    def resource(self, entry: int) -> ResourceId:
        return self.batch.resources[int(self.places[entry]) % len(self.batch.resources)]

    def each(self, values: Sequence[float]) -> Floats:
        """A number of each KPI's rule, for each entry."""
        found: Floats = np.array(values, np.float64)[self.places // len(self.batch.resources)]
        return found


def apply(
    state: AnomalyState,
    batch: KpiBatch,
    watching: Watching,
    domain: str = "default",
    *,
    speeds: Floats | None = None,
    tuning: Tuning = DEFAULT,
) -> tuple[tuple[Event, ...], AnomalyBatch | None]:
    """Judge one batch, changing ``state`` in place: the events of what was raised or cleared, and every anomaly for the store.

    Values that are not good are left out: they neither teach nor alarm nor clear. ``speeds`` are those of the batch's resources in bits a
    second, NaN where unknown. A batch that was applied already must not come again: polls not newer than the last are the caller's to
    leave out.
    """
    watched = _watched(state, batch, watching)
    if watched is None:
        return (), None
    limits = _limits(watched, speeds)
    verdict = advance(state.series, watched.rows, watched.values, batch.at // NANOSECONDS, limits, tuning=tuning)
    told = verdict.score >= limits.threshold
    raised, cleared = _stand(state.standing, watched, verdict, told)
    events = [_raised(watched, entry, verdict, tuning, domain) for entry in np.flatnonzero(raised).tolist()]
    events += [_cleared(watched, entry, since, verdict, domain) for entry, since in cleared]
    return tuple(events), _anomalies(watched, verdict, np.flatnonzero(told)) if told.any() else None


def _watched(state: AnomalyState, batch: KpiBatch, watching: Watching) -> _Watched | None:
    rules = [(kpi, rule) for kpi in batch.columns if (rule := watching.rule_of(kpi)) is not None]
    if not rules or not batch.resources:
        return None
    kpis = tuple(kpi for kpi, _ in rules)
    values = np.concatenate([batch.good(kpi) for kpi in kpis])
    present = np.isfinite(values)
    if not present.any():
        return None
    rows = state.rows(kpis, batch.resources, present)
    places = np.flatnonzero(present)
    return _Watched(batch, kpis, tuple(rule for _, rule in rules), places, rows[places], values[places])


def _limits(watched: _Watched, speeds: Floats | None) -> Limits:
    rules, nan = watched.rules, float("nan")
    low = watched.each([nan if rule.low is None else rule.low for rule in rules])
    high = watched.each([nan if rule.high is None else rule.high for rule in rules])
    if speeds is not None and any(rule.high_is_speed for rule in rules):
        of_speed = watched.each([float(rule.high_is_speed) for rule in rules]) > 0
        speed = speeds[watched.places % len(watched.batch.resources)]
        high = np.where(of_speed & (speed > 0), speed, high)
    return Limits(
        low,
        high,
        watched.each([rule.min_change for rule in rules]),
        watched.each([rule.threshold for rule in rules]),
        watched.each([rule.grace_samples for rule in rules]).astype(np.int64),
    )


def _stand(standing: Records, watched: _Watched, verdict: Verdict, told: Any) -> tuple[Any, list[tuple[int, int]]]:
    """Advance the standings: which entries are raised now, and which are cleared, with when they were raised."""
    rows = watched.rows
    stood = standing["raised"][rows] > 0
    raised = told & ~stood
    cleared = _count_good(standing, watched, verdict, np.flatnonzero(stood)) if stood.any() else []
    if raised.any():
        of = rows[raised]
        standing["raised"][of], standing["raised_at"][of], standing["good"][of] = 1, watched.batch.at, 0
        standing["by_drift"][of] = verdict.feature[raised] == int(Feature.DRIFT)
        expected = verdict.expected[raised]
        standing["below"][of], standing["above"][of] = verdict.lower[raised] - expected, verdict.upper[raised] - expected
    return raised, cleared


def _away(verdict: Verdict, by_drift: Any, entries: Any) -> Floats:
    """How far series are from where they stand: their level, or for a drift what is usual at this time of day."""
    residual = verdict.residual[entries]
    away: Floats = np.where(by_drift, residual[:, int(Feature.DRIFT)], residual[:, int(Feature.LEVEL)])
    return away


def _count_good(standing: Records, watched: _Watched, verdict: Verdict, entries: Integers) -> list[tuple[int, int]]:
    rows = watched.rows[entries]
    away = _away(verdict, standing["by_drift"][rows] > 0, entries)
    calm = (away >= standing["below"][rows]) & (away <= standing["above"][rows])
    good = np.where(calm, np.minimum(standing["good"][rows].astype(np.int64) + 1, _MOST_GOOD), 0)
    standing["good"][rows] = good
    over = good >= watched.each([rule.clear_samples for rule in watched.rules])[entries]
    since = standing["raised_at"][rows]
    standing["raised"][rows[over]] = 0
    return list(zip(entries[over].tolist(), since[over].tolist(), strict=True))


def _raised(watched: _Watched, entry: int, verdict: Verdict, tuning: Tuning, domain: str) -> Event:
    feature = Feature(int(verdict.feature[entry]))
    observed, expected, lower, upper = (float(each[entry]) for each in (verdict.observed, verdict.expected, verdict.lower, verdict.upper))
    what = f"{watched.kpi(entry)} of {name_of(watched.resource(entry))}"
    attributes = {
        "kpi": watched.kpi(entry),
        "value": f"{watched.values[entry]:.6g}",
        "observed": f"{observed:.6g}",
        "expected": f"{expected:.6g}",
        **{name: f"{bound:.6g}" for name, bound in (("lower", lower), ("upper", upper)) if np.isfinite(bound)},
        "score": f"{verdict.score[entry]:.2f}",
        "feature": feature.name.lower(),
    }
    return _event(watched, entry, Signal.RAISE, explained(what, feature, observed, expected, lower, upper, tuning), attributes, domain)


def explained(what: str, feature: Feature, observed: float, expected: float, lower: float, upper: float, tuning: Tuning = DEFAULT) -> str:
    """Why a value is unusual, in words: what was observed, and what would have been usual."""
    usual = usual_range(lower, upper)
    match feature:
        case Feature.LEVEL:
            return f"{what} is {observed:.4g}; {usual} is usual around its level of {expected:.4g}"
        case Feature.STEP:
            return f"{what} went from {expected:.4g} to {observed:.4g} in one sample; {usual} would have been usual"
        case Feature.DRIFT:
            mean = f"the mean of {what} over {tuning.drift_samples} samples, by the time of day, is {observed:.4g}"
            return f"{mean}; {usual} is usual around {expected:.4g}"
        case Feature.RAMP:
            return f"{what} went from {expected:.4g} to {observed:.4g} in {tuning.ramp_samples} samples; {usual} would have been usual"


def usual_range(lower: float, upper: float) -> str:
    """``3 to 5``, or one end where the other is open."""
    if np.isfinite(lower) and np.isfinite(upper):
        return f"{lower:.4g} to {upper:.4g}"
    return f"{lower:.4g} or more" if np.isfinite(lower) else f"up to {upper:.4g}"


def _cleared(watched: _Watched, entry: int, since: int, verdict: Verdict, domain: str) -> Event:
    rule = watched.rule(entry)
    value = float(watched.values[entry])
    lasted = _duration((watched.batch.at - since) / NANOSECONDS)
    what = f"{watched.kpi(entry)} of {name_of(watched.resource(entry))}"
    text = f"{what} is usual again: {value:.4g}, {rule.clear_samples} samples in a row; raised {lasted} ago"
    level = value - float(verdict.residual[entry, int(Feature.LEVEL)])
    attributes = {"kpi": watched.kpi(entry), "value": f"{value:.6g}", "expected": f"{level:.6g}"}
    return _event(watched, entry, Signal.CLEAR, text, attributes, domain)


def _duration(seconds: float) -> str:
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds < 2 * _HOUR_S else f"{seconds / _HOUR_S:.1f} h"


def _event(watched: _Watched, entry: int, signal: Signal, text: str, attributes: dict[str, str], domain: str) -> Event:
    batch, rule, kpi, resource = watched.batch, watched.rule(entry), watched.kpi(entry), watched.resource(entry)
    return Event(
        id=f"{batch.collector}:{batch.sequence}:{rule.name}:{kpi}:{resource}",
        occurred_at=batch.at,
        resource=resource,
        alarm_type=rule.alarm_type,
        signal=signal,
        severity=rule.severity,
        text=text,
        source=EventSource.ANOMALY,
        device=batch.device,
        collector=batch.collector,
        sequence=batch.sequence,
        domain=domain,
        qualifier=kpi,
        rule=rule.name,
        condition=Condition.NONE,
        attributes=attributes,
    )


def _anomalies(watched: _Watched, verdict: Verdict, entries: Integers) -> AnomalyBatch:
    batch = watched.batch
    columns = (verdict.observed, verdict.expected, verdict.lower, verdict.upper, verdict.score)
    return AnomalyBatch(
        device=batch.device,
        at=batch.at,
        collector=batch.collector,
        sequence=batch.sequence,
        resources=tuple(watched.resource(entry) for entry in entries.tolist()),
        kpis=tuple(watched.kpi(entry) for entry in entries.tolist()),
        features=tuple(Feature(feature).name.lower() for feature in verdict.feature[entries].tolist()),
        numbers=packed([column[entries] for column in columns]),
    )


def standing_series(state: AnomalyState) -> Iterator[str]:
    """The series whose alarm stands, as ``kpi|resource``."""
    names = state.names
    return (names[row] for row in np.flatnonzero(state.standing["raised"]).tolist())
