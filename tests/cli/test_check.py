"""`assure check` tells every problem of settings, inventory and rules at once, with file, line and remedy."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.lab.config import inventory_dir
from pipeline.resources import data_dir
from tests.cli.conftest import Run, widest


def test_what_init_writes_is_fine(run: Run, home: Path) -> None:
    """A newcomer begins with a check that succeeds; a warning alone does not fail it."""
    result = run("check")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] != ""
    assert "fine" in result.output


def test_what_was_checked_is_counted(run: Run) -> None:
    """The lab's inventory with the rules that come along, whose own tests ran; within eighty columns."""
    result = run("check", "--inventory", str(inventory_dir()))
    assert result.exit_code == 0
    assert "18 devices" in result.output
    assert "30 services" in result.output
    assert " tests of rule files ran" in " ".join(result.output.split())
    assert widest(result.output) <= 80


def test_problems_of_every_file_are_told_at_once(run: Run, home: Path) -> None:
    """Two in the settings, one in the inventory; exit code 1; each with file, line and remedy."""
    settings = home / "assure.yaml"
    settings.write_text("data_dir: data\ninventory_dir: inventory\nmetrics_prt: 18700\ntraps: {alow: []}\n")
    (home / "inventory" / "broken.yaml").write_text("fibres:\n  - {name: f1}\n  - {name: f1}\n")
    result = run("check")
    assert result.exit_code == 1
    assert "assure.yaml:3: $.metrics_prt" in result.output
    assert "did you mean 'metrics_port'?" in result.output
    assert "assure.yaml:4: $.traps.alow" in result.output
    assert "broken.yaml:3:" in result.output
    assert "declared already" in result.output
    assert "3 problems" in result.output


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the rules that one may break."""
    return Path(shutil.copytree(data_dir("rules"), tmp_path / "rules"))


@pytest.fixture
def mibs(tmp_path: Path) -> Path:
    """The MIB index beside the copied rules, where one's own lies."""
    return Path(shutil.copytree(data_dir("mibs"), tmp_path / "mibs"))


def test_the_tests_of_rule_files_run(run: Run, rules: Path, mibs: Path) -> None:
    """A rule that does not what its file's test expects is a problem at the place of the test."""
    assert run("check", "--rules", str(rules)).exit_code == 0
    file = next(path for path in sorted((rules / "traps").rglob("*.yaml")) if "signal: raise" in path.read_text())
    file.write_text(file.read_text().replace("signal: raise", "signal: notify", 1))
    result = run("check", "--rules", str(rules))
    assert result.exit_code == 1
    assert f"{file}:" in result.output
    assert "test failed" in result.output or "notify" in result.output


def test_settings_choose_the_folders(run: Run, home: Path, rules: Path, mibs: Path) -> None:
    """What the settings name is what is checked."""
    with (home / "assure.yaml").open("a") as file:
        file.write(f"\nrules_dir: {rules}\nmibs_dir: {mibs}\n")
    (rules / "routing.yaml").write_text("routs: []\n")
    result = run("check")
    assert result.exit_code == 1
    assert "routing.yaml:1" in result.output


def test_json_has_problems_and_counts(run: Run, home: Path) -> None:
    """For an editor or a pipeline; the exit code is the same."""
    (home / "assure.yaml").write_text("data_dir: data\ninventory_dir: inventory\nmetrics_prt: 1\n")
    result = run("check", "--json")
    answer = json.loads(result.output)
    assert result.exit_code == 1
    first = answer["problems"][0]
    assert (first["line"], first["path"], first["level"]) == (3, "$.metrics_prt", "error")
    assert answer["tests_run"] > 50
    assert answer["counts"]["trap rules"] > 0
