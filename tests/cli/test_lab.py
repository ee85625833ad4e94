"""`assure lab` speaks to the lab of the demo in this folder, also when its ports are shifted, and tells only what is wrong."""

from pathlib import Path

import pytest

from pipeline.cli.demo_stage import Ports, prepare
from pipeline.cli.lab import control_of, told
from pipeline.lab.config import LabConfig, inventory_dir
from tests.cli.conftest import Run, widest


def test_the_demos_lab_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the demo's other ports; a control that is named is used as it is; without a demo, the default."""
    monkeypatch.delenv("ASSURE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    host, _, port = LabConfig().control.rpartition(":")
    assert control_of(None) == LabConfig().control
    folder = tmp_path / "var" / "demo"
    folder.mkdir(parents=True)
    prepare(folder, Ports(1_000), inventory_dir())
    assert control_of(None) == f"{host}:{int(port) + 1_000}"
    assert control_of("192.0.2.1:99") == "192.0.2.1:99"


def test_only_what_is_wrong_is_told() -> None:
    """What is fine would fill the screen."""
    state = {
        "faults": {"cut": ["f1"], "devices": []},
        "lsps_down": ["a", "b"],
        "links_down": [],
        "counts": {"notifications_sent": 7},
        "pending": 0,
    }
    assert list(told(state)) == [("faults", "cut: f1"), ("lsps down", "a, b"), ("notifications sent", "7")]


def test_no_lab_is_exit_code_4(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what starts one."""
    monkeypatch.chdir(tmp_path)
    result = run("lab", "do", "mend-all", "--control", "127.0.0.1:1")
    assert result.exit_code == 4
    assert "assure demo" in result.output


def test_commands_are_listed_in_eighty_columns(run: Run) -> None:
    """Each with what it does."""
    shown = run("lab", "commands").output
    assert "cut <fibre or duct>" in shown
    assert widest(shown) <= 80
