"""Names and OIDs are looked up both ways; vendors' MIBs are compiled, and each failure is told."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

LAB_MIB = Path(__file__).resolve().parents[2] / "mibs" / "ASSURE-LAB-MIB.txt"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings: the index that comes along is used."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "what",
    ["ifOperStatus", "IF-MIB::ifOperStatus", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.2.2.1.8.7", ".1.3.6.1.2.1.2.2.1.8.7", "ifOperStatus.7"],
)
def test_an_object_is_found_by_name_oid_and_instance(run: Run, what: str) -> None:
    """With its labels."""
    shown = run("mibs", "lookup", what).output
    assert "IF-MIB::ifOperStatus" in shown
    assert "1.3.6.1.2.1.2.2.1.8" in shown
    assert "up(1), down(2)" in shown
    assert ("instance" in shown) == what.endswith("7")


@pytest.mark.parametrize("what", ["linkDown", "1.3.6.1.6.3.1.1.5.3"])
def test_a_notification_tells_its_objects_and_its_rules(run: Run, what: str) -> None:
    """What a network engineer wants to know of a trap: is it read, and as what?"""
    shown = run("mibs", "lookup", what).output
    assert "ifIndex, ifAdminStatus, ifOperStatus" in shown
    assert "raise link-down" in shown


@pytest.mark.parametrize(("what", "remedy"), [("ifOperStats", "did you mean 'ifOperStatus'?"), ("1.3.6.1.4.1.99999.1", "assure mibs add")])
def test_what_is_unknown_has_a_remedy(run: Run, what: str, remedy: str) -> None:
    """Exit code 3."""
    result = run("mibs", "lookup", what)
    assert result.exit_code == 3
    assert remedy in result.output


def test_json_is_the_entry(run: Run) -> None:
    """With the enumeration as a mapping."""
    assert json.loads(run("mibs", "lookup", "ifOperStatus", "--json").output)["enumeration"]["2"] == "down"


def test_sources_become_an_index_that_lookup_reads(run: Run, tmp_path: Path) -> None:
    """Compiled, counted, and in use once the settings name the folder."""
    result = run("mibs", "compile", str(LAB_MIB), "--out", "mynet/mibs")
    assert result.exit_code == 0, result.output
    assert "1 module compiled, 0 failures" in result.output
    assert run("init", "mynet").exit_code == 0
    settings = tmp_path / "mynet" / "assure.yaml"
    settings.write_text(settings.read_text() + "\nmibs_dir: mibs\n")
    assert "ASSURE-LAB-MIB::labLspDown" in run("mibs", "lookup", "labLspDown", "-c", str(settings)).output


def test_a_module_that_fails_is_told_and_costs_only_itself(run: Run, tmp_path: Path) -> None:
    """Exit code 1; the others are in the index."""
    (tmp_path / "not-a-mib.txt").write_text("hello\n")
    result = run("mibs", "compile", str(LAB_MIB), "not-a-mib.txt", "--out", "index.json")
    assert result.exit_code == 1
    assert "1 module compiled, 1 failure" in result.output
    assert "not-a-mib.txt" in result.output
    assert (tmp_path / "index.json").is_file()
