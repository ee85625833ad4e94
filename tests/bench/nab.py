"""Anomaly: the streaming detector on the Numenta Anomaly Benchmark, causal and with a configured range, with held-out figures.

``make bench ONLY=nab NAB=<folder>`` with the benchmark's ``data`` and ``labels``; they are not part of this project. The series are
independent, so they are taken through the detector side by side, as a poll takes a device's.
"""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.core.anomaly import DEFAULT, Limits, Tuning, advance
from pipeline.core.anomaly_state import SeriesState
from tests.bench.bar import Bar
from tests.bench.nab_rule import PROFILES, Series, read_series, score

Array = np.ndarray[Any, Any]
CONSTANTS = Path(__file__).with_name("nab_constants.yaml")
GOALS = {False: 65.0, True: 72.0}
HELP = "pass the folder with the benchmark's data/ and labels/: make bench ONLY=nab NAB=<folder>"
PUBLISHED: dict[bool, dict[str, float]] = {
    False: {"CAD-OSE-without-range": 54.7, "Skyline": 58.2, "KNN-CAD": 58.0, "windowed-Gaussian": 39.7},
    True: {"ARTime": 74.9, "HTM": 70.1, "CAD-OSE": 69.9},
}
"""The standard profile's figures of the benchmark's scoreboard. It hands every detector the whole file's least and largest value; those
under True use them, the others do not."""


def bench(_arguments: Sequence[str]) -> Iterable[Bar]:
    """The two bars: without any look ahead, and with the file's least and largest value as the configured range."""
    folder = Path(os.environ.get("NAB", ""))
    if not os.environ.get("NAB") or not (folder / "labels" / "combined_windows.json").is_file():
        return (Bar("nab", float("nan"), "score", {HELP: ""}),)
    series = read_series(folder)
    constants = {name: tuning_of(values) for name, values in yaml.safe_load(CONSTANTS.read_text())["halves"].items()}
    return tuple(_bar(series, constants, with_range=with_range) for with_range in (False, True))


def tuning_of(values: dict[str, Any]) -> Tuning:
    """A constants set of the file beside this."""
    return Tuning(**{**values, "weights": tuple(values["weights"])})


def _bar(series: list[Series], constants: dict[str, Tuning], *, with_range: bool) -> Bar:
    name = "nab-range" if with_range else "nab"
    began = time.process_time()
    found = detect(series, DEFAULT, with_range=with_range)
    spent_us = 1e6 * (time.process_time() - began) / sum(len(each.at) for each in series)
    scores = {profile: score(series, found, costs) for profile, costs in PROFILES.items()}
    for profile, each in scores.items():
        print(f"{name}: {profile:8} {each.value:5.2f} at a threshold of {each.threshold:.3f} decades")
    held_out: dict[str, float | str] = {}
    pooled: list[Array] = [np.empty(0)] * len(series)
    for chosen_on, tuning in constants.items():
        places = [place for place in range(len(series)) if half_of(place) != chosen_on]
        half = [series[place] for place in places]
        unseen = detect(half, tuning, with_range=with_range)
        held_out[f"held-out, chosen on {chosen_on}"] = score(half, unseen, PROFILES["standard"]).value
        for place, each in zip(places, unseen, strict=True):
            pooled[place] = each
    both = score(series, pooled, PROFILES["standard"]).value
    goal = {"bar": GOALS[with_range], "held-out, all files": both}
    return Bar(name, scores["standard"].value, "score", {**goal, **held_out, "us-a-sample": spent_us, **PUBLISHED[with_range]})


def half_of(place: int) -> str:
    """The half that a file belongs to, by its place in the order of names."""
    return "odd" if place % 2 else "even"


def detect(series: Sequence[Series], tuning: Tuning, *, with_range: bool) -> list[Array]:
    """The detector's scores for each series, all advanced side by side."""
    state = SeriesState.empty(len(series), tuning.drift_samples, tuning.ramp_samples)
    order = np.array(sorted(range(len(series)), key=lambda place: -len(series[place].at)))
    lengths = np.array([len(series[place].at) for place in order])
    values, at = (np.zeros((lengths[0], len(series)), kind) for kind in (np.float64, np.int64))
    for column, place in enumerate(order):
        values[: lengths[column], column], at[: lengths[column], column] = series[place].values, series[place].at
    low, high = (
        np.array([edge(series[place].values) for place in order]) if with_range else np.full(len(series), np.nan)
        for edge in (np.min, np.max)
    )
    told = np.zeros_like(values)
    for step in range(lengths[0]):
        going = int(np.searchsorted(-lengths, -step, side="left"))
        limits = Limits(low[:going], high[:going])
        told[step, :going] = advance(state, np.arange(going), values[step, :going], at[step, :going], limits, tuning=tuning).score
    by_place = dict(zip(order.tolist(), range(len(order)), strict=True))
    return [told[: len(each.at), by_place[place]] for place, each in enumerate(series)]


def constants_text(tuning: Tuning) -> dict[str, Any]:
    """A constants set as the file beside this keeps it."""
    return {field.name: list(value) if isinstance(value := asdict(tuning)[field.name], tuple) else value for field in fields(tuning)}
