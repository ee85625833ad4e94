"""`assure correlations propose` on a real history: the evidence in eighty columns, a file for the engineer, and nothing in force."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_check import check_rules
from pipeline.core.inventory import Inventory
from pipeline.inventory.writer import network_text
from pipeline.store.client import Connection
from tests.bench.zoo.inventory import inventory_of
from tests.bench.zoo.network import network_of
from tests.cli.conftest import Run, widest
from tests.support.alarm_history import BEGINS_S, NOISE, alarm_history
from tests.support.history import READER, WORKER, HistoryProcess, embedded_history

ROOT = Path(__file__).resolve().parents[2]
DAYS = 60
NOW = time.time_ns()
ORDINARY = ("cpu-high", "memory-high", "storage-full", "temperature-high", "utilisation-high", "errors-high", "packet-loss", "anomaly")
KINDS = dict(zip(NOISE, (*ORDINARY, "cold-start", "warm-start", "power-failure", "authentication-failure"), strict=True))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    """Sixty days of alarms that end now, with effects planted among noise."""
    raises, _ = alarm_history("Abilene", DAYS, seed=1)
    shift = NOW - (BEGINS_S + DAYS * 86_400) * 10**9
    with embedded_history(tmp_path_factory.mktemp("history")) as running:
        connection = Connection.writer(running.settings)
        columns: dict[str, list[object]] = {
            "at": [each.at + shift for each in raises],
            "change": ["raised" for _ in raises],
            "id": [f"alarm-{place}" for place, _ in enumerate(raises)],
            "revision": [1 for _ in raises],
            "resource": [each.resource for each in raises],
            "alarm_type": [KINDS.get(each.alarm_type, each.alarm_type) for each in raises],
            "device": [each.device for each in raises],
            "severity": [4 for _ in raises],
        }
        connection.insert("alarm_change", columns)
        connection.close()
        yield running


@pytest.fixture
def here(history: HistoryProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of an installation with that history."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory").mkdir()
    whole = inventory_of(network_of("Abilene"))
    devices = {name: replace(device, power=()) for name, device in whole.devices.items()}
    links = {name: replace(link, fibres=()) for name, link in whole.links.items()}
    plain = Inventory("test", sites=whole.sites, devices=devices, links=links)
    (tmp_path / "inventory" / "network.yaml").write_text(network_text(plain, (), {}))
    for name, secret in (("writer", WORKER), ("reader", READER)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(secret.reveal())
    where = f"{{port: {history.settings.port}, password: file:writer, viewer_password: file:reader}}"
    (tmp_path / "assure.yaml").write_text(f"data_dir: data\ninventory_dir: inventory\nhistory: {where}\n")
    return tmp_path


def told(run: Run, *words: str, columns: int = 80, code: int = 0) -> str:
    result = run("correlations", "propose", "--from", "61d", *words, columns=columns)
    assert result.exit_code == code, result.output
    assert widest(result.output) <= columns
    return result.output


def test_rules_are_proposed_with_their_evidence_and_are_not_in_force(run: Run, here: Path) -> None:
    said = told(run, columns=100)
    light = next(line for line in said.splitlines() if "optical-power-low" in line)
    assert light.split()[:4] == ["link-down", "optical-power-low", "same-resource", "81/180"]
    assert light.split()[-1] == "proposed"
    assert next(line for line in said.splitlines() if "peer-down" in line).split()[-1] == "in-force"
    assert "2 rules written to proposed-correlations.yaml, not in force" in " ".join(said.split())
    rules = here / "rules"
    copytree(ROOT / "rules", rules)
    before = check_rules(rules, load_mib_index(ROOT / "mibs"))
    (here / "proposed-correlations.yaml").rename(rules / "correlation" / "proposed.yaml")
    after = check_rules(rules, load_mib_index(ROOT / "mibs"))
    assert after.problems == ()
    assert after.tests_run == before.tests_run + 4


def test_the_table_fits_eighty_columns_and_a_wide_one_says_why(run: Run, here: Path) -> None:
    assert "lift" in told(run, "--dry-run")
    assert "a rule says so already" in told(run, "--dry-run", columns=170)
    assert not (here / "proposed-correlations.yaml").exists()


def test_scripts_get_every_figure(run: Run, here: Path) -> None:
    found = json.loads(told(run, "--dry-run", "--json", columns=200))
    assert found["raises"] > 1000
    assert found["asked"] > 300
    assert found["written"] is None
    first = found["findings"][0]
    assert (first["cause"], first["effect"], first["relation"], first["verdict"]) == (
        "link-down",
        "optical-power-low",
        "same-resource",
        "proposed",
    )
    assert first["lift_low"] > 100
    assert first["examples"][0]["lag_s"] >= 0


def test_a_proposal_is_written_neither_over_a_file_nor_where_it_would_be_in_force(run: Run, here: Path) -> None:
    (here / "mine.yaml").write_text("mine")
    assert "--force writes over it" in told(run, "--out", "mine.yaml", code=2)
    assert (here / "mine.yaml").read_text() == "mine"
    settings = (here / "assure.yaml").read_text()
    copytree(ROOT / "rules", here / "rules")
    (here / "assure.yaml").write_text(f"{settings}rules_dir: rules\n")
    assert "would be in force at once" in told(run, "--out", "rules/correlation/x.yaml", code=2, columns=200)


def test_a_time_without_alarms_has_nothing(run: Run, here: Path) -> None:
    result = run("correlations", "propose", "--from", "2020-01-01", "--to", "2020-02-01", "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.output == "No alarm was raised in that time.\n"
