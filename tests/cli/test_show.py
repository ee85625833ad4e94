"""Listing commands: tables in eighty columns, JSON for scripts, and an answer when there is nothing, or nobody, to ask."""

import json
from pathlib import Path

import pytest

from pipeline.cli import output
from tests.cli.conftest import Run, widest
from tests.support.reader import AT, CREDIT, INCIDENT, REASON, FakeReader

LISTS = [("incidents",), ("incidents", INCIDENT), ("alarms",), ("alarms", "--all"), ("tickets",), ("credits",), ("sla", "report")]


@pytest.mark.parametrize("days_ago", [0, 1, 400])
@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_a_table_fits_eighty_columns_and_cuts_no_word(
    run: Run, reader: type[FakeReader], words: tuple[str, ...], days_ago: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest names of the lab included, of today, of yesterday and of a year ago, whose times are longer."""
    monkeypatch.setattr(output.time, "time_ns", lambda: AT + days_ago * 86_400 * 10**9)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert widest(result.output) <= 80
    assert "..." not in result.output
    assert "…" not in result.output
    for word in ("optical-loss-of-signal", "interface/ams-pe1/xe-0/0/2") if "alarms" in words and days_ago < 365 else ():
        assert word in result.output


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_json_parses(run: Run, reader: type[FakeReader], words: tuple[str, ...]) -> None:
    """One document on standard output, nothing else."""
    assert json.loads(run(*words, "--json").output)


@pytest.mark.parametrize("words", [words for words in LISTS if len(words) == 1], ids=" ".join)
def test_nothing_to_list_is_said(run: Run, reader: type[FakeReader], words: tuple[str, ...]) -> None:
    """An empty table would leave a person in doubt; a script gets an empty list."""
    reader.empty = True
    assert len(run(*words).output.split()) > 1
    assert json.loads(run(*words, "--json").output) == []


@pytest.mark.parametrize("words", [*LISTS, ("explain", CREDIT), ("credits", "verify")], ids=" ".join)
def test_a_store_that_does_not_answer_names_the_command_that_starts_it(run: Run, reader: type[FakeReader], words: tuple[str, ...]) -> None:
    """Exit code 4."""
    reader.down = True
    result = run(*words)
    assert result.exit_code == 4
    assert "Connection refused" in result.output
    assert "`assure up` starts it" in result.output


def test_a_demo_is_started_by_demo(run: Run, reader: type[FakeReader], home: Path) -> None:
    """The remedy fits the settings."""
    settings = home / "assure.yaml"
    settings.write_text("# Written by `assure demo`\n" + settings.read_text())
    reader.down = True
    assert "`assure demo` starts it" in run("incidents").output


def test_an_incident_is_found_by_its_beginning(run: Run, reader: type[FakeReader]) -> None:
    """Its sentence, how long it lasted, why, and who suffers, without the markup that a device's text might hold."""
    told = " ".join(run("incidents", INCIDENT[:6]).output.split())
    assert REASON in told
    assert "after 14 s" in told
    assert "nsx-lowlat-1 of North Sea Exchange B.V., down since" in told


def test_an_unknown_incident_is_exit_code_3(run: Run, reader: type[FakeReader]) -> None:
    """And says where ids are."""
    result = run("incidents", "ffff")
    assert result.exit_code == 3
    assert "`assure incidents`" in result.output


def test_incidents_can_be_narrowed(run: Run, reader: type[FakeReader]) -> None:
    """By state, and by number."""
    assert len(json.loads(run("incidents", "--limit", "1", "--json").output)) == 1
    assert json.loads(run("incidents", "--state", "open", "--json").output) == []


def test_a_wide_terminal_shows_the_alarms_text(run: Run, reader: type[FakeReader]) -> None:
    """A narrow one has no room for it."""
    assert "receives no light" in run("alarms", columns=160).output
    assert "receives no light" not in run("alarms").output


def test_the_ledger_is_verified(run: Run, reader: type[FakeReader]) -> None:
    """A changed entry is named, with exit code 1."""
    assert run("credits", "verify").output == "1 entry, every hash holds\n"
    reader.broken_ledger = f"entry 7 ({CREDIT}): the amount was changed"
    result = run("credits", "verify")
    assert result.exit_code == 1
    assert "entry 7" in result.output


def test_without_settings_the_first_steps_are_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2: nothing is wrong with the installation, there is none here."""
    monkeypatch.chdir(tmp_path)
    result = run("incidents")
    assert result.exit_code == 2
    assert "assure init" in result.output
    assert "assure demo" in result.output


def test_settings_that_are_named_must_be_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether by the option or by the environment; no other is used instead."""
    assert "no settings file at nowhere.yaml" in run("incidents", "-c", "nowhere.yaml").output
    monkeypatch.setenv("ASSURE_CONFIG", str(tmp_path / "gone.yaml"))
    assert run("topology", "show", "x").exit_code == 2


def test_broken_settings_are_told_whole(run: Run, reader: type[FakeReader], home: Path) -> None:
    """Every mistake with its line."""
    (home / "assure.yaml").write_text("data_dir: data\ninventory_dir: inventory\nmetrics_prt: 1\ntraps: {alow: []}\n")
    result = run("incidents")
    assert result.exit_code == 2
    assert "assure.yaml:3" in result.output
    assert "assure.yaml:4" in result.output
