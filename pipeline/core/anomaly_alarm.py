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
from pipeline.core.wording import duration

VERSION = 1
"""Of the standings and the form around them; the series have one of their own."""

NANOSECONDS = 1_000_000_000
_HEADER = struct.Struct("<4sHIII")
_MAGIC = b"watc"
_STANDING = np.dtype([("raised_at", "<i8"), ("below", "<f4"), ("above", "<f4"), ("good", "<u2"), ("by_drift", "u1"), ("raised", "u1")])
_MOST_LAYOUTS = 64
_MOST_GOOD = 65_535
_THRESHOLDS_FOR_S = 300.0
_DECADES_A_TENFOLD = 0.6
_MOST_FOR_RATE = 1.0


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

    def begin(self, batches: Sequence[KpiBatch], watching: Watching) -> None:
        """Add the watched series of some batches that have their first good value here."""
        new: list[str] = []
        for batch in batches:
            kpis = tuple(kpi for kpi in batch.columns if watching.rule_of(kpi) is not None)
            unknown = self.rows(kpis, batch.resources) < 0
            if unknown.any():
                present = np.concatenate([np.isfinite(batch.good(kpi)) for kpi in kpis])
                names = [f"{kpi}|{resource}" for kpi in kpis for resource in batch.resources]
                new += [names[place] for place in np.flatnonzero(unknown & present).tolist()]
        self._add(new)

    def rows(self, kpis: tuple[str, ...], resources: tuple[ResourceId, ...]) -> Integers:
        """The row of each series, KPI after KPI; -1 where it has not begun."""
        layout = (kpis, resources)
        rows = self._layouts.get(layout)
        if rows is None:
            rows = np.array([self._row_of.get(f"{kpi}|{resource}", -1) for kpi in kpis for resource in resources], np.int64)
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
class _Column:
    """One watched KPI of a batch; ``speeds`` are those of the batch's resources."""

    batch: KpiBatch
    kpi: str
    rule: AnomalyRule
    speeds: Floats | None


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is watched of some batches: one entry for each series with a good value, column after column.

    ``column`` is each entry's column, ``place`` its resource's place in the batch, ``rows`` its series in the state.
    """

    columns: tuple[_Column, ...]
    column: Integers
    place: Integers
    rows: Integers
    values: Floats

    def of(self, entry: int) -> tuple[_Column, ResourceId]:
        """An entry's column and resource."""
        column = self.columns[int(self.column[entry])]
        return column, column.batch.resources[int(self.place[entry])]

    def each(self, values: Sequence[float]) -> Floats:
        """A number of each column, for each entry."""
        found: Floats = np.array(values, np.float64)[self.column]
        return found

    def counts(self, values: Sequence[int]) -> Integers:
        """The same for whole numbers."""
        found: Integers = np.array(values, np.int64)[self.column]
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
    """Judge one batch as :func:`apply_all` does."""
    events, anomalies = apply_all(state, (batch,), watching, domain, speeds=(speeds,), tuning=tuning)
    return events, anomalies[0] if anomalies else None


def apply_all(
    state: AnomalyState,
    batches: Sequence[KpiBatch],
    watching: Watching,
    domain: str = "default",
    *,
    speeds: Sequence[Floats | None] = (),
    tuning: Tuning = DEFAULT,
) -> tuple[tuple[Event, ...], tuple[AnomalyBatch, ...]]:
    """Judge the batches of one poll of one device in one step, changing ``state`` in place.

    Gives the events of what was raised or cleared, and every anomaly for the store. Values that are not good are left out: they neither
    teach nor alarm nor clear. ``speeds`` are for each batch those of its resources in bits a second, NaN where unknown. No series may be in
    two batches, and what was applied already must not come again: polls not newer than the last are the caller's to leave out.
    """
    watched = _watched(state, batches, watching, speeds)
    if watched is None:
        return (), ()
    limits = _limits(state, watched)
    at = watched.counts([column.batch.at // NANOSECONDS for column in watched.columns])
    verdict = advance(state.series, watched.rows, watched.values, at, limits, tuning=tuning)
    told = verdict.score >= limits.threshold
    raised, cleared = _stand(state.standing, watched, verdict, told)
    events = [_raised(watched, entry, verdict, tuning, domain) for entry in np.flatnonzero(raised).tolist()]
    events += [_cleared(watched, entry, since, verdict, domain) for entry, since in cleared]
    return tuple(events), _anomalies(watched, verdict, np.flatnonzero(told))


def _watched(state: AnomalyState, batches: Sequence[KpiBatch], watching: Watching, speeds: Sequence[Floats | None]) -> _Watched | None:
    columns: list[_Column] = []
    places: list[Integers] = []
    rows: list[Integers] = []
    values: list[Floats] = []
    state.begin(batches, watching)
    for number, batch in enumerate(batches):
        kpis = tuple(kpi for kpi in batch.columns if watching.rule_of(kpi) is not None)
        if not kpis or not batch.resources:
            continue
        known = state.rows(kpis, batch.resources).reshape(len(kpis), -1)
        for kpi, row in zip(kpis, known, strict=True):
            rule = watching.rule_of(kpi)
            assert rule is not None
            good = batch.good(kpi)
            present = np.flatnonzero(np.isfinite(good))
            columns.append(_Column(batch, kpi, rule, speeds[number] if speeds else None))
            places.append(present)
            rows.append(row[present])
            values.append(good[present])
    if not any(map(len, places)):
        return None
    column = np.repeat(np.arange(len(columns)), [len(each) for each in places])
    return _Watched(tuple(columns), column, np.concatenate(places), np.concatenate(rows), np.concatenate(values))


def _limits(state: AnomalyState, watched: _Watched) -> Limits:
    rules, nan = [column.rule for column in watched.columns], float("nan")
    high = watched.each([nan if rule.high is None else rule.high for rule in rules])
    for number, (rule, column) in enumerate(zip(rules, watched.columns, strict=True)):
        if rule.high_is_speed and column.speeds is not None:
            mine = watched.column == number
            speeds = column.speeds[watched.place[mine]]
            high[mine] = np.where(speeds > 0, speeds, nan)
    return Limits(
        watched.each([nan if rule.low is None else rule.low for rule in rules]),
        high,
        watched.each([rule.min_change for rule in rules]),
        watched.each([rule.threshold for rule in rules]) + _for_rate(state.series.records["every_s"][watched.rows]),
        watched.counts([rule.grace_samples for rule in rules]),
    )


def _for_rate(every_s: Floats) -> Floats:
    """What is added to the threshold of series that are polled more often than every five minutes, or taken off for less often.

    They have more chances in a day to be odd by accident and come to a long history sooner: without it, every tenfold of polls would bring
    several times as many false anomalies a week.
    """
    ratio = _THRESHOLDS_FOR_S / np.where(every_s > 0, every_s, _THRESHOLDS_FOR_S).astype(np.float64)
    added: Floats = np.clip(_DECADES_A_TENFOLD * np.log10(ratio), -_MOST_FOR_RATE, _MOST_FOR_RATE)
    return added


def _stand(standing: Records, watched: _Watched, verdict: Verdict, told: Any) -> tuple[Any, list[tuple[int, int]]]:
    """Advance the standings: which entries are raised now, and which are cleared, with when they were raised."""
    rows = watched.rows
    stood = standing["raised"][rows] > 0
    raised = told & ~stood
    cleared = _count_good(standing, watched, verdict, np.flatnonzero(stood)) if stood.any() else []
    if raised.any():
        of = rows[raised]
        standing["raised"][of], standing["raised_at"][of], standing["good"][of] = 1, _at(watched)[raised], 0
        standing["by_drift"][of] = verdict.feature[raised] == int(Feature.DRIFT)
        expected = verdict.expected[raised]
        standing["below"][of], standing["above"][of] = verdict.lower[raised] - expected, verdict.upper[raised] - expected
    return raised, cleared


def _at(watched: _Watched) -> Integers:
    return watched.counts([column.batch.at for column in watched.columns])


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
    over = good >= watched.counts([column.rule.clear_samples for column in watched.columns])[entries]
    since = standing["raised_at"][rows]
    standing["raised"][rows[over]] = 0
    return list(zip(entries[over].tolist(), since[over].tolist(), strict=True))


def _raised(watched: _Watched, entry: int, verdict: Verdict, tuning: Tuning, domain: str) -> Event:
    feature = Feature(int(verdict.feature[entry]))
    observed, expected, lower, upper = (float(each[entry]) for each in (verdict.observed, verdict.expected, verdict.lower, verdict.upper))
    lower, upper = watched.of(entry)[0].rule.possible(lower, upper)
    column, resource = watched.of(entry)
    attributes = {
        "kpi": column.kpi,
        "value": f"{watched.values[entry]:.6g}",
        "observed": f"{observed:.6g}",
        "expected": f"{expected:.6g}",
        **{name: f"{bound:.6g}" for name, bound in (("lower", lower), ("upper", upper)) if np.isfinite(bound)},
        "score": f"{verdict.score[entry]:.2f}",
        "feature": feature.name.lower(),
    }
    text = explained(f"{column.kpi} of {name_of(resource)}", feature, observed, expected, lower, upper, tuning)
    return _event(column, resource, Signal.RAISE, text, attributes, domain)


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
    column, resource = watched.of(entry)
    value = float(watched.values[entry])
    lasted = duration(column.batch.at - since)
    again = f"{column.kpi} of {name_of(resource)} is usual again: {value:.4g}"
    text = f"{again}, {column.rule.clear_samples} samples in a row; raised {lasted} ago"
    level = value - float(verdict.residual[entry, int(Feature.LEVEL)])
    attributes = {"kpi": column.kpi, "value": f"{value:.6g}", "expected": f"{level:.6g}"}
    return _event(column, resource, Signal.CLEAR, text, attributes, domain)


def _event(column: _Column, resource: ResourceId, signal: Signal, text: str, attributes: dict[str, str], domain: str) -> Event:
    batch, rule, kpi = column.batch, column.rule, column.kpi
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


def _anomalies(watched: _Watched, verdict: Verdict, entries: Integers) -> tuple[AnomalyBatch, ...]:
    """The anomalies of some entries, batch by batch."""
    of_batch: dict[int, list[int]] = {}
    for entry in entries.tolist():
        of_batch.setdefault(id(watched.of(entry)[0].batch), []).append(entry)
    return tuple(_anomaly_batch(watched, verdict, found) for found in of_batch.values())


def _anomaly_batch(watched: _Watched, verdict: Verdict, entries: list[int]) -> AnomalyBatch:
    rows = [watched.of(entry) for entry in entries]
    batch = rows[0][0].batch
    possible = [watched.of(entry)[0].rule.possible(float(verdict.lower[entry]), float(verdict.upper[entry])) for entry in entries]
    lower, upper = np.array(possible, np.float64).T
    columns = (verdict.observed[entries], verdict.expected[entries], lower, upper, verdict.score[entries])
    return AnomalyBatch(
        device=batch.device,
        at=batch.at,
        collector=batch.collector,
        sequence=batch.sequence,
        resources=tuple(resource for _, resource in rows),
        kpis=tuple(column.kpi for column, _ in rows),
        features=tuple(Feature(feature).name.lower() for feature in verdict.feature[entries].tolist()),
        numbers=packed(columns),
    )


def standing_series(state: AnomalyState) -> Iterator[str]:
    """The series whose alarm stands, as ``kpi|resource``."""
    names = state.names
    return (names[row] for row in np.flatnonzero(state.standing["raised"]).tolist())
