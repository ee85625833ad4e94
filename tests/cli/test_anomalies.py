"""`assure anomalies`, `kpis` and `forecast` on a real history: what people read, in eighty columns, and what scripts get."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.starter import STARTER_INVENTORY
from pipeline.core.anomaly_batch import AnomalyBatch, packed
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.core.kpi import KpiBatch
from pipeline.core.kpi import packed as packed_kpis
from pipeline.core.resource import ResourceId
from pipeline.store.client import Connection
from tests.cli.conftest import Run, widest
from tests.support.element_history import DAY, INDEX, MadeHistory, S, insert, store
from tests.support.history import READER, WORKER, HistoryProcess, embedded_history, keep

MINUTE = 60 * S
NOW = time.time_ns() // MINUTE * MINUTE
ODD_AT = NOW - 8 * MINUTE
PORT = ResourceId("interface/pe1/ge-0/0/1")
GROWTH = 0.004
OTHER = ResourceId("interface/pe1/ge-0/0/2")
TEXT = "in_utilisation of pe1/ge-0/0/1 went from 0.3 to 0.9 in one sample; 0.1 to 0.5 would have been usual"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    """Five days of pe1 and pe2; pe1 is busy lately, with little traffic. Sixty days of growing busy hours of pe2."""
    with embedded_history(tmp_path_factory.mktemp("history")) as running:
        connection = Connection.writer(running.settings)
        made = MadeHistory(2, 5, NOW, step_s=120)
        at, values = made.rows["pe1"]
        busy = at >= ODD_AT - 2 * MINUTE  # all of what is looked at, so that no time of day makes it usual
        values[busy, INDEX["cpu_mean"]] = 0.97
        values[busy, INDEX["cpu_highest"]] = 0.99
        for name in ("in_utilisation_mean", "in_utilisation_highest", "out_utilisation_mean", "out_utilisation_highest"):
            values[at >= ODD_AT, INDEX[name]] *= 0.1
        store(connection, made)
        insert(connection, _hours())
        keep(connection, *_told())
        cleared = {**_alarm("a1b2c3d4-e5f6", PORT, "in_utilisation"), "is_cleared": True, "cleared_at": ODD_AT + 5 * MINUTE}
        person = {**_alarm("99999999-e5f6", OTHER, "out_utilisation"), "is_cleared": True, "cleared_at": ODD_AT + 120 * S}
        for row in (cleared, person):
            connection.insert("alarm_change", {name: [value] for name, value in row.items()})
        connection.close()
        yield running


def _hours() -> list[KpiBatch]:
    """pe2's port to customers, one poll an hour: 40 % sixty days ago, 4 points more each ten days, most in the evening."""
    found = []
    today = NOW // DAY * DAY
    for hour in range(60 * 24):
        at = today - 60 * DAY + hour * 3_600 * S
        busy = 0.4 + GROWTH * (hour // 24) - 0.2 * (hour % 24 != 20)
        columns = {
            kpi: (np.array([value]), np.zeros(1, np.uint8)) for kpi, value in (("in_utilisation", busy / 2), ("out_utilisation", busy))
        }
        found.append(KpiBatch("pe2", at, "poll-9", hour, (ResourceId("interface/pe2/ge-0/0/2"),), *packed_kpis(columns)))
    return found


def _alarm(name: str, resource: ResourceId, qualifier: str) -> dict[str, object]:
    """A row of table ``alarm_change``."""
    own = {"id": name, "revision": 1, "resource": resource, "alarm_type": "anomaly", "qualifier": qualifier, "severity": 4}
    return {**own, "device": "pe1", "change": "raised", "raised_by": "anomaly", "last_raised_at": ODD_AT}


def _event(number: int, at: int, signal: Signal, resource: ResourceId, qualifier: str, text: str) -> Event:
    device = resource.split("/")[1]
    own = {"resource": resource, "alarm_type": "anomaly", "signal": signal, "severity": Severity.WARNING, "text": text, "device": device}
    return Event(f"poll-1:{number}:x", at, **own, source=EventSource.ANOMALY, collector="poll-1", sequence=number, qualifier=qualifier)  # type: ignore[arg-type]  # by name


def _told() -> list[object]:
    """An anomaly of a port that is over, and one of an element that stands."""
    whole = ResourceId("device/pe1")
    numbers = packed([np.array([value]) for value in (0.9, 0.3, 0.1, 0.5, 4.2)])
    return [
        _event(1, NOW - 3 * DAY, Signal.RAISE, PORT, "in_utilisation", TEXT),
        _event(2, NOW - 3 * DAY + 20 * MINUTE, Signal.CLEAR, PORT, "in_utilisation", "usual again"),
        _event(3, ODD_AT, Signal.RAISE, PORT, "in_utilisation", TEXT),
        _event(4, ODD_AT + 5 * MINUTE, Signal.CLEAR, PORT, "in_utilisation", "usual again"),
        _event(5, ODD_AT + 4 * MINUTE, Signal.RAISE, whole, "kpi-vector", "pe1 is unlike itself: mean CPU 90 % (usually 30 %)"),
        _event(6, ODD_AT + 30 * S, Signal.RAISE, OTHER, "out_utilisation", "told, and cleared by a person"),
        AnomalyBatch("pe1", ODD_AT, "poll-1", 3, (PORT,), ("in_utilisation",), ("step",), numbers),
    ]


@pytest.fixture
def here(history: HistoryProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of an installation with that history."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "network.yaml").write_text(STARTER_INVENTORY)
    for name, secret in (("writer", WORKER), ("reader", READER)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(secret.reveal())
    where = f"{{port: {history.settings.port}, password: file:writer, viewer_password: file:reader}}"
    (tmp_path / "assure.yaml").write_text(f"data_dir: data\ninventory_dir: inventory\nhistory: {where}\n")
    return tmp_path


def told(run: Run, *words: str, columns: int = 80, code: int = 0) -> str:
    result = run(*words, columns=columns)
    assert result.exit_code == code, result.output
    assert widest(result.output) <= columns
    return result.output


def test_anomalies_are_listed_those_that_stand_first(run: Run, here: Path) -> None:
    lines = told(run, "anomalies", "ls").splitlines()
    assert lines[0].split() == ["id", "severity", "raised", "for", "resource", "indicator"]
    assert [line.split()[-3:] for line in lines[1:]] == [
        ["stands", "device/pe1", "kpi-vector"],
        ["s", str(OTHER), "out_utilisation"],
        ["min", str(PORT), "in_utilisation"],
        ["min", str(PORT), "in_utilisation"],
    ]
    assert [line.split()[:2] for line in lines[1:4]] == [["poll-1:5", "warning"], ["99999999", "minor"], ["a1b2c3d4", "minor"]]
    assert "  90 s  " in lines[2]
    assert "  5 min  " in lines[3]
    assert "  20 min  " in lines[4]
    assert len(told(run, "anomalies", "ls", "--standing").splitlines()) == 2
    assert len(told(run, "anomalies", "ls", "--since", "1d").splitlines()) == 4
    assert "would have been usual" in told(run, "anomalies", "ls", columns=200)


def test_scripts_get_every_episode(run: Run, here: Path) -> None:
    found = json.loads(run("anomalies", "ls", "--json").output)
    assert [(each["kpi"], bool(each["ended_at"])) for each in found] == [
        ("kpi-vector", False),
        ("out_utilisation", True),
        ("in_utilisation", True),
        ("in_utilisation", True),
    ]
    assert found[2]["raised_at"] == ODD_AT
    assert json.loads(run("anomalies", "ls", "--since", "1min", "--json").output) == []
    assert "No anomaly since" in told(run, "anomalies", "ls", "--since", "1min")


def test_an_anomaly_is_explained_by_its_id_as_it_was_told(run: Run, here: Path) -> None:
    """In words, with what else was odd, and drawn with its expected range."""
    text = told(run, "anomalies", "explain", "a1b2")
    assert " ".join(text.split()).startswith(f"{PORT} in_utilisation")
    assert "in one sample; 0.1 to 0.5 would have been usual" in " ".join(text.split())
    assert "4.20 decades of rarity" in text
    assert "cpu_utilisation of pe1/cpu 0" in text  # odd on the same element
    assert "before w" in " ".join(text.split())
    plot = text.splitlines()[-18:]
    assert "●" in "".join(plot)
    assert "·" in "".join(plot) or "beyond the plot" in text  # by the time of day, the traffic of which decides how wide what is usual is
    assert plot[0].strip().startswith("┌")


def test_any_series_can_be_explained_at_any_time(run: Run, here: Path) -> None:
    """Also what nobody called odd."""
    text = told(run, "anomalies", "explain", str(PORT), "in_utilisation", "--at", "2d")
    assert "no anomaly was told of it then" in text
    assert "is usual" in text
    assert "nothing else was odd" in text


def test_the_plot_goes_into_a_file_and_the_points_to_scripts(run: Run, here: Path) -> None:
    text = told(run, "anomalies", "explain", str(PORT), "in_utilisation", "--png", "plot.png")
    assert text.endswith("wrote plot.png\n")
    data = (here / "plot.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 10_000
    found = json.loads(run("anomalies", "explain", str(PORT), "in_utilisation", "--json").output)
    assert len(found["line"]) > 100
    assert set(found["line"][0]) == {"at", "observed", "expected", "lower", "upper"}
    refused = run("anomalies", "explain", str(PORT), "in_utilisation", "--png", "nowhere/plot.png")
    assert refused.exit_code == 2
    assert "cannot be written" in refused.output


def test_what_is_not_there_is_told_with_what_is(run: Run, here: Path) -> None:
    assert "no anomaly's id begins with zz" in told(run, "anomalies", "explain", "zz", code=3)
    there = " ".join(told(run, "anomalies", "explain", str(PORT), "in_utilization", columns=300, code=3).split())
    assert "there is no in_utilization" in there
    assert "in_utilisation" in there
    assert "no indicators of the last two weeks" in told(run, "anomalies", "explain", "device/pe9", "x", columns=200, code=3)
    assert "no model of class element runs" in told(run, "anomalies", "explain", "device/pe1", "kpi-vector", columns=200, code=3)


def test_models_are_trained_listed_and_chosen(run: Run, here: Path) -> None:
    assert "No model was trained yet" in told(run, "anomalies", "models", columns=100)
    assert "it runs, being the first" in " ".join(told(run, "anomalies", "train", columns=200).split())
    time_of = json.loads(run("anomalies", "models", "--json").output)[0]["version"]
    lines = told(run, "anomalies", "models").splitlines()
    assert lines[1].split()[:3] == ["element", time_of, "yes"]
    assert "2 elements, 4.0 days" in lines[1]
    assert f"element: {time_of} runs" in told(run, "anomalies", "use", time_of)
    assert "there is no version v9" in told(run, "anomalies", "use", "v9", code=3)
    assert "there is no class of elements 'core'" in told(run, "anomalies", "train", "--name", "core", code=3)
    text = told(run, "anomalies", "explain", "device/pe1", "kpi-vector", "--at", "3m")
    assert "of the vectors known is as odd" in " ".join(text.split())  # how rare among so few depends on the time of day
    assert "mean CPU 97 % (usually" in text
    assert "spreads above" in text
    assert "2 elements" not in text


def test_too_little_history_is_exit_code_1(run: Run, here: Path) -> None:
    settings = here / "assure.yaml"
    settings.write_text(settings.read_text() + "detectors: {least_days: 10}\n")
    assert "10 are wanted. The running model stays." in " ".join(told(run, "anomalies", "train", columns=200, code=1).split())
    assert json.loads(run("anomalies", "train", "--json").output)[0]["outcome"] == "too-little-history"


def test_indicators_are_plotted(run: Run, here: Path) -> None:
    text = told(run, "kpis", "show", "device/pe1")
    assert "round_trip_ms of pe1, UTC: now" in text
    assert "answered of pe1" in text
    found = json.loads(run("kpis", "show", str(PORT), "in_utilisation", "--hours", "2", "--json").output)
    assert [each["kpi"] for each in found] == ["in_utilisation"]
    known = (NOW - (time.time_ns() - 7_200 * S)) // (120 * S)  # samples of the last two hours; the history ends where the tests began
    assert known - 2 <= len(found[0]["points"]) <= known + 2
    assert "there is no x of device/pe1" in told(run, "kpis", "show", "device/pe1", "x", columns=200, code=3)


def test_links_are_forecast_the_most_urgent_first(run: Run, here: Path) -> None:
    """pe2's port is at 64 % and grows 2.8 points a week: about 41 days to 80 %."""
    lines = told(run, "forecast").splitlines()
    assert lines[0].split()[:2] == ["link", "now"]
    assert lines[1].split()[:3] == ["pe2/ge-0/0/2", "64%", "+2.80"]
    assert "1 with too little history" in lines[-1] or "2 with too little history" in lines[-1]
    [found] = json.loads(run("forecast", "pe2/ge-0/0/2", "--json").output)
    assert found["outlook"] == "passes"
    assert found["days"] == pytest.approx((0.8 - 0.64) / GROWTH, abs=1.5)
    assert found["days_low"] <= found["days"] <= found["days_high"]
    assert (found["customers"], found["kpi"]) == (["example"], "out_utilisation")
    assert found["reason"].startswith("out of pe2/ge-0/0/2: its busy hour is at 64 %")
    assert json.loads(run("forecast", "pe2/ge-0/0/2", "--threshold", "0.6", "--json").output)[0]["outlook"] == "already"


def test_a_customer_s_links_are_those_its_services_need(run: Run, here: Path) -> None:
    names = [each["link"] for each in json.loads(run("forecast", "example", "--json").output)]
    assert names[0] == "pe2/ge-0/0/2"
    assert set(names) == {"pe2/ge-0/0/2", "pe1/ge-0/0/2", "pe1--pe2"}
    assert "did you mean" in told(run, "forecast", "exampel", columns=200, code=3)
    assert "too little history" in told(run, "forecast", "pe1--pe2")


@pytest.mark.parametrize(
    "words",
    [("anomalies", "ls"), ("anomalies", "explain", "x", "y"), ("anomalies", "train"), ("forecast",), ("kpis", "show", "x")],
    ids=" ".join,
)
def test_a_history_that_does_not_answer_names_the_command_that_starts_it(run: Run, home: Path, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 4
    assert "`assure up` starts it" in result.output
