"""Anomaly: CPU microseconds that the detector takes for a sample, by how many series advance together, and what it remembers of each.

The series are a day's and a night's traffic with noise and spikes; each figure is the median of several runs after a warm-up, so that the
histograms are filled. ``apply`` is the whole way from a poll's KPIs to events and rows for the store.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pipeline.core.anomaly import DEFAULT, Limits, advance
from pipeline.core.anomaly_alarm import AnomalyState, apply
from pipeline.core.anomaly_rule import AnomalyRule, Watching
from pipeline.core.anomaly_state import SeriesState
from pipeline.core.kpi import KpiBatch, packed
from pipeline.core.resource import ResourceId
from tests.bench.bar import Bar, middle

Array = np.ndarray[Any, Any]
BATCHES = (1, 32, 500, 5_000)
DEVICE = 500
GOAL_US = 10.0
EVERY_S = 60
BEGINS_AT = 1_735_689_600
WARM_SAMPLES = 150
RUNS = 5
DAY_S = 86_400


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar: a device's poll of 500 series; the other batch sizes beside it."""
    parser = argparse.ArgumentParser(prog="anomaly-cost")
    parser.add_argument("--samples", type=int, default=100_000, help="samples measured in each run")
    options = parser.parse_args(arguments)
    costs = {series: _detector_us(series, options.samples) for series in BATCHES}
    state = SeriesState.empty(1, DEFAULT.drift_samples, DEFAULT.ramp_samples)
    others = {f"batch-{series}-us": cost for series, cost in costs.items() if series != DEVICE}
    against: dict[str, float | str] = {"bar": GOAL_US, **others, "apply-us": _apply_us(options.samples)}
    return (Bar("anomaly-cost", costs[DEVICE], "us/sample", {**against, "state-bytes": state.bytes_per_series}),)


def traffic(series: int, step: int, dice: np.random.Generator) -> Array:
    """Shares of capacity at one time: a daily swing with noise, now and then a spike."""
    day = np.sin(2 * np.pi * (step * EVERY_S % DAY_S) / DAY_S)
    values: Array = 0.4 + 0.2 * day + dice.normal(0, 0.02, series) + 0.4 * (dice.random(series) < 1e-3)
    return values


def _detector_us(series: int, samples: int) -> float:
    state = SeriesState.empty(series, DEFAULT.drift_samples, DEFAULT.ramp_samples)
    rows, limits = np.arange(series), Limits(np.zeros(series), np.ones(series))

    def step(place: int, values: Array) -> None:
        advance(state, rows, values, BEGINS_AT + EVERY_S * place, limits)

    return _us(series, samples, step)


def _apply_us(samples: int) -> float:
    """The same with a batch of KPIs around it, two KPIs of half as many interfaces."""
    state, watching = AnomalyState(), Watching((AnomalyRule("traffic", ("*_utilisation",), low=0.0, high=1.0),))
    resources = tuple(ResourceId(f"interface/pe1/ge-{port}") for port in range(DEVICE // 2))
    good = np.zeros(len(resources), np.uint8)

    def step(place: int, values: Array) -> None:
        columns = {"in_utilisation": (values[: len(resources)], good), "out_utilisation": (values[len(resources) :], good)}
        apply(state, KpiBatch("pe1", (BEGINS_AT + EVERY_S * place) * 10**9, "poll", place, resources, *packed(columns)), watching)

    return _us(DEVICE, samples, step)


def _us(series: int, samples: int, step: Callable[[int, Array], None]) -> float:
    """The median CPU time of a sample, microseconds."""
    dice = np.random.default_rng(1)
    for place in range(WARM_SAMPLES):
        step(place, traffic(series, place, dice))
    steps = max(10, samples // series // RUNS)
    spent = []
    for run in range(RUNS):
        first = WARM_SAMPLES + run * steps
        values = [traffic(series, first + place, dice) for place in range(steps)]
        began = time.process_time()
        for place, each in enumerate(values):
            step(first + place, each)
        spent.append(1e6 * (time.process_time() - began) / steps / series)
    return middle(spent)
