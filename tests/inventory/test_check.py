"""``check`` holds rules, inventory and settings against each other and tells everything at once, never by an exception."""

import shutil
from pathlib import Path

from pipeline.config.problem import Level
from pipeline.config.starter import STARTER_INVENTORY
from pipeline.inventory.check import check

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = "data_dir: d\ninventory_dir: inventory\nwebhooks: [{name: %s, url: 'https://example.net/'}]\n"


def _inventory(folder: Path, text: str = STARTER_INVENTORY) -> Path:
    (folder / "inventory").mkdir(exist_ok=True)
    (folder / "inventory" / "n.yaml").write_text(text)
    return folder / "inventory"


def _settings(folder: Path, webhook: str = "on-call") -> Path:
    (folder / "assure.yaml").write_text(SETTINGS % webhook)
    return folder / "assure.yaml"


def test_what_comes_with_the_package_is_without_a_problem_and_its_tests_ran() -> None:
    result = check(ROOT / "rules", ROOT / "pipeline" / "lab" / "inventory")
    assert result.problems == ()
    assert result.tests_run >= 60


def test_a_contract_of_an_unknown_plan_is_told(tmp_path: Path) -> None:
    (problem,) = check(ROOT / "rules", _inventory(tmp_path, STARTER_INVENTORY.replace("plan: lab-silver", "plan: lab-silber"))).problems
    assert problem.message == "contract example-2026 has the plan 'lab-silber', which no file of rules/slas has"
    assert problem.remedy == "did you mean 'lab-silver'?"
    assert problem.line > 40


def test_a_route_to_nobody_is_a_warning(tmp_path: Path) -> None:
    assert check(ROOT / "rules", _inventory(tmp_path), _settings(tmp_path)).problems == ()
    (problem,) = check(ROOT / "rules", None, _settings(tmp_path, "oncall")).problems
    assert problem.level is Level.WARNING
    assert problem.remedy == "did you mean 'oncall'?"


def test_a_user_that_the_settings_do_not_have_is_told(tmp_path: Path) -> None:
    inventory = _inventory(tmp_path, STARTER_INVENTORY.replace("#snmp_version:", "snmp_version:").replace("#user: noc", "user: nok"))
    settings = _settings(tmp_path)
    users = "traps: {users: [{name: noc, auth_password: env:P, priv_password: env:P}]}\n"
    settings.write_text(settings.read_text() + users)
    (problem,) = check(ROOT / "rules", inventory, settings, environ={"P": "long enough"}).problems
    assert problem.message == f"device pe2 has the user 'nok', which {settings} does not have"
    assert problem.remedy == "did you mean 'noc'?"
    assert problem.line > 10
    assert (
        check(
            ROOT / "rules",
            _inventory(tmp_path, inventory.joinpath("n.yaml").read_text().replace("nok", "noc")),
            settings,
            environ={"P": "long enough"},
        ).problems
        == ()
    )


def test_problems_of_all_parts_are_told_together(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    (tmp_path / "rules" / "routing.yaml").write_text("routes: 1\n")
    settings = tmp_path / "assure.yaml"
    settings.write_text("data_dir: d\n")
    result = check(tmp_path / "rules", _inventory(tmp_path, "sites: 1\n"), settings, ROOT / "mibs")
    assert {Path(problem.file).name for problem in result.problems} == {"routing.yaml", "n.yaml", "assure.yaml"}


def test_a_missing_mib_index_is_told(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    (problem,) = check(tmp_path / "rules").problems
    assert problem.file == str(tmp_path / "mibs" / "index.json")
    assert problem.message == "there is no MIB index"
    assert "assure mibs add" in problem.remedy
