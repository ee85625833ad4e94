"""Anomalies as people ask for them: which stood when, and why: the series around one, what was expected of it, and what else was odd.

The expected range of a series is that of the streaming detector, run again over the days before; that of an element's features is its
model's. Values are JSON-ready, times UTC nanoseconds. Methods raise ``OSError`` when the history does not answer.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

from pipeline.config.settings import Settings
from pipeline.core.anomaly import DEFAULT, Feature, Limits, Verdict, advance
from pipeline.core.anomaly_alarm import explained
from pipeline.core.anomaly_state import SeriesState
from pipeline.core.oddness import NAMED, QUALIFIER, Outstanding, one_in, outstanding
from pipeline.core.resource import ResourceId, device_of, name_of
from pipeline.core.vector import Readings
from pipeline.core.wording import duration
from pipeline.detectors.model import FEATURE_NAMES, ElementModel
from pipeline.detectors.shelf import ModelError, Shelf, model_name
from pipeline.inventory.present import PresentInventory
from pipeline.store.anomaly import AnomalyQueries
from pipeline.store.element import ElementHistory
from pipeline.training import shelf_of

Json = dict[str, Any]

_S = 10**9
_MINUTE_NS = 60 * _S
_HOUR_NS = 60 * _MINUTE_NS
LEARN_NS = 7 * 24 * _HOUR_NS
"""How long a series is run through the detector before what is shown: as much as its level and its daily pattern need."""
AROUND_NS = 10 * _MINUTE_NS
"""Anomalies and alarms this near in time may have to do with one another."""
MOST_EVENTS = 20_000
_USUAL = 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """A series over time with what was expected of it: ``lower`` and ``upper`` bound what would have been usual; NaN is no value."""

    title: str
    kpi: str
    at: tuple[int, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something is an anomaly, or is none: ``facts`` are pairs of a word and a sentence, ``line`` is what to plot, ``mark`` when."""

    resource: str
    kpi: str
    at: int
    facts: tuple[tuple[str, str], ...]
    line: Line
    features: tuple[Json, ...] = ()
    also: tuple[Json, ...] = ()


class NotFoundError(LookupError):
    """There is nothing by that name; the text says what there is."""


class Anomalies:
    """Reads one installation's anomalies."""

    def __init__(self, settings: Settings) -> None:
        self._queries = AnomalyQueries.of(settings.history)
        self._elements = ElementHistory.of(settings.history)
        self._shelf: Shelf = shelf_of(settings)
        self._inventory = PresentInventory(settings)
        self._rare = settings.detectors.rare

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._queries.__exit__(kind, error, trace)
        self._elements.__exit__(kind, error, trace)

    # which

    def episodes(self, since: int, *, standing: bool = False, limit: int = 200) -> list[Json]:
        """From each raise to its clear: those that stand first, then the latest; only those that stand if ``standing``."""
        alarms = {(row["resource"], row["qualifier"]): row for row in self._queries.alarms()}
        found = paired(self._queries.events(since, MOST_EVENTS))
        known = {(each["resource"], each["kpi"]) for each in found}
        older = [each for key, each in alarms.items() if not each["is_cleared"] and key not in known]
        found += [_of_alarm(row) for row in older]
        for each in found:
            alarm = alarms.get((each["resource"], each["kpi"]))
            each["id"] = alarm["id"] if alarm else each["event"]
            each["severity"] = "warning" if alarm is None else _SEVERITY.get(alarm["severity"], "warning")
            if alarm is not None and alarm["is_cleared"] and not each["ended_at"]:
                each["ended_at"] = max(alarm["cleared_at"] or 0, each["raised_at"])  # cleared by a person, or before what was asked for
        kept = [each for each in found if not standing or not each["ended_at"]]
        return sorted(kept, key=lambda each: (bool(each["ended_at"]), -each["raised_at"]))[:limit]

    def find(self, beginning: str, at: int | None, now: int) -> tuple[str, str, int]:
        """Resource, indicator and time of the anomaly whose id begins so (the latest raise, or the one before ``at``)."""
        named = [each for each in self.episodes(0, limit=MOST_EVENTS) if each["id"].startswith(beginning) or each["event"] == beginning]
        if not named:
            raise NotFoundError(f"no anomaly's id begins with {beginning}; `assure anomalies ls` lists them")
        if len({each["id"] for each in named}) > 1:
            raise NotFoundError(f"several anomalies' ids begin with {beginning}; give more of it")
        until = now if at is None else at
        before = [each for each in named if each["raised_at"] <= until] or named
        latest = max(before, key=lambda each: each["raised_at"])
        return latest["resource"], latest["kpi"], at or latest["raised_at"]

    # why

    def explain(self, resource: str, kpi: str, at: int, hours: float, now: int) -> Explanation:
        """One series, or an element as a whole (indicator ``kpi-vector``), around a time. Raises :class:`NotFoundError`."""
        device = device_of(ResourceId(resource)) or name_of(ResourceId(resource))
        span = (at - int(hours * _HOUR_NS * 2 / 3), min(at + int(hours * _HOUR_NS / 3), now))
        if kpi == QUALIFIER:
            return self._explain_element(device, resource, at, span)
        points = self._queries.series(kpi, device, resource, span[0] - LEARN_NS, span[1] + _MINUTE_NS, now)
        if not any(span[0] <= when <= span[1] for when, _ in points):
            raise NotFoundError(self._no_series(device, resource, kpi, now))
        return self._explain_series(device, resource, kpi, at, span, points)

    def lines(self, resource: str, kpis: Sequence[str], starts_at: int, ends_at: int, now: int) -> list[Line]:
        """Series as they are, without what was expected: those named, or all that the resource has. Raises :class:`NotFoundError`."""
        device = device_of(ResourceId(resource)) or name_of(ResourceId(resource))
        named = list(kpis) or [row["kpi"] for row in self._queries.kpis_of(device, resource, starts_at - _HOUR_NS)]
        found = []
        for kpi in named:
            points = self._queries.series(kpi, device, resource, starts_at, ends_at, now)
            if points:
                at, values = zip(*points, strict=True)
                nothing = (np.nan,) * len(points)
                found.append(Line(f"{kpi} of {name_of(ResourceId(resource))}", kpi, at, values, nothing, nothing, nothing))
            elif kpis:
                raise NotFoundError(self._no_series(device, resource, kpi, now))
        if not found:
            raise NotFoundError(f"{resource} has no indicators at that time")
        return found

    def _no_series(self, device: str, resource: str, kpi: str, now: int) -> str:
        others = ", ".join(row["kpi"] for row in self._queries.kpis_of(device, resource, now - 14 * 24 * _HOUR_NS))
        here = f"{resource} has: {others}" if others else f"{resource} has no indicators of the last two weeks"
        return f"there is no {kpi} of {resource} at that time; {here}"

    def _explain_series(
        self, device: str, resource: str, kpi: str, at: int, span: tuple[int, int], points: Sequence[tuple[int, float]]
    ) -> Explanation:
        verdicts = replayed(points)
        line = _line(f"{kpi} of {name_of(ResourceId(resource))}", kpi, points, verdicts, span)
        place = max(bisect_right([when for when, _ in points], at + _S) - 1, 0)
        near = self._queries.anomalies(device, at - AROUND_NS, at + AROUND_NS)
        own = [row for row in near if row["resource"] == resource and row["kpi"] == kpi]
        facts = list(_told_then(own, kpi, resource)) or list(_told_now(verdicts[place], points[place], kpi, resource))
        facts.append(("how rare", _rarity(points, place)))
        also = self._also(device, at, near, skip=(resource, kpi))
        return Explanation(resource, kpi, points[place][0], (*facts, *_also_told(also)), line, also=also)

    def _explain_element(self, device: str, resource: str, at: int, span: tuple[int, int]) -> Explanation:
        known = self._inventory.current().devices.get(device)
        name = model_name(known.role if known else "")
        version = self._shelf.running(name)
        if not version:
            raise NotFoundError(
                f"no model of class {name} runs, so {device} cannot be judged as a whole; `assure anomalies train` makes one"
            )
        try:
            model = self._shelf.load(name, version)
        except ModelError as error:
            raise NotFoundError(str(error)) from error
        [read] = self._elements.readings([device], span[0], span[1] + _MINUTE_NS, 1)
        if not len(read.at):
            raise NotFoundError(f"{device} has no indicators at that time")
        return self._explain_vector(model, f"{name}/{version}", read, resource, at)

    def _explain_vector(self, model: ElementModel, version: str, read: Readings, resource: str, at: int) -> Explanation:
        found = model.judge(read.values, [read.device] * len(read.at), read.at)
        place = int(np.argmin(np.abs(read.at - at)))
        if not found.known[place]:
            raise NotFoundError(f"{read.device} is not in model {version}: it had no history when that was trained")
        features = outstanding(read.values[place], found.centre[place], found.spread[place], found.distances[place])
        first = features[0]
        column = FEATURE_NAMES.index(first.feature.name)
        line = Line(
            f"{first.feature.about} of {read.device}",
            first.feature.kpi,
            tuple(map(int, read.at)),
            tuple(map(float, read.values[:, column])),
            tuple(map(float, found.centre[:, column])),
            tuple(map(float, found.centre[:, column] - _USUAL * found.spread[:, column])),
            tuple(map(float, found.centre[:, column] + _USUAL * found.spread[:, column])),
        )
        rarity = float(found.rarity[place])
        verdict = "odd" if rarity <= self._rare else "ordinary"
        facts = [
            ("judged", f"{verdict}: {one_in(rarity)} of the vectors known is as odd; at most {one_in(self._rare)} is told as an anomaly"),
            ("model", version),
            *(("" if number else "stands out", _stands_out(each)) for number, each in enumerate(features[:NAMED])),
        ]
        near = self._queries.anomalies(read.device, at - AROUND_NS, at + AROUND_NS)
        also = self._also(read.device, at, [row for row in near if row["source"] != "forest"], skip=(resource, QUALIFIER))
        all_features = tuple(_feature(each) for each in features)
        return Explanation(resource, QUALIFIER, int(read.at[place]), (*facts, *_also_told(also)), line, all_features, also)

    def _also(self, device: str, at: int, near: Iterable[Mapping[str, Any]], skip: tuple[str, str]) -> tuple[Json, ...]:
        """What else was odd on the element: told anomalies, series outside of their week, alarms; each once."""
        found: dict[tuple[str, str], Json] = {}
        for row in near:
            key = (row["resource"], row["kpi"])
            text = f"{row['observed']:.4g}, expected {row['expected']:.4g}" if row["observed"] is not None else row["feature"]
            found.setdefault(key, {"resource": row["resource"], "kpi": row["kpi"], "what": f"anomaly: {text}"})
        for row in self._queries.odd(device, at):
            key = (row["resource"], row["kpi"])
            text = f"{row['value']:.4g}; {row['low']:.4g} to {row['high']:.4g} in the week before"
            found.setdefault(key, {"resource": row["resource"], "kpi": row["kpi"], "what": text})
        for row in self._queries.alarms_of(device, at - AROUND_NS, at + AROUND_NS):
            key = (row["resource"], row["qualifier"] if row["alarm_type"] == "anomaly" else row["alarm_type"])
            found.setdefault(key, {"resource": row["resource"], "kpi": key[1], "what": f"alarm {row['alarm_type']}: {row['text']}"})
        found.pop(skip, None)
        return tuple(found.values())


_SEVERITY = {2: "indeterminate", 3: "warning", 4: "minor", 5: "major", 6: "critical"}


def paired(events: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Events in order of time -> episodes; a raise while one stands is part of it."""
    standing: dict[tuple[str, str], Json] = {}
    found: list[Json] = []
    for event in events:
        key = (event["resource"], event["qualifier"])
        if event["signal"] == "clear":
            if key in standing:
                standing.pop(key)["ended_at"] = event["occurred_at"]
        elif key not in standing:
            episode = {
                "event": event["id"],
                "resource": event["resource"],
                "device": event["device"],
                "kpi": event["qualifier"],
                "raised_at": event["occurred_at"],
                "ended_at": 0,
                "text": event["text"],
                "by": event["rule"],
                "attributes": dict(event["attributes"]),
            }
            standing[key] = episode
            found.append(episode)
    return found


def _of_alarm(row: Mapping[str, Any]) -> Json:
    """An alarm that stands since before what was asked for."""
    device = device_of(ResourceId(row["resource"])) or ""
    plain = {"event": "", "text": "", "by": "", "attributes": {}, "ended_at": 0, "device": device}
    return {**plain, "resource": row["resource"], "kpi": row["qualifier"], "raised_at": row["last_raised_at"]}


def replayed(points: Sequence[tuple[int, float]]) -> list[Verdict]:
    """What the streaming detector says of each value of a series, with the expected range of every one."""
    state = SeriesState.empty(1, DEFAULT.drift_samples, DEFAULT.ramp_samples)
    rows = np.zeros(1, np.int64)
    return [advance(state, rows, np.array([value]), at // _S, Limits(), with_range=True) for at, value in points]


def _line(title: str, kpi: str, points: Sequence[tuple[int, float]], verdicts: Sequence[Verdict], span: tuple[int, int]) -> Line:
    shown = [(at, value, verdict) for (at, value), verdict in zip(points, verdicts, strict=True) if span[0] <= at <= span[1] + _S]
    return Line(
        title,
        kpi,
        tuple(at for at, _, _ in shown),
        tuple(value for _, value, _ in shown),
        tuple(float(verdict.expected[0]) for _, _, verdict in shown),
        tuple(float(verdict.lower[0]) for _, _, verdict in shown),
        tuple(float(verdict.upper[0]) for _, _, verdict in shown),
    )


def _told_then(own: Sequence[Mapping[str, Any]], kpi: str, resource: str) -> Iterable[tuple[str, str]]:
    """What the detector told at the time, as the history has it."""
    for row in own[-1:]:
        numbers = [np.nan if row[name] is None else float(row[name]) for name in ("observed", "expected", "lower", "upper")]
        what = f"{kpi} of {name_of(ResourceId(resource))}"
        if row["source"] == "detector" and row["feature"].upper() in Feature.__members__:
            yield "odd", explained(what, Feature[row["feature"].upper()], numbers[0], numbers[1], numbers[2], numbers[3])
        else:
            yield "odd", f"{what} is {numbers[0]:.4g}; {numbers[1]:.4g} was expected"
        yield "score", f"{row['score']:.2f} decades of rarity" if row["source"] == "detector" else f"{row['score']:.3f} by {row['model']}"


def _told_now(verdict: Verdict, point: tuple[int, float], kpi: str, resource: str) -> Iterable[tuple[str, str]]:
    """What the detector says of it now; nothing was told at the time."""
    observed, expected, lower, upper = point[1], float(verdict.expected[0]), float(verdict.lower[0]), float(verdict.upper[0])
    what = f"{kpi} of {name_of(ResourceId(resource))}"
    yield "not told", "no anomaly was told of it then; this is what the detector says of it now"
    yield "observed", f"{what} is {observed:.4g}"
    if np.isfinite(lower) or np.isfinite(upper):
        low, high = (f"{each:.4g}" if np.isfinite(each) else "anything" for each in (lower, upper))
        yield "expected", f"{expected:.4g}; {low} to {high} is usual"


def _rarity(points: Sequence[tuple[int, float]], place: int) -> str:
    """How many values before were as far from the middle, on the same side."""
    values = np.array([value for _, value in points[: place + 1]])
    before, now = values[:-1], values[-1]
    if not len(before):
        return "nothing is known from before"
    middle = float(np.median(before))
    as_far = int(np.sum(before >= now)) if now >= middle else int(np.sum(before <= now))
    past = duration(points[place][0] - points[0][0])
    side = "high" if now >= middle else "low"
    return f"{as_far or 'none'} of the {len(before):,} values of the {past} before {'was' if as_far in {0, 1} else 'were'} as {side}"


def _stands_out(each: Outstanding) -> str:
    return f"{each.text}, {abs(each.distance):.1f} spreads {'above' if each.distance > 0 else 'below'}"


def _feature(each: Outstanding) -> Json:
    return {
        "feature": each.feature.name,
        "kpi": each.feature.kpi,
        "observed": each.observed,
        "usual": each.usual,
        "spread": each.spread,
        "distance": each.distance,
    }


def _also_told(also: Sequence[Json]) -> Iterable[tuple[str, str]]:
    if not also:
        yield "else", "nothing else was odd on the element within ten minutes"
    for number, row in enumerate(also):
        yield "" if number else "also odd", f"{row['kpi']} of {name_of(ResourceId(row['resource']))}: {row['what']}"
