"""`assure rules`: what is used is listed, what is drafted and imported is written once, proved, and never over somebody's work."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SAMPLES = Path(__file__).resolve().parents[1] / "drafting"
PLANT, EVENTS, SNMPTT = (str(SAMPLES / name) for name in ("ACME-PLANT-MIB.txt", "acme.events.xml", "snmptt.conf"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings: the rules that come along are used."""
    monkeypatch.chdir(tmp_path)


def test_rules_are_listed_by_file_and_found_by_a_word(run: Run) -> None:
    """A word of the rule, the notification, the alarm type or the file."""
    listed = run("rules", "ls", "ospf").output
    assert "traps/standard/ospf.yaml" in listed
    assert "rules in" in listed
    rows = json.loads(run("rules", "ls", "linkDown", "--json").output)
    assert {row["alarm_type"] for row in rows} >= {"link-down"}
    missing = run("rules", "ls", "linkDwn")
    assert (missing.exit_code, "no rule has 'linkDwn' in it" in missing.output) == (3, True)


def test_a_draft_is_written_with_the_rules_that_are_used_and_passes_the_check(run: Run, tmp_path: Path) -> None:
    """The commands that it names next are those that make it work."""
    drafted = run("rules", "draft", PLANT, "--out", "mynet/rules")
    assert drafted.exit_code == 0, drafted.output
    assert "15 rules" in drafted.output
    assert f"assure mibs add {PLANT} --dir mynet/mibs" in " ".join(drafted.output.split())
    assert run("mibs", "add", PLANT, "--dir", "mynet/mibs").exit_code == 0
    checked = run("check", "--rules", "mynet/rules")
    assert checked.exit_code == 0, checked.output
    assert "# check:" in (tmp_path / "mynet" / "rules" / "traps" / "drafted" / "acme-plant-mib.yaml").read_text()


@pytest.mark.parametrize(("command", "file"), [(("opennms", EVENTS), "acme"), (("snmptt", SNMPTT), "snmptt")])
def test_an_import_is_written_once_and_again_only_when_forced(run: Run, tmp_path: Path, command: tuple[str, ...], file: str) -> None:
    """What people changed in it since is not lost unasked; --dry-run writes nothing."""
    written = tmp_path / "rules" / "traps" / "imported" / f"{file}.yaml"
    assert "would write" in run("rules", "import", *command, "--dry-run").output
    assert not written.exists()
    imported = run("rules", "import", *command)
    assert imported.exit_code == 0, imported.output
    assert "not carried over: 1" in imported.output
    assert run("check", "--rules", "rules").exit_code == 0
    written.write_text(written.read_text() + "# mine\n")
    again = run("rules", "import", *command)
    assert (again.exit_code, "--force" in again.output) == (2, True)
    assert "# mine" in written.read_text()
    assert run("rules", "import", *command, "--force").exit_code == 0
    assert "# mine" not in written.read_text()


def test_json_tells_what_was_not_carried_over(run: Run) -> None:
    """With file, line, kind and reason, for scripts."""
    told = json.loads(run("rules", "import", "opennms", EVENTS, "--dry-run", "--json").output)
    assert told["counts"] == {"read": 4, "rules": 3, "alarm_types": 2}
    assert [(each["kind"], each["line"]) for each in told["refused"]] == [("mask-regex", 43)]
    assert {each["kind"] for each in told["lost"]} == {"autoaction", "dangling-clear"}


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("draft", "NO-SUCH-MIB"), 3, "no notification of a module 'NO-SUCH-MIB'"),
        (("import", "opennms", "empty.xml"), 1, "no <event> in it"),
        (("draft", "empty.xml"), 1, "none of these sources has a notification"),
        (("import", "opennms", "missing.xml"), 2, "does not exist"),
    ],
)
def test_what_cannot_be_done_says_why(run: Run, tmp_path: Path, command: tuple[str, ...], code: int, told: str) -> None:
    """And the exit code means something."""
    (tmp_path / "empty.xml").write_text("<events></events>\n")
    result = run("rules", *command)
    assert (result.exit_code, told in result.output) == (code, True), result.output
