"""The knowledge that comes with the package proves itself: every rule has a test in its own file, and every test holds."""

from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import Problems
from pipeline.config.rule_check import check_rules
from pipeline.config.rule_set import ReadSet, read_set
from pipeline.core.rule import EventType

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"
MIBS = load_mib_index(ROOT / "mibs")
CONTRACTED = {
    *("link-down", "optical-loss-of-signal", "lsp-down", "peer-down", "device-unreachable", "service-oam-down", "cold-start", "warm-start"),
    *("authentication-failure", "unknown-notification", "power-failure", "temperature-high", "utilisation-high", "errors-high", "storm"),
}


@pytest.fixture(scope="module")
def found() -> ReadSet:
    """Everything of the packaged rules folder."""
    problems = Problems()
    read = read_set(RULES, MIBS, problems)
    assert problems.errors == ()
    return read


def test_every_test_of_every_file_holds() -> None:
    result = check_rules(RULES, MIBS)
    assert [str(problem) for problem in result.problems] == []
    assert result.tests_run >= 60


@pytest.mark.parametrize("path", sorted(RULES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(RULES)))
def test_every_file_says_what_it_is_about_before_it_says_it(path: Path) -> None:
    assert path.read_text().startswith("# ")


def test_every_trap_rule_is_reached_by_a_test_of_its_file(found: ReadSet) -> None:
    tested: dict[str, set[str]] = {}
    for file, _, test in found.rules.trap_tests:
        tested.setdefault(file.name, set()).add(f"{test.notification}/{test.expect.get('signal')}")
    for file in {file.name: file for file, _, _ in found.rules.trap_tests}.values():
        for rule in file.form.traps:
            assert f"{rule.notification}/{rule.signal.value}" in tested[file.name], rule.name


def test_every_plan_threshold_and_profile_has_a_test(found: ReadSet) -> None:
    for file in found.plans:
        assert {plan.name for plan in file.form.plans} == {test.plan for test in file.form.tests}
    for kpis in found.kpis:
        assert {threshold.name for threshold in kpis.form.thresholds} == {test.threshold for test in kpis.form.tests if test.threshold}
        assert {kpi.name for kpi in kpis.form.kpis} == {test.kpi for test in kpis.form.tests if test.kpi}
    for profiles in found.profiles:
        tested = {test.profile for test in profiles.form.tests if test.rows or test.expect}
        assert {profile.name for profile in profiles.form.profiles} == tested
        chosen = {choice.expect for test in profiles.form.tests for choice in test.choose}
        assert {profile.name for profile in profiles.form.profiles if profile.match} <= chosen


def test_every_column_of_a_profile_says_which_object_it_is_and_every_table_is_tested(found: ReadSet) -> None:
    for file in found.profiles:
        for form in file.form.profiles:
            assert all("::" in column.object for table in form.tables for column in table.columns), form.name
            tested = {name for test in file.form.tests if test.profile == form.name for name in test.rows}
            asked = {key.partition(".")[0] for test in file.form.tests if test.profile == form.name for key in test.expect}
            assert {table.name for table in form.tables} <= tested | asked, form.name


def test_the_catalogue_has_every_type_that_the_code_speaks_of(found: ReadSet) -> None:
    types = found.value.book.alarm_types
    assert types.keys() >= CONTRACTED
    assert all(kind.description for kind in types.values())
    assert {kind.event_type for kind in types.values()} <= {member.value for member in EventType}


def test_every_standard_notification_that_is_known_has_a_rule(found: ReadSet) -> None:
    unruled = [known.name for oid, known in MIBS.notifications.items() if oid not in found.value.book.by_oid]
    assert unruled == []


def test_objects_that_notifications_name_are_known() -> None:
    for known in MIBS.notifications.values():
        assert all(MIBS.oid_of(name) for name in known.objects), known.name
