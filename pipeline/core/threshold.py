"""Thresholds on KPIs, with hysteresis and hold -> events. A value that does not count changes nothing."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.core.column import Flags, Floats
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.core.kpi import KpiBatch
from pipeline.core.resource import ResourceId, name_of


@dataclass(frozen=True, slots=True)
class Threshold:
    """Raise ``alarm_type`` when ``kpi`` was at or past ``raise_at`` for ``hold_samples`` good samples in a row, clear it likewise.

    ``raise_at`` above ``clear_at`` guards against too much, below it against too little. Between the two nothing changes. Both are in the
    unit of the KPI. The alarm's qualifier is the KPI, so that both directions of an interface have alarms of their own.
    """

    name: str
    kpi: str
    raise_at: float
    clear_at: float
    hold_samples: int
    severity: Severity
    alarm_type: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one resource stands: whether its alarm is raised, and how many samples in a row have asked for the other."""

    raised: bool = False
    run: int = 0


ThresholdState = dict[str, Standing]
"""Standings by ``threshold|resource``; what is at rest is left out."""

_REST = Standing()


def apply(
    state: Mapping[str, Standing], batch: KpiBatch, thresholds: Iterable[Threshold], domain: str = "default"
) -> tuple[ThresholdState, tuple[Event, ...]]:
    """Fold one batch: the new state and the events of what was crossed.

    A batch that was folded already must not come again: polls not newer than the last are the caller's to leave out. Only rows that are
    past the raising bound, or do not stand at rest, are looked at one by one.
    """
    after = dict(state)
    events: list[Event] = []
    for threshold in thresholds:
        if threshold.kpi not in batch.columns:
            continue
        values = batch.good(threshold.kpi)
        standing = _standing(after, threshold, batch) if after else ()
        for row in sorted({*np.flatnonzero(_past(values, threshold.raise_at, threshold)).tolist(), *standing}):
            resource, value = batch.resources[row], float(values[row])
            if math.isnan(value):
                continue
            key = _key(threshold, resource)
            before = after.pop(key, _REST)
            now = _advance(before, threshold, value)
            if now != _REST:
                after[key] = now
            if now.raised != before.raised:
                events.append(_event(batch, threshold, resource, value, domain, raised=now.raised))
    return after, tuple(events)


def _key(threshold: Threshold, resource: ResourceId) -> str:
    return f"{threshold.name}|{resource}"


def _standing(state: Mapping[str, Standing], threshold: Threshold, batch: KpiBatch) -> list[int]:
    """The rows of a batch that do not stand at rest."""
    prefix = f"{threshold.name}|"
    if not any(key.startswith(prefix) for key in state):
        return []
    return [row for row, resource in enumerate(batch.resources) if f"{prefix}{resource}" in state]


def _advance(before: Standing, threshold: Threshold, value: float) -> Standing:
    asks = _is_past(value, threshold.clear_at, threshold) if before.raised else _is_past(value, threshold.raise_at, threshold)
    wants_change = asks != before.raised
    if not wants_change:
        return Standing(before.raised)
    run = before.run + 1
    return Standing(not before.raised) if run >= threshold.hold_samples else Standing(before.raised, run)


def _is_past(value: float, bound: float, threshold: Threshold) -> bool:
    return bool(_past(np.array([value]), bound, threshold)[0])


def _past(values: Floats, bound: float, threshold: Threshold) -> Flags:
    """Whether values are on the bad side: at the raising bound already, at the clearing bound no longer. No value is on neither."""
    too_much = threshold.raise_at >= threshold.clear_at
    beyond: Flags = values > bound if too_much else values < bound
    return beyond | (values == bound) if bound == threshold.raise_at else beyond


def _event(batch: KpiBatch, threshold: Threshold, resource: ResourceId, value: float, domain: str, *, raised: bool) -> Event:
    bound = threshold.raise_at if raised else threshold.clear_at
    verdict = "reached" if raised else "is back from"
    held = f", {threshold.hold_samples} samples in a row" if threshold.hold_samples > 1 else ""
    return Event(
        id=f"{batch.collector}:{batch.sequence}:{threshold.name}:{resource}",
        occurred_at=batch.at,
        resource=resource,
        alarm_type=threshold.alarm_type,
        signal=Signal.RAISE if raised else Signal.CLEAR,
        severity=threshold.severity,
        text=f"{threshold.kpi} of {name_of(resource)} {verdict} {bound:g}: {value:.4g}{held}",
        source=EventSource.THRESHOLD,
        device=batch.device,
        collector=batch.collector,
        sequence=batch.sequence,
        domain=domain,
        qualifier=threshold.kpi,
        rule=threshold.name,
        attributes={"kpi": threshold.kpi, "value": f"{value:.6g}", "bound": f"{bound:g}"},
    )
