"""Anomaly rules are refused with every mistake told, and their tests are run on series made for them."""

import shutil
from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.config.rule_check import check_rules
from pipeline.config.rule_set import load_rule_set
from pipeline.core.anomaly_rule import ALARM_TYPE, Sensitivity
from pipeline.core.event import Condition

ROOT = Path(__file__).resolve().parents[2]
MIBS = load_mib_index(ROOT / "mibs")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.copytree(ROOT / "mibs", tmp_path / "mibs")
    shutil.rmtree(tmp_path / "rules" / "anomalies")
    (tmp_path / "rules" / "anomalies").mkdir()
    return tmp_path / "rules"


def told(rules: Path, text: str) -> list[str]:
    """The problems of one file of anomaly rules, without its name."""
    path = rules / "anomalies" / "mine.yaml"
    path.write_text(text)
    return [str(problem).removeprefix(f"{path}:") for problem in check_rules(rules, MIBS).problems]


def of_rule(rule: str, tests: str = "[]") -> str:
    return f"anomalies:\n  - {{{rule}}}\ntests: {tests}\n"


def test_the_shipped_rules_prove_themselves() -> None:
    result = check_rules(ROOT / "rules", MIBS)
    assert result.problems == ()
    assert result.rules
    assert {rule.name for rule in result.rules.anomalies} >= {"traffic", "errors"}


def test_the_shipped_alarm_type_is_a_warning_that_clears_and_never_an_outage() -> None:
    rule_set = load_rule_set(ROOT / "rules", MIBS)
    kind = rule_set.book.alarm_types[ALARM_TYPE]
    assert (kind.condition, kind.will_clear, kind.severity.name) == (Condition.NONE, True, "WARNING")


def test_a_folder_without_anomaly_rules_watches_nothing(rules: Path) -> None:
    (rules / "anomalies").rmdir()
    assert load_rule_set(rules, MIBS).anomalies == ()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("name: a, kpis: [in_bsp]", "$.anomalies[0].kpis[0]: 'in_bsp' names no KPI; did you mean 'in_bps'?"),
        ("name: a, kpis: ['vol*']", "$.anomalies[0].kpis[0]: 'vol*' names no KPI"),
        ("name: a, kpis: [in_bps], sensitivity: lo", "'lo' is not a sensitivity; did you mean 'low'?"),
        ("name: a, kpis: [in_bps], high: 9", "a range that has a high end has a low one too"),
        ("name: a, kpis: [in_bps], low: 3, high: 2", "low is below high"),
        ("name: a, kpis: [in_bps], clear_samples: 0", "grace_samples and clear_samples are 1 or more"),
        ("name: a, kpis: [in_bps], alarm_type: anomly", "'anomly' is not an alarm type; did you mean 'anomaly'?"),
        ("name: a, kpis: [in_bps], alarm_type: cold-start", "'cold-start' never clears; name an alarm type that clears"),
        ("name: a, kpis: [in_bps], alarm_type: link-down", "'link-down' says that its resource is down; an anomaly never does"),
    ],
)
def test_a_mistake_in_a_rule_is_told(rules: Path, rule: str, says: str) -> None:
    assert any(says in line for line in told(rules, of_rule(rule)))


def test_rules_that_can_never_be_asked_are_told(rules: Path) -> None:
    text = "anomalies:\n  - {name: a, kpis: ['*_bps']}\n  - {name: a, kpis: [in_bps, out_utilisation]}\ntests: []\n"
    assert told(rules, text) == [
        "3: $.anomalies[1].name: the anomaly rule 'a' stands twice; rename one",
        "3: $.anomalies[1].kpis[0]: 'in_bps': the rule 'a' has it already; take it out of one of them",
    ]


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("{anomaly: b, series: []}", "'b' is not an anomaly rule; use one of: a"),
        ("{anomaly: a, kpi: out_bps, series: []}", "the rule 'a' does not watch 'out_bps'"),
        ("{anomaly: a, series: [{samples: 0}]}", "samples and every_s are 1 or more"),
        ("{anomaly: a, series: [{samples: 1, expect: [rise]}]}", "'rise' cannot be expected; write raise or clear"),
        ("{anomaly: a, series: [{samples: 5, mean: 3, expect: [raise]}]}", "test failed: expected 'raise', got '-'"),
    ],
)
def test_a_test_that_fails_or_cannot_be_run_is_told(rules: Path, test: str, says: str) -> None:
    assert any(says in line for line in told(rules, of_rule("name: a, kpis: [in_bps]", f"[{test}]")))


def test_a_rule_says_how_closely_it_watches(rules: Path) -> None:
    told(rules, of_rule("name: a, kpis: ['*_bps'], low: 0, high_is_speed: true, sensitivity: high, severity: minor, min_change: 1e6"))
    (rule,) = load_rule_set(rules, MIBS).anomalies
    assert (rule.sensitivity, rule.severity.name, rule.high_is_speed, rule.min_change) == (Sensitivity.HIGH, "MINOR", True, 1e6)
    assert rule.watches("in_bps")
    assert not rule.watches("in_utilisation")


def test_a_broken_file_refuses_the_whole_set(rules: Path) -> None:
    told(rules, of_rule("name: a, kpis: [nothing]"))
    with pytest.raises(ConfigError, match="names no KPI"):
        load_rule_set(rules, MIBS)
