"""Training: history in, a model that must beat the running one out. Memory is bounded by how much is kept, not by how much there is."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version as version_of

import numpy as np
from numpy.typing import NDArray

from pipeline.core.baseline import Baseline, learn
from pipeline.core.vector import FEATURES, WIDTH, Seen
from pipeline.detectors.evaluation import HeldOut, Tampered, evaluate, tamper
from pipeline.detectors.history import HistoryPort
from pipeline.detectors.model import FEATURE_NAMES, ElementModel, Parameters, fit
from pipeline.detectors.shelf import Manifest, ModelError, Shelf

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HELD_SHARE = 0.2
"""The latest part of the window, which is held out: no model is trained on it, both are judged by it."""
LEAST_ROWS = 1_000
VECTORS_OF_ONE = 3_000
"""Vectors that are read of one element, spread over its window: more would tell its medians no better."""
FIT_ROWS = 100_000
HELD_ROWS = 40_000
INJECTION_SEED = 20_261
_LEAST = np.array([feature.least for feature in FEATURES])
_MINUTE_NS = 60 * 10**9
_HOUR_NS = 60 * _MINUTE_NS
_DAY_NS = 24 * _HOUR_NS


class Outcome(StrEnum):
    """What became of a training."""

    FIRST = "first"
    """None ran that could be used, so it runs."""
    BETTER = "better"
    """It beat the running one, and runs."""
    NOT_BETTER = "not-better"
    """It did not; the running one goes on."""
    TOO_LITTLE_HISTORY = "too-little-history"


@dataclass(frozen=True, slots=True)
class Training:
    """What was asked for: ``days`` of history until ``now`` (UTC nanoseconds), of which there must be ``least_days``."""

    now: int
    days: int = 14
    least_days: float = 3.0
    parameters: Parameters = field(default_factory=Parameters)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it; ``manifest`` is missing when there was too little history. ``told`` is one sentence."""

    name: str
    outcome: Outcome
    told: str
    manifest: Manifest | None = None

    @property
    def runs(self) -> bool:
        """Whether the new model runs now."""
        return self.outcome in {Outcome.FIRST, Outcome.BETTER}


def train(history: HistoryPort, shelf: Shelf, name: str, devices: Sequence[str], asked: Training) -> Trained:
    """Train the model of one class of elements, judge it beside the running one, and let the better of the two run.

    Raises ``OSError`` when the history does not answer.
    """
    ends_at = asked.now // _HOUR_NS * _HOUR_NS
    seen = {each: found for each, found in history.seen(ends_at - asked.days * _DAY_NS, ends_at).items() if each in set(devices)}
    too_little = _why_too_little(name, seen, asked)
    if too_little:
        return Trained(name, Outcome.TOO_LITTLE_HISTORY, too_little)
    starts_at = max(ends_at - asked.days * _DAY_NS, min(each.first_at for each in seen.values()))
    held_from = int(starts_at + (ends_at - starts_at) * (1 - HELD_SHARE)) // _MINUTE_NS * _MINUTE_NS
    gathered = _gather(history, sorted(seen), (starts_at, held_from, ends_at), max(each.minutes for each in seen.values()), asked)
    if len(gathered.distances) < LEAST_ROWS or not len(gathered.held.rows):
        rows = f"{len(gathered.distances)} vectors to train on and {len(gathered.held.rows)} to judge by"
        return Trained(name, Outcome.TOO_LITTLE_HISTORY, f"{name}: only {rows}; {LEAST_ROWS} are wanted. The running model stays.")
    candidate = fit(gathered.baseline, gathered.distances, asked.parameters)
    held = gathered.held
    candidate = candidate.calibrated(gathered.baseline.distances(held.values, held.rows, held.at))
    tampered = tamper(held, _LEAST, INJECTION_SEED)
    manifest = Manifest(
        name=name,
        version=datetime.fromtimestamp(asked.now / 1e9, UTC).strftime("%Y%m%dT%H%M%SZ"),
        trained_at=asked.now,
        starts_at=starts_at,
        held_from=held_from,
        ends_at=ends_at,
        devices=len(gathered.baseline.devices),
        rows=len(gathered.distances),
        held_rows=len(held.rows),
        data_hash=gathered.data_hash,
        features=FEATURE_NAMES,
        parameters=asdict(asked.parameters),
        evaluation=evaluate(candidate, tampered),
        libraries={library: version_of(library) for library in ("scikit-learn", "numpy")},
    )
    return _decide(shelf, manifest, candidate, tampered)


def _why_too_little(name: str, seen: dict[str, Seen], asked: Training) -> str:
    """Why there is not enough history, empty when there is."""
    stays = "The running model stays."
    if not seen:
        return f"{name}: no element of it has indicators of the last {asked.days} days. {stays}"
    days = (max(each.last_at for each in seen.values()) - min(each.first_at for each in seen.values())) / _DAY_NS
    if days < asked.least_days:
        return f"{name}: its indicators go back {days:.1f} days, {asked.least_days:g} are wanted. {stays}"
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    baseline: Baseline
    distances: Floats
    held: HeldOut
    data_hash: str


def _gather(history: HistoryPort, devices: Sequence[str], times: tuple[int, int, int], minutes: int, asked: Training) -> _Gathered:
    """Read element after element: keep what is usual for it, and a share of its distances and of its vectors held out."""
    random = np.random.default_rng(asked.parameters.seed)
    digest, names = hashlib.sha256(), list[str]()
    centres, spreads, distances = list[Floats](), list[Floats](), list[Floats]()
    held = list[tuple[Integers, Floats]]()
    for readings in history.readings(devices, times[0], times[2], max(1, minutes // VECTORS_OF_ONE)):
        digest.update(readings.device.encode() + readings.at.tobytes() + readings.values.tobytes())
        early = readings.at < times[1]
        centre, spread = (_as_kept(part) for part in learn(readings.values[early], readings.at[early], _LEAST))
        own = Baseline((readings.device,), centre[None], spread[None])
        names.append(readings.device)
        centres.append(centre)
        spreads.append(spread)
        kept = _some(np.flatnonzero(early), FIT_ROWS // len(devices), random)
        distances.append(own.distances(readings.values[kept], np.zeros(len(kept), np.int64), readings.at[kept]).astype(np.float32))
        late = _some(np.flatnonzero(~early), HELD_ROWS // len(devices), random)
        held.append((readings.at[late], readings.values[late]))
    baseline = Baseline(tuple(names), np.array(centres).reshape(len(names), -1, WIDTH), np.array(spreads).reshape(len(names), WIDTH))
    return _Gathered(
        baseline,
        np.concatenate([np.empty((0, WIDTH)), *distances]),
        HeldOut(
            tuple(names),
            np.repeat(np.arange(len(names)), [len(at) for at, _ in held]),
            np.concatenate([np.empty(0, np.int64), *(at for at, _ in held)]),
            np.concatenate([np.empty((0, WIDTH)), *(values for _, values in held)]),
        ),
        digest.hexdigest(),
    )


def _as_kept(part: Floats) -> Floats:
    """In the precision that the model is written with, so that what is judged here is what will run."""
    return part.astype(np.float32).astype(float)


def _some(places: Integers, most: int, random: np.random.Generator) -> Integers:
    """At most so many of them (though one at least), in order."""
    most = max(most, 1)
    return places if len(places) <= most else np.sort(random.choice(places, most, replace=False))


def _decide(shelf: Shelf, manifest: Manifest, candidate: ElementModel, tampered: Tampered) -> Trained:
    """Keep the candidate, and let it run if it beats the running one on the same anomalies; ties keep the running one."""
    name, rival, refused = manifest.name, shelf.running(manifest.name), ""
    rival_evaluation: dict[str, float] = {}
    outcome = Outcome.FIRST
    if rival:
        try:
            rival_evaluation = evaluate(shelf.load(name, rival), tampered)
            outcome = Outcome.BETTER if manifest.score > rival_evaluation["all"] else Outcome.NOT_BETTER
        except ModelError as error:
            refused = str(error)
    manifest = shelf.put(replace(manifest, rival=rival, rival_evaluation=rival_evaluation, decision=outcome.value), candidate)
    if outcome is not Outcome.NOT_BETTER:
        shelf.use(name, manifest.version)
    return Trained(name, outcome, _told(manifest, refused), manifest)


def _told(manifest: Manifest, refused: str) -> str:
    own = f"{manifest.name}: {manifest.version} finds injected anomalies with average precision {manifest.score:.3f}"
    if refused:
        return f"{own}; it runs, since the one before cannot be used: {refused}"
    if not manifest.rival:
        return f"{own}; it runs, being the first."
    verdict = f"the running {manifest.rival} with {manifest.rival_evaluation['all']:.3f}"
    return f"{own}, {verdict}: {'it runs now.' if manifest.decision == Outcome.BETTER else 'the running one stays.'}"
