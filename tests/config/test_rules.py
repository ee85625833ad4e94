"""Rules are refused whole, with every mistake told; and a rule file whose own tests fail is told of too."""

import shutil
from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.config.rule_check import check_rules
from pipeline.config.rule_files import load_rules
from pipeline.config.rule_set import load_plans, load_profiles, load_routing, load_thresholds
from pipeline.core.profile import GENERIC

ROOT = Path(__file__).resolve().parents[2]
MIBS = load_mib_index(ROOT / "mibs")
TRAPS = "rules/traps/mine.yaml"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the packaged rules to break."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return tmp_path / "rules"


def _told(folder: Path, text: str, name: str = "traps/mine.yaml") -> list[str]:
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_rules(folder, MIBS)
    return [f"{problem.line}: {problem.path}: {problem.message}; {problem.remedy}" for problem in caught.value.problems]


def _rule(
    extra: str = "", *, notification: str = "notification: linkDown", text: str = "x", signal: str = "notify", alarm: str = "link-disabled"
) -> str:
    return f"""\
traps:
  - name: mine
    {notification}
    resource: {{kind: device}}
    alarm_type: {alarm}
    signal: {signal}
    text: "{text}"
    when: {{ifIndex: 4711}}
{extra}
tests: []
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            _rule(notification="notification: linkDwn"),
            "3: $.traps[0].notification: 'linkDwn' is not a notification of any known MIB; did you mean 'linkDown'?",
        ),
        (
            _rule(notification="oid: .1.3.6"),
            "3: $.traps[0].oid: '.1.3.6' is not an OID; write numbers and dots, without a leading dot: 1.3.6.1.…",
        ),
        (_rule(notification="severity: major"), "2: $.traps[0]: a rule matches by notification or by oid; write one of both"),
        (_rule(alarm="link-disabld"), "5: $.traps[0].alarm_type: 'link-disabld' is not an alarm type; did you mean 'link-disabled'?"),
        (
            _rule(signal="raise"),
            "6: $.traps[0].signal: 'link-disabled' never clears, so it cannot be raised; write notify, or an alarm type that clears",
        ),
        (
            _rule(text="{ifName.__class__}"),
            "7: $.traps[0].text: a placeholder is a name in braces and nothing else; write {ifName}; no attribute, index or format",
        ),
        (_rule(text="{ifNam}"), "7: $.traps[0].text: 'ifNam' is not an object of any known MIB; did you mean 'ifName'?"),
        (_rule("    severity: majr"), "9: $.traps[0].severity: 'majr' is not a severity; did you mean 'major'?"),
        (_rule("    sevrity: major"), "9: $.traps[0].sevrity: 'sevrity' is not a key here; did you mean 'severity'?"),
    ],
)
def test_a_mistake_in_a_trap_rule_is_told(rules: Path, text: str, says: str) -> None:
    assert says in _told(rules, text)


@pytest.mark.parametrize(
    ("resource", "when", "says"),
    [
        ("{kind: interface}", "{}", "a device alone does not tell which interface; write by: if-index, name or index"),
        ("{kind: lsp, by: name}", "{}", "'varbind' is missing; name the object that tells the lsp"),
        (
            "{kind: device, varbind: ifIndex}",
            "{}",
            "'varbind' says nothing when the resource is found by device; take it out, or change 'by'",
        ),
        ("{kind: device}", "{ifAdminStatus: dwn}", "'dwn' is not a value of ifAdminStatus; did you mean 'down'?"),
        ("{kind: device}", "{ifAdminStatus: [1.5]}", "1.5 is no value of a varbind; write a label, a number or text"),
        ("{kind: devise}", "{}", "'devise' is not a resource kind; did you mean 'device'?"),
    ],
)
def test_a_mistake_in_where_or_when_is_told(rules: Path, resource: str, when: str, says: str) -> None:
    rule = f"name: m, notification: linkUp, when: {when}, resource: {resource}, alarm_type: link-disabled, signal: notify, text: x"
    text = f"traps: [{{{rule}}}]\ntests: []\n"
    assert any(told.endswith(says) for told in _told(rules, text))


def test_two_rules_for_the_same_notifications_are_told(rules: Path) -> None:
    rule = "{name: %s, notification: linkUp, resource: {kind: device}, alarm_type: link-disabled, signal: notify, text: x}"
    told = _told(rules, f"traps: [{rule % 'a'}, {rule % 'a'}]\ntests: []\n")
    assert any("'a' matches what 'if-link-up' matches already" in line or "'if-link-up' matches what 'a'" in line for line in told)
    assert any("the rule 'a' stands in" in line for line in told)


def test_an_alarm_that_traps_raise_and_none_clears_is_told(rules: Path) -> None:
    rule = "{name: a, oid: 1.3.6.1.4.1.9.0.1, resource: {kind: device}, alarm_type: temperature-high, signal: raise, text: hot}"
    (told,) = _told(rules, f"traps: [{rule}]\ntests: []\n")
    assert told == (
        "1: $.traps[0].signal: 'a' raises temperature-high on a device, and no rule clears it; "
        "add the rule that clears it (same alarm type, resource kind and qualifier), or write notify"
    )


def test_a_probable_cause_belongs_to_its_registry(rules: Path) -> None:
    entry = "{name: %s, event_type: other, probable_cause: %s, severity: major, description: d}"
    entries = [entry % ("a", "x734/other"), entry % ("b", "x733/los-of-signal"), entry % ("link-down", "x733/other")]
    lines = "".join(f"  - {each}\n" for each in entries)
    told = _told(rules, f"alarm_types:\n{lines}tests: []\n", "alarms/mine.yaml")
    assert told == [
        "2: $.alarm_types[0].probable_cause: 'x734' is not a registry of probable causes; did you mean 'x736'?",
        "3: $.alarm_types[1].probable_cause: 'los-of-signal' is not a probable cause of x733; did you mean 'loss-of-signal'?",
        "4: $.alarm_types[2].name: the alarm type 'link-down' stands twice; keep one of them",
    ]


def test_a_catalogue_without_the_unknown_notification_is_refused(rules: Path) -> None:
    path = rules / "alarms" / "catalogue.yaml"
    path.write_text(path.read_text().replace("name: unknown-notification", "name: something-else"))
    with pytest.raises(ConfigError, match="the alarm type 'unknown-notification' is missing"):
        load_rules(rules, MIBS)


def test_mistakes_of_several_files_are_told_together(rules: Path) -> None:
    (rules / "traps" / "a.yaml").write_text("traps: 1\n")
    (rules / "traps" / "b.yaml").write_text("- x: [\n")
    with pytest.raises(ConfigError) as caught:
        load_rules(rules, MIBS)
    assert {Path(problem.file).name for problem in caught.value.problems} == {"a.yaml", "b.yaml"}


def test_the_version_follows_the_meaning_not_the_layout(rules: Path) -> None:
    before = load_rules(rules, MIBS).version
    path = rules / "traps" / "standard" / "lldp.yaml"
    path.write_text("# a remark\n" + path.read_text())
    assert load_rules(rules, MIBS).version == before
    path.write_text(path.read_text().replace("came and", "arrived and"))
    assert load_rules(rules, MIBS).version != before


def test_rules_with_more_conditions_are_asked_first() -> None:
    book = load_rules(ROOT / "rules", MIBS)
    assert [rule.name for rule in book.by_oid["1.3.6.1.6.3.1.1.5.3"]] == ["if-link-disabled", "if-link-down"]


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "alarms/catalogue.yaml",
            "{condition: degraded}",
            "{condition: down}",
            "$.tests[1].expect.condition: test failed: expected 'down', got 'degraded'",
        ),
        (
            "traps/standard/if-mib.yaml",
            "signal: raise, severity: major",
            "signal: clear, severity: major",
            "expect.signal: test failed: expected 'clear', got 'raise'",
        ),
        (
            "traps/standard/if-mib.yaml",
            "varbinds: {ifIndex.3: 3, ifAdminStatus.3: up, ifOperStatus.3: up}",
            "varbinds: {ifIndx.3: 3}",
            "'ifIndx' is not an object of any known MIB; did you mean 'ifIndex'?",
        ),
        (
            "traps/standard/entity.yaml",
            "text: The parts of router changed}",
            "txet: x}",
            "'txet' cannot be expected here; did you mean 'text'?",
        ),
        (
            "slas/lab.yaml",
            'expect: {credit: "250.00"}',
            'expect: {credit: "249.99"}',
            "expect.credit: test failed: expected '249.99', got '250.00'",
        ),
        (
            "slas/lab.yaml",
            "  - plan: lab-gold\n    at: 2026-11-15T00:00:00Z\n    timezone",
            "  - plan: lab-gld\n    at: 2026-11-15T00:00:00Z\n    timezone",
            "'lab-gld' is not a plan; did you mean 'lab-gold'?",
        ),
        (
            "kpis/thresholds.yaml",
            'expect: ["-", "-", raise]',
            'expect: ["-", raise, "-"]',
            "expect.signals: test failed: expected '- raise -', got '- - raise'",
        ),
        (
            "routing.yaml",
            "routes: [], ticket: true}",
            "routes: [], ticket: false}",
            "expect.ticket: test failed: expected 'false', got 'true'",
        ),
        ("routing.yaml", "after_min: 45, escalated: [on-call, on-call]", "after_min: 45, escalated: [on-call]", "got 'on-call on-call'"),
        ("profiles/generic.yaml", "oper_status: ifOperStatus", "oper_status: ifType", "expected 'ifType', got 'ifOperStatus'"),
    ],
)
def test_a_test_that_fails_is_told_at_its_place(rules: Path, file: str, old: str, new: str, says: str) -> None:
    path = rules / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    problems = [str(problem) for problem in check_rules(rules, MIBS).problems]
    assert len(problems) == 1
    assert says in problems[0]
    assert str(path) in problems[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "slas/lab.yaml",
            "lower: 10, upper: 60",
            "lower: 11, upper: 60",
            ":12: $.plans[0].bands[1].lower: plan lab-gold: gap: nothing is said from 10 to 11",
        ),
        ("slas/lab.yaml", "name: lab-silver", "name: lab-gold", "the plan 'lab-gold' stands twice"),
        (
            "kpis/thresholds.yaml",
            "kpi: in_utilisation",
            "kpi: in_utilization",
            "'in_utilization' is not a KPI; did you mean 'in_utilisation'?",
        ),
        (
            "kpis/thresholds.yaml",
            "alarm_type: errors-high",
            "alarm_type: eror-high",
            "'eror-high' is not an alarm type; did you mean 'errors-high'?",
        ),
        ("kpis/thresholds.yaml", "hold_samples: 3", "hold_samples: 0", "$.thresholds[0].hold_samples: 0 samples; write 1 or more"),
        ("routing.yaml", "events: [opened", "events: [open", "'open' is not an occasion; did you mean 'opened'?"),
        (
            "routing.yaml",
            "after_min: 10, route: on-call",
            "after_min: 10, route: oncall",
            "'oncall' is not a route; did you mean 'on-call'?",
        ),
        ("routing.yaml", "after_min: 10,", "after_min: 0,", "0 min is not after 0 min; let the levels follow one another"),
        ("routing.yaml", "repeat_min: 30", "repeat_min: -1", "-1 is less than nothing"),
    ],
)
def test_a_mistake_in_another_kind_of_rule_is_told(rules: Path, file: str, old: str, new: str, says: str) -> None:
    path = rules / file
    path.write_text(path.read_text().replace(old, new, 1))
    result = check_rules(rules, MIBS)
    assert any(says in str(problem) for problem in result.problems)
    assert result.tests_run == 0


def test_each_kind_can_be_read_alone() -> None:
    assert set(load_plans(ROOT / "rules")) >= {"lab-gold", "lab-silver", "lab-bronze"}
    assert {threshold.alarm_type for threshold in load_thresholds(ROOT / "rules")} >= {"utilisation-high", "errors-high", "cpu-high"}
    assert [route.name for route in load_routing(ROOT / "rules").routes] == ["on-call"]
    assert load_routing(ROOT / "rules" / "routing.yaml") == load_routing(ROOT / "rules")


def test_the_generic_profile_has_all_that_the_one_in_the_code_has() -> None:
    """The built-in one is for a rules folder without profiles; what is computed from it is computed from the file's too."""
    generic = load_profiles(ROOT / "rules")["generic"]
    for table in GENERIC.tables:
        found = generic.table(table.name)
        assert found is not None
        assert found.rows is table.rows
        assert set(table.columns) <= set(found.columns)


BY_NUMBER = """\
traps:
  - name: acme-down
    enterprise: 1.3.6.1.4.1.99999
    specific: 7
    when: {"#2": {from: 3, to: 5}, "#3": {not: {contains: [test, lab]}}, 1.3.6.1.4.1.99999.1.9: {begins: slot}}
    resource: {kind: card, by: name, varbind: "#1"}
    alarm_type: temperature-high
    qualifier: "{#2}"
    signal: raise
    text: "{#1} is in state {#2}, says {1.3.6.1.4.1.99999.1.9}"
  - name: acme-up
    enterprise: 1.3.6.1.4.1.99999
    specific: 8
    resource: {kind: card, by: name, varbind: "#1"}
    alarm_type: temperature-high
    qualifier: "{#2}"
    signal: clear
    text: "{#1} is well, {#9}"
tests:
  - oid: 1.3.6.1.4.1.99999.0.7
    varbinds: {"#1": lc3, "#2": 4, "#3": x, 1.3.6.1.4.1.99999.1.9.1: slot 9}
    expect: {resource: card/router/lc3, alarm_type: temperature-high, qualifier: 4, signal: raise, text: "lc3 is in state 4, says slot 9"}
  - oid: 1.3.6.1.4.1.99999.7
    varbinds: {"#3": a test, "#2": 4, "#1": lc3, 1.3.6.1.4.1.99999.1.9.1: slot 9}
    expect: {alarm_type: unknown-notification}
  - oid: 1.3.6.1.4.1.99999.8
    varbinds: {"#1": lc3}
    expect: {resource: card/router/lc3, qualifier: "?", signal: clear, text: "lc3 is well, ?"}
"""


def test_a_notification_of_an_unknown_mib_is_read_by_number_and_place(rules: Path) -> None:
    """Enterprise and specific mean both OIDs that RFC 3584 gives them; varbinds are named by place or number."""
    before = check_rules(rules, MIBS).tests_run
    (rules / "traps" / "mine.yaml").write_text(BY_NUMBER)
    result = check_rules(rules, MIBS)
    assert [str(problem) for problem in result.problems] == []
    assert result.tests_run == before + 3


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ('{"#0": 1}', "'#0' is not the place of a varbind; write '#1' for the first, '#2' for the second, …"),
        ("{ifIndex: {form: 1}}", "'form' is no condition; did you mean 'from'?"),
        ("{ifIndex: {from: one}}", "a range has whole numbers as ends; write from: 1, to: 5; one of both may be left out"),
        ("{ifIndex: {contains: 1}}", "ifIndex is a number; name its values, or write from: and to:"),
        ("{ifName: {contains: []}}", "[] is no text to look for; write a text, or a list of texts"),
        ("{ifName: {not: a, begins: b}}", "'not' stands alone; take the other keys out, or write a rule of its own"),
        ("{ifName: {not: {not: a}}}", "'not' stands alone; take the other keys out, or write a rule of its own"),
        ("{ifName: {}}", "an empty mapping is no condition; use one of: begins, contains, from, not, to"),
    ],
)
def test_a_mistake_in_a_condition_is_told(rules: Path, when: str, says: str) -> None:
    rule = f"name: m, notification: linkUp, when: {when}, resource: {{kind: device}}, alarm_type: link-disabled, signal: notify, text: x"
    told = _told(rules, f"traps: [{{{rule}}}]\ntests: []\n")
    assert any(each.endswith(says) for each in told), told


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("enterprise: 1.3.6", "a rule matches by notification, by oid, or by enterprise and specific; write one of them"),
        ("oid: 1.3.6, specific: 1", "a rule matches by notification, by oid, or by enterprise and specific; write one of them"),
        ("enterprise: acme, specific: 1", "'acme' is not an OID; write numbers and dots, without a leading dot: 1.3.6.1.…"),
    ],
)
def test_a_mistake_in_what_a_rule_matches_is_told(rules: Path, named: str, says: str) -> None:
    rule = f"name: m, {named}, resource: {{kind: device}}, alarm_type: link-disabled, signal: notify, text: x"
    assert any(each.endswith(says) for each in _told(rules, f"traps: [{{{rule}}}]\ntests: []\n"))


def test_a_place_alone_does_not_tell_an_index(rules: Path) -> None:
    rule = 'name: m, oid: 1.3.6, resource: {kind: peer, by: index, index_of: "#1"}, alarm_type: link-disabled, signal: notify, text: x'
    told = _told(rules, f"traps: [{{{rule}}}]\ntests: []\n")
    assert any("where the index begins cannot be told from a place alone" in each for each in told)
