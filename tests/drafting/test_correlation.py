"""Proposals of learned correlation: a file that loads, whose tests pass, that says what it rests on."""

from pathlib import Path
from shutil import copytree

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_check import check_rules
from pipeline.core.co_occurrence import Example, Finding, Study, study
from pipeline.core.correlation_rule import Relation
from pipeline.core.event import AlarmType, Condition, Severity
from pipeline.core.resource import ResourceId
from pipeline.correlating import Verdict, verdict
from pipeline.drafting.correlation import proofs_of, proposal_file, rule_of
from tests.support.alarm_history import alarm_history

ROOT = Path(__file__).resolve().parents[2]


def finding(relation: Relation, cause: str = "interface/r1/xe-0", effect: str = "peer/r2/192.0.2.1") -> Finding:
    example = Example(1_790_000_000 * 10**9, ResourceId(cause), ResourceId(effect), 12.0)
    return Finding(
        "link-down",
        "congestion",
        relation,
        100,
        40,
        38,
        60,
        0.2,
        0.31,
        0.5,
        155.0,
        1e-60,
        1e-58,
        lag_s=12.0,
        lag_95_s=47.0,
        examples=(example,),
    )


def test_the_file_loads_beside_the_packaged_rules_and_its_tests_pass(tmp_path: Path) -> None:
    raises, relations = alarm_history("Abilene", 60, seed=1)
    found = study(raises, relations)
    rules = tmp_path / "rules"
    copytree(ROOT / "rules", rules)
    text = proposal_file(found, found.findings)
    (rules / "correlation" / "proposed.yaml").write_text(text)
    checked = check_rules(rules, load_mib_index(ROOT / "mibs"))
    assert checked.problems == ()
    assert checked.rules is not None
    names = [rule.name for rule in checked.rules.correlations]
    assert {"optical-power-low-after-link-down-same-resource", "congestion-after-link-down-neighbour"} <= set(names)
    assert text.count("- {correlation: ") == 2 * len(found.findings)
    assert "of 180 episodes of link-down were followed" in text.replace("\n  #   ", " ")
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize(
    ("relation", "cause", "effect"),
    [
        (Relation.SAME_RESOURCE, "interface/r1/xe-0", "interface/r1/xe-0"),
        (Relation.SAME_DEVICE, "interface/r1/xe-0", "component/r1/fan 1"),
        (Relation.NEIGHBOUR, "device/r1", "interface/r2/xe-0"),
        (Relation.NEIGHBOUR, "component/r1/psu", "component/r2/psu"),
        (Relation.DOWNSTREAM, "interface/r1/xe-0", "lsp/x"),
        (Relation.UPSTREAM, "lsp/x", "interface/r1/xe-0"),
        (Relation.DOWNSTREAM, "fibre/x", "interface/r1/xe-0"),
    ],
)
def test_every_relation_has_its_place_in_the_network_of_the_tests(relation: Relation, cause: str, effect: str) -> None:
    seen = finding(relation, cause, effect)
    holds, late = proofs_of(rule_of(seen), seen)
    assert (holds.laid, holds.after_s) == (True, 12.0)
    assert (late.laid, late.after_s) == (False, 61.0)


def test_a_rule_waits_for_nearly_all_that_was_seen() -> None:
    assert rule_of(finding(Relation.NEIGHBOUR)).within_s == 60


def test_what_is_unlike_the_tests_network_has_no_test() -> None:
    seen = finding(Relation.DOWNSTREAM, "circuit/x", "customer/y")
    assert proofs_of(rule_of(seen), seen) == ()
    assert "tests: []" in proposal_file(Study((seen,), 10, 1, 0, 1), (seen,))


def test_only_what_a_rule_can_use_is_proposed() -> None:
    types = {
        name: AlarmType(name, "other", "x733/other", Severity.MINOR, condition=condition)
        for name, condition in (("link-down", Condition.DOWN), ("congestion", Condition.NONE), ("lsp-down", Condition.DOWN))
    }
    seen = finding(Relation.NEIGHBOUR)
    assert verdict(seen, (), types) is Verdict.PROPOSED
    assert verdict(seen, (rule_of(seen),), types) is Verdict.IN_FORCE
    assert verdict(seen, (), {"congestion": types["congestion"]}) is Verdict.UNKNOWN_TYPE
    assert verdict(seen, (), {**types, "congestion": types["lsp-down"]}) is Verdict.EVIDENCE
