"""Anomaly: the streaming detector on the Numenta Anomaly Benchmark, causal and with a configured range, with held-out figures.

``make bench ONLY=nab NAB=<folder>`` with the benchmark's ``data`` and ``labels``; they are not part of this project. The series are
independent, so they are taken through the detector side by side, as a poll takes a device's.
"""

import argparse
import os
import time
from collections.abc import Iterable, Sequence
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
LABELS = Path("labels") / "combined_windows.json"
HELP = "pass the folder with the benchmark's data/ and labels/: make bench ONLY=nab NAB=<folder>"
PUBLISHED: dict[bool, dict[str, float]] = {
    False: {"CAD-OSE-without-range": 54.7, "Skyline": 58.2, "KNN-CAD": 58.0, "windowed-Gaussian": 39.7},
    True: {"ARTime": 74.9, "HTM": 70.1, "CAD-OSE": 69.9},
}
"""The standard profile's figures of the benchmark's scoreboard. It hands every detector the whole file's least and largest value; those
under True use them, the others do not."""


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """The two bars: without any look ahead, and with the file's least and largest value as the configured range."""
    parser = argparse.ArgumentParser(prog="nab")
    parser.add_argument("--folder", type=Path, default=os.environ.get("NAB") or None, help="with the benchmark's data/ and labels/")
    folder: Path | None = parser.parse_args(arguments).folder
    if folder is None or not (folder / LABELS).is_file():
        print(f"nab: {HELP}" if folder is None else f"nab: {folder} has no {LABELS}; {HELP}")
        return ()
    series = read_series(folder)
    halves = {half: tuning_of(values) for half, values in yaml.safe_load(CONSTANTS.read_text())["halves"].items()}
    return tuple(_bar(series, halves, with_range=with_range) for with_range in (False, True))


def tuning_of(values: dict[str, Any]) -> Tuning:
    """A set of constants of the file beside this."""
    return Tuning(**{**values, "weights": tuple(values["weights"])})


def _bar(series: list[Series], halves: dict[str, Tuning], *, with_range: bool) -> Bar:
    name = "nab-range" if with_range else "nab"
    began = time.process_time()
    found = detect(series, DEFAULT, with_range=with_range)
    spent_us = 1e6 * (time.process_time() - began) / sum(len(each.at) for each in series)
    scores = {profile: score(series, found, costs) for profile, costs in PROFILES.items()}
    for profile, each in scores.items():
        print(f"{name}: profile {profile:8} {each.value:5.2f}, best at a threshold of {each.threshold:.2f} decades")
    against: dict[str, float | str] = {"bar": GOALS[with_range], **_held_out(series, halves, with_range=with_range)}
    return Bar(name, _shown(scores["standard"].value), "score", {**against, "us-a-sample": spent_us, **PUBLISHED[with_range]})


def _held_out(series: list[Series], halves: dict[str, Tuning], *, with_range: bool) -> dict[str, float | str]:
    """The standard profile's score of files by constants that were chosen on the other half, together and by halves.

    Together, one threshold serves all files. As in every row of the scoreboard, it is the best for the files that are scored.
    """
    figures: dict[str, float | str] = {}
    together: list[Array] = [np.empty(0)] * len(series)
    for chosen_on, tuning in halves.items():
        places = [place for place in range(len(series)) if half_of(place) != chosen_on]
        unseen = [series[place] for place in places]
        found = detect(unseen, tuning, with_range=with_range)
        figures[f"held-out-chosen-on-{chosen_on}"] = _shown(score(unseen, found, PROFILES["standard"]).value)
        for place, each in zip(places, found, strict=True):
            together[place] = each
    return {"held-out": _shown(score(series, together, PROFILES["standard"]).value), **figures}


def _shown(value: float) -> float:
    return round(value, 1)


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
