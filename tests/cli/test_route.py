"""`assure route test` and `assure oncall`: who would be told and why, in the words of the rules; without anything running."""

import json
from pathlib import Path

import pytest

from pipeline.cli.route import EXAMPLE
from pipeline.resources import data_dir
from tests.cli.conftest import Run, widest
from tests.support.reader import INCIDENT, FakeReader

NIGHT = "2026-11-26T03:00:00Z"
RULES = """\
tickets: {system: tmf621, min_severity: major}
hours:
  - {name: office, timezone: Europe/Amsterdam, days: [mon, tue, wed, thu, fri], starts: "08:00", ends: "18:00", holidays: nl}
holidays:
  - {name: nl, days: [easter+1, 12-25]}
people:
  - {name: alice, receivers: [alice-mail, pd]}
  - {name: bob, receivers: [bob-mail]}
on_call:
  - name: core
    timezone: Europe/Amsterdam
    rotations:
      - {people: [alice, bob], starts_on: 2026-01-05, handover: "09:00"}
    overrides:
      - {person: bob, starts_at: 2026-11-28T18:00:00+01:00, ends_at: 2026-11-29T09:00:00+01:00, reason: swap}
routes:
  - name: noc
    min_severity: minor
    receivers: [noc-channel]
    routes:
      - {name: day, during: office}
      - {name: night, outside: office, on_call: core, min_severity: major, hold_down_s: 60}
  - {name: gold, webhook: on-call, tiers: [gold], group_by: [site]}
escalations:
  - {name: unheeded, levels: [{after_min: 10, route: night}], repeat_min: 30}
tests:
  - {severity: critical, tiers: [gold], at: 2026-11-26T12:00:00Z, routes: [day, gold], receivers: [noc-channel, on-call], ticket: true}
  - {severity: major, at: 2026-11-26T03:00:00Z, routes: [night], receivers: [alice-mail, pd], ticket: true}
  - {on_call: core, at: 2026-11-28T20:00:00Z, person: bob}
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "next.yaml"
    path.write_text(RULES)
    return str(path)


def test_every_route_that_was_looked_at_says_why(run: Run, rules: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("route", "test", "--severity", "critical", "--tier", "gold", "--site", "ams", "--at", NIGHT, "--rules", rules)
    result = run(*words, columns=140)
    assert result.exit_code == 0, result.output
    for said in (
        "critical, felt by gold, at ams",
        "outside-hours: it is not during office",
        "alice (core, rotation 1)",
        "together with others of site=ams",
        "Ticket: opened in tmf621",
        "after 10 min",
        "and so on every 30 min: night: alice-mail",
    ):
        assert said in " ".join(result.output.split()), result.output
    assert widest(run(*words).output) <= 80
    found = json.loads(run(*words, "--json").output)
    told = {each["route"]: [one["receiver"] for one in each["receivers"]] for each in found["routes"] if each["told"]}
    assert told == {"night": ["alice-mail", "pd"], "gold": ["on-call"]}
    assert [each["reason"] for each in found["routes"]] == ["narrower-route", "outside-hours", "", ""]
    assert [each["after_min"] for each in found["escalations"]][:2] == [10, 40]


def test_what_reaches_nobody_ends_with_one(run: Run, rules: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("route", "test", "--severity", "warning", "--rules", rules)
    assert result.exit_code == 1
    assert "below-severity: warning is below minor" in " ".join(result.output.split())


def test_an_incident_that_stands_is_looked_up_and_receivers_are_held_against_the_settings(
    run: Run, rules: str, reader: type[FakeReader]
) -> None:
    found = json.loads(run("route", "test", INCIDENT[:8], "--json", "--rules", rules, "--at", "2026-11-26T12:00:00Z").output)
    assert found["tiers"] == ["gold", "silver"]
    shown = run("route", "test", INCIDENT[:8], "--rules", rules, "--at", "2026-11-26T12:00:00Z").output
    assert "not in the settings!" in " ".join(shown.split())


def test_a_cause_is_felt_by_whom_the_inventory_says(run: Run, home: Path) -> None:
    found = json.loads(run("route", "test", "--cause", "fibre/f-ams-rtm", "--json").output)
    assert (found["severity"], found["tiers"], found["sites"]) == ("major", ["silver"], ["ams", "rtm"])
    wrong = run("route", "test", "--cause", "fibre/f-ams-rtn")
    assert wrong.exit_code == 3
    assert "did you mean 'fibre/f-ams-rtm'?" in wrong.output


@pytest.mark.parametrize("words", [(), ("x", "--severity", "major"), ("x", "--tier", "gold")])
def test_what_is_asked_is_one_thing(run: Run, home: Path, words: tuple[str, ...]) -> None:
    assert run("route", "test", *words).exit_code == 2


def test_who_is_on_call_and_who_next(run: Run, rules: str) -> None:
    words = ("oncall", "core", "--at", "2026-11-26T12:00:00Z", "--for", "10d", "--rules", rules)
    result = run(*words)
    assert result.output.startswith("core: alice (rotation 1), by alice-mail, pd\n")
    assert "override: swap" in result.output
    assert widest(result.output) <= 80
    [found] = json.loads(run(*words, "--json").output)
    assert [each["person"] for each in found["shifts"]] == ["alice", "bob", "alice", "bob"]
    wrong = run("oncall", "cor", "--rules", rules)
    assert (wrong.exit_code, "did you mean 'core'?" in wrong.output) == (3, True)


def test_without_a_schedule_that_is_said(run: Run, home: Path) -> None:
    """With what to write, which works as it stands; scripts get an empty list."""
    result = run("oncall")
    assert (result.exit_code, "has no on-call schedule" in result.output, EXAMPLE in result.output) == (3, True, True)
    assert json.loads(run("oncall", "--json").output) == []
    rules = home / "own"
    rules.mkdir()
    (rules / "routing.yaml").write_text((data_dir("rules") / "routing.yaml").read_text() + "\n" + EXAMPLE)
    shown = run("oncall", "--rules", str(rules), "--at", "2026-01-06T12:00:00Z")
    assert (shown.exit_code, "core: alice" in shown.output) == (0, True)
