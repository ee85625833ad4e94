"""The scorer follows the Numenta Anomaly Benchmark's rule, and the benchmark runs on any folder of its shape."""

import csv
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.core.anomaly import DEFAULT
from tests.bench import nab
from tests.bench.nab_rule import PROFILES, Series, score, weigh

LENGTH = 200
WINDOWS = ((80, 89), (150, 169))


def series_of(length: int = LENGTH, windows: tuple[tuple[int, int], ...] = WINDOWS) -> Series:
    return Series("made", np.arange(length), np.zeros(length), *weigh(length, windows))


def detected(*places: int, length: int = LENGTH) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.zeros(length)
    found[list(places)] = 1.0
    return found


def test_a_detection_is_worth_less_the_later_it_comes() -> None:
    worth, window, _ = weigh(LENGTH, WINDOWS)
    assert worth[80] == pytest.approx(1.0)
    assert worth[89] == pytest.approx(0.24824, abs=1e-5)
    assert np.all(np.diff(worth[80:90]) < 0)
    assert (window[79], window[80], window[89], window[90], window[150]) == (-1, 0, 0, -1, 1)


def test_a_false_alarm_costs_less_close_behind_a_window() -> None:
    worth, _, _ = weigh(LENGTH, WINDOWS)
    assert worth[79] == -1.0
    assert worth[90] == pytest.approx(2 / (1 + math.exp(5 / 9)) - 1)
    assert worth[149] == -1.0
    assert worth[170] > worth[180] > -1.0


def test_the_first_part_of_a_series_does_not_count() -> None:
    assert weigh(LENGTH, ())[2].sum() == 170
    assert weigh(10_000, ())[2].sum() == 9_250


@pytest.mark.parametrize(
    ("places", "profile", "value"),
    [
        ((), "standard", 0.0),
        ((80, 150), "standard", 100.0),
        ((80,), "standard", 50.0),
        ((80,), "low-fn", 50.0),
        ((80, 85, 150), "standard", 100.0),
        ((85, 150), "standard", 96.49),
        ((80, 60, 150), "standard", 97.25),
        ((80, 60, 150), "low-fp", 94.5),
        ((10, 80, 150), "standard", 100.0),
    ],
)
def test_a_detector_is_scored_by_the_windows_it_finds_and_the_alarms_it_raises(places: tuple[int, ...], profile: str, value: float) -> None:
    """The expected figures are the rule's, worked out by hand and by another implementation of it."""
    found = score([series_of()], [detected(*places)], PROFILES[profile])
    assert found.value == pytest.approx(value, abs=0.01)


def test_one_threshold_serves_all_series_and_is_the_best() -> None:
    """A low score that costs more than it brings is left out; values that are alike stand or fall together."""
    found = detected(80, 150) + 0.5 * detected(*range(40, 60))
    assert score([series_of()], [found], PROFILES["standard"]).threshold == 1.0
    assert score([series_of()], [found], PROFILES["standard"], threshold=0.5).value == pytest.approx(100 - 20 * 0.11 / 4 * 100)
    two = score([series_of(), series_of()], [detected(80, 150), 0.5 * detected(80, 150)], PROFILES["standard"])
    assert (two.value, two.threshold) == (100.0, 0.5)


def test_a_detector_that_only_disturbs_is_no_better_than_silence() -> None:
    assert score([series_of()], [detected(*range(40, 60))], PROFILES["standard"]).value == 0.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four short series with a spike each, in the benchmark's shape."""
    windows = {}
    for number in range(4):
        name = f"made/{number}.csv"
        at = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * place) for place in range(800)]
        values = np.random.default_rng(number).normal(50, 2, len(at))
        values[600] = 500.0
        (tmp_path / "data" / "made").mkdir(parents=True, exist_ok=True)
        with (tmp_path / "data" / name).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("timestamp", "value"))
            rows.writerows((f"{each:%Y-%m-%d %H:%M:%S}", value) for each, value in zip(at, values, strict=True))
        windows[name] = [[f"{at[580]:%Y-%m-%d %H:%M:%S.%f}", f"{at[620]:%Y-%m-%d %H:%M:%S.%f}"]]
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    return tmp_path


def test_both_bars_are_printed_with_their_held_out_figures(folder: Path) -> None:
    bars = {bar.name: bar for bar in nab.bench(["--folder", str(folder)])}
    assert set(bars) == {"nab", "nab-range"}
    for bar in bars.values():
        assert bar.figure > 50
        assert {"bar", "held-out", "held-out-chosen-on-even", "held-out-chosen-on-odd", "us-a-sample"} <= set(bar.against)
        assert not [name for name in bar.against if " " in name]


def test_without_the_data_it_says_what_to_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAB", raising=False)
    assert not list(nab.bench([]))
    assert not list(nab.bench(["--folder", str(tmp_path)]))
    first, second = capsys.readouterr().out.splitlines()
    assert first == "nab: pass the folder with the benchmark's data/ and labels/: make bench ONLY=nab NAB=<folder>"
    assert f"{tmp_path} has no labels/combined_windows.json" in second


def test_the_constants_that_are_shipped_are_those_that_were_found_on_all_files() -> None:
    found = yaml.safe_load(nab.CONSTANTS.read_text())
    assert nab.tuning_of(found["all"]) == DEFAULT
    assert set(found["halves"]) == {"even", "odd"}
