"""Names and OIDs are looked up both ways; vendors' MIBs are compiled, and each failure is told."""

import json
import shutil
import zipfile
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


ACME = """\
ACME-FAN-MIB DEFINITIONS ::= BEGIN
acme OBJECT IDENTIFIER ::= { enterprises 4711 }
acmeFanSpeed OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { acme 1 }
acmeFanFailed NOTIFICATION-TYPE OBJECTS { acmeFanSpeed } STATUS current DESCRIPTION "" ::= { acme 0 1 }
END
"""


@pytest.fixture
def mynet(run: Run, tmp_path: Path) -> Path:
    """The settings of an installation that has a folder for its own MIBs."""
    assert run("init", "mynet").exit_code == 0
    settings = tmp_path / "mynet" / "assure.yaml"
    settings.write_text(settings.read_text() + "\nmibs_dir: mibs\n")
    with zipfile.ZipFile(tmp_path / "acme.zip", "w") as archive:
        archive.writestr("mibs/fan.my", ACME)
    return settings


def test_an_archive_is_added_listed_and_removed(run: Run, mynet: Path) -> None:
    """By vendor and module; what comes along stays throughout."""
    added = run("mibs", "add", "acme.zip", "-c", str(mynet))
    assert added.exit_code == 0, added.output
    assert "1 module compiled, 0 failures" in added.output
    assert "unchanged: 1 module" in run("mibs", "add", "acme.zip", "-c", str(mynet)).output
    listed = json.loads(run("mibs", "ls", "-c", str(mynet), "--json").output)
    assert {"vendor": "enterprise-4711", "module": "ACME-FAN-MIB", "objects": 1, "notifications": 1, "with_rule": 0, "from": "added"} in (
        listed["modules"]
    )
    assert any(row["module"] == "IF-MIB" and row["from"] == "package" for row in listed["modules"])
    assert "acmeFanFailed" in run("mibs", "ls", "ACME-FAN-MIB", "-c", str(mynet)).output
    removed = run("mibs", "remove", "ACME-FAN-MIB", "-c", str(mynet))
    assert removed.exit_code == 0, removed.output
    assert run("mibs", "lookup", "acmeFanFailed", "-c", str(mynet)).exit_code == 3
    assert run("mibs", "lookup", "linkDown", "-c", str(mynet)).exit_code == 0


def test_a_module_that_a_rule_names_is_not_removed(run: Run, mynet: Path) -> None:
    """The rule is told with its file and line; nothing is changed."""
    assert run("mibs", "add", "acme.zip", "-c", str(mynet)).exit_code == 0
    rules = mynet.parent / "rules"
    shutil.copytree(LAB_MIB.parents[1] / "rules", rules)
    mynet.write_text(mynet.read_text() + "rules_dir: rules\n")
    (rules / "traps" / "acme.yaml").write_text(
        "traps:\n  - name: acme-fan-failed\n    notification: acmeFanFailed\n    resource: {kind: device}\n    alarm_type: power-failure\n"
        '    signal: raise\n    text: "fan of {resource} failed"\n'
        "tests:\n  - notification: acmeFanFailed\n    varbinds: {acmeFanSpeed.0: 0}\n    expect: {signal: raise}\n"
    )
    assert run("check", "-c", str(mynet)).exit_code == 0, run("check", "-c", str(mynet)).output
    result = run("mibs", "remove", "ACME-FAN-MIB", "-c", str(mynet))
    assert result.exit_code == 2, result.output
    assert "acme.yaml:3" in result.output
    assert run("mibs", "lookup", "acmeFanFailed", "-c", str(mynet)).exit_code == 0


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("add", "acme.zip"), 2, "name it with -c, or the folder with --dir"),
        (("remove", "ACME-FANN-MIB", "-c", "mynet/assure.yaml"), 3, "no module 'ACME-FANN-MIB' was added"),
        (("ls", "IF-MIBB", "-c", "mynet/assure.yaml", "--dir", str(LAB_MIB.parent)), 3, "did you mean 'IF-MIB'?"),
        (("compile", "acme.zip"), 2, "with SOURCES say --out too"),
    ],
)
def test_what_cannot_be_done_has_a_remedy(run: Run, mynet: Path, command: tuple[str, ...], code: int, told: str) -> None:
    """And an exit code."""
    assert mynet.exists()
    result = run("mibs", *command)
    assert (result.exit_code, told in " ".join(result.output.split())) == (code, True), result.output
