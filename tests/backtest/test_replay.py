"""`assure replay` over recorded journals, without anything running: a change changes exactly what it should, and nothing is written."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, run  # noqa: F401  # a fixture
from tests.support.backtest import BEGIN, MINUTE, RULE

FROM, TO = "2026-11-23T10:02:00Z", "2026-11-23T10:30:00Z"
PAST = ("--from", FROM, "--to", TO)
Ask = Callable[..., dict[str, Any]]

WINDOW = """\
windows:
  - name: splice
    resources: [fibre/f-ams-rtm-1]
    starts_at: 2026-11-23T10:00:00Z
    ends_at: 2026-11-23T10:16:00Z
    noticed_at: 2026-11-01T00:00:00Z
    reason: splicing
"""


@pytest.fixture
def ask(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:  # noqa: F811
    """The JSON document of a replay; its exit code must tell whether anything is other."""
    monkeypatch.chdir(home)

    def answer(*more: str) -> dict[str, Any]:
        result = run("replay", *PAST, "--json", *more)
        document: dict[str, Any] = json.loads(result.stdout)
        assert result.exit_code == (0 if document["is_same"] else 1), result.output
        return document

    return answer


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new))


def counts(document: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """What is other among the counts."""
    return {each["what"]: (each["before"], each["after"]) for each in document["counts"] if each["before"] != each["after"]}


def credits_of(document: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Services whose credit is other, in minor units."""
    both = {each["service"]: (each["before"]["amount_minor"], each["after"]["amount_minor"]) for each in document["credits"]}
    return {service: amounts for service, amounts in both.items() if amounts[0] != amounts[1]}


def changed(document: dict[str, Any]) -> dict[str, list[str]]:
    """Root cause -> what is other about each incident that is."""
    shown = {(each["after"] or each["before"])["root_cause"]: each for each in document["incidents"] if each["outcome"] != "same"}
    return {root: [change["what"] for change in each["changes"]] or [each["outcome"]] for root, each in shown.items()}


def test_the_same_rules_in_another_folder_change_nothing(ask: Ask) -> None:
    """Both cuts are incidents with a ticket, a page and outages that cost something, before and after."""
    document = ask("--rules", "rules-next")
    assert (document["is_same"], counts(document), changed(document)) == (True, {}, {})
    assert [(each["after"]["root_cause"], each["after"]["state"]) for each in document["incidents"]] == [
        ("fibre/f-ams-rtm-1", "resolved"),
        ("fibre/f-ams-lon-1", "resolved"),
    ]
    told = {each["what"]: each["after"] for each in document["counts"]}
    assert (told["tickets opened"], told["pages on-call: opened"], told["events of no rule"]) == (2, 2, 1)
    assert sum(each["after"]["amount_minor"] for each in document["credits"]) > 0
    assert document["heard"] == {"notifications": 41, "polls": 1080}


def test_planned_work_of_another_inventory_takes_ticket_page_and_credit_of_its_incident_away(ask: Ask, home: Path) -> None:
    """And nothing of the other incident's."""
    (home / "inventory-next" / "windows.yaml").write_text(WINDOW)
    document = ask("--topology", "inventory-next")
    assert changed(document) == {"fibre/f-ams-rtm-1": ["planned", "messages to customers", "pages on-call", "ticket"]}
    assert {what: before - after for what, (before, after) in counts(document).items()} == {
        "tickets opened": 1,
        "tickets resolved": 1,
        "messages to customers: first": 4,
        "messages to customers: restored": 4,
        "pages on-call: opened": 1,
        "pages on-call: resolved": 1,
    }
    owed = credits_of(document)
    assert owed
    assert all(before > 0 == after for before, after in owed.values())
    assert {each["excluded"] for each in document["outages"]["only_after"]} == {"splice"}
    assert {each["excluded"] for each in document["outages"]["only_before"]} == {""}


def test_another_plan_changes_credits_and_nothing_else(ask: Ask, home: Path) -> None:
    """To the cent: a quarter of the charge in place of a tenth, for the service that was down between one and five minutes."""
    edit(home / "rules-next" / "slas" / "lab.yaml", "upper: 300, credit_percent: 10}", "upper: 300, credit_percent: 25}")
    document = ask("--rules", "rules-next")
    assert (counts(document), changed(document), document["is_same"]) == ({}, {}, False)
    owed = credits_of(document)
    assert owed
    assert all(after == before * 5 // 2 for before, after in owed.values())


def test_another_routing_changes_pages_and_nothing_else(ask: Ask, home: Path) -> None:
    edit(home / "rules-next" / "routing.yaml", "events: [opened, updated, resolved]", "events: [opened]")
    document = ask("--rules", "rules-next")
    assert counts(document) == {"pages on-call: resolved": (2, 0)}
    assert changed(document) == {"fibre/f-ams-rtm-1": ["pages on-call"], "fibre/f-ams-lon-1": ["pages on-call"]}
    assert credits_of(document) == {}


def test_a_rule_for_what_none_knew_makes_an_incident_of_then(ask: Ask, home: Path) -> None:
    """Too slight for a ticket or a page, and nothing is owed."""
    (home / "rules-next" / "traps" / "acme.yaml").write_text(RULE)
    document = ask("--rules", "rules-next")
    assert counts(document) == {"events of no rule": (1, 0), "alarms raised": (20, 21), "incidents": (2, 3)}
    assert credits_of(document) == {}  # no poll confirms it
    assert list(changed(document).values()) == [["only after"]]
    (found,) = (each["after"] for each in document["incidents"] if each["outcome"] == "only after")
    assert found["started_at"] == BEGIN + 25 * MINUTE


def test_another_severity_of_a_rule_changes_that_of_its_incident_and_nothing_else(ask: Ask, home: Path) -> None:
    """No service feels it, so its alarm alone says how severe it is."""
    for folder, severity in (("rules", "warning"), ("rules-next", "minor")):
        rule = RULE.replace("    signal: raise\n    text", f"    signal: raise\n    severity: {severity}\n    text")
        (home / folder / "traps" / "acme.yaml").write_text(rule)
    document = ask("--rules", "rules-next")
    assert counts(document) == {}
    (found,) = (each for each in document["incidents"] if each["outcome"] != "same")
    assert found["changes"] == [{"what": "severity", "before": "warning", "after": "minor"}]
    assert (document["outages"], credits_of(document)) == ({"only_before": [], "only_after": []}, {})


def test_other_thresholds_are_held_against_by_all_kpis(ask: Ask, home: Path) -> None:
    """Warnings that no incident comes of are counted where both sides differ in them, and incidents stay what they are."""
    edit(
        home / "rules-next" / "kpis" / "thresholds.yaml",
        "kpi: in_utilisation, raise_at: 0.9, clear_at: 0.8",
        "kpi: in_utilisation, raise_at: 0.00001, clear_at: 0",
    )
    minutes = ("--from", "2026-11-23T10:11:00Z", "--to", "2026-11-23T10:15:00Z", "--warm-up", "90s")
    document = ask("--rules", "rules-next", *minutes)
    (what, (before, after)), *others = counts(document).items()
    assert (what, before, others) == ("alarms raised, warnings", 0, [])
    assert after > 50
    assert (changed(document), credits_of(document)) == ({}, {})
    assert "alarms raised, warnings" not in {each["what"] for each in ask("--rules", "rules", *minutes)["counts"]}


def test_the_same_question_gives_the_same_bytes_in_any_process(home: Path) -> None:
    """Whatever the order in which Python keeps sets."""
    (home / "inventory-next" / "windows.yaml").write_text(WINDOW)
    command = [sys.executable, "-m", "pipeline", "replay", *PAST, "--json", "--topology", "inventory-next", "--out", "out"]
    digests = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, timeout=120, check=False)
        assert done.returncode == 1, done.stderr
        files = sorted((home / "out").iterdir())
        digests.add(hashlib.sha256(done.stdout + b"".join(path.read_bytes() for path in files)).hexdigest())
        assert (home / "out" / "replay.json").read_bytes() == done.stdout
    assert len(digests) == 1


def test_nothing_is_written_but_what_was_asked_for(ask: Ask, home: Path) -> None:
    """Not a byte of the installation's folder is other afterwards, journals included."""

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    before = files()
    ask("--rules", "rules-next")
    assert files() == before
    ask("--rules", "rules-next", "--out", "out/new")
    assert {path.name for path in files().keys() - before.keys()} == {
        "replay.json",
        "incidents.csv",
        "outages.csv",
        "told.csv",
        "credits.csv",
    }


def test_tables_for_analysts_hold_every_row(ask: Ask, home: Path) -> None:
    (home / "inventory-next" / "windows.yaml").write_text(WINDOW)
    document = ask("--topology", "inventory-next", "--out", "out")

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((home / "out" / name).open()))

    assert [row["outcome"] for row in rows("incidents.csv")] == ["changed", "same"]
    assert len(rows("credits.csv")) == len(document["credits"])
    told = [(row["side"], row["kind"], row["who"], row["what"]) for row in rows("told.csv")]
    assert told.count(("before", "ticket", "tmf621", "opened")) == 2
    assert told.count(("after", "ticket", "tmf621", "opened")) == 1
    outages = rows("outages.csv")
    assert {row["side"] for row in outages} == {"before", "after", "both"}
    assert sum(row["side"] == "before" for row in outages) == len(document["outages"]["only_before"])


def test_what_is_printed_fits_eighty_columns_and_says_what_it_is(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.chdir(home)
    (home / "inventory-next" / "windows.yaml").write_text(WINDOW)
    result = run("replay", *PAST, "--topology", "inventory-next")
    said = " ".join(result.output.split())
    assert result.exit_code == 1, result.output
    assert "1 of 2 incidents would be other" in said
    assert "the rules of the settings, the topology of inventory-next" in said
    assert "The history does not answer" in said
    assert "Outages that would be other" in said
    assert max(len(line) for line in result.output.splitlines() if line.startswith((" ", "fibre", "pages", "ticket"))) <= 80


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--from", "10m", "--rules", "rules-next"), 3, "nothing was heard then"),
        (("--from", FROM, "--to", FROM), 2, "--to must be later than --from"),
        ((*PAST, "--rules", "nowhere"), 2, "nowhere does not exist"),
        ((*PAST, "--against", "present"), 2, "--rules or --topology"),
        (PAST, 4, "do without the history"),
        ((*PAST, "--warm-up", "long"), 2, "'long' is no length of time"),
    ],
)
def test_what_cannot_be_answered_says_why(
    run: Run,  # noqa: F811
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    """With an exit code that means something."""
    monkeypatch.chdir(home)
    result = run("replay", *words)
    assert (result.exit_code, told in " ".join(result.output.split())) == (code, True), result.output
