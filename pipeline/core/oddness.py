"""When an element is odd for long enough to say so: judged vectors -> events, with what stands out in them told in words.

Pure: the model that judges is elsewhere. The same vector always gives the same event, so a replay tells nothing twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.anomaly_batch import FOREST, AnomalyBatch, packed
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.core.resource import ResourceKind, resource_id
from pipeline.core.vector import FEATURES, Feature, Vector, told

ALARM_TYPE = "anomaly"
QUALIFIER = "kpi-vector"
"""The qualifier of the alarm: of the element as a whole. One series' anomaly has its KPI's name there."""

STANDS_OUT = 2.0
"""Spreads from where on a feature is odd enough to be named as such."""
NAMED = 4
_LEAST_NAMED = 2
_RAREST_TOLD = 1e-6
_USUAL = 3.0
"""Spreads within which a feature is usual."""


@dataclass(frozen=True, slots=True)
class OddRule:
    """Odd is what at most a share ``rare`` of ordinary vectors is; ``odd_samples`` in a row raise, ``normal_samples`` in a row clear."""

    rare: float = 0.001
    odd_samples: int = 5
    normal_samples: int = 5


@dataclass(frozen=True, slots=True)
class ElementStanding:
    """Where one element stands: its latest vector's time, how many in a row asked for the other state, and whether its alarm stands."""

    at: int = 0
    run: int = 0
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A feature beside what is usual for the element at that hour: ``distance`` is in spreads, its sign that of the direction."""

    feature: Feature
    observed: float
    usual: float
    spread: float
    distance: float

    @property
    def text(self) -> str:
        """``mean CPU 81 % (usually 34 %)``."""
        form = self.feature.form
        return f"{self.feature.about} {told(self.observed, form)} (usually {told(self.usual, form)})"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says of a vector; ``outstanding`` has its features, those farthest from usual first."""

    vector: Vector
    rarity: float
    model: str
    outstanding: tuple[Outstanding, ...]


def outstanding(
    values: Iterable[float], usual: Iterable[float], spread: Iterable[float], distances: Iterable[float]
) -> tuple[Outstanding, ...]:
    """A vector's features beside what is usual, farthest first; those without a value, or of which nothing is usual, are left out."""
    found = [
        Outstanding(feature, float(value), float(centre), float(width), float(distance))
        for feature, value, centre, width, distance in zip(FEATURES, values, usual, spread, distances, strict=True)
        if value == value and centre == centre  # noqa: PLR0124  # not NaN
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.distance)))


def fold(before: ElementStanding, judged: Judged, rule: OddRule) -> tuple[ElementStanding, Signal | None]:
    """Fold one vector; one that is not newer than the last changes nothing."""
    at = judged.vector.at
    if at <= before.at:
        return before, None
    odd = judged.rarity <= rule.rare
    if odd == before.raised:
        return ElementStanding(at, 0, before.raised), None
    run = before.run + 1
    if run < (rule.odd_samples if odd else rule.normal_samples):
        return ElementStanding(at, run, before.raised), None
    return ElementStanding(at, 0, odd), Signal.RAISE if odd else Signal.CLEAR


def event(judged: Judged, signal: Signal, domain: str, rule: OddRule) -> Event:
    """The event that raises or clears the element's alarm."""
    vector = judged.vector
    named = [each for each in judged.outstanding[:NAMED] if abs(each.distance) >= STANDS_OUT]
    text = (
        _raised(judged, named)
        if signal is Signal.RAISE
        else f"{vector.device} behaves as usual again, {rule.normal_samples} samples in a row"
    )
    return Event(
        id=f"{vector.collector}:{vector.sequence}:{QUALIFIER}:{vector.device}",
        occurred_at=vector.at,
        resource=resource_id(ResourceKind.DEVICE, vector.device),
        alarm_type=ALARM_TYPE,
        signal=signal,
        severity=Severity.WARNING,
        text=text,
        source=EventSource.ANOMALY,
        device=vector.device,
        collector=vector.collector,
        sequence=vector.sequence,
        domain=domain,
        qualifier=QUALIFIER,
        rule=judged.model,
        attributes={
            "rarity": one_in(judged.rarity),
            "model": judged.model,
            **{each.feature.name: _beside(each) for each in judged.outstanding[:NAMED]},
        },
    )


def anomalies(judged: Judged) -> AnomalyBatch:
    """What the store keeps of an odd vector: the features that stand out, one for each KPI, in its unit; usual is within 3 spreads."""
    by_kpi = {each.feature.kpi: each for each in reversed(judged.outstanding[:NAMED])}
    found = list(reversed(by_kpi.values()))
    usual, spread = np.array([each.usual for each in found]), np.array([each.spread for each in found])
    observed, score = np.array([each.observed for each in found]), np.full(len(found), -np.log10(judged.rarity))
    vector = judged.vector
    return AnomalyBatch(
        device=vector.device,
        at=vector.at,
        collector=vector.collector,
        sequence=vector.sequence,
        resources=(resource_id(ResourceKind.DEVICE, vector.device),) * len(found),
        kpis=tuple(each.feature.kpi for each in found),
        features=tuple(each.feature.aggregate.value for each in found),
        numbers=packed([observed, usual, usual - _USUAL * spread, usual + _USUAL * spread, score]),
        source=FOREST,
        model=judged.model,
    )


def one_in(rarity: float) -> str:
    """A share as ``1 in 5,000``, to two digits; what is less than one in a million is told as that."""
    if rarity < _RAREST_TOLD:
        return "less than 1 in 1,000,000"
    return f"1 in {int(float(f'{1 / rarity:.2g}')):,}"


def _raised(judged: Judged, named: Sequence[Outstanding]) -> str:
    rarity = f"{one_in(judged.rarity)} of the vectors known is as odd"
    if len(named) >= _LEAST_NAMED or (named and abs(named[0].distance) >= 2 * STANDS_OUT):
        return f"{judged.vector.device} is unlike itself: {', '.join(each.text for each in named)}; {rarity}"
    parts = ", ".join(each.text for each in judged.outstanding[:NAMED])
    return f"{judged.vector.device} is unlike itself, though none of it is odd alone: {parts}; {rarity}"


def _beside(each: Outstanding) -> str:
    form = each.feature.form
    low, high = each.usual - each.spread, each.usual + each.spread
    return f"{told(each.observed, form)}, usually {told(low, form)} to {told(high, form)}"
