"""Rules of correlation as files: what is refused, with which words, and the tests that they carry."""

from functools import cache
from pathlib import Path
from shutil import copytree

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_check import CheckResult, check_rules
from pipeline.core.correlation_rule import Relation
from pipeline.core.mib import MibIndex

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
correlations:
  - {name: r, cause: link-down, effect: congestion, relation: neighbour, within_s: 60, reason: traffic moves}
tests:
  - {correlation: r, cause: interface/a/p1, effect: peer/b/192.0.2.9, after_s: 59}
  - {correlation: r, cause: interface/a/p1, effect: peer/b/192.0.2.9, after_s: 61, laid: false}
  - {correlation: r, cause: interface/a/p1, effect: device/c, laid: false}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    copytree(ROOT / "rules", folder)
    return folder


@cache
def mibs() -> MibIndex:
    return load_mib_index(ROOT / "mibs")


def check(rules: Path, text: str) -> CheckResult:
    (rules / "correlation" / "own.yaml").write_text(text)
    return check_rules(rules, mibs())


def told(rules: Path, text: str) -> list[str]:
    return [str(problem) for problem in check(rules, text).problems]


def test_a_good_file_is_read_and_its_tests_run(rules: Path) -> None:
    found = check(rules, GOOD)
    assert found.problems == ()
    assert found.rules is not None
    mine = next(rule for rule in found.rules.correlations if rule.name == "r")
    assert (mine.relation, mine.within_s) == (Relation.NEIGHBOUR, 60)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("cause: link-down", "cause: link-dwon", "'link-dwon' is not an alarm type; did you mean 'link-down'?"),
        ("effect: congestion", "effect: link-down", "'link-down' cannot be the effect of itself"),
        ("within_s: 60", "within_s: 0", "0 s; write more than 0"),
        ("relation: neighbour", "relation: neighbor", "neighbour"),
        ("name: r,", "name: peer-lost-with-its-link,", "stands twice"),
        ("after_s: 59", "after_s: 61", "expected 'true', got 'false'"),
        ("effect: device/c, laid: false", "effect: device/c", "is nowhere near; the rule 'r' says neighbour"),
        ("effect: device/c", "effect: c", "'c' is no resource"),
        ("correlation: r, cause: interface/a/p1, effect: device/c", "correlation: s, cause: interface/a/p1, effect: device/c", "is not a"),
    ],
)
def test_what_could_not_work_is_told_with_its_place(rules: Path, was: str, now: str, said: str) -> None:
    assert was in GOOD
    problems = told(rules, GOOD.replace(was, now))
    assert any("own.yaml:" in problem and said in problem for problem in problems), problems
