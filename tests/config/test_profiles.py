"""A profile file is refused whole, with every mistake told at its line and with what to do; and its own tests prove it."""

import re
import shutil
from pathlib import Path

import pytest

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.config.profile_check import MOST_COLUMNS
from pipeline.config.profile_proof import rows_of
from pipeline.config.rule_check import check_rules
from pipeline.config.rule_set import load_profiles, load_rule_set
from pipeline.core.profile import ColumnType, PollColumn, ProfileTable
from pipeline.core.profile_book import choose
from pipeline.core.resource import ResourceKind

ROOT = Path(__file__).resolve().parents[2]
MIBS = load_mib_index(ROOT / "mibs")
ACME = "1.3.6.1.4.1.99999"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the packaged rules to add to."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return tmp_path / "rules"


def profile(tables: str, head: str = "", tests: str = "tests: []") -> str:
    """A file with one profile of one vendor; ``tables`` are lines of its list of tables."""
    lines = "\n".join(f"      {line}" for line in tables.strip("\n").splitlines())
    return f"# Acme.\nprofiles:\n  - name: acme\n    match: {{sys_object_ids: [{ACME}]}}\n{head}    tables:\n{lines}\n{tests}\n"


def column(name: str = "busy", oid: str = f"{ACME}.1.1", rest: str = "") -> str:
    return f"{{name: {name}, oid: {oid}{rest}}}"


def told(rules: Path, text: str) -> list[str]:
    """What is told of a profile file, without the file's name."""
    (rules / "profiles" / "acme.yaml").write_text(text)
    problems = check_rules(rules, MIBS).problems
    return [re.sub(r"^\S*/acme\.yaml:?", "", str(problem)) for problem in problems]


CPUS = f"- name: cpus\n  columns: [{column(rest=', unit: percent')}]"


def test_a_sound_profile_is_read_with_what_it_extends(rules: Path) -> None:
    text = profile(CPUS, "    extends: [interfaces]\n")
    assert told(rules, text) == []
    acme = load_profiles(rules)["acme"]
    assert [table.name for table in acme.tables] == ["interfaces", "bgp_peers", "cpus"]
    assert acme.table("cpus") == ProfileTable("cpus", (PollColumn("busy", f"{ACME}.1.1", ColumnType.GAUGE, "percent"),))
    assert choose(load_rule_set(rules, MIBS).profiles, f"{ACME}.7", "").name == "acme"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            profile(CPUS, "    extends: [interfcaes]\n"),
            "5: $.profiles[0].extends[0]: 'interfcaes' is not a profile; did you mean 'interfaces'?",
        ),
        (
            profile(CPUS, "    extends: [acme]\n"),
            "5: $.profiles[0].extends: 'acme' extends itself, by way of acme; take one of the profiles out",
        ),
        (profile(CPUS, "    extends: [generic, generic]\n"), "5: $.profiles[0].extends[1]: 'generic' stands twice; take one out"),
        (
            profile(CPUS, "    extends: [generic]\n    drop: [memoy]\n"),
            "6: $.profiles[0].drop[0]: no profile that 'acme' extends has a table 'memoy'; did you mean 'memory'?",
        ),
        (
            profile(f"- name: cpus\n  columns:\n    - {column()}\n    - {column()}"),
            "9: $.profiles[0].tables[0].columns[1].name: the table 'cpus' has two columns named 'busy'; rename one",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column()}]\n  derived: [{{name: busy, formula: '1'}}]"),
            "8: $.profiles[0].tables[0].derived[0].name: the table 'cpus' has two columns named 'busy'; rename one",
        ),
        (profile(f"{CPUS}\n{CPUS}"), "8: $.profiles[0].tables[1].name: the table 'cpus' stands twice in this profile; join them"),
        (
            profile(f"- name: cpus\n  columns: [{column(oid='.1.3.6')}]"),
            "7: $.profiles[0].tables[0].columns[0].oid: '.1.3.6' is not an OID; write numbers and dots, without a leading dot: 1.3.6.1.…",
        ),
        (profile(f"- name: cpus\n  columns: [{column(oid='1.3.6.4294967296')}]"), "'1.3.6.4294967296' is not an OID"),
        (
            profile(f"- name: cpus\n  columns: [{column(oid=ACME + '.0')}]"),
            f"'{ACME}.0' is an instance; write it without its .0, and scalar: true at its table",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(rest=', type: guage')}]"),
            "7: $.profiles[0].tables[0].columns[0].type: 'guage' is not a column type; did you mean 'gauge'?",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(rest=', unit: percnt')}]"),
            "7: $.profiles[0].tables[0].columns[0].unit: 'percnt' is not a unit; did you mean 'percent'?",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(rest=', scale: 0')}]"),
            "7: $.profiles[0].tables[0].columns[0].scale: a scale of 0; write what the value on the wire is to be multiplied by: 0.01",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(rest=', type: text, unit: percent')}]"),
            "'busy' is text and has no unit or scale; take them out, or write type: number-text",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(rest=', wire_bits: 8')}]"),
            "'busy' is no counter, so its counts take no bits on the wire",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(name='in')}]"),
            "'in' cannot be the name of a column; write small letters, digits and _, no word of formulas: in_octets",
        ),
        (profile(f"- name: CPUs\n  columns: [{column()}]"), "'CPUs' cannot be the name of a table"),
        (profile("- name: cpus"), "6: $.profiles[0].tables[0]: the table 'cpus' asks for nothing; give it columns, or take it out"),
        (
            profile(f"{CPUS}\n  rows: service"),
            "8: $.profiles[0].tables[0].rows: a row of a device's table is no service; use one of: device, card",
        ),
        (profile(f"{CPUS}\n  every: 0"), "8: $.profiles[0].tables[0].every: every 0th poll; write 1 for every poll, 10 for every tenth"),
        (
            profile(f"{CPUS}\n  label: '{{bussy}}'"),
            "8: $.profiles[0].tables[0].label: the table has no column 'bussy'; use one of: index",
        ),
        (profile(f"{CPUS}\n  label: '{{busy}}'"), "8: $.profiles[0].tables[0].label: 'busy' is a number, and no name for a row"),
        (
            profile(f"{CPUS}\n  label: '{{index.real}}'"),
            "a placeholder is the name of a column in braces; write {if_name}, and {index} for the row's index",
        ),
        (profile(f"{CPUS}\n  label: 'cpu {{index}}|the cpu'"), "'the cpu' would be the name of every row; write a placeholder: {index}"),
        (
            profile(f"{CPUS}\n  where: busy >"),
            "8: $.profiles[0].tables[0].where: 'busy >' is no formula; see rules/README.md, A formula",
        ),
        (profile(f"{CPUS}\n  where: bussy > 0"), "8: $.profiles[0].tables[0].where: 'bussy' is not a column; there are: busy"),
        (
            profile(f"- name: heat\n  columns: [{column(rest=', unit: celsius')}]\n  where: busy"),
            "8: $.profiles[0].tables[0].where: where is a number of celsius, not a condition; write a comparison: oper_status == 1",
        ),
        (
            profile(f"- name: heat\n  columns: [{column(rest=', unit: celsius')}]\n  derived: [{{name: light, formula: busy, unit: dBm}}]"),
            "8: $.profiles[0].tables[0].derived[0].formula: 'light' comes out in celsius, and dBm is dB; mend the formula, or the units",
        ),
        (
            profile(f"- name: heat\n  columns: [{column(rest=', unit: celsius')}]\n  derived: [{{name: warm, formula: busy + 1}}]"),
            "8: $.profiles[0].tables[0].derived[0].formula: celsius and 1 do not go together",
        ),
        (
            profile(f"{CPUS}\n  derived: [{{name: first, formula: second}}, {{name: second, formula: busy}}]"),
            "$.profiles[0].tables[0].derived[0].formula: 'second' is not a column; there are: busy",
        ),
        (
            profile(f"- name: sent\n  columns: [{column(rest=', type: counter64')}]\n  derived: [{{name: speed, formula: rate(busy)}}]"),
            "one poll has no rates, and 'rate(busy)' needs one; compute it as a KPI, in rules/kpis",
        ),
        (profile(f"{CPUS}\n  where: says(busy, 'x')"), "'busy' is not a column of text: says() takes one"),
        (profile(CPUS).replace(f"[{ACME}]", "[acme]"), "4: $.profiles[0].match.sys_object_ids[0]: 'acme' is not an OID"),
        (profile(CPUS).replace(f"sys_object_ids: [{ACME}]", "sys_descr: '(Acme'"), "'(Acme' is no regular expression: missing )"),
        (
            profile(CPUS).replace(f"sys_object_ids: [{ACME}]", "sys_descr: 'A*'"),
            "'A*' is found in any sysDescr, even an empty one; write what",
        ),
        (
            profile(CPUS).replace(f"sys_object_ids: [{ACME}]", ""),
            "4: $.profiles[0].match: an empty match fits no device; write sys_object_ids",
        ),
        (
            profile(CPUS).replace(f"[{ACME}]", "[1.3.6.1.4.1.9]"),
            "'acme' matches '1.3.6.1.4.1.9' already, so 'cisco' never would; tell them apart by sys_descr",
        ),
        (
            profile(CPUS).replace(f"    match: {{sys_object_ids: [{ACME}]}}\n", ""),
            "3: $.profiles[0].name: no device is polled by 'acme': it has no match, and no profile extends it; give it a match",
        ),
        (profile(CPUS).replace("name: acme", "name: generic"), "the profile 'generic' stands in"),
        (profile(CPUS).replace("name: acme", "name: Acme Router"), "'Acme Router' is no name of a profile; write small letters, digits"),
        (
            profile(f"- name: cpus\n  columns: [{column(oid='1.3.6.1.2.1.2.2.1.8', rest=', object: ifAdminStatus')}]"),
            "'ifAdminStatus' is 1.3.6.1.2.1.2.2.1.7, and 1.3.6.1.2.1.2.2.1.8 is ifOperStatus; mend the name or the OID",
        ),
        (
            profile(f"- name: cpus\n  columns: [{column(oid='1.3.6.1.2.1.2.2.1.8', rest=', object: acmeState')}]"),
            "1.3.6.1.2.1.2.2.1.8 is IF-MIB::ifOperStatus, not 'acmeState'; mend the name or the OID",
        ),
    ],
)
def test_a_mistake_in_a_profile_is_told(rules: Path, text: str, says: str) -> None:
    found = told(rules, text)
    assert any(says in problem for problem in found), found


def test_all_mistakes_are_told_at_once(rules: Path) -> None:
    text = profile(f"- name: cpus\n  label: '{{x}}'\n  where: 1 +\n  columns: [{column(oid='x', rest=', unit: y')}]", "    extends: [z]\n")
    assert len(told(rules, text)) == 5


def test_a_table_has_at_most_so_many_columns(rules: Path) -> None:
    columns = "\n".join(f"    - {column(f'c{number}', f'{ACME}.{number + 1}')}" for number in range(MOST_COLUMNS + 1))
    assert any(
        "has more than 64 columns; make two tables of it" in each for each in told(rules, profile(f"- name: cpus\n  columns:\n{columns}"))
    )


def test_a_circle_of_profiles_is_told_at_each(rules: Path) -> None:
    text = """\
profiles:
  - {name: one, extends: [two]}
  - {name: two, extends: [one]}
  - {name: three, extends: [two]}
tests: []
"""
    assert [problem.partition(";")[0] for problem in told(rules, text) if "extends itself" in problem] == [
        "2: $.profiles[0].extends: 'one' extends itself, by way of two",
        "3: $.profiles[1].extends: 'two' extends itself, by way of one",
    ]


def test_what_breaks_an_inherited_formula_is_told_at_the_child(rules: Path) -> None:
    """The parent is sound; the child makes text of a column that the parent computes with."""
    text = profile(f"- name: memory\n  columns: [{column('used_units', rest=', type: text')}]", "    extends: [host-resources]\n")
    assert any(each.startswith("7: $.profiles[0].tables[0]: 'used_units' is not a column") for each in told(rules, text))


def test_a_broken_set_is_refused_whole(rules: Path) -> None:
    (rules / "profiles" / "acme.yaml").write_text(profile(CPUS, "    extends: [nothing]\n"))
    with pytest.raises(ConfigError, match="'nothing' is not a profile"):
        load_profiles(rules)


OPTICS = f"""
- name: optics
  rows: port
  label: "{{port_name}}|port {{index}}"
  where: says(port_name, '^sfp') and rx_power < 0
  columns:
    - {column("rx_power", f"{ACME}.2.1", ", object: ACME-MIB::acmeRx, type: integer, unit: dBm, scale: 0.01")}
    - {column("port_name", f"{ACME}.2.2", ", object: ACME-MIB::acmeName, type: text")}
    - {column("state", "1.3.6.1.2.1.2.2.1.8")}
  derived: [{{name: margin, formula: "rx_power - -28[dBm]", unit: dB}}]
"""
GOOD_ANSWERS = (
    "{acmeRx.1: -530, acmeName.1: sfp1, acmeRx.2: -1200, ACME-MIB::acmeName.2: rj45, ifOperStatus.1: up, 1.3.6.1.4.1.99999.2.1.3: 5}"
)


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (f"answers: {GOOD_ANSWERS}, rows: {{optics: {{sfp1: {{rx_power: -5.3, margin: 22.7, state: 1}}}}}}", None),
        (f"answers: {GOOD_ANSWERS}, expect: {{rx_power: acmeRx, optics.state: ifOperStatus, port_name: ACME-MIB::acmeName}}", None),
        (f"expect: {{rx_power: {ACME}.2.1}}", None),
        (
            "expect: {rx_power: acmeTx}",
            "$.tests[0].expect.rx_power: test failed: expected 'acmeTx', got 'acmeRx'; mend the profile or the test",
        ),
        ("expect: {rx_powr: acmeRx}", "'rx_powr' cannot be expected here; did you mean 'rx_power'?"),
        (
            f"answers: {GOOD_ANSWERS}, rows: {{optics: {{sfp1: {{rx_power: -5.4}}}}}}",
            "$.tests[0].rows.optics.sfp1.rx_power: test failed: expected -5.4, got -5.3; mend the profile or the test",
        ),
        (
            f"answers: {GOOD_ANSWERS}, rows: {{optics: {{sfp2: {{}}}}}}",
            "$.tests[0].rows.optics.sfp2: test failed: there is no row named 'sfp2'",
        ),
        (f"answers: {GOOD_ANSWERS}, rows: {{optics: {{}}}}", "$.tests[0].rows.optics: test failed: there is a row named 'sfp1' too"),
        (
            f"answers: {GOOD_ANSWERS}, rows: {{optics: {{sfp1: {{bias: 3}}}}}}",
            "$.tests[0].rows.optics.sfp1.bias: 'bias' cannot be expected here",
        ),
        (f"answers: {GOOD_ANSWERS}, rows: {{optic: {{}}}}", "'acme' asks for no table 'optic'; did you mean 'optics'?"),
        (
            "answers: {acmeRx.1: high}, rows: {optics: {}}",
            "$.tests[0].answers.acmeRx.1: 'high' is no integer as an agent would send it; mend the value, or the column's type",
        ),
        ("answers: {acmeRx.1: 4294967295}, rows: {optics: {}}", "4294967295 is no integer as an agent would send it"),
        ("answers: {acmeRX.1: 1}, rows: {optics: {}}", "'acme' asks for nothing that 'acmeRX.1' would answer; did you mean 'acmeRx'?"),
        ("answers: {acmeRx: 1}, rows: {optics: {}}", "'acme' asks for nothing that 'acmeRx' would answer"),
        ("answers: {}", "$.tests[0]: a test expects something; write expect:, answers: with rows:, or choose:"),
    ],
)
def test_the_tests_of_a_file_prove_it_or_are_told(rules: Path, test: str, says: str | None) -> None:
    found = told(rules, profile(OPTICS, tests=f"tests: [{{profile: acme, {test}}}]"))
    if says is None:
        assert found == []
    else:
        assert any(says in problem for problem in found), found


def test_the_choice_of_a_profile_is_proved_too(rules: Path) -> None:
    choices = f"[{{sys_object_id: {ACME}.1, expect: acme}}, {{sys_object_id: 1.3.6.1.4.1.9.1, expect: acme}}]"
    tests = f"tests: [{{choose: {choices}}}, {{profile: acm, rows: {{}}}}]"
    assert [problem.partition(": ")[2] for problem in told(rules, profile(CPUS, tests=tests))] == [
        "$.tests[0].choose[1].expect: test failed: expected 'acme', got 'cisco'; mend the match or the test",
        "$.tests[1]: a test expects something; write expect:, answers: with rows:, or choose:",
        "$.tests[1].profile: 'acm' is not a profile; did you mean 'acme'?",
    ]


def test_rows_are_named_once_and_missing_values_are_none() -> None:
    table = ProfileTable(
        "cpus",
        (PollColumn("busy", "1.3.1", unit="percent"), PollColumn("name", "1.3.2", ColumnType.TEXT)),
        label="{name}|cpu {index}",
        rows=ResourceKind.COMPONENT,
    )
    answers = {"1.3.1.1": 7, "1.3.1.2": 8, "1.3.1.3": 9, "1.3.2.1": "core", "1.3.2.2": "core", "1.3.2.4": "not a row"}
    assert rows_of(table, answers) == {
        "core 1": {"busy": 7, "name": "core"},
        "core 2": {"busy": 8, "name": "core"},
        "cpu 3": {"busy": 9, "name": None},
    }


@pytest.mark.parametrize(
    ("profile_name", "tables"),
    [
        (name, tables)
        for tables, names in {
            "cpus memory temperatures optics": "cisco-ios cisco-ios-xe cisco-nx-os junos vrp sr-os routeros eos comware aruba-switch exos",
            "cpus memory storage temperatures optics": "generic",
            "cpus memory temperatures": "fortigate fastiron",
            "cpus memory temperatures storage load cpu_time": "net-snmp",
        }.items()
        for name in names.split()
    ],
)
def test_the_packaged_profiles_have_what_indicators_are_computed_from(profile_name: str, tables: str) -> None:
    """The columns that KPIs name are there, with the units that they have everywhere."""
    found = load_profiles(ROOT / "rules")[profile_name]
    units = {
        ("cpus", "busy"): "percent",
        ("memory", "used"): ("byte", "KiB"),
        ("memory", "total"): ("byte", "KiB"),
        ("temperatures", "celsius"): "celsius",
        ("optics", "rx_power"): "dBm",
        ("optics", "tx_power"): "dBm",
    }
    assert found.table("interfaces") is not None
    for name in tables.split():
        table = found.table(name)
        assert table is not None, name
        known = {column.name: column.unit for column in (*table.columns, *table.derived)}
        assert all(known[column] in unit for (owner, column), unit in units.items() if owner == name)


def test_the_example_of_the_readme_is_one_that_works(rules: Path) -> None:
    """An engineer copies it for a new vendor: it must be fine as it stands."""
    text = (ROOT / "rules" / "README.md").read_text()
    example = text[text.index("    profiles:\n      - name: acme-router") : text.index("For a new vendor: copy it")]
    assert told(rules, "# Acme.\n" + "\n".join(line[4:] for line in example.splitlines()) + "\n") == []
    assert "acme-router" in load_profiles(rules)
